//! Kubernetes as the operator remembers it: one watch a kind and namespace, shared by every
//! pipeline. Each change names the pipelines it concerns. With many pipelines this is most of
//! the operator's memory, so of every object only what decisions need is kept.
//!
//! - [`table`]: what a watch has seen.
//! - [`view`]: what is kept of an object.

pub mod table;
pub mod view;

use std::{
    collections::{BTreeMap, HashMap, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    sync::Arc,
};

use futures::{Stream, StreamExt, future, stream, stream::BoxStream};
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::DynamicObject,
    core::{ApiResource, PartialObjectMeta},
    runtime::{
        WatchStreamExt,
        reflector::{self, ObjectRef, Store, store::Writer},
        watcher,
    },
};
use sensorstream_crds::SensorPipeline;

use crate::{
    observe::{
        logins::secret_names,
        objects::{ObjectKey, Objects},
    },
    plan::kubernetes::{Kind, labels},
};
use table::Table;
use view::{Owned, PodView};

/// What makes a watch of the objects that the operator made.
const OURS: &str = "app.kubernetes.io/managed-by=sensorstream-operator";

/// The caches of one namespace, or of all.
pub struct Caches {
    /// The pipelines.
    pub pipelines: Store<SensorPipeline>,
    objects: BTreeMap<Kind, Arc<Table<Owned>>>,
    pods: Arc<Table<PodView>>,
    /// The versions of Secrets.
    secrets: Arc<Table<Box<str>>>,
}

/// A change that concerns a pipeline.
pub type Triggers = BoxStream<'static, ObjectRef<SensorPipeline>>;

impl Caches {
    /// Empty caches, and the writing end of the pipelines.
    pub fn new() -> (Self, Writer<SensorPipeline>) {
        let (pipelines, writer) = reflector::store();
        let caches = Self {
            pipelines,
            objects: Kind::WATCHED
                .into_iter()
                .map(|kind| (kind, Arc::default()))
                .collect(),
            pods: Arc::default(),
            secrets: Arc::default(),
        };
        (caches, writer)
    }

    /// Waits until every watch has listed what there is.
    pub async fn ready(&self) -> Result<(), reflector::store::WriterDropped> {
        self.pipelines.wait_until_ready().await?;
        for table in self.objects.values() {
            table.ready().await;
        }
        self.pods.ready().await;
        self.secrets.ready().await;
        Ok(())
    }

    /// The version of a Secret, if it exists.
    pub fn secret_version(&self, namespace: &str, name: &str) -> Option<String> {
        self.secrets.get(namespace, name, ToString::to_string)
    }

    /// The objects that a pipeline owns.
    pub fn objects_of(&self, pipeline: &SensorPipeline) -> Objects {
        let namespace = pipeline.namespace().unwrap_or_default();
        let uid = pipeline.metadata.uid.as_deref().unwrap_or_default();
        let mut live = BTreeMap::new();
        for (kind, table) in &self.objects {
            table.each_of(&namespace, |name, object: &Owned| {
                if object.is_owned_by(uid) {
                    let key = ObjectKey {
                        kind: *kind,
                        name: name.to_owned(),
                    };
                    live.insert(key, object.manifest());
                }
            });
        }
        let name = pipeline.name_any();
        let mut pods = Vec::new();
        self.pods.each_of(&namespace, |_, pod: &PodView| {
            if *pod.pipeline == *name
                && let Some(state) = &pod.state
            {
                pods.push((pod.role, state.clone()));
            }
        });
        Objects::of(&name, live, pods)
    }

