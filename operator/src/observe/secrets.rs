//! The contents of Secrets. Only metadata is watched; contents are fetched when the version
//! changed, and only for Secrets that pipelines name, so that the operator's memory holds no
//! more secrets than it needs.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};

use super::ObserveError;
use crate::cache::Caches;

/// Contents that no pipeline asked for this long are forgotten.
const FORGET_AFTER: Duration = Duration::from_mins(10);

/// What is in a Secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Contents {
    /// The version of the Secret that holds it.
    pub version: String,
    /// The values by key.
    pub data: BTreeMap<String, Vec<u8>>,
}

impl std::fmt::Debug for Contents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Contents(version {})", self.version)
    }
}

struct Entry {
    contents: Contents,
    used: Instant,
}

/// Secrets fetched so far.
pub struct Secrets {
    client: Client,
    timeout: Duration,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    entries: HashMap<Key, Entry>,
    /// Those that the operator wrote, until the watch tells of what is there.
    written: HashSet<Key>,
}

/// Namespace and name.
type Key = (String, String);

impl Secrets {
    /// Fetches through `client`, each time for at most `timeout`.
    pub fn new(client: Client, timeout: Duration) -> Self {
        Self {
            client,
            timeout,
            known: Mutex::default(),
        }
    }

    /// What is in a Secret, or `None` when there is no such Secret. With `last_known`, the
    /// contents of one deleted meanwhile: a pipeline that goes together with its Secret still
    /// has to log in to clean up.
    pub async fn get(
        &self,
        caches: &Caches,
        namespace: &str,
        name: &str,
        last_known: bool,
    ) -> Result<Option<Contents>, ObserveError> {
        let key = (namespace.to_owned(), name.to_owned());
        let version = caches.secret_version(namespace, name);
        let written = self.known().written.contains(&key);
        if !written {
            if let Some(contents) = self.remembered(&key, version.as_deref(), last_known) {
                return Ok(Some(contents));
            }
            if version.is_none() {
                return Ok(None);
            }
        }
        let api: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        let fetched = tokio::time::timeout(self.timeout, api.get_opt(name))
            .await
            .map_err(|_| ObserveError::SecretTimeout(name.to_owned()))?
            .map_err(|error| ObserveError::Secret(name.to_owned(), error))?;
        let contents = fetched.map(|secret| Contents {
            version: secret.metadata.resource_version.unwrap_or_default(),
            data: secret
                .data
                .unwrap_or_default()
                .into_iter()
                .map(|(k, v)| (k, v.0))
                .collect(),
        });
        let mut known = self.known();
        if contents.as_ref().map(|contents| &contents.version) == version.as_ref() {
            known.written.remove(&key);
        }
        if let Some(contents) = &contents {
            let entry = Entry {
                contents: contents.clone(),
                used: Instant::now(),
            };
            known.entries.insert(key, entry);
        }
        Ok(contents)
    }

    /// Takes in that the operator wrote a Secret: until the watch has caught up, it is read anew each time.
    pub fn wrote(&self, namespace: &str, name: &str) {
        let key = (namespace.to_owned(), name.to_owned());
        self.known().written.insert(key);
    }

    fn remembered(
        &self,
        key: &(String, String),
        version: Option<&str>,
        last_known: bool,
    ) -> Option<Contents> {
        let now = Instant::now();
        let entries = &mut self.known().entries;
        entries.retain(|_, entry| now.duration_since(entry.used) < FORGET_AFTER);
        let entry = entries.get_mut(key)?;
        let current = match version {
            Some(version) => entry.contents.version == version,
            None => last_known,
        };
        current.then(|| {
            entry.used = now;
            entry.contents.clone()
        })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
