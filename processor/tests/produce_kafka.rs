//! The simulator against a real Kafka, named by the environment variable `KAFKA_BOOTSTRAP`: what
//! it says it sent is what it should have made, and what is in the topic.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
};
use sensorstream_crds::runtime::ProduceConfig;
use sensorstream_processor::{
    http::Server,
    produce::{self, Kind, ProduceError, Simulation},
};
use sensorstream_telemetry::metrics::Catalog;
use serde_json::{Value, json};
use tokio::{
    task::{JoinHandle, spawn_blocking},
    time::{interval, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};

const PARTITIONS: i32 = 3;
const LIMIT: usize = 20_000;

fn bootstrap() -> String {
    std::env::var("KAFKA_BOOTSTRAP").expect(
        "KAFKA_BOOTSTRAP is not set: this test needs a Kafka; `make cluster` starts one and `make env` names it",
    )
}

/// A simulator of many faults for a topic, with the settings of `timing` besides.
fn config(topic: &str, timing: &Value) -> ProduceConfig {
    let mut config = json!({
        "pipeline": { "namespace": "default", "name": topic },
        "kafka": { "bootstrapServers": bootstrap(), "tls": false },
        "input": {
            "topic": { "name": topic, "partitions": PARTITIONS },
            "key": "device",
            "fields": [
                { "name": "device", "type": "string", "maxLength": 20 },
                { "name": "ts", "type": "timestamp" },
                { "name": "value", "type": "double", "minimum": 0, "maximum": 100 },
            ],
            "eventTime": { "field": "ts" },
        },
        "simulator": {
            "rate": 50_000,
            "fields": [
                { "name": "device", "sequence": { "prefix": "device-", "count": 50 } },
                { "name": "ts", "now": {} },
                { "name": "value", "uniform": { "minimum": 0, "maximum": 100 } },
            ],
            "faults": { "malformed": "3%", "late": "1%", "duplicate": "2%", "fastClock": "1%" },
        },
    });
    for (name, value) in timing.as_object().unwrap() {
        config["simulator"][name] = value.clone();
    }
    serde_json::from_value(config).unwrap()
}

/// Records by kind, as the seed and the spec alone determine them, without those that close windows.
fn expected(config: &ProduceConfig) -> BTreeMap<String, u64> {
    let mut simulation = Simulation::new(&config.input, &config.simulator).unwrap();
    let mut counts: BTreeMap<String, u64> =
        Kind::ALL.map(|kind| (kind.as_str().to_owned(), 0)).into();
    for _ in 0..LIMIT {
        let reading = simulation.next(Timestamp::now());
        *counts.get_mut(reading.kind.as_str()).unwrap() += 1;
        *counts.get_mut(Kind::Duplicate.as_str()).unwrap() += u64::from(reading.repeated);
    }
    counts
}

/// Records by kind, as the counters say; none before there are any.
fn counted(metrics: &Catalog) -> BTreeMap<String, u64> {
    let families = metrics.gather();
    let sent = families
        .iter()
        .filter(|family| family.name() == "sensorstream_producer_records_sent_total");
    let one = |metric: &prometheus::proto::Metric| {
        (
            metric.get_label()[0].value().to_owned(),
            metric.get_counter().get_value() as u64,
        )
    };
    sent.flat_map(|family| family.get_metric().iter().map(one))
        .collect()
}

fn is_finished(metrics: &Catalog) -> bool {
    let families = metrics.gather();
    let finished = families
        .iter()
        .find(|family| family.name() == "sensorstream_producer_finished");
    finished.is_some_and(|family| family.get_metric()[0].get_gauge().get_value() > 0.0)
}

/// Every record of the topic: partition, key and value.
fn records(topic: &str) -> Vec<(i32, Vec<u8>, Vec<u8>)> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap())
        .set("group.id", topic)
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .create()
        .unwrap();
    let mut all = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        all.add_partition_offset(topic, partition, Offset::Beginning)
            .unwrap();
    }
    consumer.assign(&all).unwrap();
    let (mut found, mut ended) = (Vec::new(), HashSet::new());
    while ended.len() < PARTITIONS as usize {
        match consumer
            .poll(Duration::from_secs(30))
            .expect("the topic can be read within 30 s")
        {
            Ok(record) => found.push((
                record.partition(),
                record.key().unwrap().to_vec(),
                record.payload().unwrap().to_vec(),
            )),
            Err(rdkafka::error::KafkaError::PartitionEOF(partition)) => {
                ended.insert(partition);
            }
            Err(error) => panic!("{error}"),
        }
    }
    found
}

