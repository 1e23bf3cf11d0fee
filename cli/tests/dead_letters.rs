//! `sensorstream dead-letters` on a real cluster: listed, shown, and replayed once, from here and within it.

use std::{
    collections::BTreeMap,
    process::{Command, Output, Stdio},
    time::Duration,
};

use k8s_openapi::api::batch::v1::Job;
use kube::api::ListParams;
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    message::{Header, Headers, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer},
};
use sensorstream_crds::SensorPipeline;
use sensorstream_e2e::{
    pipeline::{environment, input_topic, is_current, schema},
    scope::Scope,
    wait::{secs, until},
};
use serde_json::{Value, json};

const NAME: &str = "env";

/// A pipeline whose readings come from the test, and the program to ask about it.
struct World {
    scope: Scope,
    topic: String,
}

impl World {
    async fn new(name: &str) -> Self {
        let scope = Scope::new(name).await;
        let pipeline = environment(&scope, NAME, |spec| {
            spec["simulator"] = Value::Null;
            spec["api"] = json!({});
            spec["input"]["topic"]["partitions"] = json!(3);
        });
        scope.apply(&pipeline).await;
        let topic = input_topic(&scope.namespace, NAME);
        let world = Self { scope, topic };
        world.until_ready().await;
        world
    }

    async fn until_ready(&self) -> SensorPipeline {
        let ready = |pipeline: &SensorPipeline| is_current(pipeline, "Ready", "True");
        self.scope.until_pipeline(NAME, "ready", 120, ready).await
    }

    /// Sends readings of these temperatures, each by one of ten sensors, and with a header of its own.
    fn send(&self, temperatures: impl IntoIterator<Item = f64>) {
        let now = jiff::Timestamp::now();
        let readings = temperatures.into_iter().enumerate().map(|(index, temperature)| {
            let sensor = format!("sensor-{:03}", index % 10);
            let reading = json!({
                "sensor_id": sensor, "timestamp": now, "temperature": temperature, "humidity": 50.0,
            });
            (sensor, reading.to_string())
        });
        self.send_values(readings);
    }

    fn send_values(&self, values: impl IntoIterator<Item = (String, String)>) {
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", &self.scope.cluster.kafka)
            .set("partitioner", "murmur2_random")
            .create()
            .expect("a producer");
        for (key, value) in values {
            let origin = Header {
                key: "origin",
                value: Some(&key),
            };
            let headers = OwnedHeaders::new().insert(origin);
            let record = BaseRecord::to(&self.topic)
                .key(&key)
                .payload(&value)
                .headers(headers);
            producer
                .send(record)
                .map_err(|(error, _)| error)
                .expect("there is room");
        }
        producer
            .flush(Duration::from_secs(30))
            .expect("Kafka takes them");
    }

    /// Waits until so many records have been read, and so many have been accepted.
    async fn until_read(&self, read: i64, accepted: i64) {
        let counts = |pipeline: &SensorPipeline| {
            let records = pipeline.status.as_ref().and_then(|status| status.records);
            records.is_some_and(|records| (records.read, records.accepted) == (read, accepted))
        };
        let what = format!("at {read} records read, {accepted} accepted");
        self.scope.until_pipeline(NAME, &what, 120, counts).await;
    }

    /// Lets temperatures be as high as that. Whether the processor goes by it, a replay waits for.
    async fn widen(&self, maximum: i64) {
        let pipeline = self.scope.pipeline(NAME).await;
        let mut fields =
            serde_json::to_value(&pipeline.spec.input.fields).expect("fields are JSON");
        fields[2]["maximum"] = json!(maximum);
        self.scope
            .edit(NAME, json!({ "input": { "fields": fields } }))
            .await;
        self.until_ready().await;
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sensorstream"));
        command
            .arg("dead-letters")
            .args(arguments)
            .args(["-n", &self.scope.namespace]);
        command.stdin(Stdio::null());
        command
    }

