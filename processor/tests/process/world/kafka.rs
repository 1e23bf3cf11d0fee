//! The test's topics: made, filled, emptied and read.

use std::time::{Duration, Instant};

use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
    message::{BorrowedMessage, Headers},
    producer::{BaseProducer, BaseRecord, Producer},
};
use sensorstream_broker::offsets::beginning_offsets;
use sensorstream_crds::reason::header;

use super::{PATIENCE, World, variable};

pub(super) fn kafka() -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", variable("KAFKA_BOOTSTRAP"));
    config
}

pub(super) fn admin() -> AdminClient<DefaultClientContext> {
    kafka().create().unwrap()
}

/// A dead letter as a reader finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub key: Option<String>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, String)>,
}

impl Found {
    fn of(message: &BorrowedMessage<'_>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = message.headers().map(|headers| {
            headers
                .iter()
                .map(|header| {
                    (
                        header.key.to_owned(),
                        text(header.value.unwrap_or_default()),
                    )
                })
                .collect()
        });
        Self {
            key: message.key().map(text),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers.unwrap_or_default(),
        }
    }

    /// The value as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(self.value.as_deref().expect("the record has a value")).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn source(&self) -> (i32, i64) {
        let number = |name| self.header(name).unwrap().parse::<i64>().unwrap();
        (
            number(header::SOURCE_PARTITION) as i32,
            number(header::SOURCE_OFFSET),
        )
    }
}

impl World {
    pub async fn make_topic(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        let topic = settings.iter().fold(
            NewTopic::new(name, partitions, TopicReplication::Fixed(1)),
            |topic, (key, value)| topic.set(key, value),
        );
        let topic = topic.set("message.timestamp.type", "LogAppendTime");
        // A topic that was deleted just now may still be on its way out.
        let deadline = Instant::now() + PATIENCE;
        loop {
            let made = admin()
                .create_topics([&topic], &AdminOptions::new())
                .await
                .unwrap();
            if made[0].is_ok() {
                break;
            }
            assert!(
                Instant::now() < deadline,
                "making topic {name}: {:?}",
                made[0]
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub async fn delete_topic(&self, name: &str) {
        admin()
            .delete_topics(&[name], &AdminOptions::new())
            .await
            .unwrap()[0]
            .as_ref()
            .unwrap();
    }

    /// Deletes all records of the topics for enriched readings and alerts.
    pub async fn empty_outputs(&self) {
        let outputs = &self.config.outputs;
        let enriched = outputs.enriched.iter().map(|output| &output.topic.name);
        let alerts = outputs.alerts.iter().map(|output| &output.topic.name);
        let mut list = TopicPartitionList::new();
        for topic in enriched.chain(alerts) {
            list.add_partition_offset(topic, 0, Offset::End).unwrap();
        }
        let emptied = admin().delete_records(&list, &AdminOptions::new());
        emptied.await.unwrap();
    }

    /// Deletes the records of a partition of the input topic below an offset.
    pub async fn delete_records(&self, partition: i32, below: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.topic(), partition, Offset::Offset(below))
            .unwrap();
        admin()
            .delete_records(&list, &AdminOptions::new())
            .await
            .unwrap();
    }

    /// Sends values to a partition of the input topic.
    pub fn send<V: AsRef<[u8]>>(&self, partition: i32, values: impl IntoIterator<Item = V>) {
        let producer: BaseProducer = kafka().set("linger.ms", "5").create().unwrap();
        enqueue(&producer, &self.topic(), partition, values);
        producer.flush(PATIENCE).unwrap();
    }

    /// Sends values in a transaction that is committed or not.
    pub fn send_in_transaction(&self, partition: i32, values: &[Vec<u8>], commit: bool) {
        let producer: BaseProducer = kafka()
            .set("transactional.id", self.topic())
            .create()
            .unwrap();
        producer.init_transactions(PATIENCE).unwrap();
        producer.begin_transaction().unwrap();
        enqueue(&producer, &self.topic(), partition, values);
        producer.flush(PATIENCE).unwrap();
        if commit {
            producer.commit_transaction(PATIENCE).unwrap();
        } else {
            producer.abort_transaction(PATIENCE).unwrap();
        }
    }
}

fn enqueue<V: AsRef<[u8]>>(
    producer: &BaseProducer,
    topic: &str,
    partition: i32,
    values: impl IntoIterator<Item = V>,
) {
    for value in values {
        loop {
            let record = BaseRecord::to(topic)
                .partition(partition)
                .key("the key")
                .payload(value.as_ref());
            match producer.send(record) {
                Ok(()) => break,
                Err(_) => producer.poll(Duration::from_millis(10)),
            }
        }
    }
}

/// A record of the input topic, as a reader finds it who knows nothing of pipelines.
pub struct Raw {
    pub partition: i32,
    pub offset: i64,
    pub broker_ms: i64,
    pub value: Option<Vec<u8>>,
}

impl World {
    /// Every record of the input topic.
    pub fn raw(&self) -> Vec<Raw> {
        let topic = self.topic();
        let mut all = Vec::new();
        for partition in 0..self.config.input.topic.partitions {
            read_partition(&topic, partition, |message| {
                all.push(Raw {
                    partition,
                    offset: message.offset(),
                    broker_ms: message.timestamp().to_millis().unwrap(),
                    value: message.payload().map(<[u8]>::to_vec),
                });
            });
        }
        all
    }
}

pub(super) fn read_all(topic: &str) -> Vec<Found> {
    let mut found = Vec::new();
    read_partition(topic, 0, |message| found.push(Found::of(message)));
    found
}

fn read_partition(topic: &str, partition: i32, mut each: impl FnMut(&BorrowedMessage<'_>)) {
    let consumer: BaseConsumer = kafka()
        .set("group.id", "tests.reader")
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        .create()
        .unwrap();
    let begin = beginning_offsets(&consumer, topic, [partition], PATIENCE).unwrap()[&partition];
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Offset(begin))
        .unwrap();
    consumer.assign(&list).unwrap();
    let mut broken = None;
    loop {
        match consumer.poll(PATIENCE) {
            Some(Ok(message)) => each(&message),
            Some(Err(KafkaError::PartitionEOF(_))) => return,
            // The client connects again by itself, and goes on where it was.
            Some(Err(KafkaError::MessageConsumption(
                error @ (RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown),
            ))) => broken = Some(error),
            Some(Err(error)) => panic!("reading {topic}: {error}"),
            None => panic!("reading {topic} does not come to its end: {broken:?}"),
        }
    }
}
