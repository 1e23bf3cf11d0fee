//! Logs: one JSON object a line, with level from `RUST_LOG`.

use tracing_subscriber::EnvFilter;

/// What libraries say that is of no use to whoever runs the programs: `kube`'s span around ours, and
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
