//! What the benchmark needs besides the systems that it compares, in one program.
//!
//! - [`fill`]: preloads a topic with the events of a [`timeline`]: [`factory`]'s or [`clickstream`]'s.
//! - [`pace`]: sends events as they happen, so many a second, and notes when.
//! - [`count`]: the bare loop that everything is measured against.
//! - [`hot`]: the hot path alone, for counting its instructions.
//! - [`resource`]: a pipeline as a file.
//! - [`prepare`]: makes a pipeline's tables and configuration, as the operator would.

mod clickstream;
mod count;
mod factory;
mod fill;
mod hot;
mod kafka;
mod pace;
mod prepare;
mod resource;
mod timeline;

use std::{num::NonZeroU64, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand, ValueEnum};

#[derive(Parser)]
#[command(version, about = "Events, the bare loop, and the ground for pipelines")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Preloads an empty topic, and ends each partition with an event that closes all windows.
    Fill {
        /// Whose events.
        #[command(subcommand)]
        source: Source,
        #[command(flatten)]
        topic: kafka::Topic,
        /// How many, besides those at the end.
        #[arg(long)]
        events: u64,
        /// The same seed makes the same events.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Of so many events one comes with the context of a trace; none without it.
        #[arg(long)]
        traced: Option<NonZeroU64>,
    },
    /// Sends the factory's events as they happen.
    Pace {
        #[command(flatten)]
        topic: kafka::Topic,
        /// Events a second.
        #[arg(long)]
        rate: u64,
        /// For how long.
        #[arg(long)]
        seconds: u64,
        /// Where to note the events of every hundredth device: its name and when it was sent, in
        /// microseconds since 1970.
        #[arg(long)]
        notes: PathBuf,
    },
    /// Reads a topic from its beginning to its end and counts.
    Count {
        #[command(flatten)]
        topic: kafka::Topic,
    },
    /// Runs the hot path over events in memory.
    Hot {
        /// Whose events.
        system: System,
        /// The resource, as YAML.
        pipeline: PathBuf,
        /// How many.
        #[arg(long, default_value_t = 50_000)]
        events: u64,
    },
    /// Makes the commit log and the tables of a pipeline in the database of the environment, and prints what its processor is
    /// configured with.
    Prepare {
        /// The resource, as YAML.
        pipeline: PathBuf,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum System {
    /// Motors on a factory's lines.
    Factory,
    /// Visitors of a web site.
    Clickstream,
}

#[derive(Clone, Copy, Subcommand)]
enum Source {
    /// Motors on a factory's lines.
    Factory(factory::Factory),
    /// Visitors of a web site.
    Clickstream,
}

/// Why it did not work.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("Kafka")]
    Kafka(#[from] rdkafka::error::KafkaError),
    #[error("reading or writing a file")]
    File(#[from] std::io::Error),
    #[error("running the hot path")]
    Hot(#[from] hot::HotError),
    #[error("preparing the pipeline")]
    Prepare(#[from] prepare::PrepareError),
}

fn main() -> ExitCode {
    match run(Arguments::parse().what) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sensorstream-bench: {error}: {}", reason(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(what: What) -> Result<(), Failure> {
    match what {
        What::Fill {
            source: Source::Factory(factory),
            topic,
            events,
            seed,
            traced,
        } => {
            let motors = factory::Motors::new(seed, events, factory);
            fill::fill(&topic, events, traced, motors)?;
        }
        What::Fill {
            source: Source::Clickstream,
            topic,
            events,
            seed,
            traced,
        } => {
            let visitors = clickstream::Visitors::new(seed, events);
            fill::fill(&topic, events, traced, visitors)?;
        }
        What::Hot {
            system,
            pipeline,
            events,
        } => {
            let came = match system {
                System::Factory => {
                    let factory = factory::Factory::default();
                    hot::run(&pipeline, events, factory::Motors::new(1, events, factory))?
                }
                System::Clickstream => {
                    hot::run(&pipeline, events, clickstream::Visitors::new(1, events))?
                }
            };
            println!("{came:?}");
        }
        What::Pace {
            topic,
            rate,
            seconds,
            notes,
        } => pace::pace(&topic, rate, seconds, &notes)?,
        What::Count { topic } => println!("{}", count::count(&topic)?),
        What::Prepare { pipeline } => println!("{}", prepare::prepare(&pipeline)?),
    }
    Ok(())
}

fn reason(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let causes: Vec<String> = causes.map(ToString::to_string).collect();
    causes.join(": ")
}
