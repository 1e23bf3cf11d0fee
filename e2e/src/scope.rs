//! A test's own part of the cluster: a namespace with the Secrets of the database and the lake in it. When
//! the test fails it prints what a person would look at, and leaves it there.

use std::{collections::BTreeMap, process::Command, thread};

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Event, Namespace, Pod, Secret},
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams},
};
use sensorstream_crds::{PipelineId, SensorPipeline};
use sensorstream_ledger::migrate::migrate;
use sensorstream_oracle::{Lake, lake::Login};
use serde_json::{Value, json};

use crate::{
    cluster::{BACKENDS_NAMESPACE, Cluster, OPERATOR_NAMESPACE, variable},
    pipeline::LAKE_BUCKET,
    wait::{secs, until},
};

/// A namespace of a test's own.
pub struct Scope {
    /// The cluster it is on.
    pub cluster: Cluster,
    /// Its name.
    pub namespace: String,
    /// The keys of the lake, if the cluster has one.
    lake: Option<[String; 2]>,
}

impl Scope {
    /// Makes a namespace for the test `name`.
    ///
    /// # Panics
    /// When the cluster refuses.
    pub async fn new(name: &str) -> Self {
        let cluster = Cluster::connect().await;
        let namespace = format!("t-{name}-{:05x}", fastrand::u32(..0x10_0000));
        let labels = [
            ("pod-security.kubernetes.io/enforce", "restricted"),
            ("sensorstream.dev/test", "true"),
        ];
        let object = Namespace {
            metadata: ObjectMeta {
                name: Some(namespace.clone()),
                labels: Some(labels.map(|(k, v)| (k.to_owned(), v.to_owned())).into()),
                ..ObjectMeta::default()
            },
            ..Namespace::default()
        };
        Api::all(cluster.client.clone())
            .create(&PostParams::default(), &object)
            .await
            .expect("the namespace is made");
        let mut scope = Self {
            cluster,
            namespace,
            lake: None,
        };
        let secrets: Api<Secret> =
            Api::namespaced(scope.cluster.client.clone(), BACKENDS_NAMESPACE);
        let uri = secrets
            .get("sensorstream-db")
            .await
            .expect("the database's Secret");
        scope
            .create_secret("sensorstream-db", uri.data.unwrap_or_default())
            .await;
        let lake = secrets.get_opt("lake").await.expect("Secrets are read");
        if let Some(keys) = lake.and_then(|lake| lake.data) {
            scope.lake = Some(["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(|name| {
                let key = keys[name].0.clone();
                String::from_utf8(key).expect("keys are text")
            }));
            scope.create_secret("lake", keys).await;
        }
        scope
    }

    /// What the pipeline `name` has written to the lake, as the host reaches it.
    ///
    /// # Panics
    /// When the cluster has no lake.
    pub fn lake(&self, name: &str) -> Lake {
        self.lake_below(&format!("{}/{name}", self.namespace))
            .expect("the cluster has MinIO; cluster/minio.sh adds it")
    }

    fn lake_below(&self, prefix: &str) -> Option<Lake> {
        let [key, secret] = self.lake.as_ref()?;
        let endpoint = variable("LAKE_ENDPOINT");
        let login = Login {
            endpoint: &endpoint,
            key,
            secret,
        };
        Some(Lake::bucket(login, LAKE_BUCKET, prefix))
    }

    async fn create_secret(&self, name: &str, data: BTreeMap<String, k8s_openapi::ByteString>) {
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(name.into()),
                ..ObjectMeta::default()
            },
            data: Some(data),
            ..Secret::default()
        };
        self.api::<Secret>()
            .create(&PostParams::default(), &secret)
            .await
            .expect("the Secret is made");
    }

    /// Objects of a kind in this namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = kube::core::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.cluster.client.clone(), &self.namespace)
    }

    /// The identity of the pipeline `name` here.
    pub fn id(&self, name: &str) -> PipelineId {
        PipelineId::new(&self.namespace, name)
    }

    /// Applies a pipeline as kubectl does.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn apply(&self, pipeline: &SensorPipeline) -> SensorPipeline {
        let applied = self.try_apply(pipeline).await;
        applied.expect("the pipeline is accepted")
    }

    /// Applies a pipeline.
    ///
    /// # Errors
    /// When it is refused, or nobody is there to judge it.
    pub async fn try_apply(&self, pipeline: &SensorPipeline) -> Result<SensorPipeline, String> {
        self.api()
            .patch(
                &pipeline.name_any(),
                &PatchParams::apply("e2e").force(),
                &Patch::Apply(pipeline),
            )
            .await
            .map_err(|error| error.to_string())
    }

    /// Changes a pipeline's spec by a merge patch.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn edit(&self, name: &str, spec: Value) -> SensorPipeline {
        self.api::<SensorPipeline>()
            .patch(
                name,
                &PatchParams::default(),
                &Patch::Merge(json!({ "spec": spec })),
            )
            .await
            .expect("the edit is accepted")
    }

    /// The pipeline as it is now.
    ///
    /// # Panics
    /// When there is none.
    pub async fn pipeline(&self, name: &str) -> SensorPipeline {
        self.api().get(name).await.expect("the pipeline exists")
    }

    /// Waits until the pipeline, as last applied, satisfies `check`.
    pub async fn until_pipeline(
        &self,
        name: &str,
        what: &str,
        seconds: u64,
        check: impl Fn(&SensorPipeline) -> bool,
    ) -> SensorPipeline {
        until(&format!("{name} to be {what}"), secs(seconds), || async {
            let pipeline = self.pipeline(name).await;
            if check(&pipeline) {
                return Ok(pipeline);
            }
            Err(serde_json::to_string(&pipeline.status).unwrap_or_default())
        })
        .await
    }

    /// Waits until the pipeline is ready as last applied and data flows.
    pub async fn until_flowing(&self, name: &str) -> SensorPipeline {
        self.until_pipeline(name, "ready and flowing", 120, |pipeline| {
            crate::pipeline::is_current(pipeline, "Ready", "True")
                && crate::pipeline::is_current(pipeline, "DataFlowing", "True")
        })
        .await
    }

    /// Deletes a pipeline and waits until it is gone.
    ///
    /// # Panics
    /// When the deletion is refused or takes longer.
    pub async fn delete(&self, name: &str, seconds: u64) {
        let pipelines = self.api::<SensorPipeline>();
        pipelines
            .delete(name, &DeleteParams::default())
            .await
            .expect("deletion is accepted");
        until(&format!("{name} to be gone"), secs(seconds), || async {
            match pipelines.get_opt(name).await {
                Ok(None) => Ok(()),
                Ok(Some(pipeline)) => {
                    Err(serde_json::to_string(&pipeline.status).unwrap_or_default())
                }
                Err(error) => Err(error.to_string()),
            }
        })
        .await;
    }

    /// The running pods of a component (`processor`, `producer`, `api`) of a pipeline.
    ///
    /// # Panics
    /// When the API server does not answer.
    pub async fn pods(&self, pipeline: &str, component: &str) -> Vec<Pod> {
        let selector = format!(
            "app.kubernetes.io/instance={pipeline},app.kubernetes.io/component={component}"
        );
        let pods = self
            .api::<Pod>()
            .list(&ListParams::default().labels(&selector))
            .await;
        pods.expect("pods are listed")
            .items
            .into_iter()
            .filter(|pod| pod.metadata.deletion_timestamp.is_none())
            .collect()
    }

    /// The number of replicas that a Deployment asks for, or `None` when there is no such one.
    ///
    /// # Panics
    /// When the API server does not answer.
    pub async fn replicas_asked(&self, deployment: &str) -> Option<i32> {
        let found = self
            .api::<Deployment>()
            .get_opt(deployment)
            .await
            .expect("deployments are read");
        found.and_then(|found| found.spec?.replicas)
    }

    /// The reasons of the events about a pipeline.
    ///
    /// # Panics
    /// When the API server does not answer.
    pub async fn events(&self, pipeline: &str) -> Vec<Event> {
        let selector = format!("involvedObject.name={pipeline},involvedObject.kind=SensorPipeline");
        let events = self
            .api::<Event>()
            .list(&ListParams::default().fields(&selector))
            .await;
        events.expect("events are listed").items
    }

    /// A path of a pod's HTTP port, through the API server.
    ///
    /// # Errors
    /// When the pod does not answer with success.
    ///
    /// # Panics
    /// When `path` is none.
    pub async fn http(&self, pod: &str, path: &str) -> Result<String, String> {
        let uri = format!(
            "/api/v1/namespaces/{}/pods/{pod}:8080/proxy{path}",
            self.namespace
        );
        let request = http::Request::get(uri).body(Vec::new()).expect("a request");
        self.cluster
            .client
            .request_text(request)
            .await
            .map_err(|error| error.to_string())
    }

    /// Cleans up: pipelines with everything they made, then the namespace.
    ///
    /// # Panics
    /// When something can't be removed.
    pub async fn close(self) {
        Box::pin(self.clean_up()).await;
    }

    async fn clean_up(self) {
        let pipelines = self.api::<SensorPipeline>();
        for pipeline in pipelines
            .list(&ListParams::default())
            .await
            .map(|l| l.items)
            .unwrap_or_default()
        {
            if pipeline.metadata.deletion_timestamp.is_none() {
                self.edit(&pipeline.name_any(), json!({ "deletionPolicy": "Delete" }))
                    .await;
                self.delete(&pipeline.name_any(), 90).await;
            }
        }
        // What pipelines deleted with Retain left, and the schema, which no pipeline removes.
        let schema = crate::pipeline::schema(&self.namespace);
        let drop = format!("DROP SCHEMA IF EXISTS \"{schema}\" CASCADE");
        sqlx::raw_sql(sqlx::AssertSqlSafe(drop))
            .execute(&self.cluster.postgres)
            .await
            .expect("schema dropped");
        // Where no pipeline ever ran there is no commit log yet.
        migrate(&self.cluster.postgres)
            .await
            .expect("the commit log is there");
        let tables = [
            "pending_dead_letters",
            "blocked_sinks",
            "state_buckets",
            "lake_files",
            "shards",
            "readers",
            "statuses",
            "claims",
        ];
        for table in tables {
            let delete = format!("DELETE FROM sensorstream.{table} WHERE pipeline LIKE $1");
            sqlx::query(sqlx::AssertSqlSafe(delete))
                .bind(format!("{}/%", self.namespace))
                .execute(&self.cluster.postgres)
                .await
                .expect("leftovers are removed");
        }
        crate::counts::delete_topics(&self.cluster.kafka, &self.namespace).await;
        if let Some(lake) = self.lake_below(&self.namespace) {
            lake.remove().await;
        }
        let namespaces: Api<Namespace> = Api::all(self.cluster.client.clone());
        namespaces
            .delete(&self.namespace, &DeleteParams::default())
            .await
            .expect("the namespace goes");
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        if thread::panicking() {
            let namespace = &self.namespace;
            eprintln!("\n===== what the cluster says about {namespace} =====");
            show(&[
                "get",
                "sensorpipelines,deployments,pods",
                "-n",
                namespace,
                "-o",
                "wide",
            ]);
            show(&["describe", "sensorpipelines", "-n", namespace]);
            show(&["get", "events", "-n", namespace, "--sort-by=.lastTimestamp"]);
            for component in ["processor", "producer", "api"] {
                let selector = format!("app.kubernetes.io/component={component}");
                show(&[
                    "logs",
                    "-n",
                    namespace,
                    "-l",
                    &selector,
                    "--prefix",
                    "--tail=40",
                    "--all-containers",
                ]);
            }
            let selector = "app.kubernetes.io/name=sensorstream-operator";
            show(&[
                "logs",
                "-n",
                OPERATOR_NAMESPACE,
                "-l",
                selector,
                "--prefix",
                "--tail=60",
            ]);
            eprintln!("===== the namespace {namespace} is left for you to look at =====\n");
        }
    }
}

/// Prints what kubectl says, on standard error.
fn show(arguments: &[&str]) {
    eprintln!("$ kubectl {}", arguments.join(" "));
    match Command::new("kubectl").args(arguments).output() {
        Ok(output) => eprintln!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ),
        Err(error) => eprintln!("kubectl: {error}"),
    }
}