/// The hash by which the Java client chooses a partition, written from its description.
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c_u32 ^ data.len() as u32;
    let mut chunks = data.chunks_exact(4);
    for chunk in &mut chunks {
        let mut k = u32::from_le_bytes(chunk.try_into().unwrap()).wrapping_mul(M);
        k = (k ^ (k >> 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    let rest = chunks.remainder();
    for (at, byte) in rest.iter().enumerate() {
        hash ^= u32::from(*byte) << (8 * at);
    }
    if !rest.is_empty() {
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

async fn until_finished(metrics: &Catalog) {
    let mut looks = interval(Duration::from_millis(50));
    while !is_finished(metrics) {
        looks.tick().await;
    }
}

/// The role, running until it is dropped: a test that fails does not wait for it for ever.
struct Running {
    metrics: Catalog,
    stop: DropGuard,
    task: JoinHandle<Result<(), ProduceError>>,
}

impl Running {
    fn start(config: &ProduceConfig) -> Self {
        let server = Server::new(([127, 0, 0, 1], 0).into(), &config.pipeline);
        let metrics = server.metrics.clone();
        let stop = CancellationToken::new();
        let task = tokio::spawn(produce::run(config.clone(), server, stop.clone()));
        Self {
            metrics,
            stop: stop.drop_guard(),
            task,
        }
    }

    async fn finish(&self) {
        timeout(Duration::from_mins(2), until_finished(&self.metrics))
            .await
            .expect("everything is acknowledged within two minutes");
    }

    /// Waits until more than so many records are acknowledged.
    async fn sends(&self, more_than: u64) {
        let mut looks = interval(Duration::from_millis(10));
        let enough = async {
            while counted(&self.metrics).values().sum::<u64>() <= more_than {
                looks.tick().await;
            }
        };
        timeout(Duration::from_mins(1), enough)
            .await
            .expect("so many are acknowledged within a minute");
    }

    async fn stop(self) {
        drop(self.stop);
        self.task.await.unwrap().unwrap();
    }
}

/// A topic of a test's own, gone when the test has succeeded.
struct TestTopic {
    name: String,
    admin: AdminClient<DefaultClientContext>,
}

impl TestTopic {
    fn named(test: &str) -> Self {
        Self {
            name: format!("produce-{test}-{}", std::process::id()),
            admin: ClientConfig::new()
                .set("bootstrap.servers", bootstrap())
                .create()
                .unwrap(),
        }
    }

    async fn create(&self) {
        let new = NewTopic::new(&self.name, PARTITIONS, TopicReplication::Fixed(1));
        self.admin
            .create_topics([&new], &AdminOptions::new())
            .await
            .unwrap()[0]
            .as_ref()
            .expect("nobody else made the topic");
    }

    async fn records(&self) -> Vec<(i32, Vec<u8>, Vec<u8>)> {
        let name = self.name.clone();
        spawn_blocking(move || records(&name)).await.unwrap()
    }

    async fn delete(self) {
        self.admin
            .delete_topics(&[&self.name], &AdminOptions::new())
            .await
            .unwrap();
    }
}

/// The event times of the readings of a partition that say one, in the order of the log.
fn times(found: &[(i32, Vec<u8>, Vec<u8>)], partition: i32) -> Vec<Timestamp> {
    let of_partition = found.iter().filter(|(of, ..)| *of == partition);
    let time = |value: &[u8]| {
        let reading: Value = serde_json::from_slice(value).ok()?;
        reading["ts"].as_str()?.parse().ok()
    };
    of_partition
        .filter_map(|(_, _, value)| time(value))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_counters_are_what_was_made_and_what_is_in_the_topic() {
    let topic = TestTopic::named("live");
    let config = config(&topic.name, &json!({ "limit": LIMIT }));
    let expected = expected(&config);

    let server = Server::new(([127, 0, 0, 1], 0).into(), &config.pipeline);
    let (metrics, ready) = (server.metrics.clone(), server.ready.clone());
    let stop = CancellationToken::new();
    let task = tokio::spawn(produce::run(config, server, stop.clone()));
    let running = Running {
        metrics,
        stop: stop.drop_guard(),
        task,
    };
    // The role is there before the topic, waits for it and does not make it.
    assert!(!ready.get());
    topic.create().await;
    running.finish().await;
    let counted = counted(&running.metrics);
    running.stop().await;
    let found = topic.records().await;

    assert!(ready.get());
    assert_eq!(counted, expected);
    assert_eq!(found.len() as u64, expected.values().sum::<u64>());
    let mut values: HashMap<&[u8], u64> = HashMap::new();
    for (partition, key, value) in &found {
        assert_eq!(
            *partition as u32,
            (murmur2(key) & 0x7fff_ffff) % PARTITIONS as u32
        );
        *values.entry(value).or_default() += 1;
    }
    // A repetition has the same bytes; the front half of a reading may come twice by chance.
    let twice = values
        .into_iter()
        .filter(|(value, count)| *count == 2 && value.ends_with(b"}"))
        .count();
    assert_eq!(twice as u64, expected["duplicate"]);
    topic.delete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spread_is_in_the_topic_once_however_often_the_simulator_restarts() {
    let topic = TestTopic::named("spread");
    let mut config = config(
        &topic.name,
        &json!({
            "rate": 8_000,
            "timeline": { "spread": { "over": "15m", "readings": LIMIT } },
            "finalize": true,
        }),
    );
    config.windows_close_after_ms = Some(60_000);
    let mut expected = expected(&config);
    expected.insert("finalizer".into(), PARTITIONS as u64);
    topic.create().await;
    let before = Timestamp::now();

    let first = Running::start(&config);
    first.sends(2_000).await;
    let after = Timestamp::now();
    first.stop().await;
    let second = Running::start(&config);
    second.sends(9_000).await;
    // Another one takes over while this one runs; then each has the line from the other.
    config.simulator.rate = 50_000.into();
    let third = Running::start(&config);
    third.finish().await;
    second.finish().await;
    for one in [&second, &third] {
        assert_eq!(counted(&one.metrics), expected);
    }
    second.stop().await;
    third.stop().await;
    let fourth = Running::start(&config);
    fourth.finish().await;
    assert_eq!(counted(&fourth.metrics), expected);
    fourth.stop().await;

    let found = topic.records().await;
    assert_eq!(found.len() as u64, expected.values().sum::<u64>());
    let minutes = SignedDuration::from_mins;
    for partition in 0..PARTITIONS {
        let times = times(&found, partition);
        let (last, readings) = times.split_last().unwrap();
        let on_time: Vec<Timestamp> = readings
            .iter()
            .copied()
            .filter(|time| *time >= before - minutes(15) && *time <= after)
            .collect();
        // What is late is out of order, and what is from a fast clock is ahead.
        let late = on_time.windows(2).filter(|pair| pair[0] > pair[1]).count();
        assert!(
            on_time.len() > 2_000 && late < 200,
            "{late} of {}",
            on_time.len()
        );
        // Delay, windows and a second after the last reading.
        let finalized = last.duration_since(after);
        assert!(finalized > SignedDuration::ZERO, "{finalized:?}");
        assert!(
            finalized <= minutes(2) + SignedDuration::from_secs(1),
            "{finalized:?}"
        );
    }
    topic.delete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_catches_up_with_the_present_and_goes_on() {
    let topic = TestTopic::named("backfill");
    let config = config(
        &topic.name,
        &json!({
            "timeline": { "backfill": { "over": "10m", "every": "100ms" } },
            "faults": {},
        }),
    );
    topic.create().await;
    let before = Timestamp::now();
    let first = Running::start(&config);
    first.sends(6_000).await;
    first.stop().await;
    let second = Running::start(&config);
    second.sends(6_020).await;
    assert!(!is_finished(&second.metrics));
    let after = Timestamp::now();
    second.stop().await;

    let found = topic.records().await;
    let mut all: Vec<Timestamp> = (0..PARTITIONS)
        .flat_map(|partition| {
            let times = times(&found, partition);
            assert!(times.is_sorted(), "in order within a partition");
            times
        })
        .collect();
    all.sort_unstable();
    assert!(all.len() > 6_020);
    assert!(all[0] >= before - SignedDuration::from_mins(10));
    assert!(
        all.iter().all(|time| *time <= after),
        "none before it is taken"
    );
    for pair in all.windows(2) {
        assert_eq!(
            pair[1].duration_since(pair[0]),
            SignedDuration::from_millis(100)
        );
    }
    topic.delete().await;
}
