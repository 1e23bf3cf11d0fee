//! `sensorstream`: a pipeline on one machine, and what people ask of pipelines in a cluster.
//!
//! ```text
//! files ──► source ──► validate          a cluster ──► status
//!              ├─────► plan ◄── (--diff) ────┤
//!              └─────► run                   └───────► dead-letters
//! ```

mod cluster;
mod colours;
mod completion;
mod dead_letters;
mod output;
mod pipelines;
mod plan;
mod run;
mod source;
mod status;
mod terminal;
mod validate;

use std::{error::Error, process::ExitCode};

use clap::{Parser, Subcommand};
use sensorstream_telemetry as telemetry;

/// SensorStream: pipelines of sensor readings, declared in one resource.
#[derive(Parser)]
#[command(name = "sensorstream", version, propagate_version = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Arguments),
    Plan(plan::Arguments),
    Validate(validate::Arguments),
    Status(status::Arguments),
    DeadLetters(dead_letters::Arguments),
    Completion(completion::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    // One provider for all of TLS: with two of them in the program, none is chosen by itself.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let command = CommandLine::parse().command;
    if !matches!(command, Command::Run(_) | Command::DeadLetters(_)) {
        end_with_the_reader();
    }
    let done = match command {
        Command::Run(arguments) => boxed(run::run(arguments).await),
        Command::Plan(arguments) => boxed(plan::run(&arguments).await),
        Command::Validate(arguments) => boxed(validate::run(&arguments)),
        Command::Status(arguments) => boxed(status::run(arguments).await),
        Command::DeadLetters(arguments) => boxed(dead_letters::run(arguments).await),
        Command::Completion(arguments) => {
            completion::run(&arguments);
            Ok(ExitCode::SUCCESS)
        }
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {}", telemetry::chain(error.as_ref()));
        ExitCode::FAILURE
    })
}

/// Lets a command end quietly when nobody reads what it prints any more, as `head` does. Not those that have
/// something to finish.
fn end_with_the_reader() {
    // SAFETY: it changes what a signal does, before there is one.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}

fn boxed<E: Error + 'static>(done: Result<ExitCode, E>) -> Result<ExitCode, Box<dyn Error>> {
    done.map_err(Into::into)
}
