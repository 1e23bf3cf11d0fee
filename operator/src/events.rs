//! Events on a pipeline, for `kubectl describe`. Each flip is an Event of its own; a failure to
//! publish one is logged and forgotten, for the status says the same.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::{
    api::events::v1::Event,
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{Api, Client, Resource, ResourceExt, api::PostParams};
use sensorstream_crds::SensorPipeline;

use crate::{
    FIELD_MANAGER,
    status::{conditions::cut, news::Announcement},
    telemetry::chain,
};

/// The longest note that the API server takes.
const LONGEST_NOTE: usize = 1024;

/// Where Events go.
pub struct Events {
    client: Client,
    instance: String,
    timeout: Duration,
}

impl Events {
    /// Publishes through `client` in the name of the pod `instance`.
    pub fn new(client: Client, instance: Option<String>, timeout: Duration) -> Self {
        Self {
            client,
            instance: instance.unwrap_or_else(|| FIELD_MANAGER.to_owned()),
            timeout,
        }
    }

    /// Tells people.
    pub async fn publish(&self, pipeline: &SensorPipeline, announcement: &Announcement) {
        let event = self.event(pipeline, announcement, Timestamp::now());
        let namespace = pipeline.namespace().unwrap_or_default();
        let api: Api<Event> = Api::namespaced(self.client.clone(), &namespace);
        let parameters = PostParams::default();
        let created = api.create(&parameters, &event);
        match tokio::time::timeout(self.timeout, created).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(error = chain(&error), "an Event was not published"),
            Err(_) => tracing::warn!("an Event was not published in time"),
        }
    }

    fn event(
        &self,
        pipeline: &SensorPipeline,
        announcement: &Announcement,
        now: Timestamp,
    ) -> Event {
        let type_ = if announcement.warning {
            "Warning"
        } else {
            "Normal"
        };
        Event {
            metadata: ObjectMeta {
                name: Some(format!("{}.{:x}", pipeline.name_any(), now.as_nanosecond())),
                namespace: pipeline.namespace(),
                ..ObjectMeta::default()
            },
            action: Some("Reconcile".into()),
            event_time: Some(MicroTime(now)),
            note: Some(cut(announcement.note.clone(), LONGEST_NOTE)),
            reason: Some(announcement.reason.clone()),
            regarding: Some(pipeline.object_ref(&())),
            reporting_controller: Some("sensorstream.dev/operator".into()),
            reporting_instance: Some(self.instance.clone()),
            type_: Some(type_.into()),
            ..Event::default()
        }
    }
}
