//! What is in a pipeline's tables: a dashboard that follows from its spec and asks PostgreSQL.
//!
//! - [`readings`]: the table of readings: a graph for each number, the latest values.
//! - [`windows`]: for each window a graph and its latest rows.
//! - [`sql`]: how queries are put together. [`unit`]: what a column's values are measured in.
//!
//! Queries go by the tables' indexes: each is confined to the dashboard's time range.

mod readings;
mod sql;
mod unit;
mod windows;

use sensorstream_crds::{PipelineId, SensorPipelineSpec, runtime::schema_of};
use sha2::{Digest, Sha256};

use crate::{
    grafana::{DATA_TAG, Dashboard, Link, Source},
    links, pipeline,
};

/// How many senders or groups a graph shows. Who wants others chooses them.
const SERIES: u32 = 20;

/// The dashboard of a pipeline's data, if it has tables.
pub fn dashboard(id: &PipelineId, spec: &SensorPipelineSpec) -> Option<Dashboard> {
    let schema = schema_of(id, spec);
    let readings = spec.outputs.table.as_ref().map(|table| {
        let table = sql::Name::of(&schema, &table.name);
        readings::Readings::new(table, &spec.input)
    });
    let mut rows = Vec::new();
    if let Some(readings) = &readings {
        rows.extend(readings.rows());
    }
    let key = readings.is_some().then_some(spec.input.key.as_str());
    let fields = &spec.input.fields;
    let windows = spec.windows.iter();
    rows.extend(windows.filter_map(|window| windows::row(&schema, window, fields, key)));
    if rows.is_empty() {
        return None;
    }
    let PipelineId { namespace, name } = id;
    Some(Dashboard {
        uid: uid(id),
        title: format!("{namespace}/{name}"),
        description: format!(
            "What the pipeline {name} in the namespace {namespace} has in its tables."
        ),
        source: Source::Postgres,
        tag: DATA_TAG,
        variables: readings.iter().map(readings::Readings::variable).collect(),
        links: vec![
            Link::Dashboard {
                title: "The pipeline",
                url: format!(
                    "/d/{}?var-namespace={namespace}&var-pipeline={name}",
                    pipeline::UID
                ),
            },
            links::data(),
        ],
        from: "now-15m",
        rows,
    })
}

/// What the dashboard is known by. Grafana takes 40 characters at most, which names may be longer than.
fn uid(id: &PipelineId) -> String {
    let digest = Sha256::digest(id.to_string().as_bytes());
    format!("sensorstream-{}", hex::encode(&digest[..10]))
}

#[cfg(test)]
mod tests;
