//! How the pipeline is now, as `/health` tells it. Pure: what was read is handed in, and the time.
//!
//! ```text
//! shards (commit log) ┐
//! ends (Kafka)        ├─► Health
//! status (operator)   ┘
//! ```

pub mod rate;

use std::collections::BTreeMap;

use jiff::Timestamp;
use sensorstream_ledger::{figures::ShardFigures, readers::ReportedStatus, shard::FIRST_STAGE};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::column::{written, written_micros};

/// How the pipeline is now.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// When this was read.
    #[schema(format = DateTime)]
    observed_at: String,
    /// What it is doing, by the operator: `Pending`, `Running`, `Pausing`, `Paused`, `Draining`, `Drained`,
    /// `Degraded`, `Failed` or `Deleting`; null where no operator has told.
    #[schema(required = true)]
    state: Option<String>,
    /// What the operator has observed.
    conditions: Vec<Condition>,
    /// When the operator told that.
    #[schema(required = true, format = DateTime)]
    conditions_at: Option<String>,
    /// Records committed a second, over the last seconds; null until that is known.
    #[schema(required = true, minimum = 0)]
    rate: Option<f64>,
    /// Records in the input topic that are not committed yet; null while Kafka can't be asked.
    #[schema(required = true, minimum = 0)]
    lag: Option<i64>,
    /// The event time up to which readings are complete: the least over the partitions with data.
    #[schema(required = true, format = DateTime)]
    watermark: Option<String>,
    /// When a record was committed last.
    #[schema(required = true, format = DateTime)]
    last_commit: Option<String>,
    /// What became of every record.
    records: Records,
    /// How far each partition is.
    partitions: Vec<PartitionHealth>,
    /// The sinks that are waited for.
    blocked: Vec<BlockedSink>,
    /// Kafka, as the API sees it.
    kafka: Kafka,
}

/// Something that the operator has observed, as Kubernetes writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Condition {
    /// What it is about, such as `Ready`.
    #[serde(rename = "type")]
    type_: String,
    /// `True`, `False` or `Unknown`.
    status: String,
    /// Why, as a word.
    reason: String,
    /// Why, for people.
    message: String,
    /// Since when it is so.
    #[schema(format = DateTime)]
    last_transition_time: String,
}

/// What became of every record: read = accepted + dead-lettered + dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Records {
    /// Records taken from the input topic.
    read: i64,
    /// Readings in the outputs.
    accepted: i64,
    /// Records in the dead letter topic or on their way there, by reason.
    dead_lettered: BTreeMap<String, i64>,
    /// Records left out on purpose, by reason.
    dropped: BTreeMap<String, i64>,
    /// Records that Kafka deleted before they were read. Not part of `read`.
    lost: i64,
}

/// How far a partition is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Partition)]
struct PartitionHealth {
    /// Its number.
    partition: i32,
    /// The pod that took it last.
    owner: String,
    /// Everything below is committed.
    next_offset: i64,
    /// The offset of the next record to come; null while Kafka can't be asked.
    #[schema(required = true)]
    end_offset: Option<i64>,
    /// Records that are not committed yet.
    #[schema(required = true)]
    lag: Option<i64>,
    /// The event time up to which its readings are complete.
    #[schema(required = true, format = DateTime)]
    watermark: Option<String>,
    /// When a record was committed last.
    #[schema(required = true, format = DateTime)]
    last_commit: Option<String>,
}

/// A sink that is waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
struct BlockedSink {
    /// Its name: of a table or a topic, or `lake`.
    sink: String,
    /// The partition that waits.
    partition: i32,
    /// Since when.
    #[schema(format = DateTime)]
    since: String,
    /// What it answers.
    error: String,
}

/// Kafka, as the API sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
struct Kafka {
    /// Whether it answers.
    reachable: bool,
}

/// What was read of a pipeline.
#[derive(Clone, Debug)]
pub struct Observed<'a> {
    /// Its shards, of all stages and topics it ever had.
    pub shards: &'a [ShardFigures],
    /// Where the input topic's partitions end, if Kafka says.
    pub ends: Option<&'a BTreeMap<i32, i64>>,
    /// What the operator told last.
    pub reported: Option<&'a ReportedStatus>,
    /// Records committed a second.
    pub rate: Option<f64>,
}

