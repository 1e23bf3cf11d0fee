//! The image's entry point: picks the role, reads its configuration, runs it until told to stop.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};
use sensorstream_crds::runtime::{
    CONFIG_PATH, DASHBOARD_PATH, HTTP_PORT, ProcessConfig, ProduceConfig, ServeConfig,
};
use sensorstream_processor::{http, process, produce, serve};
use sensorstream_telemetry::{self as telemetry, shutdown};

#[derive(Parser)]
#[command(version, about = "The data plane of SensorStream")]
struct Arguments {
    /// What to do.
    role: Role,
    /// The role's configuration, as the operator writes it.
    #[arg(long, default_value = CONFIG_PATH)]
    config: PathBuf,
    /// Where metrics, health and, with `serve`, the API answer.
    #[arg(long, default_value_t = SocketAddr::from(([0, 0, 0, 0], HTTP_PORT)))]
    listen: SocketAddr,
    /// Where the web dashboard is that `serve` serves; none if there is no such folder.
    #[arg(long, default_value = DASHBOARD_PATH)]
    dashboard: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Role {
    /// Makes readings and sends them.
    Produce,
    /// Reads, validates and writes readings.
    Process,
    /// Answers queries.
    Serve,
}

impl Role {
    /// What the process is called in traces, unless the environment says otherwise.
    fn service(self) -> &'static str {
        match self {
            Self::Produce => "sensorstream-producer",
            Self::Process => "sensorstream-processor",
            Self::Serve => "sensorstream-api",
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
    }
}