    /// By Kafka, as the host reaches it.
    fn by_kafka(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let servers = ["--bootstrap-servers", &self.scope.cluster.kafka];
        said(
            &self
                .command(arguments)
                .args(servers)
                .output()
                .expect("the program runs"),
        )
    }

    /// Within the cluster.
    fn within(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let through = ["--through", "cluster"];
        said(
            &self
                .command(arguments)
                .args(through)
                .output()
                .expect("the program runs"),
        )
    }

    /// How many rows there are of temperatures within bounds, and how many temperatures they have.
    async fn rows(&self, from: f64, to: f64) -> (i64, i64) {
        let query = format!(
            "SELECT count(*), count(DISTINCT temperature) FROM \"{}\".\"{NAME}\" WHERE temperature BETWEEN $1 AND $2",
            schema(&self.scope.namespace)
        );
        sqlx::query_as(sqlx::AssertSqlSafe(query))
            .bind(from)
            .bind(to)
            .fetch_one(&self.scope.cluster.postgres)
            .await
            .expect("the table is read")
    }

    async fn until_rows(&self, from: f64, to: f64, count: i64) {
        until(
            &format!("{count} rows from {from} to {to}"),
            secs(60),
            || async {
                match self.rows(from, to).await {
                    rows if rows == (count, count) => Ok(()),
                    rows => Err(format!("{rows:?}")),
                }
            },
        )
        .await;
    }
}

fn said(output: &Output) -> (Option<i32>, String) {
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), text)
}

