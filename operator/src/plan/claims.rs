//! What the pipeline should own. A topic that somebody else made and fills may be read by
//! many, so an input topic is claimed only when the pipeline makes it; what a pipeline writes
//! to is always claimed.

use sensorstream_ledger::claims::{Claim, ClaimKind};

use super::topics;
use crate::{
    backends::{Database, TableName},
    validate::ValidPipeline,
};

/// The claims that are missing.
pub(super) fn wanted(valid: &ValidPipeline<'_>, database: &Database) -> Vec<Claim> {
    let observation = valid.observation;
    let mut wanted = Vec::new();
    if let (Some(topics), Some(endpoint)) = (observation.topics.seen(), valid.endpoint()) {
        for topic in topics::wanted::topics(&observation.id, &observation.pipeline.spec) {
            let exists = topic.live(topics).is_some();
            if topic.purpose.is_output() || !exists {
                wanted.push(Claim {
                    kind: ClaimKind::Topic,
                    endpoint: endpoint.to_owned(),
                    name: topic.declared.name.clone(),
                    pipeline: observation.id.to_string(),
                    adopted: exists,
                });
            }
        }
    }
    wanted.extend(valid.tables.iter().map(|table| Claim {
        kind: ClaimKind::Table,
        endpoint: String::new(),
        name: table.name.to_string(),
        pipeline: observation.id.to_string(),
        adopted: database.tables.contains_key(&table.name),
    }));
    wanted.extend(lake(valid).map(|uri| Claim {
        kind: ClaimKind::Lake,
        endpoint: String::new(),
        name: uri.to_owned(),
        pipeline: observation.id.to_string(),
        // Nobody can say what is there already, and nothing of it is ever deleted.
        adopted: true,
    }));
    wanted.retain(|claim| !database.claims.iter().any(|held| same_thing(held, claim)));
    wanted
}

/// The place in a lake that a pipeline writes to.
fn lake<'a>(valid: &'a ValidPipeline<'_>) -> Option<&'a str> {
    let outputs = &valid.observation.pipeline.spec.outputs;
    let lake = outputs.lake.as_ref()?;
    Some(lake.uri.trim_end_matches('/'))
}

/// Whether two claims are of one thing.
pub fn same_thing(one: &Claim, other: &Claim) -> bool {
    (one.kind, &one.endpoint, &one.name) == (other.kind, &other.endpoint, &other.name)
}

/// The claim of a topic, whoever holds it.
pub fn of_topic<'a>(database: &'a Database, endpoint: &str, name: &str) -> Option<&'a Claim> {
    database
        .claims
        .iter()
        .find(|c| c.kind == ClaimKind::Topic && c.endpoint == endpoint && c.name == name)
}

/// The claim of a table, whoever holds it.
pub fn of_table<'a>(database: &'a Database, name: &TableName) -> Option<&'a Claim> {
    let name = name.to_string();
    database
        .claims
        .iter()
        .find(|c| c.kind == ClaimKind::Table && c.name == name)
}

/// The claim of a place in a lake, whoever holds it.
pub fn of_lake<'a>(database: &'a Database, uri: &str) -> Option<&'a Claim> {
    let uri = uri.trim_end_matches('/');
    database
        .claims
        .iter()
        .find(|c| c.kind == ClaimKind::Lake && c.name == uri)
}
