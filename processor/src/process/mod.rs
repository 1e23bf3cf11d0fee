//! The role `process`: readings from the input topic into the table, exactly once, with
//! PostgreSQL as the commit log.
//!
//! ```text
//!            session (1 thread a stage: group membership)
//!               │ starts, stops
//!  Kafka ──► worker (1 thread a shard) ──batch──► committer (1 task a shard) ──► PostgreSQL
//!            poll · decode · windows · rules      compare and swap · COPY · upserts
//!                                                   │ after the commit
//!                                                   ▼
//!                                                 outbox ──► Kafka, in transactions
//! ```
//!
//! Windows whose groups are spread over the input's partitions are made in a second stage of the same
//! shape, which reads the link topic: the outbox of the first sends there, range by range, what its
//! readings come to, and the second merges it.
//!
//! *Decide, then send.* A shard is one partition of one incarnation of the topic. Its row in
//! PostgreSQL says who owns it (an epoch) and how far it is decided (`next_offset`); one
//! transaction moves that row and writes what follows from it. Consumer group and offsets in the
//! broker decide only who should own a shard, and feed lag tools. Dead letters are sent after
//! the commit that decides them, and their position travels in the same Kafka transaction.
//!
//! - [`decode`]: a record's bytes → a reading, or the reason why it is none. Pure.
//! - [`computation`]: what the stages have in common. [`decide`], with [`alert`] and [`enriched`], is the
//!   first, [`merge`] the second. Pure.
//! - [`idle`]: when others need not wait for a partition. Pure.
//! - [`batch`], [`copy_binary`], [`accounts`]: records that are committed together. Pure.
//! - [`consumer`], [`session`], [`takeover`], [`incarnation`]: who owns what.
//! - [`worker`], [`committer`], [`commit`], [`window_table`]: a shard at work.
//! - [`snapshots`]: when the state of windows is written down. [`trim`]: what the link topic no longer
//!   needs then.
//! - [`outbox`]: what is sent to Kafka. [`lake`]: what is written to an object store.
//! - [`retention`]: rows that are too old.
//! - [`blocked`]: sinks that take nothing. [`traced`]: spans, if anybody wants them.
//! - [`role`], [`lanes`], [`metrics`]: what they share.

pub mod accounts;
pub mod alert;
pub mod batch;
mod blocked;
pub mod commit;
mod committer;
pub mod computation;
mod consumer;
pub mod copy_binary;
pub mod decide;
pub mod decode;
mod enriched;
mod idle;
pub mod incarnation;
pub mod lake;
pub mod lanes;
mod merge;
pub(crate) mod metrics;
pub mod outbox;
mod retention;
mod role;
mod session;
mod snapshots;
mod takeover;
mod traced;
mod trim;
mod window_table;
mod worker;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::Router;
use futures::future::try_join_all;
use rdkafka::{
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
};
use sensorstream_broker::topics::{self, DescribeError};
use sensorstream_crds::{
    runtime::{DATABASE_URL_ENV, ProcessConfig},
    windows::Stage,
};
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
use role::{Role, RoleError};
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
    /// There is no sense in the spec or in the login for the lake.
    #[error(transparent)]
    Role(#[from] RoleError),
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
    let lanes = Lanes::new(options, LANES);
    let role = |stage| {
        let metrics = Metrics::new(&server.metrics, stage);
        Role::new(&config, stage, lanes.clone(), metrics, fatal.clone()).map(Arc::new)
    };
    let first = role(Stage::First)?;
    let mut roles = vec![Arc::clone(&first)];
    if first.plan.is_linked() {
        roles.push(role(Stage::Second)?);
    }
    let kafka = Arc::new(first.inquirer().map_err(ProcessError::Kafka)?);
    let beginning = Beginning {
        waiting: Arc::new(AtomicUsize::new(roles.len())),
        ready: server.ready.clone(),
    };
    let alive = server.alive.clone();

    let http_stopped = CancellationToken::new();
    let http = tokio::spawn(server.serve(Router::new(), http_stopped.clone()));
    let retention = first.task("retention", retention::run(Arc::clone(&first), config));
    let stages = roles.into_iter().map(|role| {
        let (done, finished) = oneshot::channel();
        let sessions = Sessions {
            role: Arc::clone(&role),
            kafka: Arc::clone(&kafka),
            beginning: Some(beginning.clone()),
            alive: alive.another(),
            told: shutdown.clone(),
        };
        role.thread(format!("sessions-{}", role.topic), move || {
            // The role has been stopped by a panic if nobody waits.
            let _ = done.send(sessions.run());
        });
        async move {
            match finished.await {
                Ok(result) => result,
                // The thread has panicked, and that has been told.
                Err(_) => std::future::pending().await,
            }
        }
    });
    let result = tokio::select! {
        Some(name) = panicked.recv() => Err(ProcessError::Panicked(name)),
        result = try_join_all(stages) => result.map(drop),
        result = flatten(http) => result.map_err(ProcessError::Http),
    };
    // What failed in one stage ends the other.
    shutdown.cancel();
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

/// Says that the pod is ready once every stage has begun.
#[derive(Clone, Debug)]
struct Beginning {
    waiting: Arc<AtomicUsize>,
    ready: Readiness,
}

impl Beginning {
    fn stage_began(self) {
        if self.waiting.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.ready.set(true);
        }
    }
}

/// One session of a stage in its consumer group after the other.
struct Sessions {
    role: Arc<Role>,
    kafka: Arc<BaseConsumer>,
    /// None once the stage has begun.
    beginning: Option<Beginning>,
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
    fn run(mut self) -> Result<(), ProcessError> {
        let mut backoff = Backoff::default();
        while !self.told.is_cancelled() {
            let began_at = std::time::Instant::now();
            match self.begin() {
                Ok(session) => match session.run(&self.told, &self.alive) {
                    Ended::Told => break,
                    Ended::Rejoin(reason) => {
                        self.role.metrics.rejoins.inc();
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
    fn begin(&mut self) -> Result<Session, NotYet> {
        self.alive.beat();
        self.role.runtime.block_on(self.reach_ledger())?;
        self.alive.beat();
        let (name, other) = (&self.role.topic, &self.role.other_topic);
        let names: Vec<&str> = std::iter::once(name)
            .chain(other)
            .map(String::as_str)
            .collect();
        let found = topics::describe(self.kafka.client(), &names, KAFKA_PATIENCE)?;
        let find = |name: &str| {
            found
                .get(name)
                .ok_or_else(|| NotYet::NoTopic(name.to_owned()))
        };
        let topic = find(name)?;
        let other_partitions = match other {
            Some(other) => find(other)?.partitions,
            None => 1,
        };
        let consumer = consumer::create(&self.role, topic.partitions)?;
        let incarnation = Incarnation::new(Arc::clone(&self.kafka), name, &topic.id);
        let partitions = usize::try_from(topic.partitions).unwrap_or(0);
        let session = Session::join(
            Arc::clone(&self.role),
            consumer,
            Arc::clone(&self.kafka),
            (incarnation, partitions),
            // Kafka has no more than 1000 of a managed topic.
            u16::try_from(other_partitions).unwrap_or(u16::MAX),
        )?;
        // From here on the stage can do its job, and the pod stays ready through any outage: a
        // restart would help against none.
        if let Some(beginning) = self.beginning.take() {
            beginning.stage_began();
        }
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
