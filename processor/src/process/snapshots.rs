//! When the parts of a shard's state are written down, and which.
//!
//! Each part is taken in turn, so that all have been after one cycle, and waits until everything that
//! was to be sent below its offset has been sent: a new owner sends again from there on, and to know
//! what, it needs the state from before.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use sensorstream_engine::BUCKETS;
use sensorstream_ledger::shard::buckets::Bucket;

use super::computation::State;

/// How long it takes until every part has been written.
const CYCLE: Duration = Duration::from_secs(10);
/// Bytes of parts that one commit carries; at least one part goes with it all the same.
const COMMIT_BYTES: usize = 2 * 1024 * 1024;
/// The largest state that a shard writes down as a whole when it is given up, in bytes: more would take too
/// long, and too much memory.
const WHOLE_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of parts that wait; beyond them none is taken.
const WAITING_BYTES: usize = 8 * 1024 * 1024;

/// Takes and hands out the parts of one shard's state.
#[derive(Debug)]
pub struct Snapshots {
    taken_at: Instant,
    next: u16,
    /// Where the log stood when each part was last taken.
    offsets: Vec<i64>,
    waiting: VecDeque<Bucket>,
    waiting_bytes: usize,
    /// How many bytes one commit carries.
    commit_bytes: usize,
}

impl Snapshots {
    /// A cycle that begins now. `offsets` are those of the parts that are written already.
    pub fn new(offsets: Vec<i64>, now: Instant) -> Self {
        debug_assert_eq!(offsets.len(), usize::from(BUCKETS));
        Self {
            taken_at: now,
            next: 0,
            offsets,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            commit_bytes: COMMIT_BYTES,
        }
    }

    /// Takes the parts that are due, of a shard that has been read up to `at_offset`.
    pub fn take(&mut self, state: &impl State, at_offset: i64, now: Instant) {
        let pace = CYCLE / u32::from(BUCKETS);
        let mut due = (now - self.taken_at).as_micros() / pace.as_micros();
        if due == 0 {
            return;
        }
        self.taken_at = now;
        for _ in 0..BUCKETS {
            if due == 0 || self.waiting_bytes > WAITING_BYTES {
                return;
            }
            due -= 1;
            self.take_next(state, at_offset);
        }
    }

    /// Whether there are parts of a shard that has been read up to `to` that are yet to be written.
    pub fn are_behind(&self, to: i64) -> bool {
        !self.waiting.is_empty() || self.offsets.iter().any(|taken_at| *taken_at < to)
    }

    /// Takes all parts, for the last commit of a shard that is given up: its next owner need not read the
    /// log again, nor make of it what another plan would. A state that is too large for that stays as it is.
    pub fn take_all(&mut self, state: &impl State, memory: usize, at_offset: i64) {
        if memory > WHOLE_BYTES {
            return;
        }
        self.commit_bytes = usize::MAX;
        for _ in 0..BUCKETS {
            self.take_next(state, at_offset);
        }
    }

    fn take_next(&mut self, state: &impl State, at_offset: i64) {
        let number = self.next;
        self.next = (self.next + 1) % BUCKETS;
        let taken_at = &mut self.offsets[usize::from(number)];
        if *taken_at == at_offset {
            return;
        }
        *taken_at = at_offset;
        let image = state.image(number);
        self.waiting_bytes += image.len();
        self.waiting.push_back(Bucket {
            number: number as i16,
            at_offset,
            watermark_us: state.watermark(),
            image,
            sources: state.sources(),
        });
    }

    /// Parts to be written with the next commit: those before whose offset everything has been sent.
    pub fn hand_out(&mut self, sent_below: i64) -> Vec<Bucket> {
        let mut out: Vec<Bucket> = Vec::new();
        let mut bytes = 0;
        while let Some(bucket) = self.waiting.front() {
            if bucket.at_offset > sent_below || bytes > self.commit_bytes {
                break;
            }
            bytes += bucket.image.len();
            // A part may have waited so long that it was taken again; only the later one counts,
            // and one statement can't write both.
            out.retain(|earlier| earlier.number != bucket.number);
            out.extend(self.waiting.pop_front());
        }
        self.waiting_bytes = self.waiting.iter().map(|bucket| bucket.image.len()).sum();
        out
    }
}
