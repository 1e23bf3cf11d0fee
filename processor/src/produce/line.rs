//! One transactional producer's life, from its initialisation to its first error: readings and the marker of
//! how far they go, all or nothing. After an error nothing is known about the transaction under way, so
//! the producer is thrown away: the next one aborts or completes that transaction, and reads the marker anew.

use std::{cell::RefCell, time::Duration};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseProducer, BaseRecord, Producer},
};
use sensorstream_broker::{
    connection::{Credentials, client_config},
    topics::TopicDescription,
};
use sensorstream_crds::runtime::ProduceConfig;
use tracing::Span;

use super::{
    link::{NotYet, find_topic, settings},
    marker::Marker,
    progress::Record,
    traced,
};

/// How long one question to Kafka may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The marker is kept for this partition, whatever partitions readings go to.
const MARKED: i32 = 0;

/// Why readings could not be sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    #[error(transparent)]
    NotYet(#[from] NotYet),
    #[error("{0}")]
    Kafka(&'static str, #[source] KafkaError),
    #[error(
        "how far the simulator had come can't be read: the group {0} was written by a later version, or by somebody else"
    )]
    Marker(String, #[source] serde_json::Error),
}

/// A way to the topic.
pub(super) struct Line {
    producer: BaseProducer,
    /// Never joins the group it is named after: the group's offset is the marker.
    reader: BaseConsumer,
    group: String,
    topic: String,
    /// Spans of what is in the transaction under way.
    traced: RefCell<Vec<Span>>,
}

impl Line {
    /// Fences whoever had the line before. Answers with the topic as it is found.
    pub(super) fn open(config: &ProduceConfig) -> Result<(Self, TopicDescription), LineError> {
        let clients = client_config(&config.kafka, &Credentials::of_pod(&config.kafka));
        let topic = &config.input.topic.name;
        let group = config.pipeline.simulator_group();
        let reader: BaseConsumer = clients
            .clone()
            .set("group.id", &group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // Also makes the broker wait for the marker of a transaction that is being completed.
            .set("isolation.level", "read_committed")
            .create()
            .map_err(failed("making the reader"))?;
        let found = find_topic(reader.client(), topic)?;
        let producer: BaseProducer = settings(clients)
            .set(
                "transactional.id",
                config.pipeline.simulator_transactional_id(),
            )
            .set("transaction.timeout.ms", "30000")
            .set("message.timeout.ms", "20000")
            .create()
            .map_err(failed("making the producer"))?;
        producer
            .init_transactions(PATIENCE)
            .map_err(failed("initialising the producer"))?;
        let line = Self {
            producer,
            reader,
            group,
            topic: topic.clone(),
            traced: RefCell::default(),
        };
        Ok((line, found))
    }

    /// How far the simulator has come, if it ever sent anything.
    pub(super) fn marker(&self) -> Result<Option<Marker>, LineError> {
        let failed = failed("reading how far the simulator had come");
        let mut asked = TopicPartitionList::new();
        asked.add_partition(&self.topic, MARKED);
        let answered = self
            .reader
            .committed_offsets(asked, PATIENCE)
            .map_err(failed)?;
        for element in answered.elements() {
            element.error().map_err(failed)?;
            if let Offset::Offset(offset) = element.offset() {
                return Marker::read(offset, element.metadata())
                    .map_err(|error| LineError::Marker(self.group.clone(), error));
            }
        }
        Ok(None)
    }

    /// The topic as it is now.
    pub(super) fn topic(&self) -> Result<TopicDescription, LineError> {
        Ok(find_topic(self.reader.client(), &self.topic)?)
    }

    /// Begins a transaction.
    pub(super) fn begin(&self) -> Result<(), LineError> {
        // What is left is of a transaction that came to nothing.
        for span in self.traced.borrow_mut().drain(..) {
            traced::failed(&span, &KafkaError::Canceled);
        }
        self.producer
            .begin_transaction()
            .map_err(failed("beginning a transaction"))
    }

    /// Sends a record in the transaction.
    pub(super) fn send(&self, record: Record<'_>) -> Result<(), LineError> {
        let mut message = BaseRecord::<[u8], [u8]>::to(&self.topic).payload(record.value);
        message.key = record.key;
        message.partition = record.partition;
        let mut spans = self.traced.borrow_mut();
        if spans.len() < traced::MOST
            && let Some(traced) = traced::begin(&self.topic, record.kind)
        {
            message = message.headers(traced.headers);
            spans.push(traced.span);
        }
        while let Err((error, returned)) = self.producer.send(message) {
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(LineError::Kafka("sending a reading", error));
            }
            self.producer.poll(Duration::from_millis(10));
            message = returned;
        }
        Ok(())
    }

    /// Completes the transaction together with the marker.
    pub(super) fn commit(&self, marker: &Marker) -> Result<(), LineError> {
        let noting = failed("noting how far the simulator has come");
        let mut offsets = TopicPartitionList::new();
        {
            let mut element = offsets.add_partition(&self.topic, MARKED);
            element
                .set_offset(Offset::Offset(marker.offset()))
                .map_err(noting)?;
            element.set_metadata(marker.metadata());
        }
        let group = self
            .reader
            .group_metadata()
            .ok_or_else(|| LineError::Kafka("naming the marker's group", KafkaError::Canceled))?;
        self.producer
            .send_offsets_to_transaction(&offsets, &group, PATIENCE)
            .map_err(noting)?;
        self.producer
            .commit_transaction(PATIENCE)
            .map_err(failed("committing a transaction"))?;
        self.traced.borrow_mut().clear();
        Ok(())
    }

    /// Lets the client work for some time.
    pub(super) fn poll(&self, time: Duration) {
        self.producer.poll(time);
    }
}

fn failed(doing: &'static str) -> impl Fn(KafkaError) -> LineError + Copy {
    move |error| LineError::Kafka(doing, error)
}
