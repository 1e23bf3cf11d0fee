//! What came out, counted at the source: rows in the table, records in topics, and the simulator's own
//! figures.

use std::{collections::BTreeMap, time::Duration};

use kube::ResourceExt;
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
};
use sensorstream_broker::offsets;
use sqlx::Row;

use crate::{
    pipeline::{schema, table},
    scope::Scope,
};

/// Rows of a pipeline's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableCount {
    /// All of them.
    pub rows: i64,
    /// Records they come from: less than `rows` when one was counted twice.
    pub sources: i64,
}

/// Counts the rows of a pipeline's table.
///
/// # Panics
/// When the table can't be read.
pub async fn table_count(scope: &Scope, name: &str) -> TableCount {
    let query = format!(
        "SELECT count(*), count(DISTINCT (_partition, _offset)) FROM \"{}\".\"{}\"",
        schema(&scope.namespace),
        table(name)
    );
    let row = sqlx::query(sqlx::AssertSqlSafe(query))
        .fetch_one(&scope.cluster.postgres)
        .await
        .expect("the table is read");
    TableCount {
        rows: row.get(0),
        sources: row.get(1),
    }
}

fn consumer(kafka: &str) -> BaseConsumer {
    ClientConfig::new()
        .set("bootstrap.servers", kafka)
        .set("group.id", "e2e")
        .set("enable.auto.commit", "false")
        .create()
        .expect("a consumer")
}

/// How many records a topic holds, by its offsets.
///
/// # Panics
/// When Kafka does not answer.
pub async fn topic_partitions(kafka: &str, topic: &str) -> BTreeMap<i32, i64> {
    let (kafka, topic) = (kafka.to_owned(), topic.to_owned());
    tokio::task::spawn_blocking(move || {
        let consumer = consumer(&kafka);
        let timeout = Duration::from_secs(10);
        let metadata = consumer
            .fetch_metadata(Some(&topic), timeout)
            .expect("metadata");
        let partitions: Vec<i32> = metadata.topics()[0]
            .partitions()
            .iter()
            .map(rdkafka::metadata::MetadataPartition::id)
            .collect();
        offsets::end_offsets(&consumer, &topic, partitions, timeout).expect("end offsets")
    })
    .await
    .expect("no panic")
}

/// The topics whose names begin with a prefix.
///
/// # Panics
/// When Kafka does not answer.
pub async fn topics(kafka: &str, prefix: &str) -> Vec<String> {
    let (kafka, prefix) = (kafka.to_owned(), prefix.to_owned());
    tokio::task::spawn_blocking(move || {
        let metadata = consumer(&kafka)
            .fetch_metadata(None, Duration::from_secs(10))
            .expect("metadata");
        metadata
            .topics()
            .iter()
            .map(|topic| topic.name().to_owned())
            .filter(|name| name.starts_with(&prefix))
            .collect()
    })
    .await
    .expect("no panic")
}

/// Deletes the topics whose names begin with a prefix.
///
/// # Panics
/// When Kafka does not answer.
pub async fn delete_topics(kafka: &str, prefix: &str) {
    let names = topics(kafka, prefix).await;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if !names.is_empty() {
        let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
            .set("bootstrap.servers", kafka)
            .create()
            .expect("an admin client");
        admin
            .delete_topics(&names, &AdminOptions::new())
            .await
            .expect("topics are deleted");
    }
}

/// What the simulator sends that is a reading.
const READINGS: [&str; 4] = ["good", "late", "duplicate", "finalizer"];

/// What the simulator says it sent, by kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sent {
    /// Acknowledged records by kind.
    pub by_kind: BTreeMap<String, i64>,
    /// Whether it is done and everything is acknowledged.
    pub finished: bool,
}

impl Sent {
    /// Records of the kinds given.
    pub fn of(&self, kinds: &[&str]) -> i64 {
        kinds
            .iter()
            .filter_map(|kind| self.by_kind.get(*kind))
            .sum()
    }

    /// Records that are readings: good, late and repeated ones, and those that close windows.
    pub fn readings(&self) -> i64 {
        self.of(&READINGS)
    }

    /// Records that are not, by the reason they must be refused for.
    pub fn refused(&self) -> BTreeMap<String, i64> {
        let refused = self
            .by_kind
            .iter()
            .filter(|(kind, n)| **n > 0 && !READINGS.contains(&kind.as_str()));
        refused.map(|(kind, n)| (kind.clone(), *n)).collect()
    }
}

/// The figures of a pipeline's simulator.
///
/// # Errors
/// When it has no pod that answers.
pub async fn sent(scope: &Scope, name: &str) -> Result<Sent, String> {
    let pods = scope.pods(name, "producer").await;
    let pod = pods.first().ok_or("no producer pod")?;
    let text = scope.http(&pod.name_any(), "/metrics").await?;
    let mut sent = Sent::default();
    for line in text.lines() {
        let Some((series, value)) = line.rsplit_once(' ') else {
            continue;
        };
        if let Some(rest) = series.strip_prefix("sensorstream_producer_records_sent_total{kind=\"")
        {
            let (kind, _) = rest.split_once('"').ok_or("an odd line")?;
            let value: f64 = value
                .parse()
                .map_err(|_| format!("an odd number in {line}"))?;
            #[allow(clippy::cast_possible_truncation, reason = "a count")]
            sent.by_kind.insert(kind.to_owned(), value as i64);
        } else if series.starts_with("sensorstream_producer_finished{") {
            sent.finished = value == "1";
        }
    }
    Ok(sent)
}
