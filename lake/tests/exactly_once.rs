//! Whatever the log, wherever processes are killed, and however readings are batched: the files that
//! are written hold each reading exactly once.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use proptest::prelude::*;
use sensorstream_expressions::Value;
use sensorstream_lake::{
    ClosedFile, Decided, Extent, Hour, Limits, OpenFiles, Rows, Schema, cursor, object_name,
};
use serde_json::json;

/// Microseconds in an hour.
const HOUR: i64 = 3_600_000_000;

/// An accepted reading. Offsets in between are of records that are none.
#[derive(Clone, Copy, Debug)]
struct Reading {
    offset: i64,
    hour: i64,
}

/// What a process does before it looks whether to go on.
#[derive(Clone, Debug)]
struct Step {
    /// How many readings it takes from the log.
    readings: usize,
    /// How long it takes.
    seconds: u64,
    /// Whether it closes every file, and not only those that are due.
    flush: bool,
    /// How many of the files that wait for it are written.
    writes: usize,
    /// Where it is killed.
    killed: Option<Killed>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Killed {
    BeforeCommit,
    AfterCommit,
    /// Files are written, and it is not known that they are.
    AfterWriting,
}

/// What outlives a process.
#[derive(Default)]
struct Durable {
    decided: Vec<Decided>,
    cursor: i64,
    objects: BTreeMap<String, (Extent, Rows)>,
}

/// What does not.
struct Process {
    files: OpenFiles,
    /// The log is pushed up to here.
    next_offset: i64,
    waiting: Vec<ClosedFile>,
}

impl Durable {
    fn commit(&mut self, process: &Process, closed: &[ClosedFile]) {
        for file in closed {
            let extent = file.extent;
            let written = false;
            self.decided.push(Decided { extent, written });
        }
        let oldest = process.files.oldest_offset();
        let cursor = cursor(process.next_offset, oldest, self.decided.iter().copied());
        assert!(cursor >= self.cursor, "the cursor never falls");
        self.cursor = cursor;
        self.decided.retain(|decided| decided.is_needed(cursor));
    }

    fn write(&mut self, file: &ClosedFile) {
        assert!(file.is_whole(), "{:?} lacks readings", file.extent);
        let name = object_name("topic", 3, &file.extent);
        let object = (file.extent, file.rows.clone());
        let there = self.objects.entry(name).or_insert_with(|| object.clone());
        assert_eq!(*there, object, "the same name is the same object");
    }

    fn mark(&mut self, file: &ClosedFile) {
        for decided in &mut self.decided {
            decided.written |= decided.extent == file.extent;
        }
    }
}

impl Process {
    fn start(schema: &Arc<Schema>, limits: Limits, durable: &Durable) -> Self {
        Self {
            files: OpenFiles::resume(schema.clone(), limits, durable.decided.iter().copied()),
            next_offset: durable.cursor,
            waiting: Vec::new(),
        }
    }

    /// Pushes so many readings of the log.
    fn read(&mut self, log: &[Reading], readings: usize) {
        let from = log.partition_point(|reading| reading.offset < self.next_offset);
        for reading in log[from..].iter().take(readings) {
            let time = reading.hour * HOUR + reading.offset;
            let values = [Value::Text("MTR-00001".into()), Value::Timestamp(time)];
            self.files.push(reading.offset, time, &values);
            self.next_offset = reading.offset + 1;
        }
        self.waiting.extend(self.files.recovered(self.next_offset));
    }

