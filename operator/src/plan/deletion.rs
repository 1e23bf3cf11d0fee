//! What to do about a resource that is being deleted: stop its pods, then delete or leave
//! what it made, then let it go. It is let go even when Kafka or `PostgreSQL` does not
//! answer: after a grace time what is left behind is named instead.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sensorstream_crds::{DeletionPolicy, runtime::KafkaEndpoint};
use sensorstream_ledger::claims::ClaimKind;

use crate::{
    backends::{Database, DatabaseChange, KafkaChange, TableName},
    observe::{Observation, logins::reader::Reader, objects::ObjectKey},
    plan::{kubernetes::Kind, readers::dismissals, tables, topics},
    role::Role,
};

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// Kubernetes objects to be removed.
    pub objects: Vec<ObjectKey>,
    /// What to do once they are gone.
    pub then: Then,
    /// Whether the grace time is over: whatever fails from now on is left behind.
    pub overdue: bool,
}

/// What to do once the objects are removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// Wait for this.
    Wait(String),
    /// Delete what the pipeline made, in this order, then let the resource go.
    CleanUp {
        /// In Kafka.
        kafka: Vec<KafkaChange>,
        /// In `PostgreSQL`.
        database: Vec<DatabaseChange>,
        /// What can't be deleted, for the Event.
        orphans: Option<String>,
        /// Whether what fails is left behind rather than tried again.
        give_up: bool,
    },
    /// Let the resource go; what it made stays on purpose.
    Release,
}

/// Plans the next step of a deletion.
pub fn deletion(observation: &Observation, grace: Duration, now: Timestamp) -> Deletion {
    let pipeline = &observation.pipeline;
    let grace = SignedDuration::try_from(grace).unwrap_or(SignedDuration::MAX);
    let overdue = pipeline
        .metadata
        .deletion_timestamp
        .as_ref()
        .is_some_and(|since| now.duration_since(since.0) >= grace);
    let objects: Vec<ObjectKey> = observation.objects.live.keys().cloned().collect();
    // Pods of the API only read; nothing waits for them.
    let workloads = [Role::Producer, Role::Processor].map(|r| observation.objects.workload(r));
    let stopped = workloads.iter().all(|w| w.pods.is_empty())
        && !objects.iter().any(|key| key.kind == Kind::Deployment);
    let then = if !stopped && !overdue {
        let pods: Vec<&str> = workloads
            .iter()
            .flat_map(|w| &w.pods)
            .map(|pod| pod.name.as_str())
            .collect();
        let left = if pods.is_empty() {
            "none".to_owned()
        } else {
            pods.join(", ")
        };
        Then::Wait(format!("the pods are being stopped; left: {left}"))
    } else if pipeline.spec.deletion_policy == DeletionPolicy::Retain {
        retain(observation)
    } else {
        clean_up(observation, overdue)
    };
    Deletion {
        objects,
        then,
        overdue,
    }
}

/// What the pipeline made stays on purpose; what let others read of it does not. Nothing waits for that.
fn retain(observation: &Observation) -> Then {
    let id = &observation.id;
    let (database, orphans) = match observation.database.seen() {
        Some(database) => {
            let dismissed = dismissals(id, database).map(DatabaseChange::Dismiss);
            let status = database.reported;
            let status = status.then(|| DatabaseChange::ForgetStatus(id.clone()));
            (dismissed.chain(status).collect(), None)
        }
        None => (
            Vec::new(),
            managed_role(observation).map(|role| format!("left behind: {role}")),
        ),
    };
    if database.is_empty() && orphans.is_none() {
        return Then::Release;
    }
    Then::CleanUp {
        kafka: Vec::new(),
        database,
        orphans,
        give_up: true,
    }
}

/// The role that the operator made for the API, in words, if it may have made one.
fn managed_role(observation: &Observation) -> Option<String> {
    let reader = observation.logins.reader.as_ref().ok()?.as_ref()?;
    matches!(reader, Reader::Managed { .. }).then(|| format!("role {}", reader.role()))
}

