//! The validating webhook: refuses at `kubectl apply` what the schema and its CEL rules can't.
//!
//! ```text
//! API server ─TLS─► server ─► review (pure): allow, or deny with every violation and its path
//!
//! Secret ────────┬─► server      every replica serves with the certificate that is in it
//! Configuration ─┴─► keeper      the leader alone: rotation (pure) says the next step,
//!                                certificate carries it out, the keeper writes it
//! ```
//! The operator is its own certificate authority, so that nothing else has to be installed. Its
//! replicas share one Secret; the API server trusts what the leader publishes in the
//! `ValidatingWebhookConfiguration`. Both are watched, so whatever is changed there by others is
//! put back, and at rest nothing is written.

mod certificate;
mod follow;
mod inspection;
mod keeper;
mod review;
mod rotation;
mod server;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use k8s_openapi::api::{
    admissionregistration::v1::ValidatingWebhookConfiguration, core::v1::Secret,
};
use kube::{Api, Client};
use prometheus::IntGauge;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use certificate::Names;
use follow::{Seen, follow};

/// Where the webhook answers and which objects it keeps.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The namespace of the Service and the Secret, the operator's own.
    pub namespace: String,
    /// The Service through which the API server calls.
    pub service: String,
    /// The Secret that holds the certificates.
    pub secret: String,
    /// The `ValidatingWebhookConfiguration` to keep the authority's certificate in.
    pub configuration: String,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Told when the API server can call.
    pub ready: Ready,
    /// Told when the certificate ends that is served with, in seconds since 1970.
    pub expiry: IntGauge,
}

/// Whether the API server can call this replica: it has a certificate, and the configuration
/// named its authority at least once. Clones share the answer.
#[derive(Clone, Debug, Default)]
pub struct Ready(Arc<AtomicBool>);

impl Ready {
    /// Whether the API server can call this replica.
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn reached(&self) {
        if !self.0.swap(true, Ordering::Relaxed) {
            tracing::info!("webhook ready");
        }
    }
}

/// Why the webhook stopped.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The address can't be listened on, or not any more.
    #[error("serving the webhook on {0}")]
    Serve(SocketAddr, #[source] std::io::Error),
}

/// Serves until `shutdown`, and a little longer: the API server hears late that this replica is
/// going. While `leading` is true, keeps the certificates and the configuration too.
pub async fn run(
    client: Client,
    settings: Settings,
    leading: watch::Receiver<bool>,
    shutdown: CancellationToken,
) -> Result<(), WebhookError> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), &settings.namespace);
    let configurations: Api<ValidatingWebhookConfiguration> = Api::all(client);
    let (secret, secret_seen) = watch::channel(Seen::NotYet);
    let (configuration, configuration_seen) = watch::channel(Seen::NotYet);
    let keeper = keeper::Keeper {
        secrets: secrets.clone(),
        configurations: configurations.clone(),
        names: Names::of(&settings.service, &settings.namespace),
        secret: settings.secret.clone(),
        configuration: settings.configuration.clone(),
    };
    let listen = settings.listen;
    let seen = (secret_seen.clone(), configuration_seen.clone());
    tokio::select! {
        served = server::serve(listen, settings.ready, settings.expiry, seen.0, seen.1, shutdown) => {
            served.map_err(|error| WebhookError::Serve(listen, error))
        }
        never = keeper.run(leading, secret_seen, configuration_seen) => match never {},
        never = follow(secrets, &settings.secret, secret) => match never {},
        never = follow(configurations, &settings.configuration, configuration) => match never {},
    }
}
