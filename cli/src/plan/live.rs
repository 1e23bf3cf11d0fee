//! A pipeline as it is in a cluster. Everything here looks, and changes nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use k8s_openapi::api::{apps::v1::Deployment, core::v1::Pod, core::v1::Secret as KubernetesSecret};
use kube::{
    Api, Client, ResourceExt,
    api::{DynamicObject, ListParams, Patch, PatchParams},
    core::ApiResource,
};
use sensorstream_crds::{ConditionReason, PipelineId, SensorPipeline};
use sensorstream_operator::{
    FIELD_MANAGER,
    arguments::InstallationArguments,
    backends::{Backends, Database, Sought, TopicNames, Topics},
    cache::view,
    connections::Connections,
    metrics::Metrics,
    observe::{
        Observed, Unseen,
        logins::Logins,
        objects::{ObjectKey, Objects, pod_state},
        secrets::Contents,
    },
    plan::kubernetes::{Kind, installation::Installation, labels},
    role::Role,
};
use serde_json::{Value, json};

use super::{changes::Object, decide::shown, ground::Secret};

/// How long Kafka and `PostgreSQL` may take to answer: they often can't be reached from here.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often the API server is asked about a resource that somebody else writes meanwhile.
const TRIES: u32 = 5;
/// How the operator's Deployment is labelled.
const OPERATOR: &str = "app.kubernetes.io/name=sensorstream-operator";

/// Why the cluster could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// It did not answer, or answered no.
    #[error("reading {0} from the cluster")]
    Read(String, #[source] Box<kube::Error>),
}

fn failed(what: impl Into<String>) -> impl FnOnce(kube::Error) -> LiveError {
    let what = what.into();
    |error| LiveError::Read(what, Box::new(error))
}

/// What the API server makes of a resource that is not applied.
#[derive(Debug)]
pub enum Verdict {
    /// It would take it.
    Taken,
    /// It would refuse it, for this.
    Refused(String),
    /// Who asks may not ask that.
    NotAsked(String),
}

/// A namespace of a cluster.
pub struct Live {
    client: Client,
    namespace: String,
}

impl Live {
    /// Of a client and a namespace.
    pub fn new(client: Client, namespace: String) -> Self {
        Self { client, namespace }
    }

    /// The resource, if it exists.
    pub async fn pipeline(&self, name: &str) -> Result<Option<SensorPipeline>, LiveError> {
        let api: Api<SensorPipeline> = Api::namespaced(self.client.clone(), &self.namespace);
        let found = api.get_opt(name).await;
        found.map_err(failed(format!("SensorPipeline {name}")))
    }

    /// What the API server and its webhooks say to the resource.
    pub async fn judge(
        &self,
        resource: &Value,
        live: Option<&SensorPipeline>,
    ) -> Result<Verdict, LiveError> {
        let mut resource = resource.clone();
        resource["metadata"]["namespace"] = json!(self.namespace);
        let name = resource["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let mut path = format!(
            "/apis/sensorstream.dev/v1alpha1/namespaces/{}/sensorpipelines",
            self.namespace
        );
        let method = if live.is_some() {
            path = format!("{path}/{name}");
            http::Method::PUT
        } else {
            http::Method::POST
        };
        let mut version = live.and_then(ResourceExt::resource_version);
        let mut tries = 1;
        loop {
            if let Some(version) = &version {
                resource["metadata"]["resourceVersion"] = json!(version);
            }
            let request = http::Request::builder()
                .method(method.clone())
                .uri(format!("{path}?dryRun=All&fieldValidation=Strict"))
                .header("content-type", "application/json")
                .body(resource.to_string().into_bytes())
                .expect("the address has nothing but names in it");
            match self.client.request::<Value>(request).await {
                Ok(_) => return Ok(Verdict::Taken),
                // The operator has written its status meanwhile, which says nothing of the spec.
                Err(kube::Error::Api(status)) if status.reason == "Conflict" && tries < TRIES => {
                    let live = self.pipeline(&name).await?;
                    version = live.and_then(|live| live.resource_version());
                    tries += 1;
                }
                Err(kube::Error::Api(status))
                    if status.reason == "Forbidden" && status.message.contains("\" cannot ") =>
                {
                    return Ok(Verdict::NotAsked(status.message.clone()));
                }
                Err(kube::Error::Api(status)) if status.code < 500 => {
                    return Ok(Verdict::Refused(status.message.clone()));
                }
                Err(error) => return Err(failed("what the API server makes of it")(error)),
            }
        }
    }

