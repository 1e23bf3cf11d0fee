//! Whether the processor goes by the spec as it is now: by an earlier one, it would refuse the records again.

use std::time::Duration;

use k8s_openapi::api::{apps::v1::Deployment, core::v1::ConfigMap};
use kube::Api;
use sensorstream_crds::runtime::ProcessConfig;
use sensorstream_operator::{plan::kubernetes::config_map, role::Role};
use tokio::time::Instant;

use super::target::Home;

/// How long to wait for it.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often to look.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why the records are not sent yet.
#[derive(Debug, thiserror::Error)]
pub enum PresentError {
    /// The API server refused.
    #[error(
        "looking whether the processor goes by the spec as it is now; --even-if-not-ready does without it"
    )]
    Kubernetes(#[source] Box<kube::Error>),
    /// It does not.
    #[error(
        "the processor does not go by the spec as it is now, and would refuse the records again; see `sensorstream status \
         {name} -n {namespace}`, or say --even-if-not-ready"
    )]
    NotYet {
        /// The pipeline.
        name: String,
        /// Its namespace.
        namespace: String,
    },
}

/// Waits until the processor goes by the spec as it is now, or is stopped and will.
pub async fn wait(home: &Home, wanted: &ProcessConfig) -> Result<(), PresentError> {
    let (client, namespace) = (&home.cluster.client, &home.cluster.namespace);
    let documents: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let name = Role::Processor.object_name(&wanted.pipeline.name);
    let failed = |error| PresentError::Kubernetes(Box::new(error));
    let deadline = Instant::now() + PATIENCE;
    let mut told = false;
    // Seen twice: the operator changes the document first, and then the Deployment.
    let mut before = false;
    loop {
        let document = documents.get_opt(&name).await.map_err(failed)?;
        let deployment = deployments.get_opt(&name).await.map_err(failed)?;
        let now = document.is_some_and(|document| says(&document, wanted))
            && deployment.is_some_and(|deployment| is_rolled_out(&deployment));
        if before && now {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(PresentError::NotYet {
                name: wanted.pipeline.name.clone(),
                namespace: namespace.clone(),
            });
        }
        if !now && !told {
            eprintln!("Waiting until the processor goes by the spec as it is now.");
            told = true;
        }
        before = now;
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Whether the processor is told what follows from the spec.
fn says(document: &ConfigMap, wanted: &ProcessConfig) -> bool {
    let text = document
        .data
        .as_ref()
        .and_then(|data| data.get(config_map::KEY));
    let told: Option<ProcessConfig> = text.and_then(|text| serde_json::from_str(text).ok());
    // Where Kafka is reached from here is another matter.
    told.is_some_and(|told| told.input == wanted.input)
}

/// Whether all pods are of the newest kind; without pods, those to come will be.
fn is_rolled_out(deployment: &Deployment) -> bool {
    let wanted = deployment
        .spec
        .as_ref()
        .and_then(|spec| spec.replicas)
        .unwrap_or(1);
    let status = deployment.status.clone().unwrap_or_default();
    let count = |count: Option<i32>| count.unwrap_or(0);
    status.observed_generation == deployment.metadata.generation
        && count(status.updated_replicas) == wanted
        && count(status.replicas) == wanted
        && count(status.ready_replicas) == wanted
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rolled_out(wanted: i32, observed: i64, replicas: i32, updated: i32, ready: i32) -> bool {
        let object = json!({
            "metadata": { "generation": 2 },
            "spec": { "replicas": wanted, "selector": {}, "template": {} },
            "status": {
                "observedGeneration": observed, "replicas": replicas,
                "updatedReplicas": updated, "readyReplicas": ready,
            },
        });
        is_rolled_out(&serde_json::from_value(object).unwrap())
    }

    #[test]
    fn pods_of_before_and_pods_that_start_are_waited_for() {
        assert!(rolled_out(2, 2, 2, 2, 2));
        assert!(rolled_out(0, 2, 0, 0, 0), "stopped");
        assert!(!rolled_out(2, 1, 2, 2, 2), "not seen yet");
        assert!(!rolled_out(2, 2, 3, 2, 2), "an old one is left");
        assert!(!rolled_out(2, 2, 2, 1, 2), "an old one works");
        assert!(!rolled_out(2, 2, 2, 2, 1), "a new one starts");
    }
}