    /// Watches a namespace, or all of them, for as long as the stream is read.
    pub fn watch(
        &self,
        writer: Writer<SensorPipeline>,
        client: &Client,
        namespace: Option<&str>,
    ) -> Triggers {
        let all = watcher::Config::default().page_size(20);
        let ours = all.clone().labels(OURS);
        let mut triggers = vec![own(writer, all_of(client, namespace), all.clone())];
        for (kind, table) in &self.objects {
            let api = dynamic(client, namespace, &kind.api_resource());
            let watched = table.follow(watcher(api, ours.clone()), view::owned);
            triggers.push(told(
                watched,
                &format!("{kind}"),
                |object: DynamicObject| {
                    let namespace = object.namespace();
                    object
                        .owner_references()
                        .iter()
                        .find_map(|owner| {
                            ObjectRef::from_owner_ref(namespace.as_deref(), owner, ())
                        })
                        .into_iter()
                        .collect()
                },
            ));
        }
        let api = dynamic(client, namespace, &ApiResource::erase::<Pod>(&()));
        let pods = self.pods.follow(watcher(api, ours), view::pod);
        triggers.push(told(pods, "Pod", |pod: DynamicObject| {
            let name = pod.labels().get(labels::INSTANCE);
            let reference = name.zip(pod.namespace());
            reference
                .map(|(name, namespace)| ObjectRef::new(name).within(&namespace))
                .into_iter()
                .collect()
        }));
        let api: Api<PartialObjectMeta<Secret>> = all_of(client, namespace);
        let secrets = self.secrets.follow(watcher(api, all), view::version);
        let pipelines = self.pipelines.clone();
        triggers.push(told(
            secrets,
            "Secret",
            move |secret: PartialObjectMeta<Secret>| {
                let (name, namespace) = (secret.name_any(), secret.namespace());
                pipelines
                    .state_filter(|p| {
                        p.namespace() == namespace
                            && secret_names(&p.name_any(), &p.spec).contains(&name)
                    })
                    .iter()
                    .map(|p| ObjectRef::from_obj(p.as_ref()))
                    .collect()
            },
        ));
        stream::select_all(triggers).boxed()
    }
}

fn all_of<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>,
{
    namespace.map_or_else(
        || Api::all(client.clone()),
        |namespace| Api::namespaced(client.clone(), namespace),
    )
}

fn dynamic(client: &Client, namespace: Option<&str>, resource: &ApiResource) -> Api<DynamicObject> {
    namespace.map_or_else(
        || Api::all_with(client.clone(), resource),
        |namespace| Api::namespaced_with(client.clone(), namespace, resource),
    )
}

/// The pipelines themselves.
fn own(
    writer: Writer<SensorPipeline>,
    api: Api<SensorPipeline>,
    config: watcher::Config,
) -> Triggers {
    let mut seen: HashMap<ObjectRef<SensorPipeline>, u64> = HashMap::new();
    let events = watcher(api, config).default_backoff().modify(|pipeline| {
        pipeline.metadata.managed_fields = None;
        if let Some(annotations) = &mut pipeline.metadata.annotations {
            annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        }
    });
    let touched = reflector::reflector(writer, events).touched_objects();
    told(
        touched,
        "SensorPipeline",
        move |pipeline: SensorPipeline| {
            let reference = ObjectRef::from_obj(&pipeline);
            let digest = digest(&pipeline);
            // Our own writes to the status come back as changes; they are none.
            let news = seen.insert(reference.clone(), digest) != Some(digest);
            news.then_some(reference).into_iter().collect()
        },
    )
}

/// Turns objects that came, changed or went into the pipelines that they concern.
fn told<K: Send + 'static>(
    objects: impl Stream<Item = watcher::Result<K>> + Send + 'static,
    kind: &str,
    mut concerned: impl FnMut(K) -> Vec<ObjectRef<SensorPipeline>> + Send + 'static,
) -> Triggers {
    let kind = kind.to_owned();
    objects
        .filter_map(move |object| {
            future::ready(match object {
                Ok(object) => Some(concerned(object)),
                Err(error) => {
                    let error = crate::telemetry::chain(&error);
                    tracing::warn!(kind, error, "watching; trying again");
                    None
                }
            })
        })
        .flat_map(stream::iter)
        .boxed()
}

/// Tells one state of a pipeline's resource from another, the status aside. Finalizers and
/// annotations count: a predicate on the generation alone hides them.
fn digest(pipeline: &SensorPipeline) -> u64 {
    let meta = &pipeline.metadata;
    let mut hasher = DefaultHasher::new();
    (
        meta.uid.as_deref(),
        meta.generation,
        &meta.finalizers,
        &meta.annotations,
        &meta.labels,
    )
        .hash(&mut hasher);
    meta.deletion_timestamp.is_some().hash(&mut hasher);
    hasher.finish()
}

/// The pipelines that caches hold.
pub fn all_pipelines(caches: &[Arc<Caches>]) -> Vec<Arc<SensorPipeline>> {
    caches
        .iter()
        .flat_map(|caches| caches.pipelines.state())
        .collect()
}

#[cfg(test)]
impl Caches {
    /// Puts an object where a watch would have put it.
    pub(crate) fn put(&self, kind: Kind, object: serde_json::Value) {
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        let (namespace, name) = (object.namespace().unwrap(), object.name_any());
        self.objects[&kind].put(&namespace, &name, view::owned(object).unwrap());
    }

    /// Puts a Secret where a watch would have put it.
    pub(crate) fn put_secret(&self, namespace: &str, name: &str, version: &str) {
        self.secrets.put(namespace, name, version.into());
    }
}
