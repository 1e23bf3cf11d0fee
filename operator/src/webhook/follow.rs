//! The current state of one object, as its watch tells it.

use std::{convert::Infallible, fmt::Debug, pin::pin, sync::Arc};

use futures::StreamExt;
use kube::{
    Api, Resource,
    runtime::{WatchStreamExt, watcher},
};
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use crate::telemetry;

/// What is known of an object.
#[derive(Clone, Debug)]
pub(super) enum Seen<K> {
    /// Nothing yet: the watch has not answered.
    NotYet,
    /// It does not exist.
    Absent,
    /// It is like this.
    Present(Arc<K>),
}

impl<K> Seen<K> {
    /// The object, if it is known to exist.
    pub(super) fn present(self) -> Option<Arc<K>> {
        match self {
            Self::Present(object) => Some(object),
            Self::NotYet | Self::Absent => None,
        }
    }
}

/// Keeps `seen` up to date with the object of this name, for ever.
pub(super) async fn follow<K>(api: Api<K>, name: &str, seen: watch::Sender<Seen<K>>) -> Infallible
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    let mut states = pin!(watcher::watch_object(api, name).default_backoff());
    loop {
        match states.next().await {
            Some(Ok(Some(object))) => drop(seen.send_replace(Seen::Present(Arc::new(object)))),
            Some(Ok(None)) => drop(seen.send_replace(Seen::Absent)),
            Some(Err(error)) => {
                let kind = K::kind(&());
                tracing::warn!(%kind, name, error = telemetry::chain(&error), "watch interrupted");
            }
            // A watch starts again by itself and never ends.
            None => std::future::pending().await,
        }
    }
}
