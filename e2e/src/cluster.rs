//! The cluster under test, as `eval "$(make -s env)"` describes it.

use std::{env, sync::Once};

use kube::Client;
use sqlx::PgPool;

/// Handles to the cluster, its PostgreSQL and its Kafka.
#[derive(Clone)]
pub struct Cluster {
    /// The API server.
    pub client: Client,
    /// PostgreSQL, as the host reaches it.
    pub postgres: PgPool,
    /// Kafka's bootstrap servers, as the host reaches them.
    pub kafka: String,
}

/// Where the operator is installed.
pub const OPERATOR_NAMESPACE: &str = "sensorstream-system";
/// Where Kafka and PostgreSQL run.
pub const BACKENDS_NAMESPACE: &str = "default";

impl Cluster {
    /// Connects to everything.
    ///
    /// # Panics
    /// When the environment does not say where the cluster is.
    pub async fn connect() -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            rustls::crypto::ring::default_provider()
                .install_default()
                .expect("nobody else did");
        });
        let client = Client::try_default()
            .await
            .expect("KUBECONFIG leads to a cluster");
        Self {
            client,
            postgres: PgPool::connect_lazy(&variable("DATABASE_URL"))
                .expect("DATABASE_URL is a URI"),
            kafka: variable("KAFKA_BOOTSTRAP"),
        }
    }
}

/// An environment variable of the cluster.
///
/// # Panics
/// When it is not set.
pub fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| {
        panic!(
            "{name} is not set; run `make test`, or `make cluster` and `eval \"$(make -s env)\"`"
        )
    })
}

/// Whether the fault tests run at full length.
pub fn torture() -> bool {
    env::var_os("SENSORSTREAM_TORTURE").is_some()
}
