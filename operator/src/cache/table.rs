//! What a watch has seen: something of every object, by namespace and name.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use futures::{Stream, StreamExt, future};
use kube::{
    Resource, ResourceExt,
    runtime::{WatchStreamExt, watcher, watcher::Event},
};
use tokio::sync::watch;

type Entries<V> = BTreeMap<Box<str>, BTreeMap<Box<str>, V>>;

/// What a watch has seen.
#[derive(Debug)]
pub struct Table<V> {
    entries: RwLock<Entries<V>>,
    ready: watch::Sender<bool>,
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self {
            entries: RwLock::default(),
            ready: watch::Sender::new(false),
        }
    }
}

impl<V: Send + Sync + 'static> Table<V> {
    /// Waits until the watch has listed what there is.
    pub async fn ready(&self) {
        // The sender is this table's own, so it is never gone.
        let _ = self.ready.subscribe().wait_for(|ready| *ready).await;
    }

    /// Looks at one entry.
    pub fn get<T>(&self, namespace: &str, name: &str, look: impl FnOnce(&V) -> T) -> Option<T> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(namespace)?.get(name).map(look)
    }

    /// Looks at every entry of a namespace.
    pub fn each_of(&self, namespace: &str, mut look: impl FnMut(&str, &V)) {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        for (name, value) in entries.get(namespace).into_iter().flatten() {
            look(name, value);
        }
    }

    /// Keeps what `view` makes of every object that a watch tells of, and passes the object on.
    pub fn follow<K>(
        self: &Arc<Self>,
        events: impl Stream<Item = watcher::Result<Event<K>>> + Send + 'static,
        view: fn(K) -> Option<V>,
    ) -> impl Stream<Item = watcher::Result<K>> + Send + 'static
    where
        K: Resource + Clone + Send + 'static,
    {
        let table = Arc::clone(self);
        let mut listing = Entries::new();
        events.default_backoff().filter_map(move |event| {
            let told = match event {
                Ok(Event::Init) => {
                    listing = Entries::new();
                    None
                }
                Ok(Event::InitApply(object)) => {
                    add(&mut listing, object.clone(), view);
                    Some(Ok(object))
                }
                Ok(Event::InitDone) => {
                    *table.write() = std::mem::take(&mut listing);
                    table.ready.send_replace(true);
                    None
                }
                Ok(Event::Apply(object)) => {
                    add(&mut table.write(), object.clone(), view);
                    Some(Ok(object))
                }
                Ok(Event::Delete(object)) => {
                    remove(&mut table.write(), &object);
                    Some(Ok(object))
                }
                Err(error) => Some(Err(error)),
            };
            future::ready(told)
        })
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Entries<V>> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(crate) fn put(&self, namespace: &str, name: &str, value: V) {
        self.write()
            .entry(namespace.into())
            .or_default()
            .insert(name.into(), value);
    }
}

fn add<K: Resource, V>(entries: &mut Entries<V>, object: K, view: fn(K) -> Option<V>) {
    let namespace = object.namespace().unwrap_or_default().into_boxed_str();
    let name = object.name_any().into_boxed_str();
    if let Some(value) = view(object) {
        entries.entry(namespace).or_default().insert(name, value);
    }
}

fn remove<K: Resource, V>(entries: &mut Entries<V>, object: &K) {
    let namespace = object.namespace().unwrap_or_default();
    if let Some(names) = entries.get_mut(namespace.as_str()) {
        names.remove(object.name_any().as_str());
        if names.is_empty() {
            entries.remove(namespace.as_str());
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;

    fn object(namespace: &str, name: &str, version: &str) -> ConfigMap {
        let mut object = ConfigMap::default();
        object.metadata.namespace = Some(namespace.into());
        object.metadata.name = Some(name.into());
        object.metadata.resource_version = Some(version.into());
        object
    }

    async fn after(events: Vec<Event<ConfigMap>>) -> (Arc<Table<String>>, usize) {
        let table = Arc::new(Table::default());
        let told = table.follow(stream::iter(events.into_iter().map(Ok)), |o| {
            o.resource_version()
        });
        let told = told.count().await;
        (table, told)
    }

    #[tokio::test]
    async fn a_listing_shows_only_when_it_is_whole() {
        let start = vec![Event::Init, Event::InitApply(object("a", "x", "1"))];
        let (table, told) = after(start.clone()).await;
        assert_eq!((table.get("a", "x", String::clone), told), (None, 1));
        assert!(!*table.ready.borrow());
        let (table, _) = after([start, vec![Event::InitDone]].concat()).await;
        table.ready().await;
        assert_eq!(table.get("a", "x", String::clone), Some("1".into()));
    }

    #[tokio::test]
    async fn what_changed_and_went_does_so_at_once_and_is_told() {
        let (table, told) = after(vec![
            Event::Init,
            Event::InitDone,
            Event::Apply(object("a", "x", "1")),
            Event::Apply(object("a", "x", "2")),
            Event::Apply(object("b", "x", "3")),
            Event::Apply(object("a", "y", "4")),
            Event::Delete(object("a", "y", "5")),
        ])
        .await;
        assert_eq!(told, 5);
        let mut seen = Vec::new();
        table.each_of("a", |name, version| {
            seen.push((name.to_owned(), version.clone()));
        });
        assert_eq!(seen, [("x".to_owned(), "2".to_owned())]);
    }

    #[tokio::test]
    async fn a_new_listing_forgets_what_is_no_longer_there() {
        let (table, _) = after(vec![
            Event::Init,
            Event::InitApply(object("a", "x", "1")),
            Event::InitDone,
            Event::Init,
            Event::InitApply(object("a", "y", "2")),
            Event::InitDone,
        ])
        .await;
        assert_eq!(table.get("a", "x", String::clone), None);
        assert_eq!(table.get("a", "y", String::clone), Some("2".into()));
    }
}
