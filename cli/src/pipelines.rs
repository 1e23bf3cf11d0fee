//! Reads pipelines from a cluster.

use kube::{Api, Client, ResourceExt, api::ListParams};
use sensorstream_crds::SensorPipeline;

use crate::cluster::Cluster;

/// Why there is no pipeline to speak of.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// There is none of the name.
    #[error("there is no SensorPipeline {name} in namespace {namespace}; {others}")]
    Absent {
        /// Where it was looked for.
        namespace: String,
        /// Its name.
        name: String,
        /// What there is.
        others: String,
    },
    /// The cluster does not know the kind.
    #[error(
        "the cluster knows no SensorPipelines; install the operator: helm install sensorstream charts/sensorstream"
    )]
    NotInstalled,
    /// The API server refused, or did not answer.
    #[error("reading SensorPipelines in {0}")]
    Kubernetes(String, #[source] Box<kube::Error>),
}

/// The pipeline of a name.
pub async fn get(cluster: &Cluster, name: &str) -> Result<SensorPipeline, PipelineError> {
    let namespace = &cluster.namespace;
    let api: Api<SensorPipeline> = Api::namespaced(cluster.client.clone(), namespace);
    let found = api
        .get_opt(name)
        .await
        .map_err(|error| failed(format!("namespace {namespace}"), error))?;
    if let Some(pipeline) = found {
        return Ok(pipeline);
    }
    let there = list(&cluster.client, Some(namespace)).await?;
    let names: Vec<String> = there.iter().map(ResourceExt::name_any).collect();
    Err(PipelineError::Absent {
        namespace: namespace.clone(),
        name: name.to_owned(),
        others: if names.is_empty() {
            "there are none there; `sensorstream status -A` lists those of all namespaces"
                .to_owned()
        } else {
            format!("there are: {}", names.join(", "))
        },
    })
}

/// The pipelines of a namespace, or of all.
pub async fn list(
    client: &Client,
    namespace: Option<&str>,
) -> Result<Vec<SensorPipeline>, PipelineError> {
    let api: Api<SensorPipeline> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let place = namespace.map_or("all namespaces".to_owned(), |namespace| {
        format!("namespace {namespace}")
    });
    let found = api.list(&ListParams::default()).await;
    found
        .map(|list| list.items)
        .map_err(|error| failed(place, error))
}

fn failed(place: String, error: kube::Error) -> PipelineError {
    match error {
        // A kind that is not there answers as a path that is not there, without a status of Kubernetes' own.
        kube::Error::Api(status) if status.code == 404 => PipelineError::NotInstalled,
        error => PipelineError::Kubernetes(place, Box::new(error)),
    }
}
