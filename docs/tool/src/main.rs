//! Prints docs/metrics.md.

use sensorstream_docs::metrics;

fn main() {
    print!("{}", metrics::document());
}
