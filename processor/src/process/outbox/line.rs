//! One transactional producer's life, from its initialisation to its first error. After an error
//! nothing is known about the transaction under way, so the producer is thrown away: the next one
//! aborts or completes that transaction and reads the cursor anew.

use std::{sync::Arc, time::Duration};

use rdkafka::{
    Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, ResourceSpecifier},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseProducer, BaseRecord, Producer},
};
use sensorstream_broker::topics::{self, DescribeError};
use sensorstream_ledger::shard::ShardKey;

use super::{
    super::{
        batch::Letter,
        decode::MAX_VALUE_BYTES,
        role::{OutputTopics, Role},
    },
    letter::compose,
    outgoing::{Destination, Outgoing},
    reread::{RereadError, Rereader},
};

/// How long one question to Kafka may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait for room in a full queue at a time.
const ROOM: Duration = Duration::from_millis(10);
/// Kafka's own default for a topic's `max.message.bytes`.
const DEFAULT_LIMIT: usize = 1_048_588;
/// What an enriched reading or an alert of the largest record may take.
const LARGEST_MESSAGE: usize = 4 * MAX_VALUE_BYTES;

/// Why records could not be sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    #[error("the topic {0} does not exist")]
    NoTopic(String),
    #[error("finding the output topics")]
    Describe(#[from] DescribeError),
    #[error("{0}")]
    Kafka(&'static str, #[source] KafkaError),
    #[error("reading records from the input topic again")]
    Reread(#[from] RereadError),
}

/// How many records of each kind were sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) dead_letters: usize,
    pub(super) enriched: usize,
    pub(super) alerts: usize,
}

/// A way to the output topics.
pub(super) struct Line {
    producer: BaseProducer,
    /// Never joins the group it is named after: the group's offsets are the cursors.
    reader: Arc<BaseConsumer>,
    rereader: Rereader,
    limit: usize,
    cursor: i64,
    key: ShardKey,
    source_topic: String,
    topics: OutputTopics,
}

impl Line {
    /// Fences whoever had the shard before and finds where it stopped.
    pub(super) fn open(
        role: &Role,
        kafka: &BaseConsumer,
        key: &ShardKey,
    ) -> Result<Self, LineError> {
        let topics = &role.output_topics;
        let names: Vec<&str> = topics.names().collect();
        let found = topics::describe(kafka.client(), &names, PATIENCE)?;
        if let Some(missing) = names.iter().find(|name| !found.contains_key(**name)) {
            return Err(LineError::NoTopic((*missing).to_owned()));
        }
        let limit = message_limit(role, &topics.dead_letter)?;
        let transactional_id = role
            .pipeline
            .dead_letter_transactional_id(&key.incarnation, key.partition);
        let producer: BaseProducer = role
            .client_config()
            .set("transactional.id", transactional_id)
            .set("transaction.timeout.ms", "30000")
            // Until the last transaction's markers are written the next one is to be tried again; that is a
            // matter of milliseconds, and the default of 100 is most of what sending would take. It doubles
            // each time, up to a second.
            .set("retry.backoff.ms", "10")
            .set("message.timeout.ms", "20000")
            .set("message.max.bytes", limit.max(LARGEST_MESSAGE).to_string())
            // Like Java's: a key's records are in one partition, whoever wrote them.
            .set("partitioner", "murmur2_random")
            .create()
            .map_err(|error| LineError::Kafka("making the producer", error))?;
        producer
            .init_transactions(PATIENCE)
            .map_err(|error| LineError::Kafka("initialising the producer", error))?;
        let reader: BaseConsumer = role
            .client_config()
            .set("group.id", role.pipeline.dead_letter_group())
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // Also makes the broker wait for offsets of a transaction that is being completed.
            .set("isolation.level", "read_committed")
            .set("auto.offset.reset", "error")
            .set("enable.partition.eof", "true")
            .set("queued.max.messages.kbytes", "4096")
            .create()
            .map_err(|error| LineError::Kafka("making the reader", error))?;
        let reader = Arc::new(reader);
        let cursor = cursor(&reader, &role.topic, key)?;
        Ok(Self {
            producer,
            rereader: Rereader::new(&reader, &role.topic, key.partition)?,
            reader,
            limit,
            cursor,
            key: key.clone(),
            source_topic: role.topic.clone(),
            topics: topics.clone(),
        })
    }

    /// Everything below has been sent.
    pub(super) fn cursor(&self) -> i64 {
        self.cursor
    }

    /// What reads records again.
    pub(super) fn rereader(&mut self) -> &mut Rereader {
        &mut self.rereader
    }

    /// Sends what has not been sent of the letters and of the other records below `to`, and moves
    /// the cursor there, all or nothing; and where the shard stands. Answers how many were sent.
    pub(super) fn send(
        &mut self,
        letters: &[Letter],
        outgoing: &Outgoing,
        standing: &[Vec<u8>],
        to: i64,
    ) -> Result<Sent, LineError> {
        let mut sent = Sent::default();
        if to <= self.cursor && standing.is_empty() {
            return Ok(sent);
        }
        let to = to.max(self.cursor);
        let failed = |what| move |error| LineError::Kafka(what, error);
        let due = &letters[letters.partition_point(|letter| letter.offset < self.cursor)..];
        self.producer
            .begin_transaction()
            .map_err(failed("beginning a transaction"))?;
        for letter in due {
            self.enqueue_letter(letter)
                .map_err(failed("sending a dead letter"))?;
        }
        sent.dead_letters = due.len();
        for record in outgoing.of(self.cursor..to) {
            let (topic, partition) = match record.destination {
                Destination::Enriched => {
                    sent.enriched += 1;
                    (&self.topics.enriched, None)
                }
                Destination::Alerts => {
                    sent.alerts += 1;
                    (&self.topics.alerts, None)
                }
                Destination::Link(partition) => (&self.topics.link, Some(i32::from(partition))),
            };
            // What there is no topic for, no decider makes.
            let Some(topic) = topic else { continue };
            let mut message = BaseRecord::<[u8], [u8]>::to(topic).payload(record.value);
            message.key = record.key;
            message.partition = partition;
            self.enqueue(message).map_err(failed("sending a record"))?;
        }
        for (partition, value) in standing.iter().enumerate() {
            let Some(topic) = &self.topics.link else {
                continue;
            };
            let message = BaseRecord::<[u8], [u8]>::to(topic)
                .payload(value)
                .partition(partition as i32);
            self.enqueue(message)
                .map_err(failed("sending where the shard stands"))?;
        }
        let mut offsets = TopicPartitionList::new();
        {
            let mut element = offsets.add_partition(&self.source_topic, self.key.partition);
            element
                .set_offset(Offset::Offset(to))
                .map_err(failed("naming the cursor"))?;
            // A topic made anew has the same name, and its records other offsets.
            element.set_metadata(&self.key.incarnation);
        }
        let group = self
            .reader
            .group_metadata()
            .ok_or_else(|| LineError::Kafka("naming the cursor's group", KafkaError::Canceled))?;
        self.producer
            .send_offsets_to_transaction(&offsets, &group, PATIENCE)
            .map_err(failed("sending the cursor"))?;
        self.producer
            .commit_transaction(PATIENCE)
            .map_err(failed("committing a transaction"))?;
        self.cursor = to;
        Ok(sent)
    }

    fn enqueue_letter(&self, letter: &Letter) -> Result<(), KafkaError> {
        let message = compose(letter, &self.source_topic, self.key.partition, self.limit);
        let topic = &self.topics.dead_letter;
        let mut record = BaseRecord::<[u8], [u8]>::to(topic).headers(message.headers());
        record.key = message.key;
        record.payload = message.value;
        self.enqueue(record)
    }

    fn enqueue(&self, mut record: BaseRecord<'_, [u8], [u8]>) -> Result<(), KafkaError> {
        while let Err((error, returned)) = self.producer.send(record) {
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(error);
            }
            self.producer.poll(ROOM);
            record = returned;
        }
        Ok(())
    }
}

