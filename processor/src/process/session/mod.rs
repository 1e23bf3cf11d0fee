//! One membership in the consumer group, from joining to leaving: the thread that polls
//! librdkafka, starts and stops the shards as partitions come and go, and ends when it is told
//! to, or when the shards can't be trusted any more and have to be taken over anew.
//!
//! ```text
//! Assigned → take over in PostgreSQL → split queues → assign → worker + committer a shard
//! Revoked  → stop the shards → wait for commits under way → unassign
//! ```

mod leave;
mod notice;
mod shard;
mod watch;

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering, mpsc as std_mpsc},
    time::{Duration, Instant},
};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer},
    error::KafkaError,
};
use sensorstream_broker::partition_queue::PartitionQueue;
use tokio::{sync::oneshot, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::http::Liveness;

use super::{
    blocked,
    consumer::{GroupConsumer, Rebalance},
    incarnation::{Incarnation, IncarnationError},
    role::Role,
    takeover::{self, Taken},
};

pub use notice::{Notice, Notices};
use shard::Shard;

/// How long one poll waits.
const POLL: Duration = Duration::from_millis(100);
/// How long stopping shards may take.
const STOPPING: Duration = Duration::from_secs(8);
/// How often offsets are committed to the broker, for lag tools.
const COMMIT_OFFSETS_EVERY: Duration = Duration::from_secs(5);

/// Why a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was told to.
    Told,
    /// The shards have to be taken over anew.
    Rejoin(String),
}

/// A membership in the group.
pub struct Session {
    role: Arc<Role>,
    consumer: Arc<GroupConsumer>,
    topic: Incarnation,
    /// How many partitions it had when the group was joined.
    partitions: usize,
    /// How many partitions the topic at the other end of the link has, if there is one.
    other_partitions: u16,
    kafka: Arc<BaseConsumer>,
    phase: Phase,
    shards: BTreeMap<i32, Shard>,
    /// Shards that were lost and have not quite stopped.
    leaving: Vec<Shard>,
    inbox: std_mpsc::Receiver<Notice>,
    notices: Notices,
    watch: JoinHandle<()>,
    offsets_committed_at: Instant,
}

/// What the group waits for.
enum Phase {
    /// Nothing.
    Steady,
    /// Shards are being taken over.
    Taking {
        partitions: Vec<i32>,
        answer: TakeOverAnswer,
        task: JoinHandle<()>,
    },
    /// Shards have been taken over, and wait for their former selves in this process to stop.
    Starting { taken: Vec<Taken> },
    /// Shards are being stopped.
    Stopping {
        partitions: Vec<i32>,
        deadline: Instant,
    },
}

type TakeOverAnswer = oneshot::Receiver<Result<Vec<Taken>, IncarnationError>>;

impl Session {
    /// Joins the group.
    pub fn join(
        role: Arc<Role>,
        consumer: GroupConsumer,
        kafka: Arc<BaseConsumer>,
        (topic, partitions): (Incarnation, usize),
        other_partitions: u16,
    ) -> Result<Self, KafkaError> {
        consumer.subscribe(&[topic.topic()])?;
        let (notices, inbox) = Notices::new();
        let other = role
            .other_topic
            .clone()
            .map(|name| (name, other_partitions));
        let watch = watch::watch(Arc::clone(&kafka), topic.clone(), other, notices.clone());
        Ok(Self {
            watch: role.task("watch", watch),
            role,
            consumer: Arc::new(consumer),
            topic,
            partitions,
            other_partitions,
            kafka,
            phase: Phase::Steady,
            shards: BTreeMap::new(),
            leaving: Vec::new(),
            inbox,
            notices,
            offsets_committed_at: Instant::now(),
        })
    }

    /// Polls until told to stop, or until the shards have to be taken over anew. Leaves the group
    /// in either case.
    pub fn run(mut self, told: &CancellationToken, alive: &Liveness) -> Ended {
        let ended = loop {
            alive.beat();
            if told.is_cancelled() {
                break Ended::Told;
            }
            if let Err(ended) = self.turn() {
                break ended;
            }
        };
        self.leave(alive);
        ended
    }

    fn turn(&mut self) -> Result<(), Ended> {
        self.poll()?;
        for rebalance in self.consumer.context().take() {
            self.rebalance(rebalance)?;
        }
        self.go_on()?;
        while let Ok(notice) = self.inbox.try_recv() {
            self.hear(notice)?;
        }
        let (metrics, shards) = (&self.role.metrics, &self.shards);
        self.leaving.retain(|shard| {
            let stopped = shard.has_stopped();
            // Its halves may have shown something after it was given up.
            if stopped && !shards.contains_key(&shard.partition) {
                metrics.forget(shard.partition);
            }
            !stopped
        });
        if self.offsets_committed_at.elapsed() >= COMMIT_OFFSETS_EVERY {
            self.offsets_committed_at = Instant::now();
            self.commit_offsets();
        }
        Ok(())
    }

