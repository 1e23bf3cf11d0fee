//! The query API over what a pipeline makes, and its web dashboard.
//!
//! ```text
//! request ─► access ─► routes ─┬─► readings, window_rows ─► PostgreSQL
//!                              ├─► hub (health, what is new) ─► commit log, Kafka's ends
//!                              └─► tail (alerts, dead letters) ─► Kafka
//! ```
//! It only reads: it logs in as a role that can do nothing else, its sessions are read-only and every
//! statement is timed. It is ready when the database answers and has the tables; it lives on when it
//! does not.

mod access;
mod column;
mod given;
mod health;
mod live;
pub(crate) mod metrics;
mod openapi;
mod page;
mod page_files;
mod problem;
mod readings;
mod routes;
mod shape;
mod tail;
mod window_rows;

use std::{path::Path, time::Duration};

use axum::Router;
use sensorstream_crds::{
    runtime::{API_TOKENS_ENV, DATABASE_URL_ENV, ServeConfig},
    window_table::NoTable,
};
use sensorstream_ledger::connect;
use sensorstream_telemetry::metrics::Catalog;
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio_util::sync::CancellationToken;

pub use self::tail::Tail;

use self::{
    access::{
        Access,
        gate::{Gate, GateError},
    },
    metrics::Metrics,
    routes::Api,
};
use crate::{
    http::{Connections, Readiness, Server},
    telemetry::chain,
};

/// Connections to the database kept open at most.
const CONNECTIONS: u32 = 8;
/// How long a request waits for a connection: long enough for a short queue, short enough to say
/// soon that the database is away.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a statement may run.
const STATEMENT_TIMEOUT: &str = "5s";
/// How long the database may take to say that it is there.
const PROBE_TIMEOUT: Duration = Duration::from_secs(8);
/// How often to look whether the database is there.
const PROBE_INTERVAL: Duration = Duration::from_secs(3);

/// Why the role stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// There is no database to ask.
    #[error(
        "the environment variable {DATABASE_URL_ENV} is not set; it holds the URI of the database"
    )]
    NoDatabase,
    /// The database's URI can't be used.
    #[error("reading {DATABASE_URL_ENV}")]
    Uri(#[from] connect::ConnectError),
    /// Nobody could be told apart.
    #[error("reading who may ask")]
    Gate(#[from] GateError),
    /// A window is not one that admission lets through.
    #[error("reading the windows")]
    Window(#[from] NoTable),
    /// The API can't be served.
    #[error("serving the API")]
    Http(#[from] std::io::Error),
}

/// Runs the role until `shutdown`. The web dashboard is what is in the folder `dashboard`, if there is
/// such a folder.
pub async fn run(
    config: ServeConfig,
    dashboard: &Path,
    server: Server,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let uri = std::env::var(DATABASE_URL_ENV).map_err(|_| ServeError::NoDatabase)?;
    let tokens = std::env::var(API_TOKENS_ENV).ok();
    run_with(config, &uri, tokens, dashboard, server, shutdown).await
}

/// Runs the role on the database at `uri` until `shutdown`, with these `tokens`, a line each.
pub async fn run_with(
    config: ServeConfig,
    uri: &str,
    tokens: Option<String>,
    dashboard: &Path,
    server: Server,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let pool = pool(uri, &config.pipeline.namespace)?;
    let sources = Sources {
        pool: pool.clone(),
        tail: Tail::start(&config, shutdown.clone()),
        tokens,
    };
    let dashboard = dashboard.is_dir().then_some(dashboard);
    let (api, router) = served(
        &config,
        sources,
        dashboard,
        &server.metrics,
        server.connections(),
        &shutdown,
    )?;
    let watching = tokio::spawn(watch(api, server.ready.clone(), shutdown.clone()));
    tracing::info!(
        dashboard = dashboard.is_some(),
        login = config.auth.is_some(),
        "serving queries"
    );
    let result = server.serve(router, shutdown).await;
    watching.abort();
    pool.close().await;
    result.map_err(ServeError::Http)
}

/// What the API answers from, and who may ask.
pub struct Sources {
    /// The database.
    pub pool: PgPool,
    /// What Kafka knows.
    pub tail: Tail,
    /// The tokens that are good, a line each.
    pub tokens: Option<String>,
}

/// The API's routes, with their metrics in `catalog`, and what keeps them up to date until `shutdown`.
pub fn router(
    config: &ServeConfig,
    sources: Sources,
    dashboard: Option<&Path>,
    catalog: &Catalog,
    shutdown: &CancellationToken,
) -> Result<Router, ServeError> {
    let connections = Connections::default();
    served(config, sources, dashboard, catalog, connections, shutdown).map(|(_, router)| router)
}

fn served(
    config: &ServeConfig,
    sources: Sources,
    dashboard: Option<&Path>,
    catalog: &Catalog,
    connections: Connections,
    shutdown: &CancellationToken,
) -> Result<(Api, Router), ServeError> {
    let metrics = Metrics::new(catalog);
    let gate = Gate::new(config.auth.as_ref(), sources.tokens.as_deref())?;
    let access = Access::new(gate, &config.limits, connections, metrics.clone());
    tokio::spawn(access.clone().forget(shutdown.clone()));
    let api = Api::new(
        config,
        sources.pool,
        sources.tail,
        access,
        metrics,
        shutdown.clone(),
    )?;
    tokio::spawn(api.clone().look());
    let router = api.clone().router(config.cors.as_ref(), dashboard);
    Ok((api, router))
}

/// The description of a pipeline's API, in OpenAPI.
///
/// # Errors
/// When a window is not one that admission lets through.
///
/// # Panics
/// Never: OpenAPI is JSON.
pub fn description(config: &ServeConfig) -> Result<String, NoTable> {
    let windows = window_rows::WindowRows::all(config)?;
    let document = openapi::document(config, &windows);
    Ok(document.to_pretty_json().expect("OpenAPI is JSON"))
}

/// A pool whose sessions can't write and don't run for long. `namespace` completes a host name
/// that is a Service's.
pub fn pool(uri: &str, namespace: &str) -> Result<PgPool, connect::ConnectError> {
    let options = connect::options(uri, namespace, "sensorstream-serve")?.options([
        ("default_transaction_read_only", "on"),
        ("statement_timeout", STATEMENT_TIMEOUT),
        // Which index is best depends on the times that are asked for.
        ("plan_cache_mode", "force_custom_plan"),
    ]);
    Ok(PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(Duration::from_mins(1))
        .connect_lazy_with(options))
}

/// Keeps the readiness up to date.
async fn watch(api: Api, ready: Readiness, shutdown: CancellationToken) {
    let mut told = None;
    while !shutdown.is_cancelled() {
        let problem = match tokio::time::timeout(PROBE_TIMEOUT, api.probe()).await {
            Ok(answered) => answered.err().map(|error| chain(&error)),
            Err(_) => Some("the database does not answer".to_owned()),
        };
        ready.set(problem.is_none());
        if told.as_ref() != Some(&problem) {
            match &problem {
                None => tracing::info!("the tables can be read"),
                Some(error) => tracing::warn!(error, "the tables can't be read"),
            }
            told = Some(problem);
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(PROBE_INTERVAL) => {}
        }
    }
}

#[cfg(test)]
mod tests;
