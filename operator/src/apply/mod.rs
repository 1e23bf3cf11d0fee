//! All the writing: claims, then topics, then tables, then logins that read, then Kubernetes objects,
//! so that a pod never starts before what it needs is there. Stops at the first failure, except that
//! a login holds up nothing but the API, and workloads are still started and stopped as asked.

pub mod cleanup;
pub mod kubernetes;
pub mod readers;

use sensorstream_ledger::claims::{Claim, ClaimKind};

use crate::{
    backends::{BackendError, Backends, DatabaseChange, DatabaseUri, KafkaChange, KafkaLogin},
    observe::objects::ObjectKey,
    plan::{ObjectChange, Plan},
    validate::{Ground, ValidPipeline},
};
use kubernetes::Kubernetes;

/// What came of a plan.
#[derive(Debug, Default)]
pub struct Applied {
    /// How many changes were made.
    pub changes: usize,
    /// Whether the Secret with the API's login may have been written.
    pub wrote_secret: bool,
    /// What stopped it, if anything did.
    pub failure: Option<ApplyError>,
}

/// Why a change could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Kafka or the record of its topics.
    #[error("preparing the topics")]
    Topics(#[source] BackendError),
    /// `PostgreSQL`.
    #[error("preparing the tables")]
    Tables(#[source] BackendError),
    /// The record of places in the lake.
    #[error("claiming the lake's place")]
    Lake(#[source] BackendError),
    /// The logins that read.
    #[error("preparing the API's login")]
    Access(#[source] BackendError),
    /// An object.
    #[error("{action} {object}")]
    Object {
        /// What was done.
        action: &'static str,
        /// To which object.
        object: String,
        /// What the API server said.
        #[source]
        source: Box<kube::Error>,
    },
    /// An object of the name exists and is somebody else's.
    #[error("{0} exists and does not belong to this pipeline; delete it, or rename the pipeline")]
    Foreign(ObjectKey),
    /// The API server did not answer in time.
    #[error("{action} {object}: no answer from the API server in time")]
    Timeout {
        /// What was done.
        action: &'static str,
        /// To which object.
        object: String,
    },
}

impl ApplyError {
    /// What of the ground it is about, if it is.
    pub fn ground(&self) -> Option<Ground> {
        match self {
            Self::Topics(_) => Some(Ground::Topics),
            Self::Tables(_) => Some(Ground::Tables),
            _ => None,
        }
    }
}

/// Carries a plan out.
pub async fn apply(
    kubernetes: &Kubernetes,
    backends: &dyn Backends,
    valid: &ValidPipeline<'_>,
    plan: &Plan,
) -> Applied {
    let mut applied = Applied::default();
    let result = begin(kubernetes, backends, valid, plan, &mut applied.changes).await;
    let result = match result {
        Ok(()) => make(kubernetes, backends, valid, plan, &mut applied).await,
        failed => failed,
    };
    // With nothing else to do, or when something else failed, pods still start and stop.
    if result.is_err() || plan.objects.is_empty() {
        for scale in &plan.scales {
            match kubernetes
                .scale(&valid.observation.id.namespace, scale)
                .await
            {
                Ok(()) => applied.changes += 1,
                Err(error) => {
                    applied.failure = Some(error);
                    return applied;
                }
            }
        }
    }
    applied.failure = result.err();
    applied
}

/// What stands on the ground. An API without a login keeps nothing else from being made.
async fn make(
    kubernetes: &Kubernetes,
    backends: &dyn Backends,
    valid: &ValidPipeline<'_>,
    plan: &Plan,
    applied: &mut Applied,
) -> Result<(), ApplyError> {
    let (observation, changes) = (valid.observation, &mut applied.changes);
    applied.wrote_secret = plan.readers.gives_password();
    let admitted = readers::admit(kubernetes, backends, observation, &plan.readers, changes).await;
    objects(kubernetes, valid, plan, changes).await?;
    admitted?;
    readers::dismiss(kubernetes, backends, observation, &plan.readers, changes).await
}

async fn begin(
    kubernetes: &Kubernetes,
    backends: &dyn Backends,
    valid: &ValidPipeline<'_>,
    plan: &Plan,
    changes: &mut usize,
) -> Result<(), ApplyError> {
    if plan.add_finalizer {
        let pipeline = &valid.observation.pipeline;
        kubernetes.add_finalizer(pipeline).await?;
        *changes += 1;
    }
    lay_ground(backends, valid, plan, changes).await
}

/// Makes what workloads stand on: claims, topics and tables. Counts what it changes.
pub async fn lay_ground(
    backends: &dyn Backends,
    valid: &ValidPipeline<'_>,
    plan: &Plan,
    changes: &mut usize,
) -> Result<(), ApplyError> {
    let observation = valid.observation;
    let (Ok(login), Ok(uri)) = (&observation.logins.kafka, &observation.logins.database) else {
        // Validation lets no pipeline through whose Secrets are of no use.
        return Ok(());
    };
    for claim in &plan.claims {
        let change = DatabaseChange::Claim(claim.clone());
        backends
            .change_database(uri, &change)
            .await
            .map_err(|error| match claim.kind {
                ClaimKind::Topic => ApplyError::Topics(error),
                ClaimKind::Table => ApplyError::Tables(error),
                ClaimKind::Lake => ApplyError::Lake(error),
            })?;
        *changes += 1;
    }
    topics(backends, login, uri, plan, changes).await?;
    tables(backends, uri, plan, changes).await
}

async fn topics(
    backends: &dyn Backends,
    login: &KafkaLogin,
    uri: &DatabaseUri,
    plan: &Plan,
    changes: &mut usize,
) -> Result<(), ApplyError> {
    for change in &plan.topics {
        let result = backends
            .change_kafka(login, &KafkaChange::Topic(change.clone()))
            .await;
        if let Err(error) = result {
            let made = |c: &&Claim| c.kind == ClaimKind::Topic && c.name == change.topic();
            unclaim(backends, uri, plan.claims.iter().find(made), &error).await;
            return Err(ApplyError::Topics(error));
        }
        *changes += 1;
    }
    Ok(())
}

async fn tables(
    backends: &dyn Backends,
    uri: &DatabaseUri,
    plan: &Plan,
    changes: &mut usize,
) -> Result<(), ApplyError> {
    for migration in &plan.migrations {
        let change = DatabaseChange::Migrate(migration.clone());
        if let Err(error) = backends.change_database(uri, &change).await {
            let name = migration.table.to_string();
            let made = |c: &&Claim| c.kind == ClaimKind::Table && c.name == name;
            unclaim(backends, uri, plan.claims.iter().find(made), &error).await;
            return Err(ApplyError::Tables(error));
        }
        *changes += 1;
    }
    Ok(())
}

/// Takes back the claim of a thing that somebody else made since it was looked for: claimed as
/// made by the pipeline, it would be deleted with it one day.
async fn unclaim(
    backends: &dyn Backends,
    uri: &DatabaseUri,
    claim: Option<&Claim>,
    error: &BackendError,
) {
    if let (Some(claim), BackendError::Appeared { .. }) = (claim, error)
        && let Err(error) = backends
            .change_database(uri, &DatabaseChange::Release(claim.clone()))
            .await
    {
        tracing::error!(
            claim = claim.name,
            error = crate::telemetry::chain(&error),
            "a claim could not be taken back; deletionPolicy Delete would delete what others made"
        );
    }
}

async fn objects(
    kubernetes: &Kubernetes,
    valid: &ValidPipeline<'_>,
    plan: &Plan,
    changes: &mut usize,
) -> Result<(), ApplyError> {
    let observation = valid.observation;
    for change in &plan.objects {
        match change {
            ObjectChange::Apply(object) => {
                let known = observation.objects.live.contains_key(&object.key);
                kubernetes
                    .apply(&observation.pipeline, object, known)
                    .await?;
            }
            ObjectChange::Delete(key) => {
                kubernetes.delete(&observation.pipeline, key).await?;
            }
        }
        *changes += 1;
    }
    Ok(())
}
