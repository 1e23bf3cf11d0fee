//! What Kafka knows: the newest alerts and dead letters, read as they come, and where the input topic
//! ends. One thread, one consumer without a group, which only reads; what it read is kept in
//! bounded memory, for requests and streams to take from.

pub mod record;
pub mod shelf;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, ClientContext, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    message::BorrowedMessage,
    metadata::{MetadataPartition, MetadataTopic},
};
use sensorstream_broker::{
    connection::{Credentials, client_config},
    offsets::{beginning_offsets, end_offsets},
};
use sensorstream_crds::runtime::ServeConfig;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use self::{
    record::{DeadLetter, SentAlert},
    shelf::Shelf,
};
use super::shape::Topics;
use crate::telemetry::chain;

/// How long a question to the brokers may take.
const TIMEOUT: Duration = Duration::from_secs(3);
/// How long to wait for a record.
const POLL: Duration = Duration::from_millis(100);
/// How far back from a topic's end reading begins, in offsets over all partitions. Some of them are
/// transactions' marks rather than records.
const BACK: i64 = 4000;
/// How often to look whether topics have more partitions.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// How soon to try again what failed.
const TRY_AGAIN: Duration = Duration::from_secs(2);
/// How often to ask for the input topic's end, while somebody wants to know it.
const ENDS_EVERY: Duration = Duration::from_secs(1);
/// How old an answer may be.
const ENDS_FRESH: Duration = Duration::from_secs(3);
/// How long an answer is waited for.
const ENDS_WITHIN: Duration = Duration::from_millis(1200);
/// How long a wish to know it lasts.
const WANTED_FOR: Duration = Duration::from_secs(5);
/// How long reading what there was may take until it counts as read.
const LOADING: Duration = Duration::from_secs(10);

/// What Kafka knows. Clones share it.
#[derive(Clone)]
pub struct Tail {
    known: Arc<Mutex<Known>>,
    changed: watch::Sender<()>,
    asked: Arc<Notify>,
}

/// What has been read so far.
#[derive(Default)]
pub struct Known {
    /// The newest alerts.
    pub alerts: Shelf<Arc<SentAlert>>,
    /// The newest dead letters.
    pub dead_letters: Shelf<Arc<DeadLetter>>,
    /// Whether what there was at the start has been read.
    pub loaded: bool,
    /// Whether Kafka answers.
    reachable: bool,
    /// Where the input topic's partitions end, and when Kafka said so.
    ends: Option<(Instant, BTreeMap<i32, i64>)>,
    wanted_at: Option<Instant>,
    /// Whether anybody reads.
    started: bool,
}

impl Known {
    /// Whether what is here is what there is.
    pub fn is_current(&self) -> bool {
        self.loaded && self.reachable
    }
}

impl Default for Tail {
    fn default() -> Self {
        Self {
            known: Arc::default(),
            changed: watch::Sender::new(()),
            asked: Arc::default(),
        }
    }
}

impl Tail {
    /// Begins to read, until `shutdown`.
    pub fn start(config: &ServeConfig, shutdown: CancellationToken) -> Self {
        let tail = Self::default();
        tail.known().started = true;
        let reader = Reader {
            topics: Topics::of(&config.outputs),
            input: config.input.topic.name.clone(),
            tail: tail.clone(),
            shutdown,
        };
        let mut client = client_config(&config.kafka, &Credentials::of_pod(&config.kafka));
        let group = format!(
            "sensorstream.{}.{}.api",
            config.pipeline.namespace, config.pipeline.name
        );
        let spawned = thread::Builder::new()
            .name("kafka-tail".into())
            .spawn(move || reader.run(settings(&mut client, &group)));
        if let Err(error) = spawned {
            tracing::error!(
                error = chain(&error),
                "alerts and dead letters can't be read"
            );
        }
        tail
    }

    /// What has been read.
    pub fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells of alerts and dead letters that come.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Where the input topic's partitions end; none if Kafka does not say soon.
    pub async fn ends(&self) -> Option<BTreeMap<i32, i64>> {
        let asked = self.asked.notified();
        let known = self.wanted_ends();
        if known.is_none() && self.known().started {
            let _ = tokio::time::timeout(ENDS_WITHIN, asked).await;
            return self.wanted_ends();
        }
        known
    }

