//! The cluster that kubectl would talk to, and the namespace in it.

use kube::{
    Client, Config,
    config::{KubeConfigOptions, KubeconfigError},
};

/// Which cluster, and where in it.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Cluster")]
pub struct ClusterArguments {
    /// The namespace; the context's own when left out
    #[arg(short, long, global = true)]
    namespace: Option<String>,
    /// The context of the kubeconfig; the current one when left out
    #[arg(long, global = true)]
    context: Option<String>,
}

/// A cluster that can be asked.
pub struct Cluster {
    /// Asks it.
    pub client: Client,
    /// The namespace that is meant where none is named.
    pub namespace: String,
}

/// Why no cluster can be asked.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// There is no kubeconfig, or it makes no sense.
    #[error("reading the kubeconfig (KUBECONFIG, or ~/.kube/config)")]
    Config(#[source] KubeconfigError),
    /// What it says can't be used.
    #[error("preparing to ask the cluster")]
    Client(#[source] kube::Error),
}

impl ClusterArguments {
    /// The context that was asked for.
    pub fn context(&self) -> Option<&str> {
        self.context.as_deref()
    }

    /// The namespace that was asked for.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// Prepares to ask the cluster. Asks nothing yet.
    pub async fn connect(&self) -> Result<Cluster, ClusterError> {
        let options = KubeConfigOptions {
            context: self.context.clone(),
            ..KubeConfigOptions::default()
        };
        let config = Config::from_kubeconfig(&options)
            .await
            .map_err(ClusterError::Config)?;
        let namespace = self
            .namespace
            .clone()
            .unwrap_or_else(|| config.default_namespace.clone());
        let client = Client::try_from(config).map_err(ClusterError::Client)?;
        Ok(Cluster { client, namespace })
    }
}
