//! The test's topics: made, filled and emptied.

use std::time::{Duration, Instant};

use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    producer::{BaseProducer, BaseRecord, Producer},
};

use super::{PATIENCE, World, variable};

pub(super) fn kafka() -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", variable("KAFKA_BOOTSTRAP"));
    config
}

pub(super) fn admin() -> AdminClient<DefaultClientContext> {
    kafka().create().unwrap()
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
        admin()
            .delete_records(&list, &AdminOptions::new())
            .await
            .unwrap();
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