/// The parts of the operator's status that are told on.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    state: Option<String>,
    conditions: Vec<Condition>,
}

impl Health {
    /// The health of a pipeline of which this was read.
    pub fn of(observed: &Observed<'_>, now: Timestamp) -> Self {
        let first = input_shards(observed.shards);
        let current = current_shards(observed.shards);
        let status: Status = observed
            .reported
            .and_then(|reported| serde_json::from_value(reported.status.clone()).ok())
            .unwrap_or_default();
        let partitions: Vec<PartitionHealth> = current
            .iter()
            .map(|shard| PartitionHealth::of(shard, observed.ends))
            .collect();
        Self {
            observed_at: written(now),
            state: status.state,
            conditions: status.conditions,
            conditions_at: observed
                .reported
                .and_then(|reported| written_micros(reported.written_at_us)),
            rate: observed.rate,
            lag: observed.ends.map(|ends| lag(ends, &current)),
            watermark: current
                .iter()
                .filter_map(|shard| shard.watermark_us)
                .min()
                .and_then(written_micros),
            last_commit: current
                .iter()
                .filter_map(|shard| shard.last_commit_us)
                .max()
                .and_then(written_micros),
            records: Records::of(first),
            partitions,
            blocked: blocked(observed.shards),
            kafka: Kafka {
                reachable: observed.ends.is_some(),
            },
        }
    }
}

/// The shards of the input topic, of all topics there ever were.
pub fn input_shards(shards: &[ShardFigures]) -> impl Iterator<Item = &ShardFigures> {
    shards.iter().filter(|shard| shard.stage == FIRST_STAGE)
}

/// The shards of the input topic there is, in the order of partitions. A topic made anew has other
/// shards; those that went on last are of the one there is.
pub fn current_shards(shards: &[ShardFigures]) -> Vec<&ShardFigures> {
    let latest = input_shards(shards).max_by_key(|shard| (shard.last_commit_us, shard.revision));
    let incarnation = latest.map(|shard| shard.incarnation.as_str());
    let mut current: Vec<&ShardFigures> = input_shards(shards)
        .filter(|shard| Some(shard.incarnation.as_str()) == incarnation)
        .collect();
    current.sort_by_key(|shard| shard.partition);
    current
}

/// Records not committed yet, of partitions that have no shard yet too.
fn lag(ends: &BTreeMap<i32, i64>, current: &[&ShardFigures]) -> i64 {
    let next = |partition: i32| {
        let shard = current.iter().find(|shard| shard.partition == partition);
        shard.map_or(0, |shard| shard.next_offset)
    };
    ends.iter()
        .map(|(partition, end)| (end - next(*partition)).max(0))
        .sum()
}

impl Records {
    fn of<'a>(shards: impl Iterator<Item = &'a ShardFigures>) -> Self {
        shards.fold(Self::default(), |mut all, shard| {
            all.read += shard.records_read;
            all.accepted += shard.accepted;
            all.lost += shard.lost;
            add(&mut all.dead_lettered, &shard.dead_lettered);
            add(&mut all.dropped, &shard.dropped);
            all
        })
    }
}

fn add(all: &mut BTreeMap<String, i64>, some: &BTreeMap<String, i64>) {
    for (reason, count) in some {
        *all.entry(reason.clone()).or_default() += count;
    }
}

impl PartitionHealth {
    fn of(shard: &ShardFigures, ends: Option<&BTreeMap<i32, i64>>) -> Self {
        let end_offset = ends.and_then(|ends| ends.get(&shard.partition)).copied();
        Self {
            partition: shard.partition,
            owner: shard.owner.clone(),
            next_offset: shard.next_offset,
            end_offset,
            lag: end_offset.map(|end| (end - shard.next_offset).max(0)),
            watermark: shard.watermark_us.and_then(written_micros),
            last_commit: shard.last_commit_us.and_then(written_micros),
        }
    }
}

fn blocked(shards: &[ShardFigures]) -> Vec<BlockedSink> {
    let sinks = shards.iter().flat_map(|shard| {
        let partition = shard.partition;
        shard.blocked.iter().map(move |sink| BlockedSink {
            sink: sink.sink.clone(),
            partition,
            since: written_micros(sink.since_us).unwrap_or_default(),
            error: sink.error.clone(),
        })
    });
    sinks.collect()
}

#[cfg(test)]
mod tests;
