//! What a resource changes in a cluster: the resource there, its objects, and Kafka and `PostgreSQL` as far as
//! they answer from here.

use jiff::Timestamp;
use sensorstream_crds::{ConditionReason, SensorPipeline, runtime::id_of};
use sensorstream_operator::{
    backends::Sought,
    observe::{
        Observation, Observed, Unseen,
        logins::{reader::secret_name, secret_names},
        objects::Objects,
    },
    plan::{kubernetes::installation::Installation, tables, topics},
    validate::Refused,
};

use super::{
    Error,
    changes::{Action, Changes},
    decide::{Situation, left_behind},
    decided, defaults, ground,
    ground::Secret,
    impossible,
    installed::installed,
    live::{self, Live, LiveError, Verdict},
    namespace, pipeline_of,
};
use crate::{
    cluster::{Cluster, ClusterArguments},
    source::{Found, Pipeline},
};

/// What a pipeline changes in a cluster.
pub(super) async fn difference(
    cluster: &ClusterArguments,
    found: &Found,
    document: &Pipeline,
    file: &str,
) -> Result<Option<Changes>, Error> {
    // A name that is none can't be asked for.
    if pipeline_of(found, document, None).is_none() {
        return Ok(None);
    }
    let Cluster {
        client,
        namespace: default,
    } = cluster.connect().await?;
    let namespace = namespace(cluster, document, file, &default)?;
    let live = Live::new(client, namespace.clone());
    let old = live
        .pipeline(document.document.name().unwrap_or_default())
        .await?;
    let Some(mut pipeline) = pipeline_of(found, document, old.as_ref()) else {
        return Ok(None);
    };
    let mut notes = Vec::new();
    match live.judge(document.document.value(), old.as_ref()).await? {
        Verdict::Taken => {}
        Verdict::NotAsked(why) => notes.push(format!(
            "the API server was not asked what it makes of it: {why}"
        )),
        Verdict::Refused(why) => {
            return Err(Error::Refused {
                file: file.to_owned(),
                name: document.document.name().unwrap_or_default().to_owned(),
                why,
            });
        }
    }
    pipeline.metadata.namespace = Some(namespace);
    if let Some(old) = &old {
        pipeline.metadata.uid.clone_from(&old.metadata.uid);
        pipeline
            .metadata
            .finalizers
            .clone_from(&old.metadata.finalizers);
        pipeline.status.clone_from(&old.status);
    }
    let objects = match &old {
        Some(old) => live.objects(old).await?,
        None => Objects::default(),
    };
    let seen = live.installation().await;
    let installed = installed(&objects, document.document.name().unwrap_or_default());
    let (installation, whose) = match (seen, installed) {
        (Some((installation, namespace)), _) => {
            let whose = format!("the image is the one of the operator in namespace {namespace}");
            (installation, whose)
        }
        (None, Some(installation)) => (
            installation,
            "no operator can be seen from here; the image is the one that the pipeline runs"
                .to_owned(),
        ),
        (None, None) => (
            defaults(),
            "no operator can be seen from here; the image is the operator's default".to_owned(),
        ),
    };
    notes.push(whose);
    let (observation, secrets_read) = observe(
        &live,
        &pipeline,
        old.as_ref(),
        objects,
        &installation,
        &mut notes,
    )
    .await?
    .map_err(|why| impossible(&id_of(&pipeline), file, why))?;
    let situation = Situation {
        observation: &observation,
        live: old.as_ref(),
        installation: &installation,
        secrets_read,
        now: Timestamp::now(),
    };
    let mut changes = decided(&situation, file)?;
    for object in &mut changes.objects {
        if let Some(after) = live.applied(object).await {
            object.after = Some(after);
        }
    }
    let added: Vec<_> = changes
        .objects
        .iter()
        .filter(|o| o.action == Action::Add)
        .cloned()
        .collect();
    for foreign in live.foreign(&added).await? {
        notes.push(format!(
            "{foreign} exists and does not belong to this pipeline; the operator will not touch it"
        ));
    }
    if let Some(old) = &old {
        notes.extend(left_behind(old, &pipeline));
    }
    changes.notes = notes;
    Ok(Some(changes))
}

/// Everything that a plan is decided by, and whether the Secrets were read.
async fn observe(
    live: &Live,
    pipeline: &SensorPipeline,
    old: Option<&SensorPipeline>,
    objects: Objects,
    installation: &Installation,
    notes: &mut Vec<String>,
) -> Result<Result<(Observation, bool), Refused>, LiveError> {
    let id = id_of(pipeline);
    let spec = &pipeline.spec;
    let secrets = live.secrets(secret_names(&id.name, spec)).await?;
    let logins = ground::logins(&id, spec, &secrets);
    let names = topics::wanted::names(&id, spec);
    let sought = Sought {
        tables: tables::wanted::names(&id, spec),
        role: logins.role().map(str::to_owned),
    };
    let own = secret_name(&id.name);
    for (name, secret) in &secrets {
        match secret {
            Secret::Missing if *name != own => notes.push(format!(
                "there is no Secret {name} in namespace {}; the operator waits until it is there",
                id.namespace
            )),
            Secret::Unknown => notes.push(format!(
                "Secret {name} may not be read by you; it is taken to be right"
            )),
            _ => {}
        }
    }
    let read = |name: &str| matches!(secrets.get(name), Some(Secret::Read(_)));
    let secrets_read = secrets
        .iter()
        .all(|(name, secret)| *name == own || matches!(secret, Secret::Read(_)))
        && !matches!(secrets.get(&own), Some(Secret::Unknown));
    let (mut seen_topics, mut seen_database) = live::ground(&id, &logins, &names, &sought).await;
    if !read(&spec.postgres.secret_key_ref.name) {
        seen_database = Observed::Unseen(Unseen {
            reason: ConditionReason::SecretNotFound,
            message: "its Secret could not be read".to_owned(),
        });
    }
    let (topics, database) = match old {
        Some(old) => {
            let names = secret_names(&id.name, &old.spec);
            let logins = ground::logins(&id, &old.spec, &live.secrets(names).await?);
            let (tables, now) = (&sought.tables, Timestamp::now());
            match ground::declared(old, &logins, tables, installation, now) {
                Ok(declared) => declared,
                Err(why) => return Ok(Err(why)),
            }
        }
        None => ground::empty(&id, spec, &logins),
    };
    let instead = if old.is_some() {
        "with what the resource in the cluster declares"
    } else {
        "with nothing"
    };
    if let Observed::Unseen(unseen) = &seen_topics {
        notes.push(format!(
            "topics were not looked at, but compared {instead}: {}",
            unseen.message
        ));
        seen_topics = Observed::Seen(topics);
    }
    if let Observed::Unseen(unseen) = &seen_database {
        notes.push(format!(
            "tables and roles were not looked at, but compared {instead}: {}",
            unseen.message
        ));
        seen_database = Observed::Seen(database);
    }
    let observation = Observation {
        pipeline: pipeline.clone().into(),
        id,
        objects,
        logins,
        topics: seen_topics,
        database: seen_database,
    };
    Ok(Ok((observation, secrets_read)))
}
