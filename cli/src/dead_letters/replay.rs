//! `sensorstream dead-letters replay`: has letters sent to the input topic again.

use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
};

use jiff::Timestamp;
use sensorstream_crds::Reason;
use sensorstream_processor::replay::{
    self,
    arguments::reason,
    letter::Position,
    select::{Left, Order, Outcome, Selection},
};
use tokio_util::sync::CancellationToken;

use super::{
    Error,
    errand::{self, interrupted},
    present,
    since::{Since, since},
    target::{Target, TargetArguments, Way, blocking},
    text,
};
use crate::output::Output;

const EXAMPLES: &str = "\
Examples:
  sensorstream dead-letters replay factory --reason out_of_range    After a bound was widened
  sensorstream dead-letters replay factory --since 2h --dry-run     What would be sent again
  sensorstream dead-letters replay factory --position 0/17 --yes    One letter, without asking
  sensorstream dead-letters replay factory --all

Each letter is replayed once, however often this is run, by whomever, and whatever breaks meanwhile.
Letters that the pipeline would refuse again stay, and are named. Readings that were only too late for a
window are in the table, and are not sent again.
A reading that is replayed is as old as it is: windows that have closed do not take it; the table does.";

/// Send letters to the input topic again, each once, after the spec or the senders were mended
#[derive(clap::Args, Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
#[command(after_help = EXAMPLES, group(clap::ArgGroup::new("which").required(true).multiple(true)))]
pub struct Arguments {
    /// The pipeline
    name: Option<String>,
    /// All letters
    #[arg(long, group = "which", conflicts_with_all = ["reasons", "since", "positions"])]
    all: bool,
    /// Only letters of this reason; may be given several times
    #[arg(long = "reason", value_name = "REASON", value_parser = reason, group = "which")]
    reasons: Vec<Reason>,
    /// Only letters since then: a span such as 90m or 2d, or a time in RFC 3339
    #[arg(long, value_name = "SPAN|TIME", value_parser = since, group = "which")]
    since: Option<Since>,
    /// Only the letter at this partition and offset of the dead letter topic; may be given several times
    #[arg(long = "position", value_name = "PARTITION/OFFSET", group = "which")]
    positions: Vec<Position>,
    /// Send those too that the pipeline would refuse again
    #[arg(long)]
    even_if_refused: bool,
    /// Do not mind that the processor does not run with the present spec yet
    #[arg(long)]
    even_if_not_ready: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// How to write what was done
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// Replays.
pub async fn run(arguments: Arguments, target: &TargetArguments) -> Result<ExitCode, Error> {
    let target = target.find(arguments.name.as_deref()).await?;
    let order = Order {
        selection: Selection {
            reasons: arguments.reasons,
            since: arguments.since.map(|since| since.at(Timestamp::now())),
            positions: arguments.positions,
        },
        even_if_refused: arguments.even_if_refused,
        dry_run: arguments.dry_run,
    };
    let topic = target.config.input.topic.name.clone();
    if !order.dry_run {
        if let Some(home) = target
            .home
            .as_ref()
            .filter(|_| !arguments.even_if_not_ready)
        {
            present::wait(home, &target.config).await?;
        }
        if !arguments.yes && asks() {
            let trial = Order {
                dry_run: true,
                ..order.clone()
            };
            let would = carry_out(&target, &trial).await?;
            eprint!("{}", text::outcome(&would, &topic));
            if would.replayed() == 0 {
                return Ok(ExitCode::SUCCESS);
            }
            if !confirmed(&format!(
                "Send {} to {topic} again? [y/N] ",
                text::letters(would.replayed())
            ))
            .await
            {
                eprintln!("Nothing was sent.");
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    let outcome = carry_out(&target, &order).await?;
    match arguments.output {
        Output::Text => print!("{}", text::outcome(&outcome, &topic)),
        Output::Json => println!(
            "{}",
            serde_json::to_string_pretty(&outcome).expect("an outcome is JSON")
        ),
    }
    // Letters that were asked for by their positions, and did not go, are an error.
    let named = !order.selection.positions.is_empty();
    let went = outcome.replayed() + outcome.left(Left::ReplayedBefore) > 0;
    if named && !went {
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether there is somebody to ask.
fn asks() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

async fn confirmed(question: &str) -> bool {
    eprint!("{question}");
    let _ = std::io::stderr().flush();
    let read = blocking(|| {
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).map(|_| answer)
    });
    tokio::select! {
        answer = read => answer.is_ok_and(|answer| matches!(answer.trim(), "y" | "Y" | "yes")),
        () = interrupted() => false,
    }
}

/// Has an order carried out, from here or within the cluster.
async fn carry_out(target: &Target, order: &Order) -> Result<Outcome, Error> {
    match (&target.way, &target.home) {
        (Way::Cluster, Some(home)) => Ok(errand::run(home, order).await?),
        (Way::Cluster, None) => unreachable!("a pipeline of a file is reached by Kafka"),
        (Way::Kafka(credentials), _) => {
            let (config, credentials, order) =
                (target.config.clone(), credentials.clone(), order.clone());
            let stop = CancellationToken::new();
            let told = stop.clone();
            let work = blocking(move || {
                replay::run(
                    &config,
                    &credentials,
                    &order,
                    Timestamp::now(),
                    &told,
                    |_| (),
                )
            });
            tokio::pin!(work);
            let done = tokio::select! {
                done = &mut work => done,
                () = interrupted() => {
                    stop.cancel();
                    work.await
                }
            };
            Ok(done?)
        }
    }
}