/// How large a message the topic takes.
fn message_limit(role: &Role, topic: &str) -> Result<usize, LineError> {
    let failed = |error| LineError::Kafka("reading the dead letter topic's settings", error);
    let admin: AdminClient<DefaultClientContext> = role.client_config().create().map_err(failed)?;
    let asked = [ResourceSpecifier::Topic(topic)];
    let options = AdminOptions::new().request_timeout(Some(PATIENCE));
    let answers = role
        .runtime
        .block_on(admin.describe_configs(&asked, &options))
        .map_err(failed)?;
    Ok(answers
        .iter()
        .filter_map(|answer| answer.as_ref().ok())
        .find_map(|resource| {
            resource
                .get("max.message.bytes")?
                .value
                .as_ref()?
                .parse()
                .ok()
        })
        .unwrap_or(DEFAULT_LIMIT))
}

/// The sink's cursor of this incarnation: the least offset if nothing was ever sent.
fn cursor(reader: &BaseConsumer, topic: &str, key: &ShardKey) -> Result<i64, LineError> {
    let failed = |error| LineError::Kafka("reading the dead letter sink's cursor", error);
    let mut asked = TopicPartitionList::new();
    asked.add_partition(topic, key.partition);
    let answered = reader.committed_offsets(asked, PATIENCE).map_err(failed)?;
    for element in answered.elements() {
        element.error().map_err(failed)?;
        if let Offset::Offset(offset) = element.offset()
            && element.metadata() == key.incarnation
        {
            return Ok(offset);
        }
    }
    Ok(i64::MIN)
}
