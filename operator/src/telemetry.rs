//! Logs: one JSON object a line, with level from `RUST_LOG`.

use std::error::Error;

use tracing_subscriber::EnvFilter;

/// What libraries say that is of no use to whoever runs the operator: `kube`'s span around ours, and
/// `PostgreSQL`'s notices that something is there already. `RUST_LOG` may ask for it by the same names.
const QUIET: &str = "kube_runtime=warn,sqlx::postgres::notice=warn";

/// Starts logging. Call once a process.
pub fn init() {
    let asked = std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(EnvFilter::new(format!("{QUIET},{asked}")))
        .init();
}

/// An error with its causes, outermost first: `applying Service a: connection refused`.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Some libraries repeat their source in their own text.
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
