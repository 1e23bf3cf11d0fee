//! All the refusing. Whatever the spec alone, its Secrets, other pipelines' claims and the
//! topics and tables that exist already have against it is found here, all at once; what
//! passes is a [`ValidPipeline`], which planning takes for granted.

use std::fmt;

use sensorstream_crds::{
    ConditionReason, PipelineId, SensorPipelineSpec,
    admission::{Violation, semantic_violations},
    runtime::RoleConfigs,
    window_table::NoTable,
};
use sensorstream_ledger::claims::Claim;

use crate::{
    backends::{Database, Topics},
    observe::{Observation, logins::SecretProblem},
    plan::{
        claims,
        tables::{self, wanted::WantedTable},
        topics::{self, wanted::WantedTopic},
    },
};

/// A pipeline that can be carried out, as far as can be seen.
#[derive(Clone, Debug)]
pub struct ValidPipeline<'a> {
    /// What it was judged by.
    pub observation: &'a Observation,
    /// What its pods are told.
    pub configs: RoleConfigs,
    /// The tables it writes.
    pub tables: Vec<WantedTable>,
}

impl ValidPipeline<'_> {
    /// The Kafka cluster, as claims name it.
    pub fn endpoint(&self) -> Option<&str> {
        let login = self.observation.logins.kafka.as_ref().ok()?;
        Some(&login.endpoint.bootstrap_servers)
    }
}

/// Why a pipeline can't be carried out. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(pub Vec<Refusal>);

/// One thing against a pipeline.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The spec breaks a rule.
    #[error("{0}")]
    Rule(Violation),
    /// A window can't have a table.
    #[error("{0}")]
    Window(NoTable),
    /// A Secret is missing or of no use.
    #[error("{0}")]
    Secret(SecretProblem),
    /// A topic, a table or a place in a lake belongs to another pipeline.
    #[error("{thing} belongs to the pipeline {owner}; choose another name")]
    Conflict {
        /// What of the ground it is of, if it is.
        ground: Option<Ground>,
        /// What.
        thing: String,
        /// Whose.
        owner: String,
    },
    /// An existing topic can't be used.
    #[error("{0}")]
    Topic(String),
    /// An existing table can't be used.
    #[error("{0}")]
    Table(String),
}

/// What workloads stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// Kafka.
    Topics,
    /// `PostgreSQL`.
    Tables,
}

impl Refusal {
    /// One word for conditions.
    pub fn reason(&self) -> ConditionReason {
        match self {
            Self::Rule(_) | Self::Window(_) => ConditionReason::Invalid,
            Self::Secret(problem) => problem.reason(),
            Self::Conflict { .. } => ConditionReason::Conflict,
            Self::Topic(_) => ConditionReason::TopicIncompatible,
            Self::Table(_) => ConditionReason::TableIncompatible,
        }
    }

    /// What of the ground it is about, if it is.
    pub fn ground(&self) -> Option<Ground> {
        match self {
            Self::Rule(_) | Self::Window(_) | Self::Secret(_) => None,
            Self::Conflict { ground, .. } => *ground,
            Self::Topic(_) => Some(Ground::Topics),
            Self::Table(_) => Some(Ground::Tables),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&texts.join("; "))
    }
}

impl std::error::Error for Refused {}

/// Judges a pipeline by all that was observed.
pub fn validate(observation: &Observation) -> Result<ValidPipeline<'_>, Refused> {
    let rules = semantic_violations(&observation.pipeline);
    if !rules.is_empty() {
        // What follows assumes that spans of time and numbers parse.
        return Err(Refused(rules.into_iter().map(Refusal::Rule).collect()));
    }
    let id = &observation.id;
    let spec = &observation.pipeline.spec;
    let valid = ValidPipeline {
        observation,
        configs: RoleConfigs::of(id, spec),
        tables: tables::wanted::tables(id, spec)
            .map_err(|no_table| Refused(vec![Refusal::Window(no_table)]))?,
    };
    let mut found = Vec::new();
    let database_problem = observation.logins.database.as_ref().err();
    let kafka_problem = observation.logins.kafka.as_ref().err();
    let lake_problem = observation.logins.lake.as_ref().err();
    let reader_problem = observation.logins.reader.as_ref().err();
    let tokens_problem = observation.logins.tokens.as_ref().err();
    found.extend(
        database_problem
            .into_iter()
            .chain(kafka_problem)
            .chain(lake_problem)
            .chain(reader_problem)
            .chain(tokens_problem)
            .cloned()
            .map(Refusal::Secret),
    );
    if let Some(database) = observation.database.seen() {
        for wanted in &valid.tables {
            table(wanted, id, database, &mut found);
        }
        found.extend(lake(&observation.pipeline.spec, id, database));
        if let (Some(seen), Some(endpoint)) = (observation.topics.seen(), valid.endpoint()) {
            let wanted = topics::wanted::topics(id, spec).into_iter();
            found.extend(wanted.filter_map(|wanted| topic(&wanted, id, endpoint, seen, database)));
        }
    }
    if found.is_empty() {
        Ok(valid)
    } else {
        Err(Refused(found))
    }
}

fn table(wanted: &WantedTable, id: &PipelineId, database: &Database, found: &mut Vec<Refusal>) {
    let pipeline = id.to_string();
    let name = &wanted.name;
    if let Some(owner) = foreign(claims::of_table(database, name), &pipeline) {
        found.push(Refusal::Conflict {
            ground: Some(Ground::Tables),
            thing: format!("table {name}"),
            owner,
        });
        return;
    }
    if let Some(live) = database.tables.get(name) {
        let ours = tables::is_ours(database, name, &pipeline);
        found.extend(
            tables::misfits::misfits(wanted, live, ours)
                .into_iter()
                .map(Refusal::Table),
        );
    }
}

fn lake(spec: &SensorPipelineSpec, id: &PipelineId, database: &Database) -> Option<Refusal> {
    let uri = &spec.outputs.lake.as_ref()?.uri;
    let owner = foreign(claims::of_lake(database, uri), &id.to_string())?;
    Some(Refusal::Conflict {
        ground: None,
        thing: format!("the lake's place {uri}"),
        owner,
    })
}

fn topic(
    wanted: &WantedTopic<'_>,
    id: &PipelineId,
    endpoint: &str,
    topics: &Topics,
    database: &Database,
) -> Option<Refusal> {
    let WantedTopic { purpose, declared } = wanted;
    let name = &declared.name;
    if purpose.is_output()
        && let Some(owner) = foreign(claims::of_topic(database, endpoint, name), &id.to_string())
    {
        return Some(Refusal::Conflict {
            ground: Some(Ground::Topics),
            thing: format!("{purpose} {name}"),
            owner,
        });
    }
    let live = wanted.live(topics)?.partitions;
    if live >= declared.partitions
        || !purpose.grows()
        || topics::is_ours(database, endpoint, name, id)
    {
        return None;
    }
    let path = format!("{}.partitions", purpose.path());
    Some(Refusal::Topic(format!(
        "topic {name} exists with {live} partitions and {path} wants {}; it was there before the \
         pipeline, so it is not grown: add partitions with Kafka's own tools, or lower {path}",
        declared.partitions
    )))
}

fn foreign(claim: Option<&Claim>, pipeline: &str) -> Option<String> {
    claim
        .filter(|claim| claim.pipeline != pipeline)
        .map(|claim| claim.pipeline.clone())
}

#[cfg(test)]
mod tests;
