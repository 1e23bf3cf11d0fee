//! Sends letters' records to the input topic again, together with receipts for them, all or nothing.

use std::time::Duration;

use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode},
    message::{Header as KafkaHeader, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer},
};
use sensorstream_broker::{
    connection::{Credentials, client_config},
    topics,
};
use sensorstream_crds::runtime::ProcessConfig;

use super::{
    ReplayError,
    letter::{Header, Letter},
    receipt,
};

/// How long one question to Kafka may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait for room in a full queue at a time.
const ROOM: Duration = Duration::from_millis(10);

/// A way to the input topic.
pub(super) struct Sender {
    producer: BaseProducer,
    input: String,
    partitions: i32,
    dead_letters: String,
}

impl Sender {
    /// Fences whoever replays letters of this pipeline at the moment, and ends what they had under way.
    pub(super) fn open(
        config: &ProcessConfig,
        credentials: &Credentials,
    ) -> Result<Self, ReplayError> {
        let producer: BaseProducer = client_config(&config.kafka, credentials)
            .set(
                "transactional.id",
                config.pipeline.replay_transactional_id(),
            )
            .set("transaction.timeout.ms", "60000")
            .set("message.timeout.ms", "30000")
            .set("message.max.bytes", "8000000")
            .set("compression.codec", "lz4")
            // The same partition for the same key as the Java client chooses.
            .set("partitioner", "murmur2_random")
            .set("allow.auto.create.topics", "false")
            .create()
            .map_err(ReplayError::kafka(
                "making a producer; check the settings under spec.kafka",
            ))?;
        let input = config.input.topic.name.clone();
        let found = topics::describe(producer.client(), &[&input], PATIENCE)?;
        let found = found
            .get(&input)
            .ok_or_else(|| ReplayError::NoTopic(input.clone()))?;
        producer
            .init_transactions(PATIENCE)
            .map_err(ReplayError::kafka(
                "ending earlier replays of this pipeline",
            ))?;
        Ok(Self {
            producer,
            partitions: found.partitions,
            input,
            dead_letters: config.outputs.dead_letter.topic.name.clone(),
        })
    }

    /// Sends letters' records, and notes it, all or nothing.
    pub(super) fn send(&self, letters: &[Letter]) -> Result<(), ReplayError> {
        let sent = self.try_send(letters);
        if sent.is_err() {
            // If it can't be aborted now, the broker or the next replay does it.
            let _ = self.producer.abort_transaction(PATIENCE);
        }
        sent.map_err(|error| match error.rdkafka_error_code() {
            Some(
                RDKafkaErrorCode::Fenced
                | RDKafkaErrorCode::ProducerFenced
                | RDKafkaErrorCode::InvalidProducerEpoch,
            ) => ReplayError::Fenced,
            _ => ReplayError::Send(error),
        })
    }

    fn try_send(&self, letters: &[Letter]) -> Result<(), KafkaError> {
        self.producer.begin_transaction()?;
        for letter in letters {
            let headers = librdkafkas(&letter.headers_again());
            let mut record = BaseRecord::<[u8], [u8]>::to(&self.input).headers(headers);
            record.key = letter.key.as_deref();
            record.payload = letter.value.as_deref();
            record.partition = self.partition(letter);
            self.enqueue(record)?;
        }
        for (partition, value) in receipt::receipts(letters.iter().map(|letter| letter.position)) {
            let record = BaseRecord::<[u8], [u8]>::to(&self.dead_letters)
                .headers(librdkafkas(&receipt::headers()))
                .payload(&value)
                .partition(partition);
            self.enqueue(record)?;
        }
        self.producer.commit_transaction(PATIENCE)
    }

    /// The partition to send to: the key says it, and without one it is that of before.
    fn partition(&self, letter: &Letter) -> Option<i32> {
        let (_, source) = letter.source.as_ref().filter(|_| letter.key.is_none())?;
        (source.partition < self.partitions).then_some(source.partition)
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

/// Headers as librdkafka takes them.
fn librdkafkas(headers: &[Header]) -> OwnedHeaders {
    let all = OwnedHeaders::new_with_capacity(headers.len());
    headers.iter().fold(all, |all, (key, value)| {
        all.insert(KafkaHeader {
            key,
            value: value.as_ref(),
        })
    })
}
