//! How a run is getting on, as figures. Pure.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use jiff::Timestamp;
use sensorstream_ledger::{figures::ShardFigures, shard::FIRST_STAGE};
use sensorstream_operator::status::figures::Figures;

use super::newest::Newest;

/// Over how long the speed is taken.
const SPEED_OVER: Duration = Duration::from_secs(5);
/// How many speeds are kept for the curve.
const CURVE: usize = 120;

/// What a run is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Something is not there yet.
    Starting,
    /// Everything runs.
    Running,
    /// What is left is being processed.
    Draining,
}

impl Stage {
    /// In one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Draining => "draining",
        }
    }
}

/// What became of every record so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Records taken from the input topic.
    pub read: i64,
    /// Readings in the outputs.
    pub accepted: i64,
    /// Records in the dead letter topic or on their way, by reason.
    pub dead_lettered: BTreeMap<String, i64>,
    /// Records left out on purpose, by reason.
    pub dropped: BTreeMap<String, i64>,
    /// Offsets that vanished before they were read.
    pub lost: i64,
}

impl Counts {
    /// Those of a pipeline's shards.
    pub fn of(shards: &[ShardFigures]) -> Self {
        let mut total = Self::default();
        for shard in shards.iter().filter(|shard| shard.stage == FIRST_STAGE) {
            total.read += shard.records_read;
            total.accepted += shard.accepted;
            total.lost += shard.lost;
            add(&mut total.dead_lettered, &shard.dead_lettered);
            add(&mut total.dropped, &shard.dropped);
        }
        total
    }

    /// What came on top of `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        Self {
            read: self.read - before.read,
            accepted: self.accepted - before.accepted,
            dead_lettered: grown(&self.dead_lettered, &before.dead_lettered),
            dropped: grown(&self.dropped, &before.dropped),
            lost: self.lost - before.lost,
        }
    }

    /// The number of dead letters.
    pub fn dead_letters(&self) -> i64 {
        self.dead_lettered.values().sum()
    }

    /// The number of records left out on purpose.
    pub fn left_out(&self) -> i64 {
        self.dropped.values().sum()
    }

    /// Whether every record that was read is accounted for, and none is missing.
    pub fn add_up(&self) -> bool {
        self.lost == 0 && self.read == self.accepted + self.dead_letters() + self.left_out()
    }
}

fn add(to: &mut BTreeMap<String, i64>, counts: &BTreeMap<String, i64>) {
    for (reason, count) in counts {
        *to.entry(reason.clone()).or_default() += count;
    }
}

/// By how much counts have grown; those that have not are left out.
pub fn grown(now: &BTreeMap<String, i64>, before: &BTreeMap<String, i64>) -> BTreeMap<String, i64> {
    now.iter()
        .map(|(name, count)| (name.clone(), count - before.get(name).unwrap_or(&0)))
        .filter(|(_, count)| *count != 0)
        .collect()
}

/// How a run is getting on.
#[derive(Clone, Debug)]
pub struct Progress {
    /// What it is doing.
    pub stage: Stage,
    /// For how long it has been running.
    pub elapsed: Duration,
    /// Records read a second, lately.
    pub speed: f64,
    /// The speeds before, oldest first.
    pub curve: Vec<f64>,
    /// Records in the input topic that are not committed. `None` if that can't be seen.
    pub lag: Option<i64>,
    /// Event time up to which readings are complete.
    pub watermark: Option<Timestamp>,
    /// What became of every record.
    pub counts: Counts,
    /// The newest rows.
    pub newest: Newest,
    /// What is not as it should be.
    pub trouble: Option<String>,
}

/// Turns totals seen from time to time into a speed.
#[derive(Clone, Debug, Default)]
pub struct Speedometer {
    samples: VecDeque<(Duration, i64)>,
    curve: VecDeque<f64>,
}

impl Speedometer {
    /// Takes a total in. Answers how much it grew a second, over the last few seconds.
    pub fn take(&mut self, at: Duration, total: i64) -> f64 {
        self.samples.push_back((at, total));
        while let Some((second, _)) = self.samples.get(1)
            && at.saturating_sub(*second) >= SPEED_OVER
        {
            self.samples.pop_front();
        }
        let (since, before) = self.samples[0];
        let seconds = at.saturating_sub(since).as_secs_f64();
        let speed = if seconds > 0.0 {
            (total - before) as f64 / seconds
        } else {
            0.0
        };
        if self.curve.len() == CURVE {
            self.curve.pop_front();
        }
        self.curve.push_back(speed);
        speed
    }

    /// The speeds so far, oldest first.
    pub fn curve(&self) -> Vec<f64> {
        self.curve.iter().copied().collect()
    }
}

/// What is not as it should be, in words.
pub fn trouble(figures: &Figures, unseen: Option<&str>) -> Option<String> {
    if let Some(unseen) = unseen {
        return Some(unseen.to_owned());
    }
    if let Some(gap) = figures.gaps.first() {
        return Some(format!(
            "partition {} of {} stands still: records before offset {} are gone",
            gap.partition, gap.topic, gap.at
        ));
    }
    let sink = figures.blocked.first()?;
    Some(format!("waiting for {}: {}", sink.sink, sink.error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_speed_is_that_of_the_last_seconds() {
        let mut speedometer = Speedometer::default();
        let second = Duration::from_secs;
        assert!(speedometer.take(second(0), 0).abs() < 1e-9);
        assert!((speedometer.take(second(1), 10) - 10.0).abs() < 1e-9);
        for at in 2..20 {
            speedometer.take(second(at), 10);
        }
        assert!(speedometer.take(second(20), 10).abs() < 1e-9);
        assert_eq!(speedometer.curve().len(), 21);
    }

    #[test]
    fn what_is_read_is_accounted_for() {
        let mut counts = Counts {
            read: 3,
            accepted: 2,
            dead_lettered: [("InvalidJson".to_owned(), 1)].into(),
            ..Counts::default()
        };
        assert!(counts.add_up());
        counts.accepted = 1;
        assert!(!counts.add_up());
        counts.dropped = [("Duplicate".to_owned(), 1)].into();
        assert!(counts.add_up());
        counts.lost = 1;
        assert!(!counts.add_up());
    }
}
