//! From what was observed to what changes, by the operator's own rules. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::Resource;
use sensorstream_crds::{SensorPipeline, runtime::id_of};
use sensorstream_operator::{
    observe::{
        Observation,
        logins::reader::{Reader, secret_name},
        objects::ObjectKey,
    },
    plan::{
        ObjectChange, Plan,
        drift::covers,
        kubernetes::{self, DIGEST, Site, installation::Installation, pod::START_DIGEST, revision},
        object_changes, plan,
        readers::Login,
        tables,
        topics::{self, TopicChange},
    },
    validate::{Refused, ValidPipeline, validate},
};
use serde_json::{Map, Value};

use super::changes::{Action, Changes, Claim, Object, Statements, Topic};

/// Metadata that the API server keeps, which says nothing to people.
const KEPT_BY_SERVER: [&str; 7] = [
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "selfLink",
    "finalizers",
];
/// Annotations that follow from the rest.
const FOLLOWING: [&str; 3] = [
    DIGEST,
    "deployment.kubernetes.io/revision",
    "kubectl.kubernetes.io/last-applied-configuration",
];
/// Stands where only the cluster knows.
const KNOWN_LATER: &str = "(known after apply)";
/// How much of the end of a role's name tells databases apart.
const ROLE_DIGEST: usize = 10;

/// What is decided by.
pub struct Situation<'a> {
    /// What was observed, or stands in for it.
    pub observation: &'a Observation,
    /// The resource as it is now, if it exists.
    pub live: Option<&'a SensorPipeline>,
    /// How the operator is installed.
    pub installation: &'a Installation,
    /// Whether the Secrets were read.
    pub secrets_read: bool,
    /// Now.
    pub now: Timestamp,
}

/// What changes.
pub fn decide(situation: &Situation<'_>) -> Result<Changes, Refused> {
    let observation = situation.observation;
    let valid = validate(observation)?;
    let plan = plan(&valid, situation.installation, situation.now);
    let id = &observation.id;
    let mut objects: Vec<Object> = resource(situation).into_iter().collect();
    objects.extend(secret(&plan, observation));
    objects.extend(others(situation, &valid, &plan));
    let role_known = situation.secrets_read;
    Ok(Changes {
        file: String::new(),
        namespace: id.namespace.clone(),
        name: id.name.clone(),
        objects,
        kafka: observation.pipeline.spec.kafka.bootstrap_servers.clone(),
        topics: topics_of(&plan),
        tables: plan
            .migrations
            .iter()
            .map(|migration| Statements {
                action: match observation.database.seen() {
                    Some(database) if database.tables.contains_key(&migration.table) => {
                        Action::Change
                    }
                    _ => Action::Add,
                },
                name: migration.table.to_string(),
                sql: migration.sql().collect(),
            })
            .collect(),
        roles: roles(&plan, observation, role_known),
        claims: plan
            .claims
            .iter()
            .map(|claim| Claim {
                kind: claim.kind.as_str(),
                name: claim.name.clone(),
                adopted: claim.adopted,
            })
            .collect(),
        notes: Vec::new(),
    })
}

/// The change to the resource itself.
fn resource(situation: &Situation<'_>) -> Option<Object> {
    let wanted = &situation.observation.pipeline;
    let after = shown_resource(wanted);
    let object = |action, before, after| {
        Some(Object {
            action,
            kind: SensorPipeline::kind(&()).into_owned(),
            name: situation.observation.id.name.clone(),
            before,
            after,
            applied: None,
        })
    };
    match situation.live.map(shown_resource) {
        None => object(Action::Add, None, Some(after)),
        Some(before) => {
            let after = overlaid(Some(&before), &after, true);
            (before != after).then(|| object(Action::Change, Some(before), Some(after)))?
        }
    }
}

fn shown_resource(pipeline: &SensorPipeline) -> Value {
    let mut value = serde_json::to_value(pipeline).expect("a resource is representable as JSON");
    if let Some(members) = value.as_object_mut() {
        members.remove("status");
    }
    shown(&value)
}

