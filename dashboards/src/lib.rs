//! Grafana dashboards, as code: every name, unit and selector is written once.
//!
//! - [`fleet`]: all pipelines at a glance. [`pipeline`]: one in depth. [`operator`]: what looks after them.
//!   They ask Prometheus, are the same for everybody, and are checked in as JSON beside this crate.
//! - [`data`]: what is in a pipeline's tables. It asks PostgreSQL, and follows from the pipeline's spec, so the
//!   operator makes one for each.
//! - [`grafana`]: the building blocks. [`promql`]: queries, and [`variables`], what they
//!   select by. `links`: from one to another.
//!
//! Everything is pure: a dashboard is a JSON document.

pub mod data;
pub mod fleet;
pub mod grafana;
mod links;
pub mod operator;
pub mod pipeline;
pub mod promql;
pub mod variables;

use grafana::Dashboard;

/// The dashboards that are the same for everybody, and the names of their files.
pub fn shared() -> [(&'static str, Dashboard); 3] {
    [
        ("fleet.json", fleet::dashboard()),
        ("pipeline.json", pipeline::dashboard()),
        ("operator.json", operator::dashboard()),
    ]
}
