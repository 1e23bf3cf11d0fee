//! Prints docs/metrics.md, which follows from the code. `scripts/generate.sh` writes it; a test fails when it is
//! stale.

mod metrics;

fn main() {
    print!("{}", metrics::document());
}