/// The Secret with the API's login. Nothing is said of what is in it.
fn secret(plan: &Plan, observation: &Observation) -> Option<Object> {
    let reader = observation
        .logins
        .reader
        .as_ref()
        .ok()
        .and_then(Option::as_ref);
    let held = matches!(reader, Some(Reader::Managed { held: Some(_), .. }));
    let action = match (
        plan.readers.gives_password(),
        held,
        plan.readers.drops_secret,
    ) {
        (true, true, _) => Action::Change,
        (true, false, _) => Action::Add,
        (false, _, true) => Action::Remove,
        (false, _, false) => return None,
    };
    Some(Object {
        action,
        kind: "Secret".to_owned(),
        name: secret_name(&observation.id.name),
        before: None,
        after: None,
        applied: None,
    })
}

/// The other objects, as if the API's login were there already: its pods are only started after it.
fn others(situation: &Situation<'_>, valid: &ValidPipeline<'_>, plan: &Plan) -> Vec<Object> {
    let observation = situation.observation;
    let Some(database) = observation.database.seen() else {
        return Vec::new();
    };
    let site = Site {
        valid,
        installation: situation.installation,
        lifecycle: &plan.lifecycle,
        revision: revision::of(valid, database),
    };
    let live = &observation.objects.live;
    object_changes(valid, kubernetes::desired(&site))
        .into_iter()
        .filter_map(|change| match change {
            ObjectChange::Delete(key) => {
                let before = live.get(&key).map(shown);
                Some(object(Action::Remove, &key, before, None, None))
            }
            ObjectChange::Apply(wanted) => {
                let key = &wanted.key;
                let Some(live) = live.get(key) else {
                    let after = shown(&known_later(wanted.manifest, situation));
                    return Some(object(Action::Add, key, None, Some(after), None));
                };
                let mut manifest = wanted.manifest;
                if !situation.secrets_read {
                    // What the pods start with follows from the Secrets' versions, too.
                    manifest = with_start_of(manifest, live);
                    if covers(&without_digest(manifest.clone()), live) {
                        return None;
                    }
                }
                let after = overlaid(Some(live), &manifest, false);
                Some(object(
                    Action::Change,
                    key,
                    Some(shown(live)),
                    Some(shown(&after)),
                    Some(manifest),
                ))
            }
        })
        .collect()
}

fn object(
    action: Action,
    key: &ObjectKey,
    before: Option<Value>,
    after: Option<Value>,
    applied: Option<Value>,
) -> Object {
    Object {
        action,
        kind: key.kind.to_string(),
        name: key.name.clone(),
        before,
        after,
        applied,
    }
}

fn known_later(mut manifest: Value, situation: &Situation<'_>) -> Value {
    if situation.live.is_none()
        && let Some(owner) = manifest.pointer_mut("/metadata/ownerReferences/0/uid")
    {
        *owner = KNOWN_LATER.into();
    }
    let start = start_of(&mut manifest);
    if let Some(start) = start {
        *start = KNOWN_LATER.into();
    }
    manifest
}

/// Where the digest is of what pods start with.
fn start_of(manifest: &mut Value) -> Option<&mut Value> {
    let annotations = manifest.pointer_mut("/spec/template/metadata/annotations")?;
    annotations.get_mut(START_DIGEST)
}

fn with_start_of(mut manifest: Value, live: &Value) -> Value {
    let mut live = live.clone();
    if let (Some(start), Some(live)) = (start_of(&mut manifest), start_of(&mut live)) {
        *start = live.clone();
    }
    manifest
}

fn without_digest(mut manifest: Value) -> Value {
    if let Some(Value::Object(annotations)) = manifest.pointer_mut("/metadata/annotations") {
        annotations.remove(DIGEST);
    }
    manifest
}

fn topics_of(plan: &Plan) -> Vec<Topic> {
    plan.topics
        .iter()
        .map(|change| match change.clone() {
            TopicChange::Create {
                name,
                partitions,
                replication_factor,
                config,
            } => Topic {
                action: Action::Add,
                name,
                partitions: Some(partitions),
                replication_factor,
                config,
            },
            TopicChange::Grow { name, partitions } => Topic {
                action: Action::Change,
                name,
                partitions: Some(partitions),
                replication_factor: None,
                config: BTreeMap::new(),
            },
            TopicChange::Configure { name, set } => Topic {
                action: Action::Change,
                name,
                partitions: None,
                replication_factor: None,
                config: set,
            },
        })
        .collect()
}

