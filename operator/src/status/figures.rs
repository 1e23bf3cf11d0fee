//! The live figures. They come from the shards' rows and the topic's end offsets, so they are
//! right across rebalances, when nobody owns a partition, and when nothing runs.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sensorstream_crds::status::RecordCounts;
use sensorstream_ledger::{
    figures::{BlockedSink, ShardFigures},
    shard::FIRST_STAGE,
};

use crate::backends::{Database, Topics};

/// How short a time between two samples makes a rate that means something.
const LEAST_INTERVAL_S: f64 = 5.0;

/// The live figures; what could not be seen is absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Records in the input topic that are not committed.
    pub lag: Option<i64>,
    /// The least watermark of the partitions with data.
    pub watermark: Option<Timestamp>,
    /// When the latest record was committed.
    pub last_commit: Option<Timestamp>,
    /// What became of every record read.
    pub records: Option<RecordCounts>,
    /// Records committed a second.
    pub rate: Option<f64>,
    /// Partitions that stopped at a gap, of the input topic and of the link topic.
    pub gaps: Vec<Gap>,
    /// Window rows that another shard had written before.
    pub rows_of_others: i64,
    /// How many input topics there were before the one there is, and how many of their records were read.
    pub replaced: (usize, i64),
    /// Sinks that are waited for, each once, since when first.
    pub blocked: Vec<BlockedSink>,
}

/// Records that are gone from a partition before they were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The first offset that still exists.
    pub at: i64,
}

impl Figures {
    /// The figures of a pipeline.
    pub fn of(topics: Option<&Topics>, database: Option<&Database>, rate: Option<f64>) -> Self {
        let Some(database) = database else {
            return Self::default();
        };
        let incarnation = topics
            .and_then(|t| t.input.as_ref())
            .map(|topic| topic.id.as_str());
        let (first, second): (Vec<&ShardFigures>, Vec<&ShardFigures>) = database
            .shards
            .iter()
            .partition(|shard| shard.stage == FIRST_STAGE);
        let mut current = first.clone();
        current.retain(|shard| incarnation.is_none_or(|id| shard.incarnation == id));
        // The link topic is read by the second stage.
        let mut linked = second.clone();
        linked.retain(|shard| {
            let topic = topics.and_then(|topics| topics.outputs.get(&shard.topic));
            topic.is_none_or(|topic| topic.id == shard.incarnation)
        });
        let time = |us: Option<i64>| us.and_then(|us| Timestamp::from_microsecond(us).ok());
        Self {
            lag: topics
                .filter(|t| t.input.is_some())
                .map(|topics| lag(topics, &current)),
            watermark: time(current.iter().filter_map(|shard| shard.watermark_us).min()),
            last_commit: time(
                current
                    .iter()
                    .filter_map(|shard| shard.last_commit_us)
                    .max(),
            ),
            records: (!first.is_empty()).then(|| records(&first)),
            rate,
            gaps: gaps(current.iter().chain(&linked).copied()),
            rows_of_others: current.iter().map(|shard| shard.rows_of_others).sum(),
            replaced: incarnation.map_or((0, 0), |id| replaced(&first, id)),
            blocked: blocked(current.iter().chain(&second).copied()),
        }
    }
}

fn lag(topics: &Topics, shards: &[&ShardFigures]) -> i64 {
    topics
        .offsets
        .iter()
        .map(|(partition, span)| {
            let next = shards
                .iter()
                .filter(|s| s.partition == *partition)
                .map(|s| s.next_offset);
            // A partition that nobody took yet will be read from its beginning.
            let at = next.max().unwrap_or(span.begin).max(span.begin);
            (span.end - at).max(0)
        })
        .sum()
}

fn gaps<'a>(shards: impl Iterator<Item = &'a ShardFigures>) -> Vec<Gap> {
    let gap = |shard: &ShardFigures| {
        Some(Gap {
            topic: shard.topic.clone(),
            partition: shard.partition,
            at: shard.data_loss_at?,
        })
    };
    shards.filter_map(gap).collect()
}

fn replaced(shards: &[&ShardFigures], current: &str) -> (usize, i64) {
    let former = shards
        .iter()
        .filter(|shard| shard.incarnation != current && shard.records_read > 0);
    let topics: BTreeSet<&str> = former.clone().map(|s| s.incarnation.as_str()).collect();
    (topics.len(), former.map(|shard| shard.records_read).sum())
}

fn records(shards: &[&ShardFigures]) -> RecordCounts {
    let sum = |map: &BTreeMap<String, i64>| map.values().sum::<i64>();
    shards
        .iter()
        .fold(RecordCounts::default(), |total, shard| RecordCounts {
            read: total.read + shard.records_read,
            accepted: total.accepted + shard.accepted,
            dead_lettered: total.dead_lettered + sum(&shard.dead_lettered),
            dropped: total.dropped + sum(&shard.dropped),
            lost: total.lost + shard.lost,
        })
}

fn blocked<'a>(shards: impl Iterator<Item = &'a ShardFigures>) -> Vec<BlockedSink> {
    let mut sinks: BTreeMap<&str, &BlockedSink> = BTreeMap::new();
    for sink in shards.flat_map(|shard| &shard.blocked) {
        let first = sinks.entry(&sink.sink).or_insert(sink);
        if sink.since_us < first.since_us {
            *first = sink;
        }
    }
    sinks.into_values().cloned().collect()
}

/// Turns totals seen from time to time into a rate.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Meter {
    sample: Option<(i64, Timestamp)>,
    rate: Option<f64>,
}

impl Meter {
    /// Takes a total in and gives the rate so far, if there is one.
    pub fn take(&mut self, total: i64, at: Timestamp) -> Option<f64> {
        match self.sample {
            Some((older, since)) if total >= older => {
                let seconds = at.duration_since(since).as_secs_f64();
                if seconds >= LEAST_INTERVAL_S {
                    self.rate = Some((total - older) as f64 / seconds);
                    self.sample = Some((total, at));
                }
            }
            // The first sample, or the counting began anew.
            _ => {
                *self = Self {
                    sample: Some((total, at)),
                    rate: None,
                }
            }
        }
        self.rate
    }
}

#[cfg(test)]
mod tests;
