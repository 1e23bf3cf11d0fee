//! The image's entry point: picks the role, reads its configuration, runs it until told to stop.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use jiff::Timestamp;
use sensorstream_broker::connection::Credentials;
use sensorstream_crds::runtime::{
    CONFIG_PATH, DASHBOARD_PATH, HTTP_PORT, ProcessConfig, ProduceConfig, ServeConfig,
};
use sensorstream_processor::{http, process, produce, replay, serve};
use sensorstream_telemetry::{self as telemetry, shutdown};

#[derive(Parser)]
#[command(version, about = "The data plane of SensorStream")]
struct Arguments {
    /// What to do.
    #[command(subcommand)]
    role: Role,
    /// The role's configuration, as the operator writes it.
    #[arg(long, global = true, default_value = CONFIG_PATH)]
    config: PathBuf,
    /// Where metrics, health and, with `serve`, the API answer.
    #[arg(long, global = true, default_value_t = SocketAddr::from(([0, 0, 0, 0], HTTP_PORT)))]
    listen: SocketAddr,
    /// Where the web dashboard is that `serve` serves; none if there is no such folder.
    #[arg(long, global = true, default_value = DASHBOARD_PATH)]
    dashboard: PathBuf,
}

#[derive(Subcommand)]
enum Role {
    /// Makes readings and sends them.
    Produce,
    /// Reads, validates and writes readings.
    Process,
    /// Answers queries.
    Serve,
    /// Sends dead letters to the input topic again, each once, and says what it did as one line of JSON.
    Replay(replay::arguments::Arguments),
}

impl Role {
    /// What the process is called in traces, unless the environment says otherwise.
    fn service(&self) -> &'static str {
        match self {
            Self::Produce => "sensorstream-producer",
            Self::Process => "sensorstream-processor",
            Self::Serve => "sensorstream-api",
            Self::Replay(_) => "sensorstream-replay",
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("reading {0}")]
    Read(PathBuf, #[source] std::io::Error),
    #[error("{0} is not the configuration of this role")]
    Parse(PathBuf, #[source] serde_json::Error),
    #[error("produce stopped")]
    Produce(#[source] produce::ProduceError),
    #[error("process stopped")]
    Process(#[source] process::ProcessError),
    #[error("serve stopped")]
    Serve(#[source] serve::ServeError),
    #[error("replay stopped")]
    Replay(#[source] replay::ReplayError),
}

/// What one thread allocates another one often frees: batches, rows, records. By default the system's allocator
/// has eight arenas a processor core and keeps in each what was freed there, which came to 700 MiB for a million
/// open sessions instead of 280.
fn share_arenas() {
    // SAFETY: it sets a number, before there are other threads.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
    }
}

fn main() -> ExitCode {
    share_arenas();
    start()
}

#[tokio::main]
async fn start() -> ExitCode {
    let arguments = Arguments::parse();
    let traces = telemetry::start(arguments.role.service());
    let ended = run(arguments).await;
    traces.end().await;
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = telemetry::chain(&error), "stopped by an error");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), StartError> {
    let document = std::fs::read_to_string(&arguments.config)
        .map_err(|error| StartError::Read(arguments.config.clone(), error))?;
    let wrong = |error| StartError::Parse(arguments.config.clone(), error);
    let shutdown = shutdown::on_signal();
    let server = |pipeline| http::Server::new(arguments.listen, pipeline);
    match arguments.role {
        Role::Produce => {
            let config: ProduceConfig = serde_json::from_str(&document).map_err(wrong)?;
            let server = server(&config.pipeline);
            produce::run(config, server, shutdown)
                .await
                .map_err(StartError::Produce)
        }
        Role::Process => {
            let config: ProcessConfig = serde_json::from_str(&document).map_err(wrong)?;
            let server = server(&config.pipeline);
            process::run(config, server, shutdown)
                .await
                .map_err(StartError::Process)
        }
        Role::Serve => {
            let config: ServeConfig = serde_json::from_str(&document).map_err(wrong)?;
            let server = server(&config.pipeline);
            serve::run(config, &arguments.dashboard, server, shutdown)
                .await
                .map_err(StartError::Serve)
        }
        Role::Replay(order) => {
            let config: ProcessConfig = serde_json::from_str(&document).map_err(wrong)?;
            let credentials = Credentials::of_pod(&config.kafka);
            let (order, now) = (order.order(), Timestamp::now());
            let replaying = tokio::task::spawn_blocking(move || {
                replay::run(&config, &credentials, &order, now, &shutdown, |so_far| {
                    tracing::info!(replayed = so_far.replayed(), "replaying");
                })
            });
            let outcome = replaying.await;
            let outcome =
                outcome.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
            let outcome = outcome.map_err(StartError::Replay)?;
            let line = serde_json::to_string(&outcome).expect("an outcome is JSON");
            println!("{}{line}", replay::OUTCOME);
            Ok(())
        }
    }
}
