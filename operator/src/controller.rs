//! When to reconcile: on every change of a pipeline, of what it owns and of Secrets it names,
//! and from time to time for what can't be watched.

use std::{convert::Infallible, sync::Arc, time::Duration};

use futures::{
    StreamExt,
    future::{self, join_all},
};
use kube::{
    Client,
    runtime::{
        controller::{self, Config, applier},
        reflector::store::Writer,
    },
};
use sensorstream_crds::{PipelineId, SensorPipeline};
use tokio_util::sync::CancellationToken;

use crate::{
    cache::Caches,
    context::{Context, Shared},
    reconcile::{on_error, reconcile},
};

/// Changes that come within this time of each other are handled together.
const DEBOUNCE: Duration = Duration::from_millis(100);

/// One watched namespace, or all of them.
pub struct Watched {
    namespace: Option<String>,
    caches: Arc<Caches>,
    writer: Writer<SensorPipeline>,
}

impl Watched {
    /// The watched namespaces; all of them when none is named.
    pub fn new(namespaces: &[String]) -> Vec<Self> {
        let named: Vec<Option<String>> = if namespaces.is_empty() {
            vec![None]
        } else {
            namespaces.iter().cloned().map(Some).collect()
        };
        named
            .into_iter()
            .map(|namespace| {
                let (caches, writer) = Caches::new();
                Self {
                    namespace,
                    caches: Arc::new(caches),
                    writer,
                }
            })
            .collect()
    }

    /// What is known of it.
    pub fn caches(&self) -> Arc<Caches> {
        Arc::clone(&self.caches)
    }
}

/// Reconciles until `shutdown`, and then finishes what is under way.
pub async fn run(
    client: &Client,
    shared: &Arc<Shared>,
    watched: Vec<Watched>,
    shutdown: CancellationToken,
) {
    join_all(
        watched
            .into_iter()
            .map(|one| watch(client, shared, one, shutdown.clone())),
    )
    .await;
}

async fn watch(
    client: &Client,
    shared: &Arc<Shared>,
    watched: Watched,
    shutdown: CancellationToken,
) {
    let Watched {
        namespace,
        caches,
        writer,
    } = watched;
    let context = Arc::new(Context {
        caches: Arc::clone(&caches),
        shared: Arc::clone(shared),
    });
    let triggers = caches.watch(writer, client, namespace.as_deref());
    let concurrency = u16::try_from(shared.settings.concurrency).unwrap_or(u16::MAX);
    let ready = Arc::clone(&caches);
    let outcomes = applier(
        |pipeline, context| {
            let ready = Arc::clone(&ready);
            Box::pin(async move {
                // Planning on half a cache would make what is already there.
                if ready.ready().await.is_err() {
                    tracing::error!("a cache closed; its watch is gone");
                }
                reconcile(pipeline, context).await
            })
        },
        on_error,
        context,
        caches.pipelines.clone(),
        triggers
            .take_until(shutdown.cancelled_owned())
            .map(Ok::<_, Infallible>),
        Config::default()
            .debounce(DEBOUNCE)
            .concurrency(concurrency),
    );
    outcomes
        .for_each(|outcome| {
            // Failures are logged where they happen; a pipeline that is gone is none.
            if let Err(controller::Error::ObjectNotFound(gone)) = outcome {
                let namespace = gone.namespace.clone().unwrap_or_default();
                shared.forget(&PipelineId::new(namespace, gone.name.clone()));
            }
            future::ready(())
        })
        .await;
}