fn roles(plan: &Plan, observation: &Observation, role_known: bool) -> Vec<Statements> {
    let database = observation.database.seen();
    let exists = database.is_some_and(|database| database.role.is_some());
    let shown_name = |name: &str| match &observation.logins.reader {
        // The end of a role of the operator's follows from the database's name, which is in the Secret.
        Ok(Some(Reader::Managed { role, .. })) if !role_known && role == name => {
            format!("{}…", &name[..name.len() - ROLE_DIGEST])
        }
        _ => name.to_owned(),
    };
    let admission = plan.readers.admission.iter().map(|admission| {
        let role = shown_name(&admission.role);
        let mut sql: Vec<String> = Vec::new();
        for statement in admission.sql(exists, "…") {
            let statement = statement.replace(&admission.role, &role);
            // Schemas come once for each of their tables.
            if !sql.contains(&statement) {
                sql.push(statement);
            }
        }
        Statements {
            action: match (admission.login, exists) {
                (Login::New, false) => Action::Add,
                _ => Action::Change,
            },
            sql,
            name: role,
        }
    });
    let dismissals = plan.readers.dismissals.iter().map(|dismissal| Statements {
        action: Action::Remove,
        name: shown_name(&dismissal.role),
        sql: dismissal.sql(),
    });
    admission.chain(dismissals).collect()
}

/// An object without what says nothing to people, in a fixed order.
pub fn shown(object: &Value) -> Value {
    let mut object = sorted(object);
    if let Some(members) = object.as_object_mut() {
        members.remove("status");
    }
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        metadata.retain(|name, _| !KEPT_BY_SERVER.contains(&name.as_str()));
        if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
            annotations.retain(|name, _| !FOLLOWING.contains(&name.as_str()));
            if annotations.is_empty() {
                metadata.remove("annotations");
            }
        }
    }
    object
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort_by_key(|name| (rank(name), (*name).clone()));
            let members = names
                .into_iter()
                .map(|name| (name.clone(), sorted(&members[name])));
            Value::Object(members.collect::<Map<_, _>>())
        }
        Value::Array(entries) => entries.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

/// What comes first in every manifest, and what names an entry.
fn rank(name: &str) -> usize {
    let first = ["apiVersion", "kind", "metadata", "name"];
    first
        .iter()
        .position(|known| *known == name)
        .unwrap_or(first.len())
}

/// What becomes of `live` when `wanted` is applied, as far as it can be told here: what others set stays, unless
/// `wanted` is everything below its top.
fn overlaid(live: Option<&Value>, wanted: &Value, is_whole: bool) -> Value {
    match (live, wanted) {
        (Some(Value::Object(live)), Value::Object(wanted)) => {
            let mut members = live.clone();
            for (name, member) in wanted {
                let whole = is_whole && name == "spec";
                let live = if whole { None } else { live.get(name) };
                members.insert(name.clone(), overlaid(live, member, is_whole));
            }
            Value::Object(members)
        }
        (Some(Value::Array(live)), Value::Array(wanted)) => wanted
            .iter()
            .enumerate()
            .map(|(index, entry)| overlaid(live.get(index), entry, is_whole))
            .collect(),
        (_, wanted) => wanted.clone(),
    }
}

/// What of the live resource stays though the new one no longer wants it.
pub fn left_behind(live: &SensorPipeline, wanted: &SensorPipeline) -> Vec<String> {
    let id = id_of(live);
    let tables = |pipeline: &SensorPipeline| tables::wanted::names(&id, &pipeline.spec);
    let topics = |pipeline: &SensorPipeline| topics::wanted::names(&id, &pipeline.spec).outputs;
    let (kept_tables, kept_topics) = (tables(wanted), topics(wanted));
    let gone_tables = tables(live)
        .into_iter()
        .filter(|table| !kept_tables.contains(table));
    let gone_topics = topics(live)
        .into_iter()
        .filter(|topic| !kept_topics.contains(topic));
    gone_tables
        .map(|table| format!("table {table} stays, and is written no more"))
        .chain(gone_topics.map(|topic| format!("topic {topic} stays, and is written no more")))
        .collect()
}
