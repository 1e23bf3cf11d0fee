//! Prints a document that follows from the code: `metrics` (docs/metrics.md) or `openapi` (ui/openapi.json).
//! `scripts/generate.sh` writes them; a test fails when one is stale.

mod metrics;
mod openapi;

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("metrics") => print!("{}", metrics::document()),
        Some("openapi") => print!("{}", openapi::document()),
        _ => {
            eprintln!("usage: sensorstream-docs metrics|openapi");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
