//! Topics, as a reader of committed records finds them who knows nothing of pipelines.

use std::{collections::BTreeSet, time::Duration};

use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
    message::{BorrowedMessage, Headers},
};

/// How long Kafka may take to answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its partition.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// Its time by the broker's clock, in milliseconds since 1970.
    pub broker_ms: i64,
    /// Its key, as text.
    pub key: Option<String>,
    /// Its value.
    pub value: Option<Vec<u8>>,
    /// Its headers, as text.
    pub headers: Vec<(String, String)>,
}

impl Record {
    fn of(message: &BorrowedMessage<'_>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = message.headers().map(|headers| {
            let texts = headers.iter().map(|header| {
                let value = text(header.value.unwrap_or_default());
                (header.key.to_owned(), value)
            });
            texts.collect()
        });
        Self {
            partition: message.partition(),
            offset: message.offset(),
            broker_ms: message.timestamp().to_millis().unwrap_or_default(),
            key: message.key().map(text),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers.unwrap_or_default(),
        }
    }

    /// The value of the first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(key, _)| key == name);
        found.next().map(|(_, value)| value.as_str())
    }
}

/// Every record of a topic that a reader of committed records finds, of all partitions, each in order.
///
/// # Panics
/// When the topic can't be read to its end.
pub fn read(bootstrap_servers: &str, topic: &str) -> Vec<Record> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap_servers)
        .set("group.id", "tests.oracle")
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        .create()
        .expect("a consumer");
    let mut left = assign(&consumer, topic);
    let mut records = Vec::new();
    let mut broken = None;
    while !left.is_empty() {
        match consumer.poll(PATIENCE) {
            Some(Ok(message)) => records.push(Record::of(&message)),
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                left.remove(&partition);
            }
            // The client connects again by itself, and goes on where it was.
            Some(Err(KafkaError::MessageConsumption(
                error @ (RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown),
            ))) => broken = Some(error),
            Some(Err(error)) => panic!("reading {topic}: {error}"),
            None => panic!("reading {topic} does not come to its end: {broken:?}"),
        }
    }
    records.sort_by_key(|record| (record.partition, record.offset));
    records
}

/// Begins to read every partition from its beginning; answers which.
fn assign(consumer: &BaseConsumer, topic: &str) -> BTreeSet<i32> {
    let metadata = consumer
        .fetch_metadata(Some(topic), PATIENCE)
        .expect("Kafka describes the topic");
    let partitions = metadata.topics()[0].partitions();
    assert!(!partitions.is_empty(), "topic {topic} does not exist");
    let mut list = TopicPartitionList::new();
    let mut all = BTreeSet::new();
    for partition in partitions {
        list.add_partition_offset(topic, partition.id(), Offset::Beginning)
            .expect("the beginning is an offset");
        all.insert(partition.id());
    }
    consumer.assign(&list).expect("partitions are assigned");
    all
}
