//! The operator's entry point: reads the flags, waits to lead, reconciles until told to stop.

use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use clap::Parser;
use kube::Client;
use sensorstream_operator::{
    arguments::InstallationArguments,
    check,
    connections::Connections,
    context::{Settings, Shared},
    controller::{self, Watched},
    leader::{self, LeaseSettings},
    memory,
    metrics::Metrics,
    server::{self, Health},
    webhook,
};
use sensorstream_telemetry::{self as telemetry, shutdown};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often connections that nobody uses are closed, and memory is given back.
const SWEEP: Duration = Duration::from_mins(1);
/// How long a request to the API server may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Parser)]
#[command(
    version,
    about = "Reconciles SensorPipeline resources",
    args_conflicts_with_subcommands = true
)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: Arguments,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Checks an installation.
    Check(check::Check),
}

#[derive(clap::Args)]
struct Arguments {
    /// Where metrics and health answer
    #[arg(long, env = "LISTEN", default_value = "0.0.0.0:8080")]
    listen: SocketAddr,
    /// Whether to serve the validating webhook
    #[arg(long, env = "WEBHOOK", default_value_t = true, action = clap::ArgAction::Set)]
    webhook: bool,
    /// Where the webhook answers
    #[arg(long, env = "WEBHOOK_LISTEN", default_value = "0.0.0.0:9443")]
    webhook_listen: SocketAddr,
    /// The Service in front of the webhook
    #[arg(long, env = "WEBHOOK_SERVICE", default_value = "sensorstream-webhook")]
    webhook_service: String,
    /// The Secret that holds the webhook's certificates
    #[arg(long, env = "WEBHOOK_SECRET", default_value = "sensorstream-webhook")]
    webhook_secret: String,
    /// The `ValidatingWebhookConfiguration` to keep
    #[arg(long, env = "WEBHOOK_CONFIGURATION", default_value = "sensorstream")]
    webhook_configuration: String,
    /// The Lease that the leading replica holds
    #[arg(long, env = "LEASE", default_value = "sensorstream-operator")]
    lease: String,
    #[command(flatten)]
    installation: InstallationArguments,
    /// A namespace to watch; may be given more than once. All of them when left out
    #[arg(
        long = "watch-namespace",
        env = "WATCH_NAMESPACES",
        value_delimiter = ','
    )]
    watch_namespaces: Vec<String>,
    /// How many pipelines are reconciled at a time
    #[arg(long, env = "MAX_CONCURRENT_RECONCILES", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    max_concurrent_reconciles: u16,
    /// How long a deletion waits for Kafka and `PostgreSQL` before it leaves things behind
    #[arg(long, env = "DELETION_GRACE_SECONDS", default_value_t = 120)]
    deletion_grace_seconds: u64,
    /// This replica's name
    #[arg(long, env = "POD_NAME")]
    pod_name: Option<String>,
    /// The operator's own namespace
    #[arg(long, env = "POD_NAMESPACE", default_value = "default")]
    pod_namespace: String,
}

