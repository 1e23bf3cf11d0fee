//! The connection to the topic: made once broker and topic are there, made anew when librdkafka
//! gives it up, and nothing lost in between.

use std::{cell::Cell, time::Duration};

use rdkafka::{
    ClientConfig,
    client::{Client, ClientContext},
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseProducer, BaseRecord, Producer, PurgeConfig},
};
use sensorstream_broker::{
    connection::{Credentials, client_config},
    topics::{DescribeError, TopicDescription, describe},
};
use sensorstream_crds::runtime::KafkaEndpoint;

use super::{
    delivery::{Deliveries, Note, Undelivered},
    kind::Kind,
    metrics::Metrics,
    traced::{self, Ticket, Traced},
};

/// How long the broker may take to describe the topic.
const DESCRIBE_TIMEOUT: Duration = Duration::from_secs(3);
/// How many batches' delivery reports are received at a time.
const REPORTS: usize = 16;

/// A producer for one topic.
pub(super) struct Link {
    config: ClientConfig,
    metrics: Metrics,
    producer: BaseProducer<Deliveries>,
    topic: String,
    /// Records that were refused and are sent again before any other.
    again: Vec<Undelivered>,
    /// What was decided about tracing the record that found no room last.
    waiting: Cell<Waiting>,
}

/// The record that found no room last, and is sent next.
#[derive(Debug, Default)]
enum Waiting {
    /// There is none.
    #[default]
    None,
    /// It is traced, or it is not.
    Record(Option<Traced>),
}

/// Why the topic can't be written to yet.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotYet {
    /// The brokers do not answer, or refuse.
    #[error("the topic could not be described")]
    Broker(#[source] DescribeError),
    /// The topic does not exist. It is somebody else's to make.
    #[error("topic {0} does not exist yet")]
    NoTopic(String),
}

/// Whether a record found room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Room {
    /// It is on its way.
    Taken,
    /// The buffer is full; try again.
    Full,
}

impl Link {
    pub(super) fn new(
        endpoint: &KafkaEndpoint,
        topic: &str,
        metrics: &Metrics,
    ) -> Result<Self, KafkaError> {
        let config = settings(client_config(endpoint, &Credentials::of_pod(endpoint)));
        let producer = config.create_with_context(Deliveries::new(metrics.clone()))?;
        Ok(Self {
            config,
            metrics: metrics.clone(),
            producer,
            topic: topic.to_owned(),
            again: Vec::new(),
            waiting: Cell::default(),
        })
    }

    /// Whether the topic is there. Asking does not create it.
    pub(super) fn check_topic(&self) -> Result<(), NotYet> {
        find_topic(self.producer.client(), &self.topic).map(drop)
    }

    /// Sends a record, or says that the buffer is full.
    pub(super) fn send(&self, kind: Kind, key: Option<&[u8]>, value: &[u8]) -> Room {
        let context = self.producer.context();
        let on_the_way = context.traced();
        // One that found no room is still being sent.
        let traced = match self.waiting.take() {
            Waiting::Record(traced) => traced,
            Waiting::None if on_the_way.has_room() => traced::begin(&self.topic, kind),
            Waiting::None => None,
        };
        let mut ticket = Ticket(None);
        let headers = traced.map(|traced| {
            ticket = on_the_way.keep(traced.span);
            traced.headers
        });
        let note = Note { kind, ticket };
        let mut record = BaseRecord::with_opaque_to(&self.topic, note).payload(value);
        record.key = key;
        record.headers = headers;
        match self.producer.send(record) {
            Ok(()) => Room::Taken,
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), record)) => {
                let traced = on_the_way.take(ticket).zip(record.headers);
                let traced = traced.map(|(span, headers)| Traced { span, headers });
                self.waiting.set(Waiting::Record(traced));
                Room::Full
            }
            Err((error, _)) => {
                if let Some(span) = on_the_way.take(ticket) {
                    traced::failed(&span, &error);
                }
                context.keep(Undelivered {
                    kind,
                    key: key.map(<[u8]>::to_vec),
                    value: value.to_vec(),
                    error,
                });
                Room::Taken
            }
        }
    }

    /// Waits for some time, and receives the delivery reports that came meanwhile.
    pub(super) fn poll(&mut self, time: Duration) {
        // The binding's own way to wait is a busy loop in its last millisecond (rdkafka 0.39, `Deadline`).
        std::thread::sleep(time);
        for _ in 0..REPORTS {
            self.producer.poll(Duration::ZERO);
        }
        self.again
            .append(&mut self.producer.context().take_undelivered());
        self.metrics.buffered.set(self.unacknowledged() as i64);
    }

    /// How many records wait to be sent again.
    pub(super) fn refused(&self) -> usize {
        self.again.len()
    }

    /// Why the first of them was refused.
    pub(super) fn refusal(&self) -> Option<&KafkaError> {
        self.again.first().map(|record| &record.error)
    }

    /// How many records were sent and not acknowledged yet.
    pub(super) fn unacknowledged(&self) -> usize {
        self.again.len() + usize::try_from(self.producer.in_flight_count()).unwrap_or(0)
    }

    /// Sends again what was refused, over a new connection if the old one is beyond repair.
    pub(super) fn send_refused(&mut self) -> Result<(), KafkaError> {
        if let Some((code, reason)) = self.producer.client().fatal_error() {
            tracing::warn!(%code, reason, "connecting anew: the producer can't go on");
            self.replace_producer()?;
        }
        let mut again = std::mem::take(&mut self.again);
        let mut sent = 0;
        for record in &again {
            if self.send(record.kind, record.key.as_deref(), &record.value) == Room::Full {
                break;
            }
            sent += 1;
        }
        self.again = again.split_off(sent);
        Ok(())
    }

    fn replace_producer(&mut self) -> Result<(), KafkaError> {
        // What the old producer holds comes back here as refused.
        self.producer
            .purge(PurgeConfig::default().queue().inflight());
        while self.producer.in_flight_count() > 0 {
            self.producer.poll(Duration::from_millis(10));
        }
        self.again
            .append(&mut self.producer.context().take_undelivered());
        self.producer = self
            .config
            .create_with_context(Deliveries::new(self.metrics.clone()))?;
        Ok(())
    }
}

/// Describes the topic, which asking does not create.
pub(super) fn find_topic<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
) -> Result<TopicDescription, NotYet> {
    let mut found = describe(client, &[topic], DESCRIBE_TIMEOUT).map_err(NotYet::Broker)?;
    found
        .remove(topic)
        .ok_or_else(|| NotYet::NoTopic(topic.to_owned()))
}

/// What every producer of readings is set to.
pub(super) fn settings(mut config: ClientConfig) -> ClientConfig {
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        // A record is tried until it is delivered: giving one up would make the counts wrong.
        .set("message.timeout.ms", "0")
        .set("socket.timeout.ms", "10000")
        .set("linger.ms", "10")
        .set("compression.codec", "lz4")
        .set("queue.buffering.max.messages", "100000")
        .set("queue.buffering.max.kbytes", "65536")
        .set("message.max.bytes", "8000000")
        // The same partition for the same key as the Java client chooses.
        .set("partitioner", "murmur2_random")
        .set("allow.auto.create.topics", "false");
    config
}