    /// The objects that the pipeline owns, and how far its workloads have come.
    pub async fn objects(&self, pipeline: &SensorPipeline) -> Result<Objects, LiveError> {
        let name = pipeline.name_any();
        let uid = pipeline.uid().unwrap_or_default();
        let ours = ListParams::default().labels(&format!("{}={name}", labels::INSTANCE));
        let mut live = BTreeMap::new();
        for kind in Kind::WATCHED {
            let listed = self.dynamic(&kind.api_resource()).list(&ours).await;
            for object in listed.map_err(failed(format!("{kind}s")))? {
                if object
                    .owner_references()
                    .iter()
                    .any(|owner| owner.uid == uid)
                {
                    let key = ObjectKey {
                        kind,
                        name: object.name_any(),
                    };
                    live.insert(key, typed(kind, object));
                }
            }
        }
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.namespace);
        let pods = pods.list(&ours).await.map_err(failed("Pods"))?;
        let pods = pods.into_iter().filter_map(|pod| {
            let role = Role::from_component(pod.labels().get(labels::COMPONENT)?)?;
            let status = serde_json::to_value(&pod.status).ok()?;
            Some((role, pod_state(&pod.name_any(), &status)?))
        });
        Ok(Objects::of(&name, live, pods))
    }

    /// Of the objects, those that exist and are somebody else's.
    pub async fn foreign(&self, added: &[Object]) -> Result<Vec<String>, LiveError> {
        let mut found = Vec::new();
        for object in added {
            let kind = Kind::WATCHED
                .into_iter()
                .find(|kind| kind.to_string() == object.kind);
            let Some(kind) = kind else { continue };
            let there = self
                .dynamic(&kind.api_resource())
                .get_opt(&object.name)
                .await;
            let shown = format!("{} {}", object.kind, object.name);
            if there.map_err(failed(shown.clone()))?.is_some() {
                found.push(shown);
            }
        }
        Ok(found)
    }

    /// What an object becomes when the operator applies it, if who asks may ask.
    pub async fn applied(&self, object: &Object) -> Option<Value> {
        let kind = Kind::WATCHED
            .into_iter()
            .find(|kind| kind.to_string() == object.kind)?;
        let manifest = object.applied.as_ref()?;
        let parameters = PatchParams::apply(FIELD_MANAGER).force().dry_run();
        let api = self.dynamic(&kind.api_resource());
        let patch = Patch::Apply(manifest);
        let patched = api.patch(&object.name, &parameters, &patch).await;
        Some(shown(&typed(kind, patched.ok()?)))
    }

    /// The Secrets of these names.
    pub async fn secrets(
        &self,
        names: BTreeSet<String>,
    ) -> Result<BTreeMap<String, Secret>, LiveError> {
        let api: Api<KubernetesSecret> = Api::namespaced(self.client.clone(), &self.namespace);
        let mut found = BTreeMap::new();
        for name in names {
            let secret = match api.get_opt(&name).await {
                Ok(Some(secret)) => Secret::Read(contents(secret)),
                Ok(None) => Secret::Missing,
                Err(kube::Error::Api(status)) if status.code == 403 => Secret::Unknown,
                Err(error) => return Err(failed(format!("Secret {name}"))(error)),
            };
            found.insert(name, secret);
        }
        Ok(found)
    }

    /// How the operator is installed, and where; nothing if no operator is found.
    pub async fn installation(&self) -> Option<(Installation, String)> {
        let api: Api<Deployment> = Api::all(self.client.clone());
        let found = api
            .list(&ListParams::default().labels(OPERATOR))
            .await
            .ok()?;
        found.items.into_iter().find_map(|deployment| {
            let namespace = deployment.namespace()?;
            let spec = deployment.spec?.template.spec?;
            let container = spec
                .containers
                .into_iter()
                .find(|container| container.name == "operator")?;
            let environment = container.env.unwrap_or_default().into_iter();
            let environment =
                environment.filter_map(|variable| Some((variable.name, variable.value?)));
            let arguments = InstallationArguments::of_container(
                &container.args.unwrap_or_default(),
                &environment.collect(),
            );
            Some((arguments.ok()?.installation(), namespace))
        })
    }

    fn dynamic(&self, resource: &ApiResource) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.namespace, resource)
    }
}

/// An object with its kind, which lists leave out.
fn typed(kind: Kind, object: DynamicObject) -> Value {
    let resource = kind.api_resource();
    let mut value = serde_json::to_value(view::kept(object)).expect("objects are JSON");
    value["apiVersion"] = json!(resource.api_version);
    value["kind"] = json!(resource.kind);
    value
}

fn contents(secret: KubernetesSecret) -> Contents {
    let data = secret.data.unwrap_or_default().into_iter();
    Contents {
        version: secret.metadata.resource_version.unwrap_or_default(),
        data: data.map(|(key, value)| (key, value.0)).collect(),
    }
}

/// What Kafka and `PostgreSQL` say, if they answer from here.
pub async fn ground(
    id: &PipelineId,
    logins: &Logins,
    names: &TopicNames,
    sought: &Sought,
) -> (Observed<Topics>, Observed<Database>) {
    let connections = Connections::new(Metrics::new().endpoint_up()).only_looking();
    let topics = async {
        match &logins.kafka {
            Ok(login) => observed(connections.topics(login, names)).await,
            Err(problem) => Observed::Unseen(problem.unseen()),
        }
    };
    let database = async {
        match &logins.database {
            Ok(uri) => observed(connections.database(uri, id, sought)).await,
            Err(problem) => Observed::Unseen(problem.unseen()),
        }
    };
    tokio::join!(topics, database)
}

async fn observed<T, E: ToString>(question: impl Future<Output = Result<T, E>>) -> Observed<T> {
    let unseen = |message: String| {
        Observed::Unseen(Unseen {
            reason: ConditionReason::Unreachable,
            message,
        })
    };
    match tokio::time::timeout(PATIENCE, question).await {
        Ok(Ok(seen)) => Observed::Seen(seen),
        Ok(Err(error)) => unseen(error.to_string()),
        Err(_) => unseen(format!("no answer from here within {PATIENCE:?}")),
    }
}
