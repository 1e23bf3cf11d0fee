//! Requests counted and timed, by route.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request, State},
    http::Method,
    middleware::Next,
    response::Response,
};
use prometheus::{HistogramVec, IntCounterVec, IntGauge};
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
    refused: IntCounterVec,
    streams: IntGauge,
}

/// Why a request was refused before it was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It had no token, or a wrong one.
    Unauthorized,
    /// Whoever asks may not.
    Forbidden,
    /// They asked too often.
    Rate,
    /// There were too many connections.
    Connections,
    /// There were too many streams.
    Streams,
}

impl Refused {
    const ALL: [Self; 5] = [
        Self::Unauthorized,
        Self::Forbidden,
        Self::Rate,
        Self::Connections,
        Self::Streams,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::Rate => "rate",
            Self::Connections => "connections",
            Self::Streams => "streams",
        }
    }
}

/// A stream under way, counted for as long as this is there.
#[derive(Debug)]
pub struct Streaming(IntGauge);

impl Drop for Streaming {
    fn drop(&mut self) {
        self.0.dec();
    }
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
            refused: define.counters(
                "refused_total",
                "Requests refused before they were looked at: for want of a login, or for a limit.",
                &["reason"],
            ),
            streams: define.gauge("event_streams", "Streams of events under way."),
        };
        // What nobody asks for is not asked for, rather than unknown.
        for route in ROUTES {
            metrics.requests.with_label_values(&[route, "GET", "200"]);
            metrics.duration.with_label_values(&[route]);
        }
        for reason in Refused::ALL {
            metrics.refused.with_label_values(&[reason.as_str()]);
        }
        metrics
    }

    /// Counts a request that was refused.
    pub fn refused(&self, reason: Refused) {
        self.refused.with_label_values(&[reason.as_str()]).inc();
    }

    /// Counts a stream that begins, and that it has ended once what this returns is dropped.
    pub fn streaming(&self) -> Streaming {
        self.streams.inc();
        Streaming(self.streams.clone())
    }
}

/// Counts a request. Labels come from closed lists, whatever callers ask for.
pub(super) async fn count(
    State(metrics): State<Metrics>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let matched = request.extensions().get::<MatchedPath>();
    let route = ROUTES
        .into_iter()
        .find(|route| matched.is_some_and(|matched| matched.as_str() == *route))
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
