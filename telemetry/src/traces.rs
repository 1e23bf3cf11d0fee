//! Traces, by OpenTelemetry. They are off until the environment names a collector, and then cost nothing: spans
//! of the level DEBUG, which nobody else asks for, are not even made.
//!
//! ```text
//! tracing's spans of the project's own crates ─► batches ─► OTLP over HTTP ─► a collector
//! ```
//! The environment is OpenTelemetry's: `OTEL_EXPORTER_OTLP_ENDPOINT` switches them on, `OTEL_TRACES_SAMPLER` and
//! `OTEL_TRACES_SAMPLER_ARG` say which are kept, `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` who speaks.
//! Spans that a collector does not take in time are dropped: nothing waits for it.

mod client;
mod exporter;

use std::{
    collections::HashMap,
    env,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use opentelemetry::{
    Context,
    propagation::{Extractor, TextMapPropagator},
    trace::{TraceContextExt, TracerProvider},
};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{SdkTracer, SdkTracerProvider},
};
use tracing::{Level, Metadata, Span};
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt};
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};

/// The name under which a trace's context travels with a record or a request, as W3C has it.
pub const HEADER: &str = "traceparent";

/// Each switches traces on.
const ENDPOINT_ENVS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
];
const SERVICE_NAME_ENV: &str = "OTEL_SERVICE_NAME";
/// How long the last spans may take to reach the collector when the process ends.
const FLUSH: Duration = Duration::from_secs(3);

/// Whether this process sends spans.
static ON: AtomicBool = AtomicBool::new(false);

/// Why traces can't be sent.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// The environment does not say where to in a way that can be understood.
    #[error(
        "making the exporter of traces; check the variables that begin with OTEL_EXPORTER_OTLP_"
    )]
    Exporter(#[from] ExporterBuildError),
    /// There is no way to check certificates.
    #[error("making the client of the collector of traces")]
    Client(#[from] client::ClientError),
}

/// Where spans go.
#[derive(Debug, Default)]
pub struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// The way to the collector that the environment names, if it names one. `service` is what this process is
    /// called if the environment has no name for it.
    pub(crate) fn of_environment(service: &'static str) -> Result<Self, TracesError> {
        let named = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        if !ENDPOINT_ENVS.into_iter().any(named) {
            return Ok(Self(None));
        }
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client::Client::new()?)
            .build()?;
        let mut resource = Resource::builder();
        if !named(SERVICE_NAME_ENV) {
            resource = resource.with_service_name(service);
        }
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter::Told::new(exporter))
            .with_resource(resource.build())
            .build();
        ON.store(true, Ordering::Relaxed);
        Ok(Self(Some(provider)))
    }

    /// What hands spans over, if traces are on: those of the project's own crates, and what these say at the
    /// level INFO and above.
    pub(crate) fn layer<S>(&self) -> Option<impl Layer<S>>
    where
        S: tracing::Subscriber + for<'span> LookupSpan<'span>,
    {
        let tracer = self.0.as_ref()?.tracer("sensorstream");
        let layer: OpenTelemetryLayer<S, SdkTracer> = OpenTelemetryLayer::new(tracer);
        let layer = layer
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false);
        Some(layer.with_filter(filter_fn(is_ours)))
    }

    /// Sends what has not been sent yet, for some seconds at most.
    pub async fn end(self) {
        let Some(provider) = self.0 else { return };
        // It waits for a thread that waits for this runtime.
        let ended = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH));
        if let Ok(Err(error)) = ended.await {
            tracing::warn!(%error, "the last spans did not reach the collector");
        }
    }
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("sensorstream")
        && (metadata.is_span() || *metadata.level() <= Level::INFO)
}

/// Whether this process sends spans: else nobody need look for a context.
pub fn are_on() -> bool {
    ON.load(Ordering::Relaxed)
}

/// The context of a span that is kept, as it travels under [`HEADER`]; none of one that is not.
pub fn context_of(span: &Span) -> Option<String> {
    if span.is_disabled() {
        return None;
    }
    let context = span.context();
    if !context.span().span_context().is_sampled() {
        return None;
    }
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&context, &mut carrier);
    carrier.remove(HEADER)
}

/// Where a trace goes on.
#[derive(Clone, Debug)]
pub struct Parent(Context);

impl Parent {
    /// What came with a record under [`HEADER`], if it can be understood and the trace is kept. Ask before a span is
    /// made: one without a parent would be a trace of its own.
    pub fn of(context: &[u8]) -> Option<Self> {
        let carrier = Carrier(std::str::from_utf8(context).ok()?);
        let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier);
        context
            .span()
            .span_context()
            .is_sampled()
            .then_some(Self(context))
    }

    /// Makes a span go on with the trace.
    pub fn take(self, span: &Span) {
        // It fails only for a span that has begun, or that nobody sends.
        let _ = span.set_parent(self.0);
    }
}

/// A context as the propagator reads it.
struct Carrier<'a>(&'a str);

impl Extractor for Carrier<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == HEADER).then_some(self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec![HEADER]
    }
}

/// Marks a span as one of something that failed. It must have been made with the fields `otel.status_code` and
/// `otel.status_description`, empty.
pub fn failed(span: &Span, why: &dyn std::fmt::Display) {
    span.record("otel.status_code", "ERROR");
    span.record("otel.status_description", tracing::field::display(why));
}

/// Lets a span say that it has to do with another one, of another trace.
pub fn link(span: &Span, other: &Span) {
    if !span.is_disabled() && !other.is_disabled() {
        span.add_link(other.context().span().span_context().clone());
    }
}

/// Writes the trace's name into the span's field `trace_id`, so that logs lead to it. The span must have been
/// made with such a field, empty.
pub fn name_in_logs(span: &Span) {
    if are_on() && !span.is_disabled() {
        let context = span.context();
        let context = context.span().span_context().clone();
        if context.is_sampled() {
            span.record("trace_id", tracing::field::display(context.trace_id()));
        }
    }
}

#[cfg(test)]
mod tests;
