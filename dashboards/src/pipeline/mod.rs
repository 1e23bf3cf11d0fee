//! One pipeline in depth, in the order in which data goes through it.
//!
//! - [`health`]: how it is. [`flow`]: what became of records.
//! - [`shards`]: partitions, commits and who owns them. [`results`]: windows, rules, sinks and the lake.
//! - [`pods`]: what it takes, and the API.

mod flow;
mod health;
mod pods;
mod results;
mod shards;

use crate::{
    grafana::{Dashboard, Source, TAG},
    links,
    promql::Scope,
    variables,
};

/// What the dashboard is known by.
pub const UID: &str = "sensorstream-pipeline";

/// What every panel selects by.
const PODS: Scope = Scope::Pods;

/// The dashboard.
pub fn dashboard() -> Dashboard {
    Dashboard {
        uid: UID.into(),
        title: "SensorStream / Pipeline".into(),
        description: "One pipeline in depth, in the order in which data goes through it.".into(),
        source: Source::Prometheus,
        tag: TAG,
        variables: variables::pods(),
        links: links::from(UID),
        from: "now-1h",
        rows: vec![
            health::row(),
            flow::row(),
            flow::simulator(),
            shards::delay(),
            shards::commits(),
            shards::group(),
            results::windows(),
            results::sinks(),
            pods::row(),
            pods::api(),
        ],
    }
}
