//! `sensorstream dead-letters`: lists, shows and replays records that could not be used.
//!
//! ```text
//!              ┌─ Kafka is reached from here ──► replay (the processor's library)
//! target ──────┤
//!              └─ it is not ──► proxy (the pipeline's API), errand (a Job)
//!                     ▼
//!           letters, text, spec (pure)
//! ```

mod errand;
mod job;
mod letters;
mod present;
mod proxy;
mod replay;
mod since;
mod spec;
mod target;
mod text;

use std::process::ExitCode;

use clap::Subcommand;
use jiff::Timestamp;
use sensorstream_broker::connection::Credentials;
use sensorstream_crds::{Reason, runtime::ProcessConfig};
use sensorstream_processor::{
    process::decode::{Decoder, Scratch},
    replay::{
        ReplayError,
        arguments::reason,
        letter::{Letter, Position},
        topic::{DeadLetterTopic, Entry},
    },
};

use crate::{output::Output, terminal::Paint};
use errand::ErrandError;
use letters::{Listing, Newest, Shown};
use present::PresentError;
use proxy::ProxyError;
use since::{Since, since};
use target::{Target, TargetArguments, TargetError, Way, blocking};

const EXAMPLES: &str = "\
Examples:
  sensorstream dead-letters factory -n plant               The newest, and how many of each reason
  sensorstream dead-letters factory --reason out_of_range --since 2h
  sensorstream dead-letters show factory 0/17              One, whole, and what is wrong with it
  sensorstream dead-letters replay factory --reason out_of_range
  sensorstream dead-letters list -f factory.yaml --bootstrap-servers localhost:9092    Without a cluster

Kafka is asked itself if it is reached from here, with the login of the pipeline's Secrets. Otherwise the
pipeline's API tells, by the API server of Kubernetes, and a replay is a Job in the cluster.
With -f, KAFKA_USERNAME and KAFKA_PASSWORD give the login, if the brokers want one.";

/// List, show and replay records that could not be used
#[derive(clap::Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true, args_conflicts_with_subcommands = false)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: ListArguments,
    #[command(flatten)]
    target: TargetArguments,
}

#[derive(Subcommand)]
enum Command {
    /// List the newest letters, and how many there are of each reason
    List(ListArguments),
    /// Show one letter whole, with what is wrong with it and what would be right
    Show(ShowArguments),
    Replay(replay::Arguments),
}

