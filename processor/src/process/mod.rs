//! The role `process`: readings from the input topic into the table, exactly once, with
//! PostgreSQL as the commit log.
//!
//! ```text
//!            session (1 thread: group membership)
//!               │ starts, stops
//!  Kafka ──► worker (1 thread a shard) ──batch──► committer (1 task a shard) ──► PostgreSQL
//!            poll · decode · windows · rules      compare and swap · COPY · upserts
//!                                                   │ after the commit
//!                                                   ▼
//!                                                 outbox ──► Kafka, in transactions
//! ```
//!
//! *Decide, then send.* A shard is one partition of one incarnation of the topic. Its row in
//! PostgreSQL says who owns it (an epoch) and how far it is decided (`next_offset`); one
//! transaction moves that row and writes what follows from it. Consumer group and offsets in the
//! broker decide only who should own a shard, and feed lag tools. Dead letters are sent after
//! the commit that decides them, and their position travels in the same Kafka transaction.
//!
//! - [`decode`]: a record's bytes → a reading, or the reason why it is none. Pure.
//! - [`decide`], [`alert`], [`enriched`]: what becomes of a record. Pure.
//! - [`batch`], [`copy_binary`], [`accounts`]: records that are committed together. Pure.
//! - [`consumer`], [`session`], [`takeover`], [`incarnation`]: who owns what.
//! - [`worker`], [`committer`], [`commit`], [`window_table`]: a shard at work.
//! - [`snapshots`]: when the state of windows is written down.
//! - [`outbox`]: what is sent to Kafka.
//! - [`retention`]: rows that are too old.
//! - [`role`], [`lanes`], [`metrics`]: what they share.

pub mod accounts;
pub mod alert;
pub mod batch;
pub mod commit;
mod committer;
mod consumer;
pub mod copy_binary;
pub mod decide;
pub mod decode;
mod enriched;
pub mod incarnation;
pub mod lanes;
mod metrics;
pub mod outbox;
mod retention;
mod role;
mod session;
mod snapshots;
mod takeover;
mod window_table;
mod worker;

use std::{sync::Arc, time::Duration};

use axum::Router;
use rdkafka::{
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
};
use sensorstream_broker::topics::{self, DescribeError};
use sensorstream_crds::runtime::{DATABASE_URL_ENV, ProcessConfig};
use sensorstream_engine::PlanError;
use sensorstream_ledger::connect;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::{
    backoff::Backoff,
    http::{Liveness, Readiness, Server},
    telemetry,
};

use incarnation::Incarnation;
use lanes::{LaneError, Lanes, PATIENCE, within};
use metrics::Metrics;
use role::Role;
use session::{Ended, Session};

/// Connections to PostgreSQL that all shards of a pod share.
const LANES: usize = 6;
/// How long Kafka may take to describe the input topic.
const KAFKA_PATIENCE: Duration = Duration::from_secs(5);
/// A session that lasted this long was in order.
const SOUND_SESSION: Duration = Duration::from_mins(1);

