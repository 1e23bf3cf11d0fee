//! Documents that follow from the code. `scripts/generate.sh` writes them; a test fails when they are stale.

pub mod metrics;
