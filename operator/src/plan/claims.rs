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
    wanted.retain(|claim| !database.claims.iter().any(|held| same_thing(held, claim)));
    wanted
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
