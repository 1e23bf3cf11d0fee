//! One partition's records, in order. Pure: who calls says what time it is.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::{
    batch::{self, Identity, Incoming},
    producers::{Admission, Producers, SequenceError},
};

/// What a batch takes beside its bytes.
const OVERHEAD: u64 = 128;

/// One partition's records.
#[derive(Debug, Default)]
pub(crate) struct Log {
    start: i64,
    end: i64,
    batches: VecDeque<Batch>,
    bytes: u64,
    producers: Producers,
    aborted: Vec<Aborted>,
}

#[derive(Debug)]
struct Batch {
    last: i64,
    max_timestamp: i64,
    appended_ms: i64,
    bytes: Bytes,
}

/// A transaction that came to nothing: readers of what is committed leave the producer's records out, from the
/// first of them to the marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Aborted {
    pub(crate) producer_id: i64,
    pub(crate) first: i64,
    pub(crate) marker: i64,
}

/// Which records a reader wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isolation {
    /// All there are.
    Uncommitted,
    /// Those before the first transaction that is open.
    Committed,
}

impl Isolation {
    /// From Kafka's number for it.
    pub(crate) fn of(number: i8) -> Self {
        if number == 0 {
            Self::Uncommitted
        } else {
            Self::Committed
        }
    }
}

/// What a reader gets.
#[derive(Debug, Default)]
pub(crate) struct Read {
    /// Whole batches: the first may begin before the offset that was asked for.
    pub(crate) batches: Vec<Bytes>,
    pub(crate) bytes: usize,
    pub(crate) aborted: Vec<Aborted>,
}

/// The offset is before the first record, or beyond the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such offset")]
pub(crate) struct OutOfRange;

impl Log {
    /// The offset of the first record.
    pub(crate) fn start(&self) -> i64 {
        self.start
    }

    /// The offset of the next record.
    pub(crate) fn end(&self) -> i64 {
        self.end
    }

    /// The end for readers with this isolation.
    pub(crate) fn end_for(&self, isolation: Isolation) -> i64 {
        match isolation {
            Isolation::Uncommitted => self.end,
            Isolation::Committed => self
                .producers
                .first_open()
                .map_or(self.end, |first| first.max(self.start)),
        }
    }

    /// What it takes of the memory.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What a batch will take of the memory.
    pub(crate) fn size_of(batch: &Incoming) -> u64 {
        batch.len() as u64 + OVERHEAD
    }

    /// Whether a batch is to be appended.
    pub(crate) fn admit(&self, batch: &Incoming) -> Result<Admission, SequenceError> {
        self.producers.admit(&batch.header)
    }

    /// There is no room for a batch that was admitted.
    pub(crate) fn put_off(&mut self, batch: &Incoming, now_ms: i64) {
        self.producers.put_off(&batch.header, now_ms);
    }

    /// Appends a batch that was admitted and answers its offset. Its records get this time, or keep their own.
    pub(crate) fn append(&mut self, batch: Incoming, append_time: Option<i64>, now_ms: i64) -> i64 {
        let offset = self.end;
        let (header, bytes) = batch.stamp(offset, append_time);
        self.producers.appended(&header, offset, now_ms);
        self.push(header.records, header.max_timestamp, now_ms, bytes);
        offset
    }

    /// Writes down the end of a producer's transaction.
    pub(crate) fn end_transaction(&mut self, producer: Identity, committed: bool, now_ms: i64) {
        let marker = self.end;
        let first = self.producers.ended(producer, now_ms);
        if let Some(first) = first.filter(|_| !committed) {
            self.aborted.push(Aborted {
                producer_id: producer.producer_id,
                first,
                marker,
            });
        }
        let bytes = batch::marker(producer, committed, marker, now_ms);
        self.push(1, now_ms, now_ms, bytes);
    }

    fn push(&mut self, records: i32, max_timestamp: i64, appended_ms: i64, bytes: Bytes) {
        self.end += i64::from(records);
        self.bytes += bytes.len() as u64 + OVERHEAD;
        self.batches.push_back(Batch {
            last: self.end - 1,
            max_timestamp,
            appended_ms,
            bytes,
        });
    }