    /// Whether it survived.
    fn step(&mut self, step: &Step, log: &[Reading], now: Instant, durable: &mut Durable) -> bool {
        self.read(log, step.readings);
        let closed = if step.flush {
            self.files.flush()
        } else {
            self.files.close(now)
        };
        if step.killed == Some(Killed::BeforeCommit) {
            return false;
        }
        durable.commit(self, &closed);
        self.waiting.extend(closed);
        if step.killed == Some(Killed::AfterCommit) {
            return false;
        }
        let writes = step.writes.min(self.waiting.len());
        let written: Vec<ClosedFile> = self.waiting.drain(..writes).collect();
        for file in &written {
            durable.write(file);
        }
        if step.killed == Some(Killed::AfterWriting) {
            return false;
        }
        for file in &written {
            durable.mark(file);
        }
        true
    }
}

fn schema() -> Arc<Schema> {
    let input = json!({
        "topic": { "name": "readings" },
        "key": "device",
        "fields": [
            { "name": "device", "type": "string" },
            { "name": "at", "type": "timestamp" },
        ],
        "eventTime": { "field": "at" },
    });
    Arc::new(Schema::of(&serde_json::from_value(input).unwrap()))
}

fn log() -> impl Strategy<Value = Vec<Reading>> {
    prop::collection::vec((1..4_i64, 0..4_i64), 0..120).prop_map(|entries| {
        let mut offset = -1;
        let reading = |(gap, hour)| {
            offset += gap;
            Reading { offset, hour }
        };
        entries.into_iter().map(reading).collect()
    })
}

fn step() -> impl Strategy<Value = Step> {
    let killed = prop_oneof![
        6 => Just(None),
        1 => Just(Some(Killed::BeforeCommit)),
        1 => Just(Some(Killed::AfterCommit)),
        1 => Just(Some(Killed::AfterWriting)),
    ];
    let flush = prop::bool::weighted(0.1);
    (0..12_usize, 0..8_u64, flush, 0..4_usize, killed).prop_map(
        |(readings, seconds, flush, writes, killed)| Step {
            readings,
            seconds,
            flush,
            writes,
            killed,
        },
    )
}

/// From limits that close nearly every reading by itself to some that close nothing.
fn limits() -> impl Strategy<Value = Limits> {
    (30..400_usize, 1..30_u64, 30..600_usize, 1..5_usize).prop_map(|(size, age, total, hours)| {
        let age = Duration::from_secs(age);
        Limits {
            size,
            age,
            total,
            hours,
        }
    })
}

fn check(log: &[Reading], durable: &Durable) {
    let mut found: Vec<i64> = durable
        .objects
        .values()
        .flat_map(|(_, rows)| rows.offsets())
        .collect();
    found.sort_unstable();
    let expected: Vec<i64> = log.iter().map(|reading| reading.offset).collect();
    assert_eq!(found, expected, "each reading once");
    for (extent, rows) in durable.objects.values() {
        let inside = |reading: &&Reading| {
            Hour(reading.hour) == extent.hour
                && (extent.first..=extent.last).contains(&reading.offset)
        };
        let expected: Vec<i64> = log.iter().filter(inside).map(|r| r.offset).collect();
        assert_eq!(rows.offsets().collect::<Vec<_>>(), expected, "{extent:?}");
        let overlaps = |(other, _): &&(Extent, Rows)| {
            other.hour == extent.hour && other.first <= extent.last && extent.first <= other.last
        };
        assert_eq!(durable.objects.values().filter(overlaps).count(), 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_reading_is_in_one_file(
        log in log(),
        steps in prop::collection::vec(step(), 0..80),
        limits in limits(),
    ) {
        let schema = schema();
        let mut durable = Durable::default();
        let mut process = Process::start(&schema, limits, &durable);
        let mut now = Instant::now();
        for step in &steps {
            now += Duration::from_secs(step.seconds);
            if !process.step(step, &log, now, &mut durable) {
                process = Process::start(&schema, limits, &durable);
            }
        }
        let rest = Step {
            readings: log.len(),
            seconds: 0,
            flush: true,
            writes: usize::MAX,
            killed: None,
        };
        process.step(&rest, &log, now, &mut durable);
        check(&log, &durable);
        prop_assert!(durable.decided.iter().all(|decided| decided.written));
    }
}
