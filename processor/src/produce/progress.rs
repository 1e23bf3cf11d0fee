//! What the simulator has to do next on its timeline. Pure: who calls says what time it is and where
//! records go, and notes down how far it has come.

use std::time::Duration;

use jiff::Timestamp;
use sensorstream_crds::runtime::ProduceConfig;

use super::{
    kind::Kind,
    marker::Marker,
    reading::{Simulation, Times},
    timeline::Timeline,
};

/// How much later than need be the readings after the last one are taken. It also keeps them out of a session
/// that a pause of exactly its gap would prolong.
const LATER: Duration = Duration::from_secs(1);

/// How far the simulator has come, and all it needs to go on.
#[derive(Debug)]
pub(super) struct Progress {
    timeline: Timeline,
    finalizing: Option<Finalizing>,
    simulation: Simulation,
    /// How many readings the simulation has made or left out.
    drawn: u64,
    marker: Marker,
}

/// When to send the readings after the last one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finalizing {
    /// How much later than the last one they are taken.
    after_us: i64,
    /// How far ahead of the present that may be.
    ahead_us: i64,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Todo {
    /// Up to so many readings are to be sent; none if the next one is not taken yet.
    Readings(u64),
    /// The readings after the last one are too far ahead of the present until then.
    WaitUntil(Timestamp),
    /// A reading of this time is to be sent to every partition.
    Finalizers(Timestamp),
    /// Everything has been sent.
    Nothing,
}

/// A record, ready to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    /// Where to, if not by its key.
    pub(super) partition: Option<i32>,
    /// What it is.
    pub(super) kind: Kind,
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: &'a [u8],
}

impl Finalizing {
    /// When to send the readings after the last one, if they are wanted.
    pub(super) fn of(config: &ProduceConfig) -> Option<Self> {
        let close_after = Duration::from_millis(config.windows_close_after_ms?);
        let time = &config.input.event_time;
        let after = time.max_delay.get() + close_after + LATER;
        // A tenth is for the brokers' clock, which need not be quite the same.
        let ahead = time.max_future_skew.get() / 10 * 9;
        Some(Self {
            after_us: after.as_micros() as i64,
            ahead_us: ahead.as_micros() as i64,
        })
    }
}

impl Progress {
    /// Goes on from a marker with a simulation that is at its beginning.
    pub(super) fn new(
        timeline: Timeline,
        finalizing: Option<Finalizing>,
        simulation: Simulation,
        marker: Marker,
    ) -> Self {
        Self {
            timeline,
            finalizing,
            simulation,
            drawn: 0,
            marker,
        }
    }

    /// How far it has come.
    pub(super) fn marker(&self) -> &Marker {
        &self.marker
    }

    /// What to do next.
    pub(super) fn todo(&self, now: Timestamp) -> Todo {
        let (start, sent) = (self.marker.start, self.marker.readings);
        let Some(readings) = self.timeline.readings().filter(|all| sent >= *all) else {
            let taken = self.timeline.taken_by(start, now);
            return Todo::Readings(taken.saturating_sub(sent));
        };
        let Some(finalizing) = self.finalizing.filter(|_| !self.marker.finalized) else {
            return Todo::Nothing;
        };
        let last = self.timeline.event_time(start, readings.saturating_sub(1));
        let time = moved(last, finalizing.after_us);
        let possible = moved(time, -finalizing.ahead_us);
        if possible <= now {
            Todo::Finalizers(time)
        } else {
            Todo::WaitUntil(possible)
        }
    }

    /// Leaves out readings that were sent before, `most` at once. Whether that was all.
    pub(super) fn catch_up(&mut self, most: u64) -> bool {
        let left = self.marker.readings.saturating_sub(self.drawn);
        let now = left.min(most);
        self.simulation.skip(now);
        self.drawn += now;
        now == left
    }

