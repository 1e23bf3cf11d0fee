//! What is kept of an object: enough to decide by, in as little memory as that takes.

use k8s_openapi::api::core::v1::Secret;
use kube::{ResourceExt, api::DynamicObject, core::PartialObjectMeta};
use serde_json::Value;

use crate::{
    observe::objects::{PodState, pod_state},
    plan::kubernetes::labels,
    role::Role,
};

/// Parts of a Deployment's status that say how far it has come.
const ROLLOUT: [&str; 4] = [
    "observedGeneration",
    "replicas",
    "updatedReplicas",
    "readyReplicas",
];

/// How hard manifests are compressed: most of what there is to gain is gained at once.
const LEVEL: i32 = 1;

/// An object of a pipeline: its owners and all that a plan is held against, as compressed text. Text takes a third
/// of the room that a tree takes, and a tenth of that when it is compressed, dashboards above all.
#[derive(Clone, Debug)]
pub struct Owned {
    owners: Box<[Box<str>]>,
    manifest: Box<[u8]>,
    /// How long the text is.
    length: usize,
}

impl Owned {
    /// Whether the pipeline of this uid owns it.
    pub fn is_owned_by(&self, uid: &str) -> bool {
        self.owners.iter().any(|owner| owner.as_ref() == uid)
    }

    /// The object.
    pub fn manifest(&self) -> Value {
        let text = zstd::bulk::decompress(&self.manifest, self.length).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }
}

/// What is kept of an object that pipelines own.
pub fn owned(object: DynamicObject) -> Option<Owned> {
    let owners = object
        .owner_references()
        .iter()
        .map(|owner| owner.uid.clone().into_boxed_str())
        .collect();
    let text = serde_json::to_vec(&kept(object)).ok()?;
    let manifest = zstd::bulk::compress(&text, LEVEL).ok()?;
    Some(Owned {
        owners,
        manifest: manifest.into_boxed_slice(),
        length: text.len(),
    })
}

/// An object without what no plan is held against.
pub fn kept(mut object: DynamicObject) -> DynamicObject {
    let meta = &mut object.metadata;
    meta.managed_fields = None;
    meta.uid = None;
    meta.resource_version = None;
    meta.creation_timestamp = None;
    if let Some(annotations) = &mut meta.annotations {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
    if let Some(Value::Object(status)) = object.data.get_mut("status") {
        status.retain(|key, _| ROLLOUT.contains(&key.as_str()));
    }
    object
}

/// A pod of a pipeline.
#[derive(Clone, Debug)]
pub struct PodView {
    /// The pipeline's name.
    pub pipeline: Box<str>,
    /// What the pod does.
    pub role: Role,
    /// How it is; nothing when it has ended for good.
    pub state: Option<PodState>,
}

/// What is kept of a pod.
#[expect(
    clippy::needless_pass_by_value,
    reason = "views take what a watch hands over"
)]
pub fn pod(pod: DynamicObject) -> Option<PodView> {
    let labels = pod.labels();
    Some(PodView {
        pipeline: labels.get(labels::INSTANCE)?.as_str().into(),
        role: Role::from_component(labels.get(labels::COMPONENT)?)?,
        state: pod_state(&pod.name_any(), &pod.data["status"]),
    })
}

/// What is kept of a Secret: which version it has.
#[expect(
    clippy::needless_pass_by_value,
    reason = "views take what a watch hands over"
)]
pub fn version(secret: PartialObjectMeta<Secret>) -> Option<Box<str>> {
    secret.resource_version().map(String::into_boxed_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_decides_is_kept_and_the_rest_is_not() {
        let object = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {
                "name": "d", "namespace": "n", "uid": "1", "resourceVersion": "2", "generation": 3,
                "labels": { "a": "b" }, "managedFields": [{ "manager": "x" }],
                "ownerReferences": [{ "apiVersion": "v", "kind": "k", "name": "p", "uid": "mine" }],
            },
            "spec": { "replicas": 1 },
            "status": { "readyReplicas": 1, "conditions": [{ "type": "Available" }] },
        });
        let kept = owned(serde_json::from_value(object).unwrap()).unwrap();
        assert!(kept.is_owned_by("mine") && !kept.is_owned_by("1"));
        let manifest = kept.manifest();
        assert_eq!(manifest["spec"], json!({ "replicas": 1 }));
        assert_eq!(manifest["status"], json!({ "readyReplicas": 1 }));
        assert_eq!(manifest["metadata"]["generation"], 3);
        assert_eq!(manifest["metadata"]["labels"], json!({ "a": "b" }));
        assert_eq!(manifest["metadata"]["managedFields"], Value::Null);
    }

    #[test]
    fn a_pod_is_of_a_pipeline_and_a_role() {
        let object = |component: &str| {
            let labels = json!({
                "app.kubernetes.io/instance": "environment", "app.kubernetes.io/component": component,
            });
            serde_json::from_value(json!({ "metadata": { "name": "p", "labels": labels } }))
                .unwrap()
        };
        let kept = pod(object("processor")).unwrap();
        assert_eq!(
            (kept.pipeline.as_ref(), kept.role),
            ("environment", Role::Processor)
        );
        assert!(pod(object("something-else")).is_none());
    }
}
