//! The leader's work: carries out each step that [`rotation`] asks for, and waits for the next.
//!
//! Writes go by the resource version that was seen, so two leaders that overlap for a moment, or
//! a watch that lags, end in a conflict and another look, never in certificates that flap.

use std::{convert::Infallible, time::Duration};

use jiff::Timestamp;
use k8s_openapi::{
    ByteString,
    api::{admissionregistration::v1::ValidatingWebhookConfiguration, core::v1::Secret},
};
use kube::{
    Api,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
};
use serde_json::json;
use tokio::{
    sync::watch,
    time::{error::Elapsed, sleep, timeout},
};

use super::{
    certificate::{Material, Names},
    follow::Seen,
    rotation::{self, Published, Step},
};
use crate::telemetry;

const FIELD_MANAGER: &str = "sensorstream-webhook";
/// For one request.
const REQUEST: Duration = Duration::from_secs(10);
/// How long the watch may take to show what was written.
const ECHO: Duration = Duration::from_secs(5);
/// The longest rest: sleeping goes by another clock than certificates.
const LONGEST_REST: Duration = Duration::from_hours(1);
const LEAST_PAUSE: Duration = Duration::from_secs(1);
const GREATEST_PAUSE: Duration = Duration::from_secs(30);

/// Keeps the Secret and the configuration of the webhook.
pub(super) struct Keeper {
    pub(super) secrets: Api<Secret>,
    pub(super) configurations: Api<ValidatingWebhookConfiguration>,
    pub(super) names: Names,
    pub(super) secret: String,
    pub(super) configuration: String,
}

