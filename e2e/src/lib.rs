//! What the tests on a real cluster share: a scope of one's own on it, pipelines made from the
//! example, waiting for conditions, counting what came out, and breaking things.
//!
//! The cluster must be up and the operator installed: `make test` sees to both.

pub mod cluster;
pub mod counts;
pub mod faults;
pub mod grafana;
pub mod monitoring;
pub mod pipeline;
pub mod scope;
pub mod systems;
pub mod wait;
