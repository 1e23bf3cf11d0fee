//! What both programs say about themselves, and in the same way.
//!
//! - [`logs`]: one JSON object a line. [`traces`]: spans, sent to a collector if there is one.
//! - [`chain`]: an error with its causes, for a log or a status.
//! - [`metrics`]: each metric defined once, and listed.
//! - [`shutdown`]: asked to stop.

mod chain;
mod logs;
pub mod metrics;
pub mod shutdown;
pub mod traces;

use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};

pub use chain::chain;
pub use traces::Traces;

/// Starts logging and, if the environment names a collector, sending traces, as `service`. Call once a process,
/// within a runtime. Give what it answers its end before the process ends. A collector that is named in a way that
/// makes no sense is told of, and gets nothing: nobody's work depends on traces.
pub fn start(service: &'static str) -> Traces {
    let traces = Traces::of_environment(service);
    let (traces, error) = match traces {
        Ok(traces) => (traces, None),
        Err(error) => (Traces::default(), Some(error)),
    };
    tracing_subscriber::registry()
        .with(logs::layer())
        .with(traces.layer())
        .init();
    if let Some(error) = error {
        tracing::error!(error = chain(&error), "going on without traces");
    }
    traces
}
