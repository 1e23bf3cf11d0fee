//! Logs: one JSON object a line, with level from `RUST_LOG`.

use tracing::Subscriber;
use tracing_subscriber::{EnvFilter, Layer, fmt, registry::LookupSpan};

/// What libraries say that is of no use to whoever runs the programs: `kube`'s span around ours,
/// `PostgreSQL`'s notices that something is there already, and each batch of spans that a collector did not take,
/// of which [`crate::traces`] tells. `RUST_LOG` may ask for it by the same names.
const QUIET: &str =
    "kube_runtime=warn,sqlx::postgres::notice=warn,opentelemetry=off,opentelemetry_sdk=off";

/// What writes them.
pub(crate) fn layer<S>() -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let asked = std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_else(|_| "info".into());
    fmt::layer()
        .json()
        .flatten_event(true)
        .with_filter(EnvFilter::new(format!("{QUIET},{asked}")))
}
