//! The operator's HTTP side: `/metrics`, `/healthz` (the process works) and `/readyz` (it can
//! do its job now).

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::get,
};
use sensorstream_telemetry::metrics::CONTENT_TYPE as METRICS_TYPE;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    cache::{Caches, all_pipelines},
    metrics::Metrics,
    webhook,
};

/// What the answers are made from.
#[derive(Clone)]
pub struct Health {
    metrics: Arc<Metrics>,
    webhook: Option<webhook::Ready>,
    caches: Arc<Mutex<Vec<Arc<Caches>>>>,
}

impl Health {
    /// Ready as soon as the webhook is, if there is one.
    pub fn new(metrics: Arc<Metrics>, webhook: Option<webhook::Ready>) -> Self {
        Self {
            metrics,
            webhook,
            caches: Arc::default(),
        }
    }

    /// Shows the pipelines of these caches from now on.
    pub fn show(&self, caches: Vec<Arc<Caches>>) {
        *self.caches.lock().unwrap_or_else(PoisonError::into_inner) = caches;
    }
}

/// Serves until `shutdown`.
pub async fn serve(
    listen: SocketAddr,
    health: Health,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(health);
    axum::serve(listener, router)
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await
}

async fn readyz(State(health): State<Health>) -> impl IntoResponse {
    if health.webhook.is_none_or(|webhook| webhook.get()) {
        (StatusCode::OK, "ok\n")
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the webhook has no certificate yet\n",
        )
    }
}

async fn metrics(State(health): State<Health>) -> impl IntoResponse {
    let caches = health
        .caches
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let text = health.metrics.text(&all_pipelines(&caches));
    ([(CONTENT_TYPE, METRICS_TYPE)], text)
}
