//! What stands in for what can't be seen: Secrets, and what Kafka and `PostgreSQL` hold. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sensorstream_crds::{PipelineId, SensorPipeline, SensorPipelineSpec, runtime::id_of};
use sensorstream_ledger::readers::Reader as KnownReader;
use sensorstream_operator::{
    backends::{Database, LoginRole, Span, TableName, Topics},
    observe::{
        Observation, Observed,
        logins::{
            self, Logins,
            reader::{Reader, secret_name},
        },
        objects::Objects,
        secrets::Contents,
    },
    plan::{Plan, kubernetes::installation::Installation, plan, readers::readable, tables},
    validate::{Refused, validate},
};

/// What is in a Secret, as far as that can be told.
#[derive(Clone, Debug)]
pub enum Secret {
    /// It was read.
    Read(Contents),
    /// There is none.
    Missing,
    /// It may or may not be there.
    Unknown,
}

/// The digest of a password that nobody has seen.
const UNSEEN: &str = "unseen";

/// The logins of a pipeline. What is not known of them is taken to be right.
pub fn logins(
    id: &PipelineId,
    spec: &SensorPipelineSpec,
    secrets: &BTreeMap<String, Secret>,
) -> Logins {
    let managed = secret_name(&id.name);
    let contents: BTreeMap<&String, Contents> = secrets
        .iter()
        .filter(|(name, _)| **name != managed)
        .map(|(name, secret)| match secret {
            Secret::Read(contents) => (name, contents.clone()),
            Secret::Missing | Secret::Unknown => (name, stand_in(name, spec)),
        })
        .collect();
    let own = match secrets.get(&managed) {
        Some(Secret::Read(contents)) => Some(contents),
        _ => None,
    };
    let mut logins = logins::read(id, spec, |name| {
        if name == managed {
            own
        } else {
            contents.get(&name.to_owned())
        }
    });
    let is_unknown = matches!(secrets.get(&managed), Some(Secret::Unknown));
    if let Ok(Some(Reader::Managed { held, .. })) = &mut logins.reader
        && is_unknown
    {
        *held = Some(UNSEEN.to_owned());
    }
    logins
}

/// A Secret that serves for whatever the spec takes from one of this name.
fn stand_in(name: &str, spec: &SensorPipelineSpec) -> Contents {
    let mut data: BTreeMap<String, Vec<u8>> = [
        ("username", "unknown"),
        ("password", "unknown"),
        ("ca.crt", "-----BEGIN CERTIFICATE-----"),
        ("AWS_ACCESS_KEY_ID", "unknown"),
        ("AWS_SECRET_ACCESS_KEY", "unknown"),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.into()))
    .collect();
    let own = &spec.postgres.secret_key_ref;
    let api = spec.api.as_ref();
    let reader = api.and_then(|api| api.postgres.as_ref());
    let tokens = api.and_then(|api| api.auth.as_ref()?.bearer_token.as_ref());
    let uri = |user: &str| format!("postgres://{user}@postgres/unknown").into_bytes();
    if own.name == name {
        data.insert(own.key.clone(), uri("pipeline"));
    }
    if let Some(reference) = reader.map(|login| &login.secret_key_ref)
        && reference.name == name
    {
        data.insert(
            reference.key.clone(),
            uri(&format!("user-of-secret-{name}")),
        );
    }
    if let Some(reference) = tokens.map(|token| &token.secret_key_ref)
        && reference.name == name
    {
        data.insert(reference.key.clone(), b"unknown-unknown-unknown".to_vec());
    }
    Contents {
        version: String::new(),
        data,
    }
}

/// Kafka without a topic, and a database without a table, but for a role that the spec names.
pub fn empty(id: &PipelineId, spec: &SensorPipelineSpec, logins: &Logins) -> (Topics, Database) {
    let tables = tables::wanted::names(id, spec);
    let given = matches!(&logins.reader, Ok(Some(Reader::Given(_))));
    let database = Database {
        makes_roles: true,
        role: given.then(|| LoginRole {
            can_log_in: true,
            unreadable: readable(&tables),
            ..LoginRole::default()
        }),
        ..Database::default()
    };
    (Topics::default(), database)
}

/// What there is of a pipeline in Kafka and `PostgreSQL` if everything is there that its resource declares.
/// The role of its API may read what a `reader` of it may.
pub fn declared(
    live: &SensorPipeline,
    logins: &Logins,
    sought: &[TableName],
    installation: &Installation,
    now: Timestamp,
) -> Result<(Topics, Database), Refused> {
    let id = id_of(live);
    let (topics, database) = empty(&id, &live.spec, logins);
    let observation = Observation {
        pipeline: live.clone().into(),
        objects: Objects::default(),
        logins: logins.clone(),
        topics: Observed::Seen(topics),
        database: Observed::Seen(database),
        id,
    };
    let valid = validate(&observation)?;
    let plan = plan(&valid, installation, now);
    let topics = topics_after(&plan, &live.spec);
    Ok((topics, database_after(plan, &observation, sought)))
}

fn topics_after(plan: &Plan, spec: &SensorPipelineSpec) -> Topics {
    let mut topics = Topics::default();
    for change in &plan.topics {
        let topic = change.after(None);
        if change.topic() == spec.input.topic.name {
            let partitions = 0..topic.partitions;
            topics.offsets = partitions.map(|p| (p, Span { begin: 0, end: 0 })).collect();
            topics.input = Some(topic);
        } else {
            topics.outputs.insert(change.topic().to_owned(), topic);
        }
    }
    topics
}

fn database_after(plan: Plan, observation: &Observation, sought: &[TableName]) -> Database {
    let tables: BTreeMap<_, _> = plan
        .migrations
        .iter()
        .map(|migration| (migration.table.clone(), migration.after(None)))
        .collect();
    let names: Vec<TableName> = tables.keys().cloned().collect();
    let read = readable(&names);
    let reader = observation
        .logins
        .reader
        .as_ref()
        .ok()
        .and_then(Option::as_ref);
    let digest = match reader {
        Some(Reader::Managed { held, .. }) => held.clone().unwrap_or_else(|| UNSEEN.to_owned()),
        _ => String::new(),
    };
    Database {
        claims: plan.claims,
        schema_exists: !tables.is_empty(),
        role: reader.map(|_| LoginRole {
            can_log_in: true,
            reads_only: true,
            is_powerful: false,
            unreadable: readable(sought)
                .into_iter()
                .filter(|table| !read.contains(table))
                .collect(),
        }),
        readers: reader
            .map(|reader| KnownReader {
                role_name: reader.role().to_owned(),
                pipeline: observation.id.to_string(),
                login_digest: digest,
            })
            .into_iter()
            .collect(),
        reported: reader.is_some(),
        makes_roles: true,
        tables,
        ..Database::default()
    }
}