#[derive(clap::Args, Clone)]
struct ListArguments {
    /// The pipeline
    name: Option<String>,
    /// Only letters of this reason; may be given several times
    #[arg(long = "reason", value_name = "REASON", value_parser = reason)]
    reasons: Vec<Reason>,
    /// Only letters since then: a span such as 90m or 2d, or a time in RFC 3339
    #[arg(long, value_name = "SPAN|TIME", value_parser = since)]
    since: Option<Since>,
    /// How many to list
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// How to write them
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

#[derive(clap::Args, Clone)]
struct ShowArguments {
    /// The pipeline, unless it is of a file; and where the letter is in the dead letter topic, as the list has it
    #[arg(value_names = ["NAME", "PARTITION/OFFSET"], num_args = 1..=2, required = true)]
    which: Vec<String>,
    /// How to write it
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// Why it failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The dead letters can't be reached.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The API does not tell.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// Kafka does not tell, or take.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The Job did not do it.
    #[error(transparent)]
    Errand(#[from] ErrandError),
    /// The letter is not said as it should be.
    #[error("{0}")]
    Position(String),
    /// There is no such letter.
    #[error("there is no dead letter at {position} of topic {topic}{hint}")]
    Absent {
        /// Where it should be.
        position: Position,
        /// In which topic.
        topic: String,
        /// What may be why.
        hint: &'static str,
    },
    /// The processor goes by an earlier spec.
    #[error(transparent)]
    Present(#[from] PresentError),
}

/// Does what was asked for.
pub async fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let target = &arguments.target;
    match arguments.command {
        None => list(arguments.list, target).await,
        Some(Command::List(arguments)) => list(arguments, target).await,
        Some(Command::Show(arguments)) => show(arguments, target).await,
        Some(Command::Replay(arguments)) => replay::run(arguments, target).await,
    }
}

async fn list(arguments: ListArguments, target: &TargetArguments) -> Result<ExitCode, Error> {
    let target = target.find(arguments.name.as_deref()).await?;
    let now = Timestamp::now();
    let since = arguments.since.map(|since| since.at(now));
    let (reasons, limit) = (arguments.reasons, arguments.limit);
    let wanted = move |reason: &str, at: Timestamp| {
        let of_reason =
            reasons.is_empty() || reasons.iter().any(|wanted| wanted.as_str() == reason);
        of_reason && since.is_none_or(|since| at >= since)
    };
    let listing = match (&target.way, &target.home) {
        (Way::Cluster, Some(home)) => {
            let mut newest = Newest::new(limit);
            let letters = proxy::letters(home, &target.config.pipeline).await?;
            letters
                .into_iter()
                .filter(|letter| wanted(&letter.reason, letter.at))
                .for_each(|letter| newest.take(letter));
            newest.listing(false)
        }
        (Way::Cluster, None) => unreachable!("a pipeline of a file is reached by Kafka"),
        (Way::Kafka(credentials), _) => {
            let (config, credentials) = (target.config.clone(), credentials.clone());
            blocking(move || list_topic(&config, &credentials, since, limit, wanted)).await?
        }
    };
    match arguments.output {
        Output::Text => print!("{}", text::listing(&listing, now)),
        Output::Json => println!("{}", json(&listing)),
    }
    Ok(ExitCode::SUCCESS)
}

/// The letters of a topic that are wanted.
fn list_topic(
    config: &ProcessConfig,
    credentials: &Credentials,
    since: Option<Timestamp>,
    limit: usize,
    wanted: impl Fn(&str, Timestamp) -> bool,
) -> Result<Listing, ReplayError> {
    let topic = DeadLetterTopic::open(config, credentials, PATIENCE)?;
    let spans = topic.spans(since)?;
    let replayed = topic.replayed(&spans)?;
    let mut newest = Newest::new(limit);
    topic.read(&spans, |entry| {
        if let Entry::Letter(letter) = entry
            && wanted(&letter.reason, letter.at)
        {
            newest.take(Shown::of(&letter, replayed.contains(letter.position)));
        }
        Ok::<_, ReplayError>(())
    })?;
    Ok(newest.listing(true))
}

async fn show(arguments: ShowArguments, target: &TargetArguments) -> Result<ExitCode, Error> {
    let (name, position) = match arguments.which.as_slice() {
        [name, position] => (Some(name.as_str()), position),
        // Of a file, the pipeline need not be named.
        [position] => (None, position),
        _ => unreachable!("one or two are asked for"),
    };
    let position: Position = position.parse().map_err(
        |error: sensorstream_processor::replay::letter::NoPosition| {
            Error::Position(error.to_string())
        },
    )?;
    let target = target.find(name).await?;
    let Some((shown, value)) = find(&target, position).await? else {
        return Err(Error::Absent {
            position,
            topic: target.config.outputs.dead_letter.topic.name.clone(),
            hint: match target.way {
                Way::Cluster => "; the pipeline's API holds the newest thousand only",
                Way::Kafka(_) => "; Kafka may have deleted it, for its age",
            },
        });
    };
    let now = Timestamp::now();
    let input = &target.config.input;
    let decoder = Decoder::new(input);
    let arrival = Some(now.as_millisecond());
    let read = decoder.decode(
        value.as_deref(),
        arrival,
        &mut Scratch::default(),
        |_, _| (),
    );
    let problem = read.err();
    match arguments.output {
        Output::Text => {
            let of = target.config.pipeline.to_string();
            let paint = Paint::for_stdout();
            print!(
                "{}",
                text::letter(&shown, &of, input, problem.as_ref(), now, paint)
            );
        }
        Output::Json => println!("{}", json(&shown)),
    }
    Ok(ExitCode::SUCCESS)
}

/// A letter, and its value.
async fn find(
    target: &Target,
    position: Position,
) -> Result<Option<(Shown, Option<Vec<u8>>)>, Error> {
    match (&target.way, &target.home) {
        (Way::Cluster, Some(home)) => {
            let letters = proxy::letters(home, &target.config.pipeline).await?;
            let found = letters
                .into_iter()
                .find(|letter| letter.position == position);
            Ok(found.map(|letter| {
                let value = letter.payload.clone().map(String::into_bytes);
                (letter, value)
            }))
        }
        (Way::Cluster, None) => unreachable!("a pipeline of a file is reached by Kafka"),
        (Way::Kafka(credentials), _) => {
            let (config, credentials) = (target.config.clone(), credentials.clone());
            let found = blocking(move || find_in_topic(&config, &credentials, position)).await?;
            Ok(found.map(|(letter, replayed)| (Shown::of(&letter, replayed), letter.value)))
        }
    }
}

/// A letter of a topic, and whether it has been replayed.
fn find_in_topic(
    config: &ProcessConfig,
    credentials: &Credentials,
    position: Position,
) -> Result<Option<(Letter, bool)>, ReplayError> {
    let topic = DeadLetterTopic::open(config, credentials, PATIENCE)?;
    let mut spans = topic.spans(None)?;
    // Its receipt, if there is one, is in its partition and behind it.
    spans.retain(|partition, _| *partition == position.partition);
    for (begin, _) in spans.values_mut() {
        *begin = (*begin).max(position.offset);
    }
    let replayed = topic.replayed(&spans)?;
    for (begin, end) in spans.values_mut() {
        *end = (*end).min(*begin + 1);
    }
    let mut found = None;
    topic.read(&spans, |entry| {
        if let Entry::Letter(letter) = entry
            && letter.position == position
        {
            found = Some(letter);
        }
        Ok::<_, ReplayError>(())
    })?;
    Ok(found.map(|letter| {
        let done = replayed.contains(letter.position);
        (letter, done)
    }))
}

/// How long one question to Kafka may take.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(15);

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).expect("it is JSON")
}
