//! A broker for a test, and the clients that most tests need.

use std::time::{Duration, Instant};

use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext},
};
use sensorstream_local_broker::LocalBroker;
use tokio::runtime::Runtime;

/// Longer than anything takes.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A broker for a test.
pub struct World {
    broker: Option<LocalBroker>,
    runtime: Runtime,
}

impl World {
    pub fn new() -> Self {
        Self::with_memory(64 << 20)
    }

    pub fn with_memory(bytes: u64) -> Self {
        let runtime = Runtime::new().unwrap();
        let listen = "127.0.0.1:0".parse().unwrap();
        let broker = runtime.block_on(LocalBroker::start(listen, bytes)).unwrap();
        Self {
            broker: Some(broker),
            runtime,
        }
    }

    pub fn address(&self) -> String {
        self.broker.as_ref().unwrap().bootstrap_servers()
    }

    pub fn stop(&mut self) {
        let broker = self.broker.take().unwrap();
        self.runtime.block_on(broker.stop());
    }

    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    pub fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.address());
        config
    }

    pub fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.config().create().unwrap()
    }

    pub fn make(&self, name: &str, partitions: i32) {
        self.make_with(name, partitions, &[]);
    }

    pub fn make_with(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        let topic = settings.iter().fold(
            NewTopic::new(name, partitions, TopicReplication::Fixed(1)),
            |topic, (key, value)| topic.set(key, value),
        );
        let made = self.admin();
        let made = self.block_on(made.create_topics([&topic], &AdminOptions::new()));
        assert_eq!(made.unwrap(), [Ok(name.to_owned())]);
    }

    pub fn delete(&self, name: &str) {
        let admin = self.admin();
        let gone = self.block_on(admin.delete_topics(&[name], &AdminOptions::new()));
        assert_eq!(gone.unwrap(), [Ok(name.to_owned())]);
    }

    pub fn delete_records(&self, topic: &str, partition: i32, below: Offset) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, below).unwrap();
        let admin = self.admin();
        let done = self.block_on(admin.delete_records(&list, &AdminOptions::new()));
        done.unwrap().elements()[0].error().unwrap();
    }

    /// Sends values to a partition and waits until they are there.
    pub fn send(&self, topic: &str, partition: i32, values: impl IntoIterator<Item = String>) {
        let producer: BaseProducer = self.config().set("linger.ms", "5").create().unwrap();
        send(&producer, topic, partition, values);
        producer.flush(PATIENCE).unwrap();
    }

    pub fn producer(&self, id: &str) -> BaseProducer {
        let producer: BaseProducer = self.config().set("transactional.id", id).create().unwrap();
        producer.init_transactions(PATIENCE).unwrap();
        producer
    }

    /// A consumer of one partition, outside of any group.
    pub fn reader(&self, topic: &str, partition: i32, from: Offset) -> BaseConsumer {
        self.reader_with(topic, partition, from, "read_committed")
    }

    pub fn reader_with(
        &self,
        topic: &str,
        partition: i32,
        from: Offset,
        isolation: &str,
    ) -> BaseConsumer {
        let consumer: BaseConsumer = self
            .config()
            .set("group.id", "reader")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "error")
            .set("isolation.level", isolation)
            .create()
            .unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, from).unwrap();
        consumer.assign(&list).unwrap();
        consumer
    }

    /// All values from an offset on, with their offsets.
    pub fn read(&self, topic: &str, partition: i32, from: Offset) -> Vec<(i64, String)> {
        read_to_end(&self.reader(topic, partition, from))
    }

    pub fn ends(&self, topic: &str, partition: i32) -> (i64, i64) {
        let consumer: BaseConsumer = self.config().create().unwrap();
        consumer
            .fetch_watermarks(topic, partition, PATIENCE)
            .unwrap()
    }
}

pub fn send<C: ProducerContext>(
    producer: &BaseProducer<C>,
    topic: &str,
    partition: i32,
    values: impl IntoIterator<Item = String>,
) where
    C::DeliveryOpaque: Default,
{
    for value in values {
        loop {
            let record: BaseRecord<'_, [u8], [u8], C::DeliveryOpaque> =
                BaseRecord::with_opaque_to(topic, C::DeliveryOpaque::default())
                    .partition(partition)
                    .payload(value.as_bytes());
            if producer.send(record).is_ok() {
                break;
            }
            producer.poll(Duration::from_millis(5));
        }
    }
}

/// Reads until the end of the partition.
pub fn read_to_end(consumer: &BaseConsumer) -> Vec<(i64, String)> {
    let mut found = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        match consumer.poll(Duration::from_millis(100)) {
            None => {}
            Some(Ok(message)) => {
                let value = message.payload().unwrap_or_default().to_vec();
                found.push((message.offset(), String::from_utf8(value).unwrap()));
            }
            Some(Err(KafkaError::PartitionEOF(_))) => return found,
            Some(Err(error)) => panic!("{error}"),
        }
    }
    panic!("no end after {} records", found.len());
}

/// The first error that a consumer tells.
pub fn first_error(consumer: &BaseConsumer) -> Option<RDKafkaErrorCode> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(Err(error)) = consumer.poll(Duration::from_millis(100)) {
            return error.rdkafka_error_code();
        }
    }
    None
}

/// Waits for something to become true.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The numbers of a range, as values.
pub fn numbers(range: std::ops::Range<i64>) -> impl Iterator<Item = String> {
    range.map(|number| number.to_string())
}

/// The numbers of a range, each at its own offset.
pub fn at_their_offsets(range: std::ops::Range<i64>) -> Vec<(i64, String)> {
    range.map(|number| (number, number.to_string())).collect()
}

/// Notes what became of records.
#[derive(Default)]
pub struct Fates(pub std::sync::Mutex<Vec<Result<i64, RDKafkaErrorCode>>>);

impl rdkafka::ClientContext for Fates {}

impl ProducerContext for Fates {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        self.0.lock().unwrap().push(match result {
            Ok(message) => Ok(message.offset()),
            Err((error, _)) => Err(error.rdkafka_error_code().unwrap()),
        });
    }
}
