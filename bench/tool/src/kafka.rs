//! The connection to Kafka, and sending as fast as it takes records.

use std::time::Duration;

use rdkafka::{
    ClientConfig,
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    message::{Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer},
};

/// How long Kafka may take for anything.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Which topic, and where.
#[derive(clap::Args)]
pub struct Topic {
    /// The topic's name.
    #[arg(long = "topic")]
    pub name: String,
    /// The brokers, host:port.
    #[arg(long, env = "KAFKA_BOOTSTRAP")]
    pub bootstrap: String,
    /// How many partitions it has.
    #[arg(long, default_value_t = 3)]
    pub partitions: i32,
}

impl Topic {
    /// What every client is configured with.
    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap);
        config
    }

    /// A producer that waits so long for records to go together, and partitions as Java's does.
    pub fn producer(&self, linger_ms: u32) -> KafkaResult<BaseProducer> {
        self.client()
            .set("enable.idempotence", "true")
            .set("partitioner", "murmur2_random")
            .set("linger.ms", linger_ms.to_string())
            .set("queue.buffering.max.messages", "200000")
            .create()
    }
}

/// Sends a record to the partition of its key, or to the one given; with the context of a trace, if there is one.
pub fn send(
    producer: &BaseProducer,
    topic: &Topic,
    partition: Option<i32>,
    key: &str,
    value: &[u8],
    context: Option<&str>,
) -> KafkaResult<()> {
    loop {
        let mut record = BaseRecord::to(&topic.name).key(key).payload(value);
        record.partition = partition;
        record.headers = context.map(|context| {
            OwnedHeaders::new().insert(Header {
                key: "traceparent",
                value: Some(context),
            })
        });
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                producer.poll(Duration::from_millis(10));
            }
            Err((error, _)) => return Err(error),
        }
    }
}

/// Waits until everything is with the broker.
pub fn finish(producer: &BaseProducer) -> KafkaResult<()> {
    producer.flush(PATIENCE)
}
