//! Prints a document that follows from the code: `metrics` (docs/metrics.md), `openapi` (ui/openapi.json) or
//! `spec` (docs/spec.md). `scripts/generate.sh` writes them; a test fails when one is stale.

#[cfg(test)]
mod guide;
mod metrics;
mod openapi;
mod spec;

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("metrics") => print!("{}", metrics::document()),
        Some("openapi") => print!("{}", openapi::document()),
        Some("spec") => print!("{}", spec::document()),
        _ => {
            eprintln!("usage: sensorstream-docs metrics|openapi|spec");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
