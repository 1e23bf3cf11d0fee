//! Requests counted and timed, by route.

use std::time::Instant;

use axum::{
    extract::{Request, State},
    http::Method,
    middleware::Next,
    response::Response,
};
use prometheus::{
    HistogramVec, IntCounterVec, Registry, register_histogram_vec_with_registry,
    register_int_counter_vec_with_registry,
};

use super::routes::ROUTES;

const BUCKETS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// The role's metrics. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Metrics {
    requests: IntCounterVec,
    duration: HistogramVec,
}

impl Metrics {
    /// Makes the metrics known to a registry.
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            requests: register_int_counter_vec_with_registry!(
                "sensorstream_api_requests_total",
                "Requests answered, by route, method and status.",
                &["route", "method", "status"],
                registry
            )?,
            duration: register_histogram_vec_with_registry!(
                "sensorstream_api_request_duration_seconds",
                "Time to answer a request, by route.",
                &["route"],
                BUCKETS.to_vec(),
                registry
            )?,
        })
    }
}

/// Counts a request. Labels come from closed lists, whatever callers ask for.
pub(super) async fn count(
    State(metrics): State<Metrics>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let route = ROUTES
        .into_iter()
        .find(|route| *route == request.uri().path())
        .unwrap_or("other");
    let method = match *request.method() {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    };
    let response = next.run(request).await;
    metrics
        .requests
        .with_label_values(&[route, method, response.status().as_str()])
        .inc();
    metrics
        .duration
        .with_label_values(&[route])
        .observe(started.elapsed().as_secs_f64());
    response
}