    fn poll(&self) -> Result<(), Ended> {
        match self.consumer.poll(POLL) {
            None => Ok(()),
            Some(Ok(_)) => {
                // Reading on would leave a hole: this record never reached its shard.
                Err(Ended::Rejoin(
                    "a record came outside its partition's queue".into(),
                ))
            }
            Some(Err(KafkaError::MessageConsumptionFatal(error))) => {
                Err(Ended::Rejoin(format!("the consumer can't go on: {error}")))
            }
            Some(Err(error)) => {
                tracing::warn!(%error, "Kafka is not well");
                Ok(())
            }
        }
    }

    fn rebalance(&mut self, rebalance: Rebalance) -> Result<(), Ended> {
        self.role.metrics.rebalances.inc();
        tracing::info!(?rebalance, "the group shares out the partitions");
        match rebalance {
            Rebalance::Assigned(partitions) => {
                let (answer_to, answer) = oneshot::channel();
                let (role, topic, kafka) = (
                    Arc::clone(&self.role),
                    self.topic.clone(),
                    Arc::clone(&self.kafka),
                );
                let asked = partitions.clone();
                let task = self.role.task("takeover", async move {
                    let taken = takeover::take_over(&role, &topic, &kafka, &asked).await;
                    // The session may have ended meanwhile.
                    let _ = answer_to.send(taken);
                });
                self.phase = Phase::Taking {
                    partitions,
                    answer,
                    task,
                };
            }
            Rebalance::Revoked(partitions) => {
                for partition in &partitions {
                    if let Some(shard) = self.shards.get(partition) {
                        shard.stop.cancel();
                    }
                }
                let deadline = Instant::now() + STOPPING;
                self.phase = Phase::Stopping {
                    partitions,
                    deadline,
                };
            }
            Rebalance::Lost(partitions) => {
                self.abandon(&partitions);
                // Soon, but not before the threads have ended: one that took records just now
                // would move the position of a partition that is assigned no longer, and the
                // next reader would trust it.
                self.phase = Phase::Stopping {
                    partitions,
                    deadline: Instant::now() + STOPPING,
                };
            }
            Rebalance::OtherTopic => {
                return Err(Ended::Rejoin(
                    "the group knows this pod from another topic".into(),
                ));
            }
        }
        Ok(())
    }

    /// Does what the phase waits for, once it has happened.
    fn go_on(&mut self) -> Result<(), Ended> {
        match &mut self.phase {
            Phase::Steady => {}
            Phase::Taking { answer, .. } => match answer.try_recv() {
                Ok(Ok(taken)) => self.phase = Phase::Starting { taken },
                Ok(Err(error)) => return Err(Ended::Rejoin(error.to_string())),
                // A task that died without an answer stops the whole role.
                Err(_) => {}
            },
            Phase::Starting { taken } => {
                let waits = taken.iter().any(|taken| {
                    self.leaving
                        .iter()
                        .any(|shard| shard.partition == taken.key.partition)
                });
                if !waits {
                    let taken = std::mem::take(taken);
                    self.phase = Phase::Steady;
                    return self.start(taken);
                }
            }
            Phase::Stopping {
                partitions,
                deadline,
            } => {
                let stopped = partitions
                    .iter()
                    .all(|partition| self.shards.get(partition).is_none_or(Shard::has_stopped));
                let stopped = stopped && !self.leaving.iter().any(Shard::reads);
                if stopped || Instant::now() >= *deadline {
                    let partitions = std::mem::take(partitions);
                    self.phase = Phase::Steady;
                    self.abandon(&partitions);
                    self.unassign(&partitions);
                }
            }
        }
        Ok(())
    }

    /// Starts shards that were taken over.
    fn start(&mut self, all: Vec<Taken>) -> Result<(), Ended> {
        let failed = |error: KafkaError| Ended::Rejoin(format!("assigning partitions: {error}"));
        let mut assignment = TopicPartitionList::new();
        let mut halted = TopicPartitionList::new();
        let mut queues = Vec::with_capacity(all.len());
        for taken in &all {
            let partition = taken.key.partition;
            let queue = PartitionQueue::split(&self.consumer, self.topic.topic(), partition)
                .ok_or_else(|| Ended::Rejoin(format!("partition {partition} has no queue")))?;
            queues.push(queue);
            let start = taken.state.data_loss_at.unwrap_or(taken.recovery.read_from);
            let offset = Offset::Offset(start);
            assignment
                .add_partition_offset(self.topic.topic(), partition, offset)
                .map_err(failed)?;
            if taken.state.data_loss_at.is_some() {
                halted.add_partition(self.topic.topic(), partition);
            }
        }
        self.consumer
            .incremental_assign(&assignment)
            .map_err(failed)?;
        self.consumer.pause(&halted).map_err(failed)?;
        for (taken, queue) in all.into_iter().zip(queues) {
            let partition = taken.key.partition;
            let shard = self.start_shard(taken, queue).map_err(|error| {
                Ended::Rejoin(format!(
                    "reading the state of partition {partition}: {error}"
                ))
            })?;
            self.shards.insert(shard.partition, shard);
        }
        self.show_shards();
        Ok(())
    }

