//! What the senders of a system send: events out of order, late, twice, malformed and from a clock ahead.

use std::marker::PhantomData;

use jiff::{SignedDuration, Timestamp};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{PARTITIONS, System};
use crate::world::World;

/// Makes the same records for the same seed and start.
pub struct Traffic<S> {
    chance: StdRng,
    start: Timestamp,
    number: i64,
    last: (usize, Vec<u8>),
    /// What every record has besides: a member that is no field.
    ballast: String,
    system: PhantomData<S>,
}

impl<S: System> Traffic<S> {
    /// Senders that begin two hours ago, so that event time is far behind the broker's.
    pub fn new(seed: u64) -> Self {
        Self {
            chance: StdRng::seed_from_u64(seed),
            start: Timestamp::now() - SignedDuration::from_hours(2),
            number: 0,
            last: (0, Vec::new()),
            ballast: String::new(),
            system: PhantomData,
        }
    }

    /// From now on every record has so many bytes more.
    pub fn load(&mut self, bytes: usize) {
        self.ballast = "x".repeat(bytes);
    }

    /// No sender says anything for so many minutes of event time, and then none repeats itself.
    pub fn pause(&mut self, minutes: i64) {
        self.number += minutes * 60_000 / S::PACE_MS;
        self.last.1.clear();
    }

    /// Sends the next records, each to the partition of its sender.
    pub fn send(&mut self, world: &World, count: usize) {
        let mut parted = vec![Vec::new(); PARTITIONS as usize];
        for _ in 0..count {
            let (sender, record) = self.next();
            parted[sender % PARTITIONS as usize].push(record);
        }
        for (partition, records) in parted.into_iter().enumerate() {
            world.send(partition as i32, records);
        }
    }

    fn next(&mut self) -> (usize, Vec<u8>) {
        self.number += 1;
        let chance = &mut self.chance;
        let kind = chance.random_range(0..1_000);
        if kind < 10 && !self.last.1.is_empty() {
            return self.last.clone();
        }
        let behind_ms = match kind {
            10..60 => chance.random_range(0..60_000),
            // Later than the watermark waits, some by whole windows.
            60..80 => chance.random_range(120_000..500_000),
            _ => chance.random_range(0..3_000),
        };
        let time = if (80..82).contains(&kind) {
            // A clock that is a day ahead.
            Timestamp::now() + SignedDuration::from_hours(24)
        } else {
            self.start + SignedDuration::from_millis(self.number * S::PACE_MS - behind_ms)
        };
        let (sender, mut event) = S::event(chance, &format!("{time:.3}"));
        if (90..100).contains(&kind) {
            S::spoil(&mut event, kind - 90);
        }
        if !self.ballast.is_empty() {
            event["ballast"] = self.ballast.as_str().into();
        }
        let mut record = event.to_string().into_bytes();
        if kind == 100 {
            record.truncate(record.len() / 2);
        }
        self.last = (sender, record);
        self.last.clone()
    }
}
