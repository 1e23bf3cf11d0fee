//! A Kafka-compatible broker in the memory of the process: what `sensorstream run` uses where there is no
//! Kafka, so that a whole pipeline runs on one machine with nothing else set up.
//!
//! It speaks Kafka's protocol as librdkafka and the Java clients do, with what a pipeline stands on:
//! idempotent and transactional producers, readers of committed records, consumer groups with static members,
//! offsets with metadata in transactions, and topics that tell when they were made anew.
//!
//! It is not a Kafka to keep data in. Everything is gone when it stops. It is one node, without authentication,
//! encryption or quotas; it trusts whoever can connect, and is to listen on loopback.
//!
//! A topic's records are kept as its settings say, and while there is room. When there is not, the oldest go of
//! those below the offsets that all consumer groups which read the topic have committed; of a topic that no group
//! reads while one reads another, those of more than ten seconds ago; of a topic with `retention.ms` -1, none. When
//! that is not enough, producers are told to try again later, and so wait. A group without members is waited for for
//! ten minutes.
//!
//! - [`batch`], [`log`], [`producers`]: a partition's records. Pure.
//! - [`transactions`], [`groups`]: what Kafka's coordinators do. Pure.
//! - [`topics`], [`settings`], [`memory`]: the topics, and what of them goes first when memory is short. Pure.
//! - [`state`]: all of it behind one lock, so that a transaction ends everywhere at once.
//! - [`server`], [`services`]: connections and requests.

mod batch;
mod groups;
mod log;
mod memory;
mod producers;
mod server;
mod services;
mod settings;
mod state;
mod topics;
mod transactions;

use std::{io, net::SocketAddr, sync::Arc};

use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::state::Broker;

/// The broker. It stops when it is dropped, or told to.
#[derive(Debug)]
pub struct LocalBroker {
    address: SocketAddr,
    running: JoinHandle<()>,
    stop: DropGuard,
}

/// Why the broker can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken, or not this machine's.
    #[error("can't listen on {0} for Kafka clients; choose another port")]
    Listen(SocketAddr, #[source] io::Error),
}

impl LocalBroker {
    /// Listens on an address; port 0 is any that is free. The records take at most `memory` bytes.
    pub async fn start(listen: SocketAddr, memory: u64) -> Result<Self, StartError> {
        let failed = |error| StartError::Listen(listen, error);
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let stop = CancellationToken::new();
        let broker = Arc::new(Broker::new(address, memory));
        Ok(Self {
            address,
            running: tokio::spawn(server::run(listener, broker, stop.clone())),
            stop: stop.drop_guard(),
        })
    }

    /// What to give clients as `bootstrap.servers`.
    pub fn bootstrap_servers(&self) -> String {
        self.address.to_string()
    }

    /// Closes all connections and forgets everything.
    pub async fn stop(self) {
        drop(self.stop);
        // It ends by itself; a panic in it has been reported where it was.
        drop(self.running.await);
    }
}
