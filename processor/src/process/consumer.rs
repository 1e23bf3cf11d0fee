//! The group consumer: its settings, and how rebalances get from librdkafka to the session.
//!
//! A rebalance is only noted in librdkafka's callback. The session answers it when it is ready:
//! a partition is read only after its shard has been taken over in PostgreSQL, and given up only
//! after its commit under way has ended. librdkafka waits for the answer, and goes on keeping
//! the membership alive as long as it is polled.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use rdkafka::{
    ClientContext, TopicPartitionList,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaResult, RDKafkaErrorCode},
    topic_partition_list::TopicPartitionListElem,
    types::RDKafkaRespErr,
};

use super::role::Role;

/// What all partition queues together may hold, in KiB of records.
const QUEUED_KBYTES: i32 = 32 * 1024;
/// How many records all partition queues together hold as a rule. librdkafka keeps some hundred bytes more
/// for each, which the former does not count.
const QUEUED_MESSAGES: i32 = 90_000;

/// A change of what the group lets this member read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rebalance {
    /// These partitions are to be read.
    Assigned(Vec<i32>),
    /// These are to be given up in an orderly way.
    Revoked(Vec<i32>),
    /// These belong to somebody else already.
    Lost(Vec<i32>),
    /// These are in another topic: the group still knows the pod's name from a subscription before. It has been
    /// answered, and what was assigned must not be read.
    OtherTopic,
}

/// Receives what librdkafka reports.
#[derive(Debug)]
pub struct Reports {
    topic: String,
    rebalances: Mutex<Vec<Rebalance>>,
    closing: AtomicBool,
}

/// The group consumer.
pub type GroupConsumer = BaseConsumer<Reports>;

impl Reports {
    fn about(topic: &str) -> Self {
        Self {
            topic: topic.to_owned(),
            rebalances: Mutex::default(),
            closing: AtomicBool::new(false),
        }
    }

    /// The rebalances since the last call.
    pub fn take(&self) -> Vec<Rebalance> {
        std::mem::take(
            &mut *self
                .rebalances
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// From now on partitions are given up at once: the session has ended.
    pub fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }
}

impl ClientContext for Reports {}

impl ConsumerContext for Reports {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let assigned = event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        let elements = partitions.elements();
        let is_other = elements.iter().any(|part| part.topic() != self.topic);
        if is_other || self.closing.load(Ordering::Relaxed) {
            let answered = if assigned {
                consumer.incremental_assign(partitions)
            } else {
                consumer.incremental_unassign(partitions)
            };
            if let Err(error) = answered {
                tracing::debug!(%error, "leaving the group");
            }
        }
        if self.closing.load(Ordering::Relaxed) {
            return;
        }
        let numbers = elements
            .iter()
            .map(TopicPartitionListElem::partition)
            .collect();
        let rebalance = if is_other {
            Rebalance::OtherTopic
        } else if assigned {
            Rebalance::Assigned(numbers)
        } else if consumer.assignment_lost() {
            Rebalance::Lost(numbers)
        } else {
            Rebalance::Revoked(numbers)
        };
        self.rebalances
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(rebalance);
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        // Offsets in the broker only feed lag tools; the next ones come soon.
        if let Err(error) = result
            && error.rdkafka_error_code() != Some(RDKafkaErrorCode::NoOffset)
        {
            tracing::debug!(%error, "committing offsets to the broker");
        }
    }
}

/// Makes the consumer of a topic with so many partitions. It is not subscribed yet.
pub fn create(role: &Role, partitions: i32) -> KafkaResult<GroupConsumer> {
    let share = |all: i32| all / partitions.max(1);
    let queued_kbytes = share(QUEUED_KBYTES).clamp(1024, 16 * 1024);
    let queued_messages = share(QUEUED_MESSAGES).clamp(2_000, 50_000);
    let mut config = role.client_config();
    if let Some(instance) = &role.instance {
        config.set("group.instance.id", instance);
    }
    config
        .set("group.id", role.group())
        .set("group.protocol", "classic")
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", "10000")
        .set("heartbeat.interval.ms", "2000")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("isolation.level", "read_committed")
        // Where to read is PostgreSQL's to say. What can't be read there is lost, never skipped.
        .set("auto.offset.reset", "error")
        .set("queued.max.messages.kbytes", queued_kbytes.to_string())
        .set("queued.min.messages", queued_messages.to_string())
        // How long a full queue is left alone: less than it takes to empty it.
        .set("fetch.queue.backoff.ms", "20")
        // New partitions are found within this time.
        .set("topic.metadata.refresh.interval.ms", "30000")
        .create_with_context(Reports::about(&role.topic))
}
