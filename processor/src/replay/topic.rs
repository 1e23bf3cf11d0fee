//! Reads the dead letter topic from one end to the other, without a group and committed records only.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use rdkafka::{
    ClientContext, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaError, RDKafkaErrorCode},
    message::{BorrowedMessage, Headers},
};
use sensorstream_broker::{
    connection::{Credentials, client_config},
    offsets::{beginning_offsets, end_offsets},
    topics,
};
use sensorstream_crds::runtime::{KafkaEndpoint, ProcessConfig};

use super::{
    ReplayError,
    letter::{Letter, Position},
    receipt::{self, Replayed},
};

/// How long the topic may give nothing while there should be more.
const STUCK: Duration = Duration::from_secs(30);
/// How long transactions of others may be under way.
const SETTLES_WITHIN: Duration = Duration::from_secs(75);
/// How long one look waits.
const POLL: Duration = Duration::from_millis(100);

/// What is in the dead letter topic.
#[derive(Debug)]
pub enum Entry {
    /// A dead letter.
    Letter(Letter),
    /// Which letters of its partition were replayed.
    Receipt {
        /// Where the receipt is.
        position: Position,
        /// Its value.
        value: Option<Vec<u8>>,
    },
}

/// The dead letter topic of a pipeline.
pub struct DeadLetterTopic {
    /// Reads committed records.
    consumer: BaseConsumer<Quiet>,
    /// Knows where the log ends, whatever is committed.
    inquirer: BaseConsumer<Quiet>,
    name: String,
    partitions: i32,
    patience: Duration,
}

/// Where each partition begins and ends.
pub type Spans = BTreeMap<i32, (i64, i64)>;

/// What librdkafka reports besides is in the errors of the calls.
struct Quiet;

impl ClientContext for Quiet {
    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::PartitionEOF) {
            tracing::debug!(%error, reason, "Kafka");
        }
    }
}

impl ConsumerContext for Quiet {}

impl DeadLetterTopic {
    /// Finds the topic of a pipeline. Each question to Kafka is given `patience`.
    pub fn open(
        config: &ProcessConfig,
        credentials: &Credentials,
        patience: Duration,
    ) -> Result<Self, ReplayError> {
        let name = config.outputs.dead_letter.topic.name.clone();
        let group = config.pipeline.replay_transactional_id();
        let create = |isolation| client(&config.kafka, credentials, &group, isolation);
        let (consumer, inquirer) = (create("read_committed")?, create("read_uncommitted")?);
        let found = topics::describe(inquirer.client(), &[&name], patience)?;
        let found = found
            .get(&name)
            .ok_or_else(|| ReplayError::NoTopic(name.clone()))?;
        Ok(Self {
            consumer,
            inquirer,
            partitions: found.partitions,
            name,
            patience,
        })
    }

    /// Where the partitions begin, or have what was sent since a time, and where their committed records end.
    pub fn spans(&self, since: Option<Timestamp>) -> Result<Spans, ReplayError> {
        let failed = ReplayError::kafka("asking where the dead letter topic begins and ends");
        let all = 0..self.partitions;
        let ends =
            end_offsets(&self.consumer, &self.name, all.clone(), self.patience).map_err(failed)?;
        let begins = match since {
            Some(since) => self.from(since)?,
            None => {
                beginning_offsets(&self.consumer, &self.name, all, self.patience).map_err(failed)?
            }
        };
        let span = |(partition, end): (i32, i64)| {
            (
                partition,
                (begins.get(&partition).copied().unwrap_or(end), end),
            )
        };
        Ok(ends.into_iter().map(span).collect())
    }

    /// The first offset of each partition of that time or later, if there is one.
    fn from(&self, since: Timestamp) -> Result<BTreeMap<i32, i64>, ReplayError> {
        let failed = ReplayError::kafka("asking where letters of a time begin");
        let mut asked = TopicPartitionList::new();
        for partition in 0..self.partitions {
            let at = Offset::Offset(since.as_millisecond().max(0));
            asked
                .add_partition_offset(&self.name, partition, at)
                .map_err(failed)?;
        }
        let answered = self
            .consumer
            .offsets_for_times(asked, self.patience)
            .map_err(failed)?;
        let offset = |offset: Offset| match offset {
            Offset::Offset(offset) if offset >= 0 => Some(offset),
            _ => None,
        };
        let elements = answered.elements();
        let found = elements.iter();
        Ok(found
            .filter_map(|element| Some((element.partition(), offset(element.offset())?)))
            .collect())
    }