fn json_of(output: &(Option<i32>, String)) -> Value {
    serde_json::from_str(&output.1).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// Temperatures that are apart: `count` of them from `from` on.
fn temperatures(from: f64, count: i32) -> impl Iterator<Item = f64> {
    (0..count).map(move |index| from + f64::from(index) / 100.0)
}

/// What a record is told by when it comes again: its key, partition and headers.
type Trace = (String, i32, BTreeMap<String, String>);

/// Every committed record of a topic, by its value.
fn records(kafka: &str, topic: &str) -> Vec<(String, Trace)> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka)
        .set("group.id", "cli-tests")
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        .create()
        .expect("a consumer");
    let mut list = TopicPartitionList::new();
    for partition in 0..3 {
        list.add_partition_offset(topic, partition, Offset::Beginning)
            .expect("a partition");
    }
    consumer.assign(&list).expect("the partitions are there");
    let (mut found, mut ended) = (Vec::new(), 0);
    while ended < 3 {
        match consumer.poll(Duration::from_secs(10)) {
            Some(Ok(message)) => {
                let text = |bytes: Option<&[u8]>| {
                    String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
                };
                let headers = message.headers().expect("each has headers").iter();
                let headers = headers
                    .map(|header| (header.key.to_owned(), text(header.value)))
                    .collect();
                found.push((
                    text(message.payload()),
                    (text(message.key()), message.partition(), headers),
                ));
            }
            Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
            other => panic!(
                "the topic is read: {:?}",
                other.map(|result| result.map(|_| ()))
            ),
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_are_listed_shown_and_replayed_once() {
    let world = World::new("dl").await;
    world.send(temperatures(20.0, 20));
    world.send(temperatures(300.0, 30));
    world.send_values(
        (0..5).map(|index| (format!("sensor-{index:03}"), format!("no JSON, {index}"))),
    );
    world.until_read(55, 20).await;

    // Listed, either way, and in short by the name alone.
    for listing in [
        until_listed(&world, 35).await,
        json_of(&world.within(&["list", NAME, "-o", "json"])),
        json_of(&world.by_kafka(&[NAME, "-o", "json"])),
    ] {
        assert_eq!(
            listing["reasons"],
            json!({ "not_json": 5, "out_of_range": 30 }),
            "{listing}"
        );
        assert_eq!(listing["letters"].as_array().map(Vec::len), Some(20));
    }
    let (code, text) = world.by_kafka(&[
        "list", NAME, "--reason", "not_json", "--since", "1h", "--limit", "2",
    ]);
    assert_eq!(code, Some(0));
    assert!(
        text.contains("5 in all: not_json 5") && text.contains("no JSON, "),
        "{text}"
    );

    // By a file, with no cluster.
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("pipeline.json");
    let pipeline = world.scope.pipeline(NAME).await;
    let manifest = json!({
        "apiVersion": "sensorstream.dev/v1alpha1", "kind": "SensorPipeline",
        "metadata": { "name": NAME, "namespace": world.scope.namespace }, "spec": pipeline.spec,
    });
    std::fs::write(&file, manifest.to_string()).expect("the file is written");
    let output = Command::new(env!("CARGO_BIN_EXE_sensorstream"))
        .args(["dead-letters", "list", "-o", "json", "-f"])
        .arg(&file)
        .args(["--bootstrap-servers", &world.scope.cluster.kafka])
        .env("KUBECONFIG", "/nowhere")
        .output()
        .expect("the program runs");
    assert_eq!(json_of(&said(&output))["reasons"]["out_of_range"], 30);

    // Shown, whole.
    let listing = json_of(&world.by_kafka(&[NAME, "--reason", "out_of_range", "-o", "json"]));
    let position = listing["letters"][0]["position"]
        .as_str()
        .expect("a position")
        .to_owned();
    let (code, text) = world.by_kafka(&["show", NAME, &position]);
    assert_eq!(code, Some(0), "{text}");
    for part in [
        "origin = sensor-",
        "✗ refused: out_of_range",
        "> temperature",
        "required, from -60 to 250",
        "For instance: {",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let (code, text) = world.within(&["show", NAME, &position]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("✗ refused: out_of_range"), "{text}");
    let (code, text) = world.by_kafka(&["show", NAME, "0/999999"]);
    assert_eq!(code, Some(1));
    assert!(
        text.contains("there is no dead letter at 0/999999"),
        "{text}"
    );

    // What would be refused again stays.
    let (code, text) = world.by_kafka(&["replay", NAME, "--all"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("No dead letters were sent") && text.contains("35  would be refused again"),
        "{text}"
    );

    // After the fix, each comes again, once.
    world.widen(400).await;
    let (code, text) = world.by_kafka(&["replay", NAME, "--all", "--dry-run"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("30 dead letters would be sent"), "{text}");
    let (code, text) = world.by_kafka(&["replay", NAME, "--position", &position]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("1 dead letter was sent"), "{text}");
    let (code, text) = world.by_kafka(&["replay", NAME, "--reason", "out_of_range", "--yes"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("29 dead letters were sent") && text.contains("1  replayed before"),
        "{text}"
    );
    world.until_read(85, 50).await;
    world.until_rows(300.0, 399.0, 30).await;

    // A second time nothing is, whichever way.
    for (code, text) in [
        world.by_kafka(&["replay", NAME, "--all"]),
        world.within(&["replay", NAME, "--all"]),
    ] {
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains("No dead letters were sent"), "{text}");
        assert!(text.contains("30  replayed before"), "{text}");
        assert!(text.contains("5  would be refused again"), "{text}");
    }
    assert_eq!(world.rows(300.0, 399.0).await, (30, 30));

    // Keys, partitions and headers are as they were.
    let (kafka, topic) = (world.scope.cluster.kafka.clone(), world.topic.clone());
    let found = tokio::task::spawn_blocking(move || records(&kafka, &topic))
        .await
        .expect("no panic");
    let mut by_value: BTreeMap<String, Vec<Trace>> = BTreeMap::new();
    for (value, trace) in found {
        by_value.entry(value).or_default().push(trace);
    }
    let twice: Vec<&Vec<Trace>> = by_value
        .values()
        .filter(|traces| traces.len() > 1)
        .collect();
    assert_eq!(twice.len(), 30);
    for traces in twice {
        let [
            (key, partition, headers),
            (key_again, partition_again, headers_again),
        ] = traces.as_slice()
        else {
            panic!("sent twice: {traces:?}");
        };
        assert_eq!((key, partition), (key_again, partition_again));
        let mut headers_again = headers_again.clone();
        assert!(headers_again.remove("sensorstream-replayed-from").is_some());
        assert_eq!(headers, &headers_again);
    }

    // Within the cluster, by a Job that goes with the pipeline.
    world.send(temperatures(450.0, 10));
    world.until_read(95, 50).await;
    world.widen(500).await;
    until_listed(&world, 45).await;
    let (code, text) = world.within(&["replay", NAME, "--since", "10m"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("10 dead letters were sent"), "{text}");
    world.until_rows(450.0, 499.0, 10).await;
    let (code, text) = world.by_kafka(&["replay", NAME, "--all"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("40  replayed before"), "{text}");
    let jobs = world
        .scope
        .api::<Job>()
        .list(&ListParams::default())
        .await
        .expect("Jobs are listed")
        .items;
    assert!(!jobs.is_empty());
    for job in jobs {
        let owners = job.metadata.owner_references.unwrap_or_default();
        assert_eq!(owners[0].kind, "SensorPipeline");
        assert!(
            job.spec
                .expect("a spec")
                .ttl_seconds_after_finished
                .is_some()
        );
    }

    // The receipts are no letters to the API.
    let listing = json_of(&world.within(&[NAME, "-o", "json"]));
    assert_eq!(
        listing["reasons"],
        json!({ "not_json": 5, "out_of_range": 40 })
    );
    let replayed = json_of(&world.by_kafka(&[NAME, "--limit", "100", "-o", "json"]));
    let replayed = replayed["letters"].as_array().expect("letters").iter();
    assert_eq!(
        replayed.filter(|letter| letter["replayed"] == true).count(),
        40
    );

    let (code, text) = world.by_kafka(&["list", "nobody"]);
    assert_eq!(code, Some(1));
    assert!(text.contains("there is no SensorPipeline nobody"), "{text}");
    world.scope.close().await;
}

/// The listing once it has so many letters: they are sent after they were decided.
async fn until_listed(world: &World, count: u64) -> Value {
    until(&format!("{count} letters"), secs(60), || async {
        let listing = json_of(&world.by_kafka(&["list", NAME, "-o", "json"]));
        let reasons = listing["reasons"].as_object().expect("counts").values();
        let found: u64 = reasons.filter_map(Value::as_u64).sum();
        if found == count {
            Ok(listing)
        } else {
            Err(listing.to_string())
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn replays_at_a_time_and_replays_that_die_send_nothing_twice() {
    let world = World::new("dl-die").await;
    world.send(temperatures(300.0, 6_000));
    world.until_read(6_000, 0).await;
    until_listed(&world, 6_000).await;
    world.widen(400).await;
    let servers = ["--bootstrap-servers", &world.scope.cluster.kafka];
    let begin = || {
        let mut command = world.command(&["replay", NAME, "--all"]);
        command
            .args(servers)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().expect("the program runs")
    };
    // Killed at one moment or another.
    for milliseconds in [400, 700, 1_000] {
        let mut child = begin();
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        child.kill().expect("it is ours");
        child.wait().expect("it has ended");
    }
    // Two at a time: one may end the other.
    let (one, other) = (begin(), begin());
    for child in [one, other] {
        let (code, text) = said(&child.wait_with_output().expect("it ends"));
        assert!(
            code == Some(0) || text.contains("sent twice"),
            "{code:?} {text}"
        );
    }
    let (code, text) = world.by_kafka(&["replay", NAME, "--all"]);
    assert_eq!(code, Some(0), "{text}");
    world.until_read(12_000, 6_000).await;
    assert_eq!(world.rows(300.0, 400.0).await, (6_000, 6_000));
    let (code, text) = world.by_kafka(&["replay", NAME, "--all"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("6000  replayed before"), "{text}");
    world.scope.close().await;
}
