//! Kafka: a broker in this process's memory, or one that is there.

use std::net::{Ipv4Addr, SocketAddr};

use sensorstream_local_broker::{LocalBroker, StartError};

/// What the broker's records may take.
const MEMORY: u64 = 1 << 30;

/// Where topics are.
pub enum Kafka {
    /// In this process.
    Own(LocalBroker),
    /// Elsewhere.
    Given(String),
}

impl Kafka {
    /// The brokers that are named, or one of this process's own.
    pub async fn start(given: Option<String>) -> Result<Self, StartError> {
        if let Some(servers) = given {
            Ok(Self::Given(servers))
        } else {
            let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            Ok(Self::Own(LocalBroker::start(anywhere, MEMORY).await?))
        }
    }

    /// Where clients find it.
    pub fn bootstrap_servers(&self) -> String {
        match self {
            Self::Own(broker) => broker.bootstrap_servers(),
            Self::Given(servers) => servers.clone(),
        }
    }

    /// Whether it is this process's own.
    pub fn is_own(&self) -> bool {
        matches!(self, Self::Own(_))
    }

    /// Stops it, if it is this process's own.
    pub async fn stop(self) {
        if let Self::Own(broker) = self {
            broker.stop().await;
        }
    }
}
