//! The data plane: one image, three roles and an errand.
//!
//! - [`produce`]: the simulator, which makes readings and counts what it sends.
//! - [`process`]: decode → decide → commit, exactly once, with PostgreSQL as the commit log.
//! - [`serve`]: the query API over the tables.
//! - [`replay`]: sends dead letters to the input topic again, and ends.
//!
//! Each role is a library function that takes its configuration and a shutdown token, so that
//! one process can run all of them.

mod backoff;
pub mod http;
pub mod process;
pub mod produce;
pub mod replay;
pub mod serve;
mod sql;

use sensorstream_crds::windows::Stage;
use sensorstream_telemetry::{self as telemetry, metrics::Catalog};

/// The metrics of all roles, with no values yet: what there is to be documented.
pub fn metrics() -> Catalog {
    let catalog = Catalog::default();
    process::metrics::Metrics::new(&catalog, Stage::First);
    produce::metrics::Metrics::new(&catalog);
    serve::metrics::Metrics::new(&catalog);
    catalog
}