    /// Where they end, if that was said lately; from now on it is asked for a while.
    fn wanted_ends(&self) -> Option<BTreeMap<i32, i64>> {
        let mut known = self.known();
        known.wanted_at = Some(Instant::now());
        let (at, ends) = known.ends.as_ref()?;
        (at.elapsed() < ENDS_FRESH).then(|| ends.clone())
    }
}

/// Reads committed records only, and keeps few.
fn settings<'a>(client: &'a mut ClientConfig, group: &str) -> &'a ClientConfig {
    client
        // Nobody joins it; librdkafka wants a name.
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("isolation.level", "read_committed")
        .set("auto.offset.reset", "earliest")
        .set("enable.partition.eof", "true")
        .set("queued.min.messages", "1000")
        .set("queued.max.messages.kbytes", "2048")
        .set("fetch.message.max.bytes", "1048576")
        .set("fetch.wait.max.ms", "500")
}

/// Logs what librdkafka reports, but for the ends of partitions, which are no errors here.
struct Reports;

impl ClientContext for Reports {
    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::PartitionEOF) {
            tracing::warn!(error = chain(&error), reason, "Kafka");
        }
    }
}

impl ConsumerContext for Reports {}

type TailConsumer = BaseConsumer<Reports>;

/// The thread.
struct Reader {
    topics: Topics,
    input: String,
    tail: Tail,
    shutdown: CancellationToken,
}

/// What is read at the moment.
#[derive(Default)]
struct Assignment {
    partitions: BTreeMap<(String, i32), i64>,
    input_partitions: Vec<i32>,
    /// Whether partitions have been found that are not read yet.
    grown: bool,
    /// How often the end of partitions of a number has been reached, in whichever topic.
    ended: BTreeMap<i32, usize>,
}

impl Assignment {
    /// Whether every partition has been read to its end. Which topic's it was librdkafka does not tell.
    fn has_ended(&self) -> bool {
        let mut topics: BTreeMap<i32, usize> = BTreeMap::new();
        for (_, partition) in self.partitions.keys() {
            *topics.entry(*partition).or_default() += 1;
        }
        let ended = |partition: &i32| self.ended.get(partition).copied().unwrap_or(0);
        !topics.is_empty()
            && topics
                .iter()
                .all(|(partition, count)| ended(partition) >= *count)
    }
}

