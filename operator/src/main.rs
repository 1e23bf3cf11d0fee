//! The operator's entry point: reads the flags, waits to lead, reconciles until told to stop.

use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use clap::Parser;
use kube::Client;
use sensorstream_operator::{
    check,
    connections::Connections,
    context::{Settings, Shared},
    controller::{self, Watched},
    leader::{self, LeaseSettings},
    memory,
    metrics::Metrics,
    plan::kubernetes::installation::{DashboardMarks, Image, Installation, Tracing},
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
    /// The image of the pipelines' pods
    #[arg(long, env = "PROCESSOR_IMAGE", default_value = concat!("ghcr.io/sensorstream/processor:", env!("CARGO_PKG_VERSION")))]
    processor_image: String,
    /// When to pull the image: Always, `IfNotPresent` or Never
    #[arg(long, env = "PROCESSOR_IMAGE_PULL_POLICY", default_value = "IfNotPresent", value_parser = ["Always", "IfNotPresent", "Never"])]
    processor_image_pull_policy: String,
    /// Whether the pipelines' pods ask to be scraped by prometheus.io/* annotations
    #[arg(long, env = "SCRAPE_ANNOTATIONS", default_value_t = true, action = clap::ArgAction::Set)]
    scrape_annotations: bool,
    /// Whether to make a Grafana dashboard of each pipeline's data, as a `ConfigMap`
    #[arg(long, env = "PIPELINE_DASHBOARDS", default_value_t = false, action = clap::ArgAction::Set)]
    pipeline_dashboards: bool,
    /// The label, KEY=VALUE, by which Grafana's sidecar finds dashboards
    #[arg(long, env = "DASHBOARD_LABEL", default_value = "grafana_dashboard=1", value_parser = pair)]
    dashboard_label: (String, String),
    /// An annotation, KEY=VALUE, of dashboards; may be given more than once
    #[arg(long = "dashboard-annotation", value_parser = pair)]
    dashboard_annotations: Vec<(String, String)>,
    /// Where the pipelines' pods send traces: a collector of OTLP over HTTP, such as `http://collector:4318`.
    /// Without it they send none
    #[arg(long, env = "PIPELINE_OTLP_ENDPOINT")]
    pipeline_otlp_endpoint: Option<String>,
    /// The share of readings that are traced then, 0 to 1
    #[arg(long, env = "PIPELINE_SAMPLING_RATIO", default_value = "0.01", value_parser = ratio)]
    pipeline_sampling_ratio: String,
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

impl Arguments {
    /// What of this shows in pipelines' objects.
    fn installation(&self) -> Installation {
        let marks = DashboardMarks {
            label: self.dashboard_label.clone(),
            annotations: self.dashboard_annotations.iter().cloned().collect(),
        };
        let tracing = |endpoint: &String| Tracing {
            endpoint: endpoint.clone(),
            sampling_ratio: self.pipeline_sampling_ratio.clone(),
        };
        Installation {
            image: Image {
                name: self.processor_image.clone(),
                pull_policy: self.processor_image_pull_policy.clone(),
            },
            scrape_annotations: self.scrape_annotations,
            dashboards: self.pipeline_dashboards.then_some(marks),
            tracing: self.pipeline_otlp_endpoint.as_ref().map(tracing),
        }
    }
}

/// KEY=VALUE.
fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// A number from 0 to 1, as it was written.
fn ratio(text: &str) -> Result<String, String> {
    let is_share = text
        .parse()
        .is_ok_and(|share: f64| (0.0..=1.0).contains(&share));
    is_share
        .then(|| text.to_owned())
        .ok_or_else(|| "it is to be a number from 0 to 1".to_owned())
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
        installation: arguments.installation(),
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
