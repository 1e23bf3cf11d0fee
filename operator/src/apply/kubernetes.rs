//! Writing to the API server: server-side apply under one field manager, and deletes that hit
//! only what the pipeline owns.

use std::{future::Future, time::Duration};

use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, Preconditions},
};
use sensorstream_crds::{SensorPipeline, SensorPipelineStatus};
use serde_json::json;
use tracing::Instrument;

use super::ApplyError;
use crate::{
    FIELD_MANAGER, FINALIZER,
    observe::objects::ObjectKey,
    plan::{
        Scale,
        kubernetes::{DesiredObject, Kind},
    },
    telemetry::{chain, traces},
};

/// The API server, as a place to write to.
#[derive(Clone)]
pub struct Kubernetes {
    client: Client,
    timeout: Duration,
}

impl Kubernetes {
    /// Writes through `client`, each time for at most `timeout`.
    pub fn new(client: Client, timeout: Duration) -> Self {
        Self { client, timeout }
    }

    /// Makes an object what it should be. One that is not `known` yet is looked for first: an
    /// object of the name may be somebody else's.
    pub async fn apply(
        &self,
        owner: &SensorPipeline,
        object: &DesiredObject,
        known: bool,
    ) -> Result<(), ApplyError> {
        let api = self.objects(object.key.kind, &owner.namespace().unwrap_or_default());
        if !known {
            let found = self
                .within("looking for", &object.key, api.get_opt(&object.key.name))
                .await?;
            if found.is_some_and(|found| !owned(&found, owner)) {
                return Err(ApplyError::Foreign(object.key.clone()));
            }
        }
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        let patch = Patch::Apply(&object.manifest);
        let patched = api.patch(&object.key.name, &parameters, &patch);
        self.within("applying", &object.key, patched)
            .await
            .map(drop)
    }

    /// Removes an object, if the pipeline owns it.
    pub async fn delete(&self, owner: &SensorPipeline, key: &ObjectKey) -> Result<(), ApplyError> {
        let api = self.objects(key.kind, &owner.namespace().unwrap_or_default());
        let Some(found) = self
            .within("looking for", key, api.get_opt(&key.name))
            .await?
        else {
            return Ok(());
        };
        if !owned(&found, owner) || found.metadata.deletion_timestamp.is_some() {
            return Ok(());
        }
        // The uid keeps a new object of the same name from being hit.
        let parameters = DeleteParams::background().preconditions(Preconditions {
            uid: found.metadata.uid,
            resource_version: None,
        });
        match self
            .within("deleting", key, api.delete(&key.name, &parameters))
            .await
        {
            Err(ApplyError::Object { source, .. }) if has_code(&source, 404) => Ok(()),
            other => other.map(drop),
        }
    }

    /// Sets a Deployment's number of pods and nothing else.
    pub async fn scale(&self, namespace: &str, scale: &Scale) -> Result<(), ApplyError> {
        let key = ObjectKey {
            kind: Kind::Deployment,
            name: scale.deployment.clone(),
        };
        let api = self.objects(key.kind, namespace);
        let parameters = PatchParams {
            field_manager: Some(FIELD_MANAGER.into()),
            ..PatchParams::default()
        };
        let patch = Patch::Merge(json!({ "spec": { "replicas": scale.replicas } }));
        self.within("scaling", &key, api.patch(&key.name, &parameters, &patch))
            .await
            .map(drop)
    }

    /// Holds the resource until what it makes is dealt with.
    pub async fn add_finalizer(&self, pipeline: &SensorPipeline) -> Result<(), ApplyError> {
        self.set_finalizers("adding the finalizer to", pipeline, &[FINALIZER])
            .await
    }

    /// Lets the resource go.
    pub async fn remove_finalizer(&self, pipeline: &SensorPipeline) -> Result<(), ApplyError> {
        match self
            .set_finalizers("removing the finalizer from", pipeline, &[])
            .await
        {
            Err(ApplyError::Object { source, .. }) if has_code(&source, 404) => Ok(()),
            other => other,
        }
    }

    async fn set_finalizers(
        &self,
        action: &'static str,
        pipeline: &SensorPipeline,
        finalizers: &[&str],
    ) -> Result<(), ApplyError> {
        // Finalizers are a set of which each manager owns its own, so those of others are left
        // alone. The uid keeps a resource that is gone from being made again.
        let name = pipeline.name_any();
        let patch = Patch::Apply(json!({
            "apiVersion": SensorPipeline::api_version(&()),
            "kind": SensorPipeline::kind(&()),
            "metadata": { "name": name, "uid": pipeline.uid(), "finalizers": finalizers },
        }));
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        let api = self.pipelines(pipeline);
        let shown = format!("SensorPipeline {name}");
        self.within(action, &shown, api.patch(&name, &parameters, &patch))
            .await
            .map(drop)
    }

    /// Writes the status.
    pub async fn write_status(
        &self,
        pipeline: &SensorPipeline,
        status: &SensorPipelineStatus,
    ) -> Result<(), ApplyError> {
        let name = pipeline.name_any();
        let patch = Patch::Apply(json!({
            "apiVersion": SensorPipeline::api_version(&()),
            "kind": SensorPipeline::kind(&()),
            "metadata": { "name": name, "uid": pipeline.uid() },
            "status": status,
        }));
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        let api = self.pipelines(pipeline);
        let shown = format!("SensorPipeline {name}");
        let patched = api.patch_status(&name, &parameters, &patch);
        match self.within("writing the status of", &shown, patched).await {
            // Deleted while reconciling: there is no status to write any more.
            Err(ApplyError::Object { source, .. }) if has_code(&source, 404) => Ok(()),
            other => other.map(drop),
        }
    }

    fn pipelines(&self, pipeline: &SensorPipeline) -> Api<SensorPipeline> {
        Api::namespaced(
            self.client.clone(),
            &pipeline.namespace().unwrap_or_default(),
        )
    }

    fn objects(&self, kind: Kind, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), namespace, &kind.api_resource())
    }

    async fn within<T>(
        &self,
        action: &'static str,
        object: &impl std::fmt::Display,
        request: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, ApplyError> {
        let span = tracing::debug_span!(
            "request",
            otel.name = %format_args!("{action} {object}"),
            otel.kind = "client",
            otel.status_code = tracing::field::Empty,
            otel.status_description = tracing::field::Empty,
        );
        let answered = tokio::time::timeout(self.timeout, request.instrument(span.clone())).await;
        let answered = match answered {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(ApplyError::Object {
                action,
                object: object.to_string(),
                source: Box::new(error),
            }),
            Err(_) => Err(ApplyError::Timeout {
                action,
                object: object.to_string(),
            }),
        };
        answered.inspect_err(|error| traces::failed(&span, &chain(error)))
    }
}

fn owned(object: &DynamicObject, owner: &SensorPipeline) -> bool {
    object
        .owner_references()
        .iter()
        .any(|reference| Some(&reference.uid) == owner.uid().as_ref())
}

/// Whether the API server answered with an HTTP status code.
pub fn has_code(error: &kube::Error, code: u16) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == code)
}