fn clean_up(observation: &Observation, overdue: bool) -> Then {
    let kafka_down = observation.topics.unseen();
    let Some(database) = observation.database.seen() else {
        let why = observation
            .database
            .unseen()
            .map_or_else(String::new, |u| u.message.clone());
        if !overdue {
            return Then::Wait(format!(
                "what the pipeline made is yet to be deleted: {why}"
            ));
        }
        // Nobody can say what the pipeline made, so nothing is deleted on a guess.
        return Then::CleanUp {
            kafka: Vec::new(),
            database: Vec::new(),
            orphans: Some(format!("{}; {why}", everything(observation))),
            give_up: overdue,
        };
    };
    let (kafka, elsewhere) = kafka_changes(observation, database);
    match kafka_down {
        Some(unseen) if !overdue => Then::Wait(format!(
            "what the pipeline made is yet to be deleted: {}",
            unseen.message
        )),
        Some(unseen) => Then::CleanUp {
            database: database_changes(observation, database),
            orphans: Some(format!("{}; {}", named(&kafka, &elsewhere), unseen.message)),
            kafka: Vec::new(),
            give_up: overdue,
        },
        None => Then::CleanUp {
            database: database_changes(observation, database),
            orphans: (!elsewhere.is_empty()).then(|| named(&[], &elsewhere)),
            kafka,
            give_up: overdue,
        },
    }
}

/// What to delete in Kafka, and topics of the pipeline in clusters it no longer names.
fn kafka_changes(
    observation: &Observation,
    database: &Database,
) -> (Vec<KafkaChange>, Vec<String>) {
    let id = &observation.id;
    let owner = id.to_string();
    let endpoint = KafkaEndpoint::of(id, &observation.pipeline.spec).bootstrap_servers;
    let made = |kind| {
        let owner = owner.clone();
        database
            .claims
            .iter()
            .filter(move |c| c.kind == kind && c.pipeline == owner && !c.adopted)
    };
    let (here, elsewhere): (Vec<_>, Vec<_>) =
        made(ClaimKind::Topic).partition(|claim| claim.endpoint == endpoint);
    let changes = here
        .into_iter()
        .map(|claim| KafkaChange::DeleteTopic(claim.name.clone()))
        .chain([
            KafkaChange::DeleteGroup(id.consumer_group()),
            KafkaChange::DeleteGroup(id.link_group()),
            KafkaChange::DeleteGroup(id.dead_letter_group()),
        ])
        .collect();
    let elsewhere = elsewhere
        .into_iter()
        .map(|c| format!("topic {} at {}", c.name, c.endpoint))
        .collect();
    (changes, elsewhere)
}

fn database_changes(observation: &Observation, database: &Database) -> Vec<DatabaseChange> {
    let owner = observation.id.to_string();
    database
        .claims
        .iter()
        .filter(|c| c.kind == ClaimKind::Table && c.pipeline == owner && !c.adopted)
        .filter_map(|claim| claim.name.split_once('.'))
        .map(|(schema, table)| {
            DatabaseChange::DropTable(TableName {
                schema: schema.into(),
                table: table.into(),
            })
        })
        .chain(dismissals(&observation.id, database).map(DatabaseChange::Dismiss))
        .chain([DatabaseChange::Forget(observation.id.clone())])
        .collect()
}

fn named(kafka: &[KafkaChange], elsewhere: &[String]) -> String {
    let names: Vec<String> = kafka
        .iter()
        .map(|change| match change {
            KafkaChange::DeleteTopic(name) => format!("topic {name}"),
            KafkaChange::DeleteGroup(name) => format!("consumer group {name}"),
            KafkaChange::Topic(change) => format!("topic {}", change.topic()),
        })
        .chain(elsewhere.iter().cloned())
        .collect();
    format!("left behind: {}", names.join(", "))
}

/// Everything the pipeline may have made, for when the record of it is out of reach.
fn everything(observation: &Observation) -> String {
    let spec = &observation.pipeline.spec;
    let id = &observation.id;
    let topics: Vec<String> = topics::wanted::topics(id, spec)
        .into_iter()
        .map(|topic| topic.declared.into_owned().name)
        .collect();
    let tables: Vec<String> = tables::wanted::names(id, spec)
        .iter()
        .map(ToString::to_string)
        .collect();
    let tables = if tables.is_empty() {
        "none".to_owned()
    } else {
        tables.join(", ")
    };
    let role = managed_role(observation).map_or_else(String::new, |role| format!("; {role}"));
    format!(
        "left behind, where the pipeline made them: topics {}; consumer groups {}, {}, {}; tables \
         {tables}; positions in schema sensorstream{role}",
        topics.join(", "),
        id.consumer_group(),
        id.link_group(),
        id.dead_letter_group(),
    )
}

#[cfg(test)]
mod tests;