    /// Makes the next readings and hands their records to `send`. Answers how far that comes, for
    /// [`Self::reached`] when it is noted down. After an error this progress is of no more use: what it
    /// has made would be left out.
    pub(super) fn readings<E>(
        &mut self,
        count: u64,
        clock: Timestamp,
        mut send: impl FnMut(Record<'_>) -> Result<(), E>,
    ) -> Result<Marker, E> {
        let mut marker = self.marker.clone();
        for _ in 0..count {
            let event = self.timeline.event_time(marker.start, marker.readings);
            let reading = self.simulation.next(Times { event, clock });
            for kind in reading.records() {
                send(Record {
                    partition: None,
                    kind,
                    key: reading.key,
                    value: reading.value,
                })?;
                marker.count(kind);
            }
            marker.readings += 1;
        }
        self.drawn += count;
        Ok(marker)
    }

    /// Makes a reading of the time `event` for every partition; else as [`Self::readings`].
    pub(super) fn finalizers<E>(
        &mut self,
        partitions: i32,
        event: Timestamp,
        clock: Timestamp,
        mut send: impl FnMut(Record<'_>) -> Result<(), E>,
    ) -> Result<Marker, E> {
        let mut marker = self.marker.clone();
        for partition in 0..partitions {
            let times = Times { event, clock };
            let reading = self.simulation.finalizer(times, partition, partitions);
            send(Record {
                partition: Some(partition),
                kind: reading.kind,
                key: reading.key,
                value: reading.value,
            })?;
            marker.count(reading.kind);
        }
        marker.finalized = true;
        Ok(marker)
    }

    /// What was made is sent and noted down.
    pub(super) fn reached(&mut self, marker: Marker) {
        self.marker = marker;
    }
}

fn moved(time: Timestamp, by_us: i64) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond().saturating_add(by_us)).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, convert::Infallible};

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{
        super::{
            kind::Kind,
            partition::partition_of,
            timeline::{Timeline, name},
        },
        *,
    };

    /// Where a record went, its key and its value.
    type Sent = (Option<i32>, Vec<u8>, Vec<u8>);

    fn start() -> Timestamp {
        "2025-08-17T12:34:56.789012Z".parse().unwrap()
    }

    fn after_start(seconds: i64) -> Timestamp {
        moved(start(), seconds * 1_000_000)
    }

    fn config(timeline: &Value, devices: u32, finalize: bool) -> ProduceConfig {
        serde_json::from_value(json!({
            "pipeline": { "namespace": "default", "name": "tests" },
            "kafka": { "bootstrapServers": "kafka:9092", "tls": false },
            "input": {
                "topic": { "name": "readings" },
                "key": "device",
                "fields": [
                    { "name": "device", "type": "string", "maxLength": 20 },
                    { "name": "ts", "type": "timestamp" },
                    { "name": "value", "type": "double" },
                ],
                "eventTime": { "field": "ts", "maxDelay": "2m", "maxFutureSkew": "5m" },
            },
            "simulator": {
                "rate": 100,
                "timeline": timeline,
                "finalize": finalize,
                "fields": [
                    { "name": "device", "sequence": { "prefix": "device-", "count": devices } },
                    { "name": "ts", "now": {} },
                    { "name": "value", "randomWalk": { "start": 50, "step": 3, "minimum": 0, "maximum": 100 } },
                ],
                "faults": { "malformed": "10%", "late": "10%", "duplicate": "10%", "fastClock": "5%" },
            },
            "windowsCloseAfterMs": finalize.then_some(330_000),
        }))
        .unwrap()
    }

    fn spread(readings: u32) -> Value {
        json!({ "spread": { "over": "15m", "readings": readings } })
    }

    fn beginning(config: &ProduceConfig) -> Marker {
        Marker::new(name(&config.simulator), "topic".into(), start())
    }

    fn progress(config: &ProduceConfig, marker: Marker) -> Progress {
        let simulation = Simulation::new(&config.input, &config.simulator).unwrap();
        let timeline = Timeline::of(&config.simulator).unwrap();
        Progress::new(timeline, Finalizing::of(config), simulation, marker)
    }

    /// Makes up to `most` readings, or the last ones.
    fn step(progress: &mut Progress, now: Timestamp, most: u64) -> Option<(Vec<Sent>, Marker)> {
        let mut records = Vec::new();
        let mut send = |record: Record<'_>| {
            let key = record.key.unwrap_or_default().to_vec();
            records.push((record.partition, key, record.value.to_vec()));
            Ok::<(), Infallible>(())
        };
        let marker = match progress.todo(now) {
            Todo::Readings(taken) => progress.readings(taken.min(most), now, &mut send),
            Todo::Finalizers(time) => progress.finalizers(3, time, now, &mut send),
            Todo::WaitUntil(_) | Todo::Nothing => return None,
        };
        let Ok(marker) = marker;
        Some((records, marker))
    }

    fn unbroken(config: &ProduceConfig, now: Timestamp) -> (Vec<Sent>, Marker) {
        let mut progress = progress(config, beginning(config));
        let mut sent = Vec::new();
        while let Some((more, marker)) = step(&mut progress, now, u64::MAX) {
            sent.extend(more);
            progress.reached(marker);
        }
        (sent, progress.marker().clone())
    }

    #[test]
    fn the_last_readings_wait_until_they_are_not_too_far_ahead() {
        let config = config(&spread(900), 50, true);
        let mut progress = progress(&config, beginning(&config));
        assert_eq!(progress.todo(start()), Todo::Readings(900));
        let (_, marker) = step(&mut progress, start(), 900).unwrap();
        progress.reached(marker);
        // The last reading is of one second before the start: with 2m of delay, 5m30s until windows
        // close and one second more this is 7m30s after it, of which 4m30s may be ahead.
        let possible = after_start(180);
        assert_eq!(progress.todo(start()), Todo::WaitUntil(possible));
        assert_eq!(
            progress.todo(possible),
            Todo::Finalizers(after_start(450)),
            "not before, and no later than need be"
        );
    }

    #[test]
    fn every_partition_gets_a_last_reading_of_a_key_of_its_own() {
        let config = config(&spread(900), 50, true);
        let (sent, marker) = unbroken(&config, after_start(180));
        let last = &sent[sent.len() - 3..];
        for (partition, (to, key, value)) in (0..3).zip(last) {
            assert_eq!(*to, Some(partition));
            assert_eq!(partition_of(key, 3), partition);
            let reading: Value = serde_json::from_slice(value).unwrap();
            assert_eq!(reading["ts"], "2025-08-17T12:42:26.789012Z");
        }
        assert_eq!(marker.sent[&Kind::Finalizer], 3);
        assert!(marker.finalized);
        assert!(sent[..sent.len() - 3].iter().all(|(to, ..)| to.is_none()));
    }

    #[test]
    fn with_one_key_every_partition_gets_a_last_reading_all_the_same() {
        let config = config(&spread(10), 1, true);
        let (sent, _) = unbroken(&config, after_start(180));
        let to: Vec<_> = sent[sent.len() - 3..].iter().map(|(to, ..)| *to).collect();
        assert_eq!(to, [Some(0), Some(1), Some(2)]);
    }

    #[test]
    fn without_last_readings_it_is_done_after_the_last() {
        let config = config(&spread(900), 50, false);
        let (_, marker) = unbroken(&config, start());
        assert_eq!((marker.readings, marker.finalized), (900, false));
        let done = progress(&config, marker);
        assert_eq!(done.todo(after_start(1_000)), Todo::Nothing);
    }

    #[test]
    fn what_was_finite_may_go_on() {
        let backfill = |then| json!({ "backfill": { "over": "1h", "every": "10s", "then": then } });
        let (_, marker) = unbroken(&config(&backfill("Stop"), 50, true), after_start(1_000));
        assert_eq!((marker.readings, marker.finalized), (360, true));
        let live = config(&backfill("Live"), 50, false);
        assert!(marker.continues(&beginning(&live)));
        let live = progress(&live, marker);
        assert_eq!(live.todo(after_start(-1)), Todo::Readings(0));
        assert_eq!(live.todo(after_start(0)), Todo::Readings(1));
        assert_eq!(live.todo(after_start(65)), Todo::Readings(7));
    }

    #[test]
    fn records_are_counted_by_what_they_are() {
        let config = config(&spread(5_000), 50, true);
        let (sent, marker) = unbroken(&config, after_start(200));
        assert_eq!(marker.sent.values().sum::<u64>(), sent.len() as u64);
        let readings = |counts: &BTreeMap<Kind, u64>| {
            let beside = counts[&Kind::Duplicate] + counts[&Kind::Finalizer];
            counts.values().sum::<u64>() - beside
        };
        assert_eq!(readings(&marker.sent), 5_000);
    }

    /// What becomes of a transaction.
    #[derive(Clone, Copy, Debug)]
    enum Fate {
        Committed,
        Aborted,
        /// It was committed, and the simulator broke off before it knew.
        Unknown,
    }

    proptest! {
        #[test]
        fn broken_off_anywhere_it_sends_what_it_would_have_sent_unbroken(
            readings in 1_u32..300,
            steps in prop::collection::vec(
                (1_u64..60, prop_oneof![Just(Fate::Committed), Just(Fate::Aborted), Just(Fate::Unknown)]),
                1..40,
            ),
        ) {
            let (config, now) = (config(&spread(readings), 7, true), after_start(180));
            let mut noted = beginning(&config);
            let mut current = progress(&config, noted.clone());
            let mut log = Vec::new();
            let finish = std::iter::repeat((u64::MAX, Fate::Committed));
            for (most, fate) in steps.into_iter().chain(finish) {
                let Some((sent, marker)) = step(&mut current, now, most) else { break };
                if !matches!(fate, Fate::Aborted) {
                    log.extend(sent);
                    noted = Marker::read(marker.offset(), &marker.metadata()).unwrap().unwrap();
                }
                if matches!(fate, Fate::Committed) {
                    current.reached(marker);
                } else {
                    current = progress(&config, noted.clone());
                    while !current.catch_up(7) {}
                }
            }
            let (expected, marker) = unbroken(&config, now);
            prop_assert_eq!(log, expected);
            prop_assert_eq!(noted, marker);
        }
    }
}