/// Why the role stopped.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The pod was not told where PostgreSQL is.
    #[error("the environment variable {DATABASE_URL_ENV} is not set; give it the database's URI")]
    NoDatabase,
    /// The database's URI can't be used.
    #[error("reading {DATABASE_URL_ENV}")]
    Database(#[from] connect::ConnectError),
    /// A Kafka client can't be made from the settings.
    #[error("making a Kafka client; check the settings under spec.kafka")]
    Kafka(#[source] KafkaError),
    /// The windows or rules can't be computed.
    #[error("compiling the windows and rules of the spec")]
    Plan(#[from] PlanError),
    /// The port for metrics and health is taken.
    #[error("serving metrics and health")]
    Http(#[source] std::io::Error),
    /// A thread or task panicked. Its work can't be trusted any more.
    #[error("{0} panicked")]
    Panicked(String),
}

/// Runs the role until `shutdown`.
pub async fn run(
    config: ProcessConfig,
    server: Server,
    shutdown: CancellationToken,
) -> Result<(), ProcessError> {
    let uri = std::env::var(DATABASE_URL_ENV).map_err(|_| ProcessError::NoDatabase)?;
    run_with(config, &uri, server, shutdown).await
}

/// Runs the role on the database at `uri` until `shutdown`.
pub async fn run_with(
    config: ProcessConfig,
    uri: &str,
    server: Server,
    shutdown: CancellationToken,
) -> Result<(), ProcessError> {
    let options = connect::options(uri, &config.pipeline.namespace, "sensorstream-process")?;
    let (fatal, mut panicked) = mpsc::unbounded_channel();
    let metrics = Metrics::new(&server.registry);
    let role = Arc::new(Role::new(
        &config,
        Lanes::new(options, LANES),
        metrics,
        fatal,
    )?);
    let kafka = Arc::new(role.inquirer().map_err(ProcessError::Kafka)?);
    let (ready, alive) = (server.ready.clone(), server.alive.clone());

    let http_stopped = CancellationToken::new();
    let http = tokio::spawn(server.serve(Router::new(), http_stopped.clone()));
    let retention = role.task("retention", retention::run(Arc::clone(&role), config));
    let (done, finished) = oneshot::channel();
    let sessions = Sessions {
        role: Arc::clone(&role),
        kafka,
        ready,
        alive,
        told: shutdown,
    };
    role.thread("sessions".into(), move || {
        // The role has been stopped by a panic if nobody waits.
        let _ = done.send(sessions.run());
    });
    let result = tokio::select! {
        Some(name) = panicked.recv() => Err(ProcessError::Panicked(name)),
        Ok(result) = finished => result,
        result = flatten(http) => result.map_err(ProcessError::Http),
    };
    retention.abort();
    http_stopped.cancel();
    result
}

async fn flatten(task: tokio::task::JoinHandle<std::io::Result<()>>) -> std::io::Result<()> {
    match task.await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// One session in the consumer group after the other.
struct Sessions {
    role: Arc<Role>,
    kafka: Arc<BaseConsumer>,
    ready: Readiness,
    alive: Liveness,
    told: CancellationToken,
}

/// Why a session can't begin yet.
#[derive(Debug, thiserror::Error)]
enum NotYet {
    #[error("reaching the commit log in PostgreSQL")]
    Ledger(#[from] LaneError),
    #[error("finding the input topic")]
    Describe(#[from] DescribeError),
    #[error("topic {0} does not exist; it is waited for")]
    NoTopic(String),
    #[error("joining the consumer group")]
    Join(#[from] KafkaError),
}

impl Sessions {
    fn run(self) -> Result<(), ProcessError> {
        let mut backoff = Backoff::default();
        while !self.told.is_cancelled() {
            let began_at = std::time::Instant::now();
            match self.begin() {
                Ok(session) => match session.run(&self.told, &self.alive) {
                    Ended::Told => break,
                    Ended::Rejoin(reason) => {
                        tracing::warn!(reason, "leaving the group and joining again");
                    }
                },
                Err(NotYet::Join(KafkaError::ClientCreation(error))) => {
                    let error = KafkaError::ClientCreation(error);
                    return Err(ProcessError::Kafka(error));
                }
                Err(error) => {
                    tracing::warn!(error = telemetry::chain(&error), "not ready to read yet");
                }
            }
            if began_at.elapsed() > SOUND_SESSION {
                backoff.reset();
            }
            let wait = backoff.after_failure(rand::random());
            self.role.runtime.block_on(async {
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = self.told.cancelled() => {}
                }
            });
        }
        Ok(())
    }

    /// Joins the group, once PostgreSQL and the topic are there.
    fn begin(&self) -> Result<Session, NotYet> {
        self.alive.beat();
        self.role.runtime.block_on(self.reach_ledger())?;
        self.alive.beat();
        let name = &self.role.topic;
        let found = topics::describe(self.kafka.client(), &[name], KAFKA_PATIENCE)?;
        let topic = found
            .get(name)
            .ok_or_else(|| NotYet::NoTopic(name.clone()))?;
        let consumer = consumer::create(&self.role, topic.partitions)?;
        let incarnation = Incarnation::new(Arc::clone(&self.kafka), name, &topic.id);
        let session = Session::join(
            Arc::clone(&self.role),
            consumer,
            Arc::clone(&self.kafka),
            incarnation,
        )?;
        // From here on the pod can do its job, and stays ready through any outage: a restart
        // would help against none.
        self.ready.set(true);
        Ok(session)
    }

    async fn reach_ledger(&self) -> Result<(), LaneError> {
        let mut lane = self.role.lanes.take().await?;
        let probe = sqlx::query("SELECT FROM sensorstream.shards LIMIT 0").execute(&mut *lane);
        within(PATIENCE, probe).await?;
        lane.give_back();
        Ok(())
    }
}