    /// The same as [`spans`](Self::spans), once every transaction that was under way at the call is over: what
    /// an earlier replay did is below.
    pub fn settled_spans(&self, since: Option<Timestamp>) -> Result<Spans, ReplayError> {
        let failed = ReplayError::kafka("asking where the dead letter topic ends");
        let ends = end_offsets(
            &self.inquirer,
            &self.name,
            0..self.partitions,
            self.patience,
        )
        .map_err(failed)?;
        let deadline = Instant::now() + SETTLES_WITHIN;
        loop {
            let spans = self.spans(since)?;
            let open = ends.iter().find(|(partition, end)| {
                spans
                    .get(*partition)
                    .is_none_or(|(_, settled)| settled < *end)
            });
            match open {
                None => return Ok(spans),
                Some((partition, _)) if Instant::now() >= deadline => {
                    return Err(ReplayError::Unsettled(*partition));
                }
                Some(_) => std::thread::sleep(POLL),
            }
        }
    }

    /// Reads what is within the spans, each partition in its order.
    pub fn read<E: From<ReplayError>>(
        &self,
        spans: &Spans,
        mut take: impl FnMut(Entry) -> Result<(), E>,
    ) -> Result<(), E> {
        let failed = ReplayError::kafka("reading the dead letter topic");
        let mut left: BTreeMap<i32, i64> = BTreeMap::new();
        let mut list = TopicPartitionList::new();
        for (partition, (begin, end)) in spans.iter().filter(|(_, (begin, end))| begin < end) {
            let from = Offset::Offset(*begin);
            list.add_partition_offset(&self.name, *partition, from)
                .map_err(failed)?;
            left.insert(*partition, *end);
        }
        self.consumer.assign(&list).map_err(failed)?;
        let mut heard = Instant::now();
        while let Some(partition) = left.keys().next().copied() {
            match self.consumer.poll(POLL) {
                Some(Ok(message)) => {
                    heard = Instant::now();
                    let Some(end) = left.get(&message.partition()).copied() else {
                        continue;
                    };
                    if message.offset() < end
                        && let Some(entry) = entry(&message)
                    {
                        take(entry)?;
                    }
                    if message.offset() + 1 >= end {
                        left.remove(&message.partition());
                    }
                }
                // What is left to the end are the marks of transactions.
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    heard = Instant::now();
                    left.remove(&partition);
                }
                // Outages pass, or nothing comes any more.
                Some(Err(error)) => tracing::debug!(%error, "reading the dead letter topic"),
                None => {}
            }
            if heard.elapsed() > STUCK {
                return Err(ReplayError::Stuck(partition).into());
            }
        }
        self.consumer.unassign().map_err(failed)?;
        Ok(())
    }

    /// Reads which letters have been replayed.
    pub fn replayed(&self, spans: &Spans) -> Result<Replayed, ReplayError> {
        let mut replayed = Replayed::default();
        self.read(spans, |entry| match entry {
            Entry::Receipt { position, value } => replayed
                .take(position, value.as_deref())
                .map_err(ReplayError::from),
            Entry::Letter(_) => Ok(()),
        })?;
        Ok(replayed)
    }
}

fn client(
    endpoint: &KafkaEndpoint,
    credentials: &Credentials,
    group: &str,
    isolation: &str,
) -> Result<BaseConsumer<Quiet>, ReplayError> {
    client_config(endpoint, credentials)
        // Nobody joins it; librdkafka wants a name.
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("isolation.level", isolation)
        .set("auto.offset.reset", "earliest")
        .set("enable.partition.eof", "true")
        .set("queued.max.messages.kbytes", "16384")
        .create_with_context(Quiet)
        .map_err(ReplayError::kafka(
            "making a client; check the settings under spec.kafka",
        ))
}

/// What a record of the topic is, if it is any of ours.
fn entry(message: &BorrowedMessage<'_>) -> Option<Entry> {
    let position = Position {
        partition: message.partition(),
        offset: message.offset(),
    };
    let headers = message.headers()?;
    if receipt::is_receipt(headers.iter().map(|header| header.key)) {
        let value = message.payload().map(<[u8]>::to_vec);
        return Some(Entry::Receipt { position, value });
    }
    let headers = headers
        .iter()
        .map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec)));
    let millis = message.timestamp().to_millis().unwrap_or(0);
    let at = Timestamp::from_millisecond(millis).unwrap_or_default();
    let letter = Letter::of(
        position,
        at,
        message.key(),
        message.payload(),
        headers.collect(),
    )?;
    Some(Entry::Letter(letter))
}
