//! All the refusing. Whatever the spec alone, its Secrets, other pipelines' claims and the
//! topics and tables that exist already have against it is found here, all at once; what
//! passes is a [`ValidPipeline`], which planning takes for granted.

use std::fmt;

use sensorstream_crds::{
    admission::{Violation, semantic_violations},
    input::Topic as Declared,
    runtime::RoleConfigs,
};
use sensorstream_ledger::claims::Claim;

use crate::{
    backends::{Database, Topics},
    observe::{Observation, logins::SecretProblem},
    plan::{
        claims,
        tables::{self, WantedTable},
        topics,
    },
};

/// A pipeline that can be carried out, as far as can be seen.
#[derive(Clone, Debug)]
pub struct ValidPipeline<'a> {
    /// What it was judged by.
    pub observation: &'a Observation,
    /// What its pods are told.
    pub configs: RoleConfigs,
    /// The table it writes.
    pub table: WantedTable,
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
    /// A Secret is missing or of no use.
    #[error("{0}")]
    Secret(SecretProblem),
    /// A topic or a table belongs to another pipeline.
    #[error("{thing} belongs to the pipeline {owner}; choose another name")]
    Conflict {
        /// Whether it is a topic or a table.
        ground: Ground,
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
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Rule(_) => "Invalid",
            Self::Secret(problem) => problem.reason(),
            Self::Conflict { .. } => "Conflict",
            Self::Topic(_) => "TopicIncompatible",
            Self::Table(_) => "TableIncompatible",
        }
    }

    /// What of the ground it is about, if it is.
    pub fn ground(&self) -> Option<Ground> {
        match self {
            Self::Rule(_) | Self::Secret(_) => None,
            Self::Conflict { ground, .. } => Some(*ground),
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
        table: WantedTable::of(id, spec),
    };
    let mut found = Vec::new();
    let database_problem = observation.logins.database.as_ref().err();
    let kafka_problem = observation.logins.kafka.as_ref().err();
    found.extend(
        database_problem
            .into_iter()
            .chain(kafka_problem)
            .cloned()
            .map(Refusal::Secret),
    );
    if let Some(database) = observation.database.seen() {
        table(&valid, database, &mut found);
        if let Some(seen) = observation.topics.seen() {
            both_topics(&valid, seen, database, &mut found);
        }
    }
    if found.is_empty() {
        Ok(valid)
    } else {
        Err(Refused(found))
    }
}

fn table(valid: &ValidPipeline<'_>, database: &Database, found: &mut Vec<Refusal>) {
    let pipeline = valid.observation.id.to_string();
    let name = &valid.table.name;
    if let Some(owner) = foreign(claims::of_table(database, name), &pipeline) {
        let thing = format!("table {name}");
        found.push(Refusal::Conflict {
            ground: Ground::Tables,
            thing,
            owner,
        });
        return;
    }
    if let Some(live) = &database.table {
        let ours = tables::is_ours(database, name, &pipeline);
        found.extend(
            tables::misfits(&valid.table, live, ours)
                .into_iter()
                .map(Refusal::Table),
        );
    }
}

fn both_topics(
    valid: &ValidPipeline<'_>,
    topics: &Topics,
    database: &Database,
    found: &mut Vec<Refusal>,
) {
    let id = &valid.observation.id;
    let spec = &valid.observation.pipeline.spec;
    let Some(endpoint) = valid.endpoint() else {
        return;
    };
    let dead_letter = &spec.outputs.dead_letter.topic;
    let claim = claims::of_topic(database, endpoint, &dead_letter.name);
    if let Some(owner) = foreign(claim, &id.to_string()) {
        let thing = format!("dead letter topic {}", dead_letter.name);
        found.push(Refusal::Conflict {
            ground: Ground::Topics,
            thing,
            owner,
        });
    }
    let mut partitions = |path: &str, declared: &Declared, live: Option<i32>| {
        let ours = topics::is_ours(database, endpoint, &declared.name, id);
        if let Some(live) = live.filter(|live| *live < declared.partitions && !ours) {
            found.push(Refusal::Topic(format!(
                "topic {} exists with {live} partitions and {path} wants {}; it was there before \
                 the pipeline, so it is not grown: add partitions with Kafka's own tools, or \
                 lower {path}",
                declared.name, declared.partitions
            )));
        }
    };
    let count = |topic: &Option<crate::backends::Topic>| topic.as_ref().map(|t| t.partitions);
    partitions(
        "spec.input.topic.partitions",
        &spec.input.topic,
        count(&topics.input),
    );
    partitions(
        "spec.outputs.deadLetter.topic.partitions",
        dead_letter,
        count(&topics.dead_letter),
    );
}

fn foreign(claim: Option<&Claim>, pipeline: &str) -> Option<String> {
    claim
        .filter(|claim| claim.pipeline != pipeline)
        .map(|claim| claim.pipeline.clone())
}

#[cfg(test)]
mod tests;
