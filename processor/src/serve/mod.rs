//! The query API over the table of accepted readings.
//!
//! ```text
//! request ─► routes (parameters) ─► query (one statement) ─► PostgreSQL ─► JSON, or a problem
//! ```
//! It only reads: its sessions are read-only and every statement is timed. It is ready when the
//! database answers and has the table; it lives on when it does not.

pub(crate) mod metrics;
mod openapi;
mod problem;
mod query;
mod reading_schema;
mod routes;

use std::time::Duration;

use axum::Router;
use sensorstream_crds::runtime::{DATABASE_URL_ENV, ServeConfig};
use sensorstream_ledger::connect;
use sensorstream_telemetry::metrics::Catalog;
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio_util::sync::CancellationToken;

use self::{metrics::Metrics, query::Readings};
use crate::{
    http::{Readiness, Server},
    telemetry::chain,
};

/// Connections kept open at most.
const CONNECTIONS: u32 = 8;
/// How long a request waits for a connection: long enough for a short queue, short enough to say
/// soon that the database is away.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a statement may run.
const STATEMENT_TIMEOUT: &str = "5s";
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
    /// The API can't be served.
    #[error("serving the API")]
    Http(#[from] std::io::Error),
}

/// Runs the role until `shutdown`.
pub async fn run(
    config: ServeConfig,
    server: Server,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let uri = std::env::var(DATABASE_URL_ENV).map_err(|_| ServeError::NoDatabase)?;
    let pool = pool(&uri, &config.pipeline.namespace)?;
    let api = router(&config, pool.clone(), &server.metrics);
    let watching = tokio::spawn(watch(
        Readings::new(&config),
        pool.clone(),
        server.ready.clone(),
        shutdown.clone(),
    ));
    tracing::info!("serving queries");
    let result = server.serve(api, shutdown).await;
    watching.abort();
    pool.close().await;
    result.map_err(ServeError::Http)
}

/// The API's routes, with their metrics in `catalog`.
pub fn router(config: &ServeConfig, pool: PgPool, catalog: &Catalog) -> Router {
    routes::router(config, pool, Metrics::new(catalog))
}

/// A pool whose sessions can't write and don't run for long. `namespace` completes a host name
/// that is a Service's.
pub fn pool(uri: &str, namespace: &str) -> Result<PgPool, connect::ConnectError> {
    let options = connect::options(uri, namespace, "sensorstream-serve")?.options([
        ("default_transaction_read_only", "on"),
        ("statement_timeout", STATEMENT_TIMEOUT),
    ]);
    Ok(PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(Duration::from_mins(1))
        .connect_lazy_with(options))
}

/// Keeps the readiness up to date.
async fn watch(readings: Readings, pool: PgPool, ready: Readiness, shutdown: CancellationToken) {
    let mut told = None;
    while !shutdown.is_cancelled() {
        let problem = readings.probe(&pool).await.err().map(|error| chain(&error));
        ready.set(problem.is_none());
        if told.as_ref() != Some(&problem) {
            match &problem {
                None => tracing::info!("the table of readings can be read"),
                Some(error) => tracing::warn!(error, "the table of readings can't be read"),
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