impl Reader {
    fn run(self, settings: &ClientConfig) {
        let consumer: TailConsumer = match settings.create_with_context(Reports) {
            Ok(consumer) => consumer,
            Err(error) => {
                tracing::error!(
                    error = chain(&error),
                    "alerts and dead letters can't be read"
                );
                return;
            }
        };
        let mut assignment = Assignment::default();
        let mut look_at = Instant::now();
        let mut ends_at = Instant::now();
        let give_up_loading = Instant::now() + LOADING;
        let mut told = None;
        let mut loaded = false;
        while !self.shutdown.is_cancelled() {
            let now = Instant::now();
            if now >= look_at {
                let looked = self.look(&consumer, &mut assignment);
                let problem = looked.as_ref().err().map(|error| chain(error));
                if problem != told {
                    if let Some(error) = &problem {
                        tracing::warn!(error, "alerts and dead letters can't be read");
                    } else {
                        tracing::info!("alerts and dead letters are read");
                    }
                    told = problem;
                }
                self.tail.known().reachable = looked.is_ok();
                look_at = now
                    + if looked.is_ok() {
                        LOOK_AGAIN
                    } else {
                        TRY_AGAIN
                    };
            }
            if now >= ends_at {
                self.ask_ends(&consumer, &assignment);
                ends_at = Instant::now() + ENDS_EVERY;
            }
            match consumer.poll(POLL) {
                Some(Ok(message)) => self.take(&message, &mut assignment),
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    *assignment.ended.entry(partition).or_default() += 1;
                }
                Some(Err(error)) => {
                    tracing::debug!(error = chain(&error), "reading alerts and dead letters");
                    // Deleted topics come back, if at all, as others.
                    look_at = look_at.min(now + TRY_AGAIN);
                }
                None => {}
            }
            // A partition without a leader holds up the others no longer than that.
            let given_up = now >= give_up_loading && !assignment.ended.is_empty();
            if !loaded && (given_up || assignment.has_ended()) {
                loaded = true;
                self.tail.known().loaded = true;
                self.tail.changed.send_replace(());
            }
        }
    }

    /// Sees to it that every partition is read.
    fn look(&self, consumer: &TailConsumer, assignment: &mut Assignment) -> KafkaResult<()> {
        assignment.input_partitions = partitions(consumer, &self.input)?;
        let outputs = [self.topics.alerts.as_ref(), Some(&self.topics.dead_letters)];
        for topic in outputs.into_iter().flatten() {
            let numbers = partitions(consumer, topic)?;
            let unread: Vec<i32> = numbers
                .iter()
                .filter(|number| {
                    !assignment
                        .partitions
                        .contains_key(&(topic.clone(), **number))
                })
                .copied()
                .collect();
            if unread.is_empty() {
                continue;
            }
            let begins = beginning_offsets(consumer, topic, unread.iter().copied(), TIMEOUT)?;
            let ends = end_offsets(consumer, topic, unread.iter().copied(), TIMEOUT)?;
            let back = BACK / i64::try_from(numbers.len()).unwrap_or(1).max(1);
            for number in unread {
                let begin = begins.get(&number).copied().unwrap_or(0);
                let end = ends.get(&number).copied().unwrap_or(begin);
                let from = begin.max(end - back);
                self.begin(topic, number, from);
                assignment.partitions.insert((topic.clone(), number), from);
                assignment.grown = true;
            }
        }
        if assignment.grown {
            let mut list = TopicPartitionList::new();
            for ((topic, number), from) in &assignment.partitions {
                list.add_partition_offset(topic, *number, Offset::Offset(*from))?;
            }
            consumer.assign(&list)?;
            assignment.grown = false;
            assignment.ended.clear();
        }
        Ok(())
    }

    fn begin(&self, topic: &str, partition: i32, from: i64) {
        let mut known = self.tail.known();
        if topic == self.topics.dead_letters {
            known.dead_letters.begin(partition, from);
        } else {
            known.alerts.begin(partition, from);
        }
    }

    fn take(&self, message: &BorrowedMessage<'_>, assignment: &mut Assignment) {
        let (topic, partition) = (message.topic().to_owned(), message.partition());
        let bytes = message.payload_len().min(record::SHOWN) + message.key_len();
        let place = record::place(message);
        let mut known = self.tail.known();
        if topic == self.topics.dead_letters && record::is_receipt(message) {
            known.dead_letters.pass(partition, message.offset() + 1);
        } else if topic == self.topics.dead_letters {
            let letter = Arc::new(DeadLetter::of(message));
            known.dead_letters.put(place, bytes, letter);
        } else if let Some(alert) = SentAlert::of(message) {
            known.alerts.put(place, bytes, Arc::new(alert));
        } else {
            known.alerts.pass(partition, message.offset() + 1);
        }
        let loaded = known.loaded;
        drop(known);
        assignment
            .partitions
            .insert((topic, partition), message.offset() + 1);
        if loaded {
            self.tail.changed.send_replace(());
        }
    }

    fn ask_ends(&self, consumer: &TailConsumer, assignment: &Assignment) {
        let wanted = self.tail.known().wanted_at;
        if wanted.is_none_or(|at| at.elapsed() > WANTED_FOR) {
            return;
        }
        let numbers = assignment.input_partitions.iter().copied();
        let ends = end_offsets(consumer, &self.input, numbers, TIMEOUT).ok();
        let ends = ends.filter(|ends| !ends.is_empty());
        {
            let mut known = self.tail.known();
            known.reachable = ends.is_some();
            known.ends = ends.map(|ends| (Instant::now(), ends));
        }
        self.tail.asked.notify_waiters();
    }
}

fn partitions(consumer: &TailConsumer, topic: &str) -> KafkaResult<Vec<i32>> {
    let metadata = consumer.fetch_metadata(Some(topic), TIMEOUT)?;
    let topics = metadata.topics().iter();
    let partitions = topics.flat_map(MetadataTopic::partitions);
    Ok(partitions.map(MetadataPartition::id).collect())
}