#[derive(Debug, thiserror::Error)]
enum KeepError {
    #[error("making certificates for the webhook")]
    Make(#[source] rcgen::Error),
    #[error("writing the secret {0}")]
    Secret(String, #[source] kube::Error),
    #[error("publishing the authority in the webhook configuration {0}")]
    Publish(String, #[source] kube::Error),
    #[error("the API server did not answer in time")]
    Timeout(#[source] Elapsed),
}

impl Keeper {
    /// Works while `leading` is true, for ever.
    pub(super) async fn run(
        &self,
        mut leading: watch::Receiver<bool>,
        mut secret: watch::Receiver<Seen<Secret>>,
        mut configuration: watch::Receiver<Seen<ValidatingWebhookConfiguration>>,
    ) -> Infallible {
        let mut pause = LEAST_PAUSE;
        let mut marks = ObjectMeta::default();
        loop {
            if leading.wait_for(|leads| *leads).await.is_err() {
                // This process will never lead again.
                std::future::pending::<()>().await;
            }
            let seen = (
                secret.borrow_and_update().clone(),
                configuration.borrow_and_update().clone(),
            );
            if let Seen::Present(secret) = &seen.0 {
                marks = Self::marks_of(secret);
            }
            let rest = match self.step(seen.0, seen.1, &marks).await {
                Ok(rest) => {
                    pause = LEAST_PAUSE;
                    rest
                }
                Err(error) => {
                    tracing::warn!(error = telemetry::chain(&error), "webhook not kept up");
                    let rest = pause.mul_f64(rand::random_range(0.8..1.2));
                    pause = (pause * 2).min(GREATEST_PAUSE);
                    rest
                }
            };
            // A closed channel wakes too; the loop then finds that it leads no more.
            tokio::select! {
                () = sleep(rest) => {}
                _ = secret.changed() => {}
                _ = configuration.changed() => {}
                _ = leading.changed() => {}
            }
        }
    }

    /// What the Secret is marked with, for one in its place: without Helm's marks Helm would not take it for its own
    /// again.
    fn marks_of(secret: &Secret) -> ObjectMeta {
        ObjectMeta {
            labels: secret.metadata.labels.clone(),
            annotations: secret.metadata.annotations.clone(),
            ..ObjectMeta::default()
        }
    }

    /// Carries out one step. How long to wait for something to change after it.
    async fn step(
        &self,
        secret: Seen<Secret>,
        configuration: Seen<ValidatingWebhookConfiguration>,
        marks: &ObjectMeta,
    ) -> Result<Duration, KeepError> {
        let (secret, configuration) = match (secret, configuration) {
            (Seen::NotYet, _) | (_, Seen::NotYet) => return Ok(LONGEST_REST),
            (secret, configuration) => (secret.present(), configuration.present()),
        };
        let now = Timestamp::now();
        let material = secret.as_deref().and_then(Material::of);
        let authorities = material
            .as_ref()
            .map_or("", |material| &material.authorities);
        let published = Published::of(configuration.as_deref(), authorities);
        let step = rotation::next(material.as_ref(), published, &self.names, now);
        match (step, configuration) {
            (Step::Rest(until), _) => {
                if published == Published::Nowhere {
                    let name = &self.configuration;
                    tracing::warn!(name, "there is no such webhook configuration to keep");
                }
                let rest = Duration::try_from(now.duration_until(until)).unwrap_or_default();
                return Ok(rest.min(LONGEST_REST));
            }
            (Step::Publish, Some(seen)) => self.publish(&seen, authorities).await?,
            (step, _) => {
                let changed = rotation::carry_out(step, material, &self.names, now);
                if let Some(material) = changed.map_err(KeepError::Make)? {
                    self.write(secret.as_deref(), material, marks).await?;
                }
            }
        }
        tracing::info!(?step, "webhook certificates kept");
        Ok(ECHO)
    }

    /// Writes the Secret over the one that was seen, or makes it, marked as the last one was.
    async fn write(
        &self,
        seen: Option<&Secret>,
        material: Material,
        marks: &ObjectMeta,
    ) -> Result<(), KeepError> {
        let data = Some(material.into_data());
        let outcome = if let Some(seen) = seen {
            let version = &seen.metadata.resource_version;
            let patch = json!({ "metadata": { "resourceVersion": version }, "data": data });
            let parameters = PatchParams {
                field_manager: Some(FIELD_MANAGER.into()),
                ..PatchParams::default()
            };
            timeout(
                REQUEST,
                self.secrets
                    .patch(&self.secret, &parameters, &Patch::Merge(patch)),
            )
            .await
        } else {
            let metadata = ObjectMeta {
                name: Some(self.secret.clone()),
                ..marks.clone()
            };
            let secret = Secret {
                metadata,
                data,
                ..Secret::default()
            };
            let parameters = PostParams {
                field_manager: Some(FIELD_MANAGER.into()),
                ..PostParams::default()
            };
            timeout(REQUEST, self.secrets.create(&parameters, &secret)).await
        };
        let outcome = unless_overtaken(outcome.map_err(KeepError::Timeout)?);
        outcome.map_err(|error| KeepError::Secret(self.secret.clone(), error))
    }

    /// Puts the authorities into every webhook of the configuration, and nothing else.
    async fn publish(
        &self,
        seen: &ValidatingWebhookConfiguration,
        authorities: &str,
    ) -> Result<(), KeepError> {
        let bundle = ByteString(authorities.as_bytes().to_vec());
        let webhooks: Vec<_> = seen
            .webhooks
            .iter()
            .flatten()
            .map(|webhook| json!({ "name": webhook.name, "clientConfig": { "caBundle": bundle } }))
            .collect();
        let patch = json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            // With the version, applying never makes one that has just been deleted.
            "metadata": { "resourceVersion": seen.metadata.resource_version },
            "webhooks": webhooks,
        });
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        let patch = Patch::Apply(patch);
        let outcome = self
            .configurations
            .patch(&self.configuration, &parameters, &patch);
        let outcome = timeout(REQUEST, outcome)
            .await
            .map_err(KeepError::Timeout)?;
        let outcome = unless_overtaken(outcome);
        outcome.map_err(|error| KeepError::Publish(self.configuration.clone(), error))
    }
}

/// Somebody else having written first is no error: the watch will show what.
fn unless_overtaken<K>(outcome: kube::Result<K>) -> kube::Result<()> {
    match outcome {
        Err(kube::Error::Api(status)) if status.code == 409 || status.is_not_found() => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Ok(()),
    }
}
