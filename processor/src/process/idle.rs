//! When a partition is idle: it was read to its end, and Kafka was there to say so, for long enough.
//!
//! An idle shard raises the watermark that windows over several partitions go by to where the busy ones
//! are, so that these windows do not wait for it. This is the one decision that a clock has a part
//! in, so it is recorded in the commit log, and only what it records has an effect.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

/// An answer of Kafka's older than this no longer tells that it is there.
const FRESH: Duration = Duration::from_secs(15);

/// Where Kafka said that a partition ends, and when.
#[derive(Debug, Default)]
pub struct End(Mutex<Option<(i64, Instant)>>);

impl End {
    /// Takes note of an answer.
    pub fn set(&self, offset: i64, at: Instant) {
        *self.lock() = Some((offset, at));
    }

    /// The latest answer.
    pub fn get(&self) -> Option<(i64, Instant)> {
        *self.lock()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(i64, Instant)>> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// How long a partition has had nothing to read.
#[derive(Debug)]
pub struct Idleness {
    after: Duration,
    since: Option<Instant>,
}

impl Idleness {
    /// A partition that is idle when it has had nothing to read for so long.
    pub fn new(after: Duration) -> Self {
        Self { after, since: None }
    }

    /// A record came.
    pub fn interrupt(&mut self) {
        self.since = None;
    }

    /// Whether the partition is idle, now that it has been read up to `position` and Kafka has said last
    /// where it `ends`.
    pub fn is_idle(&mut self, position: i64, ends: Option<(i64, Instant)>, now: Instant) -> bool {
        match ends {
            Some((end, at)) if end <= position && now.duration_since(at) < FRESH => {
                let since = *self.since.get_or_insert(at);
                now.duration_since(since) >= self.after
            }
            _ => {
                self.since = None;
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AFTER: Duration = Duration::from_mins(1);

    #[test]
    fn a_partition_is_idle_once_kafka_has_said_for_long_enough_that_it_ends_here() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut idleness = Idleness::new(AFTER);
        for now in (5..65).step_by(5) {
            assert!(
                !idleness.is_idle(10, Some((10, at(now))), at(now + 1)),
                "{now}"
            );
        }
        assert!(idleness.is_idle(10, Some((10, at(60))), at(65)));
    }

    #[test]
    fn a_record_to_read_or_silence_begins_the_time_anew() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut idleness = Idleness::new(Duration::from_secs(10));
        assert!(!idleness.is_idle(10, Some((10, at(1))), at(2)));
        assert!(!idleness.is_idle(10, Some((11, at(6))), at(12)));
        assert!(!idleness.is_idle(11, Some((11, at(12))), at(13)));
        // Kafka has not answered for long.
        assert!(!idleness.is_idle(11, Some((11, at(12))), at(40)));
        assert!(!idleness.is_idle(11, Some((11, at(41))), at(42)));
        assert!(idleness.is_idle(11, Some((11, at(51))), at(52)));
        idleness.interrupt();
        assert!(!idleness.is_idle(11, Some((11, at(51))), at(53)));
    }
}