    fn hear(&mut self, notice: Notice) -> Result<(), Ended> {
        let owned = |partition: &i32| {
            self.shards
                .get(partition)
                .is_some_and(|shard| !shard.stop.is_cancelled())
        };
        match notice {
            Notice::OutOfRange { partition } if owned(&partition) => Err(Ended::Rejoin(format!(
                "the next record of partition {partition} is not in the topic"
            ))),
            Notice::Stale { partition } if owned(&partition) => Err(Ended::Rejoin(format!(
                "the shard of partition {partition} has another owner"
            ))),
            Notice::Unreadable { partition, error } => {
                tracing::warn!(partition, %error, "the partition can't be read at the moment");
                Ok(())
            }
            Notice::Unusable { partition, error } if owned(&partition) => {
                self.report_unusable(partition, error.clone());
                Err(Ended::Rejoin(format!(
                    "the shard of partition {partition} can't go on: {error}"
                )))
            }
            Notice::OutOfRange { .. } | Notice::Stale { .. } | Notice::Unusable { .. } => Ok(()),
            Notice::OtherEndChanged => Err(Ended::Rejoin(
                "the topic at the other end of the link has other partitions".into(),
            )),
            Notice::Replaced => Err(Ended::Rejoin(format!(
                "topic {} was replaced",
                self.topic.topic()
            ))),
            // The one who shares out the partitions may not notice, if it was started again meanwhile.
            Notice::Ends(ends, _) if ends.len() > self.partitions => Err(Ended::Rejoin(format!(
                "the topic has {} partitions now",
                ends.len()
            ))),
            Notice::Ends(ends, at) => {
                for (partition, end) in ends {
                    if let Some(shard) = self.shards.get(&partition) {
                        shard.end.set(end, at);
                        self.show_lag(partition, end - shard.next_offset.load(Ordering::Relaxed));
                    }
                }
                Ok(())
            }
        }
    }

    /// Shows in the commit log that a shard stands still, until it is taken over anew.
    fn report_unusable(&self, partition: i32, error: String) {
        let Some(shard) = self.shards.get(&partition) else {
            return;
        };
        let (role, key, epoch) = (Arc::clone(&self.role), shard.key.clone(), shard.epoch);
        self.role.task("report", async move {
            blocked::tell(&role, &key, epoch, "windows", Some(&error)).await;
        });
    }

    fn show_lag(&self, partition: i32, lag: i64) {
        let lag = lag.max(0);
        self.role
            .metrics
            .lag
            .with_label_values(&[&partition.to_string()])
            .set(lag);
    }

    fn show_shards(&self) {
        let halted = self
            .shards
            .values()
            .filter(|shard| shard.halves.is_none())
            .count();
        self.role.metrics.shards_owned.set(self.shards.len() as i64);
        self.role.metrics.shards_halted.set(halted as i64);
    }

    /// Gives shards up at once.
    fn abandon(&mut self, partitions: &[i32]) {
        for partition in partitions {
            if let Some(shard) = self.shards.remove(partition) {
                shard.abandon();
                self.leaving.push(shard);
            }
            self.role.metrics.forget(*partition);
        }
        self.show_shards();
    }

    fn unassign(&self, partitions: &[i32]) {
        let list = self.list(partitions);
        if let Err(error) = self.consumer.incremental_unassign(&list) {
            tracing::warn!(%error, ?partitions, "giving partitions up");
        }
    }

    fn list(&self, partitions: &[i32]) -> TopicPartitionList {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            list.add_partition(self.topic.topic(), *partition);
        }
        list
    }

    /// Commits to the broker how far the shards are, for tools that look there.
    fn commit_offsets(&self) {
        let mut list = TopicPartitionList::new();
        for shard in self.shards.values() {
            let offset = Offset::Offset(shard.next_offset.load(Ordering::Relaxed));
            if let Err(error) =
                list.add_partition_offset(self.topic.topic(), shard.partition, offset)
            {
                tracing::debug!(%error, "naming an offset");
            }
        }
        if list.count() > 0
            && let Err(error) = self.consumer.commit(&list, CommitMode::Async)
        {
            tracing::debug!(%error, "committing offsets to the broker");
        }
    }
}
