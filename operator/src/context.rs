//! What every reconcile shares.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use kube::Client;
use sensorstream_crds::{PipelineId, SensorPipeline, SensorPipelineStatus, runtime::id_of};
use tokio::sync::Semaphore;

use crate::{
    apply::kubernetes::Kubernetes, backends::Backends, cache::Caches, events::Events,
    metrics::Metrics, observe::secrets::Secrets, plan::kubernetes::installation::Installation,
    status::figures::Meter,
};

/// How the operator is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What of it shows in pipelines' objects.
    pub installation: Installation,
    /// How long a deletion waits for Kafka and `PostgreSQL`.
    pub deletion_grace: Duration,
    /// How many pipelines are reconciled at a time.
    pub concurrency: usize,
    /// How long a request to the API server may take.
    pub request_timeout: Duration,
    /// The operator's pod, for Events.
    pub instance: Option<String>,
}

/// What every reconcile of one watched namespace, or of all, shares.
#[derive(Clone)]
pub struct Context {
    /// Kubernetes as it was last seen.
    pub caches: Arc<Caches>,
    /// What the contexts of all watched namespaces share.
    pub shared: Arc<Shared>,
}

/// What the contexts of all watched namespaces share.
pub struct Shared {
    /// How the operator is set up.
    pub settings: Settings,
    /// Kafka and `PostgreSQL`.
    pub backends: Arc<dyn Backends>,
    /// The API server, to write to.
    pub kubernetes: Kubernetes,
    /// Secrets fetched so far.
    pub secrets: Secrets,
    /// Where Events go.
    pub events: Events,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Bounds the reconciles at a time.
    pub turns: Semaphore,
    memories: Mutex<HashMap<PipelineId, Memory>>,
}

/// What is remembered of a pipeline from one reconcile to the next. Nothing breaks when it is
/// lost.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Which resource it is of: a name may be used again.
    pub uid: Option<String>,
    /// Failures in a row, of this generation.
    pub failures: u32,
    /// The generation that the failures are of.
    pub generation: Option<i64>,
    /// Turns totals into a rate.
    pub meter: Meter,
    /// The status written last, until the cache has it: it may still hold the one before.
    pub written: Option<Box<SensorPipelineStatus>>,
    /// When a status was written last.
    pub written_at: Option<Timestamp>,
}

impl std::ops::Deref for Context {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

impl Shared {
    /// Everything that reconciling needs besides caches.
    pub fn new(
        client: &Client,
        backends: Arc<dyn Backends>,
        metrics: Arc<Metrics>,
        settings: Settings,
    ) -> Self {
        let timeout = settings.request_timeout;
        Self {
            backends,
            kubernetes: Kubernetes::new(client.clone(), timeout),
            secrets: Secrets::new(client.clone(), timeout),
            events: Events::new(client.clone(), settings.instance.clone(), timeout),
            metrics,
            turns: Semaphore::new(settings.concurrency.max(1)),
            memories: Mutex::default(),
            settings,
        }
    }

    /// What is remembered of a pipeline.
    pub fn memory(&self, pipeline: &SensorPipeline) -> Memory {
        self.remember(pipeline, |memory| memory.clone())
    }

    /// Changes what is remembered of a pipeline.
    pub fn remember<T>(
        &self,
        pipeline: &SensorPipeline,
        change: impl FnOnce(&mut Memory) -> T,
    ) -> T {
        let mut memories = self.memories();
        let memory = memories.entry(id_of(pipeline)).or_default();
        if memory.uid != pipeline.metadata.uid {
            // Another resource had the name before.
            *memory = Memory {
                uid: pipeline.metadata.uid.clone(),
                ..Memory::default()
            };
        }
        change(memory)
    }

    /// Forgets a pipeline.
    pub fn forget(&self, id: &PipelineId) {
        self.memories().remove(id);
    }

    fn memories(&self) -> MutexGuard<'_, HashMap<PipelineId, Memory>> {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
