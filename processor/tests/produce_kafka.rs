//! The simulator against a real Kafka, named by the environment variable `KAFKA_BOOTSTRAP`: what
//! it says it sent is what it should have made, and what is in the topic.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use jiff::Timestamp;
use prometheus::Registry;
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
};
use sensorstream_crds::runtime::ProduceConfig;
use sensorstream_processor::{
    http::Server,
    produce::{self, Kind, Simulation},
};
use serde_json::json;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;

const PARTITIONS: i32 = 3;
const LIMIT: usize = 20_000;

fn bootstrap() -> String {
    std::env::var("KAFKA_BOOTSTRAP").expect(
        "KAFKA_BOOTSTRAP is not set: this test needs a Kafka; `make cluster` starts one and `make env` names it",
    )
}

fn config(topic: &str) -> ProduceConfig {
    serde_json::from_value(json!({
        "pipeline": { "namespace": "default", "name": "tests" },
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
            "limit": LIMIT,
            "fields": [
                { "name": "device", "sequence": { "prefix": "device-", "count": 50 } },
                { "name": "ts", "now": {} },
                { "name": "value", "uniform": { "minimum": 0, "maximum": 100 } },
            ],
            "faults": { "malformed": "3%", "late": "1%", "duplicate": "2%", "fastClock": "1%" },
        },
    }))
    .unwrap()
}

/// Records by kind, as the seed and the spec alone determine them.
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

/// Records by kind, as the counters say.
fn counted(registry: &Registry) -> BTreeMap<String, u64> {
    let families = registry.gather();
    let sent = families
        .iter()
        .find(|family| family.name() == "sensorstream_producer_records_sent_total")
        .unwrap();
    let one = |metric: &prometheus::proto::Metric| {
        (
            metric.get_label()[0].value().to_owned(),
            metric.get_counter().get_value() as u64,
        )
    };
    sent.get_metric().iter().map(one).collect()
}

fn is_finished(registry: &Registry) -> bool {
    let families = registry.gather();
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

async fn until_finished(registry: &Registry) {
    let mut looks = interval(Duration::from_millis(50));
    while !is_finished(registry) {
        looks.tick().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_counters_are_what_was_made_and_what_is_in_the_topic() {
    let topic = format!("produce-test-{}", std::process::id());
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", bootstrap())
        .create()
        .unwrap();
    let config = config(&topic);
    let expected = expected(&config);

    let server = Server::new(([127, 0, 0, 1], 0).into());
    let (registry, ready) = (server.registry.clone(), server.ready.clone());
    let stop = CancellationToken::new();
    let running = tokio::spawn(produce::run(config, server, stop.clone()));
    // The role is there before the topic, waits for it and does not make it.
    assert!(!ready.get());
    let new = NewTopic::new(&topic, PARTITIONS, TopicReplication::Fixed(1));
    admin
        .create_topics([&new], &AdminOptions::new())
        .await
        .unwrap()[0]
        .as_ref()
        .expect("nobody else made the topic");
    let finished = timeout(Duration::from_mins(1), until_finished(&registry)).await;
    let counted = counted(&registry);
    stop.cancel();
    let stopped = running.await.unwrap();
    let found = tokio::task::spawn_blocking({
        let topic = topic.clone();
        move || records(&topic)
    });
    let found = found.await;
    admin
        .delete_topics(&[&topic], &AdminOptions::new())
        .await
        .unwrap();

    finished.expect("everything is acknowledged within a minute");
    stopped.unwrap();
    assert!(ready.get());
    assert_eq!(counted, expected);
    let found = found.unwrap();
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
}