/// Why the operator stopped.
#[derive(Debug, thiserror::Error)]
enum StopError {
    #[error("finding the API server")]
    Client(#[source] kube::Error),
    #[error("serving metrics and health on {0}")]
    Serve(SocketAddr, #[source] std::io::Error),
    #[error("serving the webhook")]
    Webhook(#[source] webhook::WebhookError),
    #[error("another replica leads now; starting over")]
    LostLease,
    #[error("checking the installation")]
    Check(#[source] check::CheckError),
}

fn main() -> ExitCode {
    memory::spare();
    // One provider for all of TLS; two of them in one process panic.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(16)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("can't start threads: {}", telemetry::chain(&error));
            return ExitCode::FAILURE;
        }
    };
    let command_line = CommandLine::parse();
    let result = runtime.block_on(async {
        let traces = telemetry::start("sensorstream-operator");
        let result = match command_line.command {
            Some(Command::Check(check)) => check.run().await.map_err(StopError::Check),
            None => Box::pin(run(command_line.run)).await,
        };
        traces.end().await;
        result
    });
    // Questions to places that do not answer would hold the process up.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = telemetry::chain(&error), "stopped by an error");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), StopError> {
    let shutdown = shutdown::on_signal();
    let client = Client::try_default().await.map_err(StopError::Client)?;
    let metrics = Arc::new(Metrics::new());
    let ready = arguments.webhook.then(webhook::Ready::default);
    let health = Health::new(Arc::clone(&metrics), ready.clone());
    let identity = arguments
        .pod_name
        .clone()
        .unwrap_or_else(|| format!("local-{}", std::process::id()));
    let lease = LeaseSettings {
        namespace: arguments.pod_namespace.clone(),
        name: arguments.lease.clone(),
        identity,
    };
    // Released only once nothing is written any more.
    let stop_leading = CancellationToken::new();
    let leading = leader::hold(client.clone(), lease, stop_leading.clone());
    let serving = async {
        let served = server::serve(arguments.listen, health.clone(), shutdown.clone()).await;
        served.map_err(|error| StopError::Serve(arguments.listen, error))
    };
    let admitting = async {
        let Some(ready) = ready else { return Ok(()) };
        let settings = webhook::Settings {
            namespace: arguments.pod_namespace.clone(),
            service: arguments.webhook_service.clone(),
            secret: arguments.webhook_secret.clone(),
            configuration: arguments.webhook_configuration.clone(),
            listen: arguments.webhook_listen,
            ready,
            expiry: metrics.certificate_expiry(),
        };
        webhook::run(client.clone(), settings, leading.clone(), shutdown.clone())
            .await
            .map_err(StopError::Webhook)
    };
    let reconciling = async {
        let led = lead(
            &client,
            &arguments,
            &metrics,
            &health,
            leading.clone(),
            shutdown.clone(),
        )
        .await;
        // Already here: the webhook goes on for a while, which a successor need not wait for.
        stop_leading.cancel();
        led
    };
    let result = tokio::try_join!(serving, admitting, reconciling).map(drop);
    stop_leading.cancel();
    released(leading).await;
    result
}

/// Reconciles while this replica leads. Losing the lease ends the process: whatever was under
/// way must not go on beside the new leader.
async fn lead(
    client: &Client,
    arguments: &Arguments,
    metrics: &Arc<Metrics>,
    health: &Health,
    mut leading: watch::Receiver<bool>,
    shutdown: CancellationToken,
) -> Result<(), StopError> {
    tokio::select! {
        () = shutdown.cancelled() => return Ok(()),
        leads = leading.wait_for(|leads| *leads) => {
            if leads.is_err() {
                return Err(StopError::LostLease);
            }
        }
    }
    tracing::info!("leading");
    metrics.lead(true);
    let connections = Arc::new(Connections::new(metrics.endpoint_up()));
    let settings = Settings {
        installation: arguments.installation.installation(),
        deletion_grace: Duration::from_secs(arguments.deletion_grace_seconds),
        concurrency: arguments.max_concurrent_reconciles.into(),
        request_timeout: REQUEST_TIMEOUT,
        instance: arguments.pod_name.clone(),
    };
    let shared = Arc::new(Shared::new(
        client,
        connections.clone(),
        Arc::clone(metrics),
        settings,
    ));
    let watched = Watched::new(&arguments.watch_namespaces);
    health.show(watched.iter().map(Watched::caches).collect());
    let sweeping = async {
        let mut tick = tokio::time::interval(SWEEP);
        loop {
            tick.tick().await;
            connections.close_unused();
            memory::give_back();
        }
    };
    tokio::select! {
        () = controller::run(client, &shared, watched, shutdown.clone()) => Ok(()),
        () = sweeping => Ok(()),
        _ = leading.wait_for(|leads| !*leads) => Err(StopError::LostLease),
    }
}

/// Waits a moment for the lease to be given up, so that a successor takes over at once.
async fn released(mut leading: watch::Receiver<bool>) {
    let closed = async { while leading.changed().await.is_ok() {} };
    let _ = tokio::time::timeout(Duration::from_secs(3), closed).await;
}