    /// The records from an offset on, `most` bytes at most but for the first batch.
    pub(crate) fn read(
        &self,
        offset: i64,
        isolation: Isolation,
        most: usize,
    ) -> Result<Read, OutOfRange> {
        if !(self.start..=self.end).contains(&offset) {
            return Err(OutOfRange);
        }
        let end = self.end_for(isolation);
        let mut read = Read::default();
        let mut last = offset;
        for batch in self.batches.range(self.index_of(offset)..) {
            let is_too_much = !read.batches.is_empty() && read.bytes + batch.bytes.len() > most;
            // Not `first`: of a transaction that is open, the beginning may have been deleted.
            if batch.last >= end || is_too_much {
                break;
            }
            read.bytes += batch.bytes.len();
            read.batches.push(batch.bytes.clone());
            last = batch.last;
        }
        if isolation == Isolation::Committed {
            let concerns = |gone: &&Aborted| gone.marker >= offset && gone.first <= last;
            read.aborted = self.aborted.iter().filter(concerns).copied().collect();
        }
        Ok(read)
    }

    /// How many bytes [`Self::read`] would give, up to `enough` or somewhat more.
    pub(crate) fn available(&self, offset: i64, isolation: Isolation, enough: usize) -> usize {
        let end = self.end_for(isolation);
        let mut bytes = 0;
        for batch in self.batches.range(self.index_of(offset)..) {
            if batch.last >= end || bytes >= enough {
                break;
            }
            bytes += batch.bytes.len();
        }
        bytes
    }

    /// The offset and time of the first record that is not before a time, if readers with this isolation see it.
    pub(crate) fn first_not_before(&self, time: i64, isolation: Isolation) -> Option<(i64, i64)> {
        let end = self.end_for(isolation);
        self.batches
            .iter()
            .filter(|batch| batch.max_timestamp >= time)
            .find_map(|batch| batch::first_not_before(&batch.bytes, time))
            .map(|(offset, time)| (offset.max(self.start), time))
            .filter(|(offset, _)| *offset < end)
    }

    /// The offset and time of a record with the latest time.
    pub(crate) fn latest(&self) -> Option<(i64, i64)> {
        let latest = self
            .batches
            .iter()
            .max_by_key(|batch| batch.max_timestamp)?;
        batch::first_not_before(&latest.bytes, latest.max_timestamp)
    }

    /// Deletes what is below an offset.
    pub(crate) fn delete_before(&mut self, offset: i64) -> Result<(), OutOfRange> {
        if !(0..=self.end).contains(&offset) {
            return Err(OutOfRange);
        }
        self.start = self.start.max(offset);
        while self
            .batches
            .front()
            .is_some_and(|front| front.last < self.start)
        {
            self.drop_first();
        }
        let start = self.start;
        self.aborted.retain(|gone| gone.marker >= start);
        Ok(())
    }

    /// Deletes what is older or more than the topic keeps, but nothing of or after an open transaction.
    pub(crate) fn expire(&mut self, keep_ms: Option<i64>, keep_bytes: Option<u64>, now_ms: i64) {
        while let Some(front) = self.first_stable() {
            // Records that came with times long past are not gone before anybody could read them.
            let time = front.max_timestamp.max(front.appended_ms);
            let is_old = keep_ms.is_some_and(|keep| time < now_ms - keep);
            // As Kafka does, which deletes what leaves at least so much.
            let left = self.bytes - (front.bytes.len() as u64 + OVERHEAD);
            let is_more = keep_bytes.is_some_and(|keep| left >= keep);
            if !is_old && !is_more {
                break;
            }
            self.delete_first();
        }
        self.producers.forget_before(now_ms - FORGET_AFTER_MS);
    }

    /// When the first batch was appended, and the offset after it; none if it is not to be deleted.
    pub(crate) fn first_batch(&self) -> Option<(i64, i64)> {
        self.first_stable()
            .map(|front| (front.appended_ms, front.last + 1))
    }

    /// Deletes the first batch.
    pub(crate) fn delete_first(&mut self) {
        if let Some(front) = self.batches.front() {
            let after = front.last + 1;
            self.delete_before(after)
                .expect("a batch is within the log");
        }
    }

    fn first_stable(&self) -> Option<&Batch> {
        let end = self.end_for(Isolation::Committed);
        self.batches.front().filter(|front| front.last < end)
    }

    fn drop_first(&mut self) {
        if let Some(front) = self.batches.pop_front() {
            self.bytes -= front.bytes.len() as u64 + OVERHEAD;
        }
    }

    /// Which batch holds an offset, or is the first one after it.
    fn index_of(&self, offset: i64) -> usize {
        self.batches.partition_point(|batch| batch.last < offset)
    }
}

/// As long as Kafka remembers a producer that sends nothing.
const FORGET_AFTER_MS: i64 = 24 * 60 * 60 * 1_000;

#[cfg(test)]
mod tests;
