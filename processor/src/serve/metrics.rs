//! Requests counted and timed, by route.

use std::time::Instant;

use axum::{
    extract::{Request, State},
    http::Method,
    middleware::Next,
    response::Response,
};
use prometheus::{HistogramVec, IntCounterVec};
use sensorstream_telemetry::metrics::Catalog;

use super::routes::ROUTES;

const BUCKETS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// The role's metrics. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    requests: IntCounterVec,
    duration: HistogramVec,
}

impl Metrics {
    /// Defines the metrics.
    pub fn new(catalog: &Catalog) -> Self {
        let define = catalog.group("sensorstream_api");
        let metrics = Self {
            requests: define.counters(
                "requests_total",
                "Requests answered, by route, method and status.",
                &["route", "method", "status"],
            ),
            duration: define.histograms(
                "request_duration_seconds",
                "Time to answer a request, by route.",
                &BUCKETS,
                &["route"],
            ),
        };
        // What nobody asks for is not asked for, rather than unknown.
        for route in ROUTES {
            metrics.requests.with_label_values(&[route, "GET", "200"]);
            metrics.duration.with_label_values(&[route]);
        }
        metrics
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
