//! All the reading of a reconcile. What can't be read is part of the answer, so that one thing
//! out of reach hides nothing else; only Kubernetes itself failing is an error.
//!
//! ```text
//! caches ──► objects, workloads ┐
//! Secrets ─► logins ─► Kafka    ├─► Observation
//!                  └─► PostgreSQL┘
//! ```

pub mod logins;
pub mod objects;
pub mod secrets;

use std::sync::Arc;

use sensorstream_crds::{ConditionReason, PipelineId, SensorPipeline, runtime::id_of};

use crate::{
    backends::{BackendError, Backends, Database, Sought, Topics},
    context::Context,
    plan::{tables, topics},
};
use logins::Logins;
use objects::Objects;
use secrets::Contents;

/// Everything a reconcile decides by.
#[derive(Clone, Debug)]
pub struct Observation {
    /// The resource.
    pub pipeline: Arc<SensorPipeline>,
    /// Who it is.
    pub id: PipelineId,
    /// Its Kubernetes objects.
    pub objects: Objects,
    /// How to log in to Kafka and `PostgreSQL`, from its Secrets.
    pub logins: Logins,
    /// What Kafka says.
    pub topics: Observed<Topics>,
    /// What `PostgreSQL` says.
    pub database: Observed<Database>,
}

/// Something that may be out of reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed<T> {
    /// It was read.
    Seen(T),
    /// It was not, for this reason.
    Unseen(Unseen),
}

/// Why something was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// One word for the condition.
    pub reason: ConditionReason,
    /// For people.
    pub message: String,
}

impl<T> Observed<T> {
    /// What was read, if it was.
    pub fn seen(&self) -> Option<&T> {
        match self {
            Self::Seen(value) => Some(value),
            Self::Unseen(_) => None,
        }
    }

    /// Why it was not read, if it was not.
    pub fn unseen(&self) -> Option<&Unseen> {
        match self {
            Self::Seen(_) => None,
            Self::Unseen(unseen) => Some(unseen),
        }
    }

    fn from_answer(answer: Result<T, BackendError>) -> Self {
        answer.map_or_else(
            |error| {
                let reason = match error {
                    BackendError::Unreachable { .. } => ConditionReason::Unreachable,
                    _ => ConditionReason::Refused,
                };
                Self::Unseen(Unseen {
                    reason,
                    message: error.to_string(),
                })
            },
            Self::Seen,
        )
    }
}

/// Why a reconcile could not begin.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// A Secret that exists could not be read.
    #[error("reading Secret {0}")]
    Secret(String, #[source] kube::Error),
    /// The API server did not answer in time.
    #[error("reading Secret {0}: no answer from the API server in time")]
    SecretTimeout(String),
}

/// Reads all there is to know of a pipeline.
pub async fn observe(
    context: &Context,
    pipeline: Arc<SensorPipeline>,
) -> Result<Observation, ObserveError> {
    let id = id_of(&pipeline);
    // Kubernetes first: a drain captures end offsets only once the simulator's pods are gone,
    // so the offsets must be newer than the pods.
    let objects = context.caches.objects_of(&pipeline);
    let mut contents: Vec<(String, Option<Contents>)> = Vec::new();
    let deleting = pipeline.metadata.deletion_timestamp.is_some();
    for name in logins::secret_names(&id.name, &pipeline.spec) {
        let found = context
            .secrets
            .get(&context.caches, &id.namespace, &name, deleting)
            .await?;
        contents.push((name, found));
    }
    let logins = logins::read(&id, &pipeline.spec, |name| {
        contents
            .iter()
            .find(|(n, _)| n == name)
            .and_then(|(_, found)| found.as_ref())
    });
    Ok(ask(context.backends.as_ref(), pipeline, objects, logins).await)
}

/// Asks Kafka and `PostgreSQL`, given what is known of the rest.
pub async fn ask(
    backends: &dyn Backends,
    pipeline: Arc<SensorPipeline>,
    objects: Objects,
    logins: Logins,
) -> Observation {
    let id = id_of(&pipeline);
    let names = topics::wanted::names(&id, &pipeline.spec);
    let sought = Sought {
        tables: tables::wanted::names(&id, &pipeline.spec),
        role: logins.role().map(str::to_owned),
    };
    let (topics, database) = tokio::join!(
        async {
            match &logins.kafka {
                Ok(login) => Observed::from_answer(backends.topics(login, &names).await),
                Err(problem) => Observed::Unseen(problem.unseen()),
            }
        },
        async {
            match &logins.database {
                Ok(uri) => Observed::from_answer(backends.database(uri, &id, &sought).await),
                Err(problem) => Observed::Unseen(problem.unseen()),
            }
        }
    );
    Observation {
        pipeline,
        id,
        objects,
        logins,
        topics,
        database,
    }
}
