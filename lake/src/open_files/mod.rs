//! Which readings are in which file, and when a file has enough of them. Pure: the time is handed in.

mod limits;
mod replay;

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use sensorstream_expressions::Value;

use self::replay::{Fate, Replay};
use crate::{Decided, Extent, Hour, Rows, Schema};

pub use self::limits::Limits;

/// The readings of one shard that are in no closed file yet.
#[derive(Debug)]
pub struct OpenFiles {
    schema: Arc<Schema>,
    limits: Limits,
    open: BTreeMap<Hour, OpenFile>,
    replay: Replay,
}

/// The readings of an hour since its last closed file.
#[derive(Debug)]
struct OpenFile {
    first: i64,
    last: i64,
    /// When it was first seen; age is counted from here.
    since: Option<Instant>,
    rows: Rows,
}

/// A file that gets no more readings.
#[derive(Clone, Debug, PartialEq)]
pub struct ClosedFile {
    /// What it was decided to hold, and what it is named after.
    pub extent: Extent,
    /// Its readings.
    pub rows: Rows,
}

impl ClosedFile {
    /// Whether all readings of its extent are in it. Some are missing from a file that was put
    /// together again when Kafka's retention has taken their records since, or an edit has changed
    /// what a good reading is.
    pub fn is_whole(&self) -> bool {
        i64::try_from(self.rows.len()) == Ok(self.extent.rows)
    }
}

impl OpenFiles {
    /// The files of a shard that nothing was decided about.
    pub fn new(schema: Arc<Schema>, limits: Limits) -> Self {
        Self::resume(schema, limits, [])
    }

    /// The files of a shard that was taken over. Then the log must be pushed again from
    /// [`cursor`](crate::cursor) on; `decided` must hold every extent that
    /// [is needed](Decided::is_needed) from there.
    pub fn resume(
        schema: Arc<Schema>,
        limits: Limits,
        decided: impl IntoIterator<Item = Decided>,
    ) -> Self {
        Self {
            schema,
            limits,
            open: BTreeMap::new(),
            replay: Replay::new(decided),
        }
    }

    /// Adds an accepted reading; offsets must rise. Values are in the order of the input's fields.
    ///
    /// # Panics
    /// When the values do not fit the schema.
    pub fn push(&mut self, offset: i64, event_time_us: i64, values: &[Value<'_>]) {
        let hour = Hour::of(event_time_us);
        if self.replay.take(&self.schema, hour, offset, values) == Fate::Settled {
            return;
        }
        let file = self.open.entry(hour).or_insert_with(|| OpenFile {
            first: offset,
            last: offset,
            since: None,
            rows: Rows::default(),
        });
        debug_assert!(file.is_empty_or_below(offset), "offsets rise");
        file.last = offset;
        file.rows.push(&self.schema, offset, values);
    }

    /// Files that were decided before the shard was taken over and are complete, because everything
    /// below `next_offset` has been pushed. They are to be written; there is nothing to record.
    pub fn recovered(&mut self, next_offset: i64) -> Vec<ClosedFile> {
        self.replay.complete(next_offset)
    }

    /// Closes files that are too large, have been open for too long, or that there are too many of.
    /// Call it at the end of a batch: the extents belong into the commit of this batch's offsets, and
    /// the files may be written after it. Those of an hour must be recorded in their order.
    pub fn close(&mut self, now: Instant) -> Vec<ClosedFile> {
        let mut due = Vec::new();
        for (hour, file) in &mut self.open {
            let age = now.saturating_duration_since(*file.since.get_or_insert(now));
            if file.rows.bytes() >= self.limits.size || age >= self.limits.age {
                due.push(*hour);
            }
        }
        let mut closed = self.take(due);
        while self.open.len() > self.limits.hours {
            // The one least likely to get more.
            let quietest = self.open.iter().min_by_key(|(_, file)| file.last);
            let hour = quietest.map(|(hour, _)| *hour);
            closed.extend(self.take(hour));
        }
        while self.bytes() > self.limits.total && !self.open.is_empty() {
            let largest = self.open.iter().max_by_key(|(_, file)| file.rows.bytes());
            let hour = largest.map(|(hour, _)| *hour);
            closed.extend(self.take(hour));
        }
        closed
    }

    /// Whether a file has been open for long enough.
    pub fn is_due(&self, now: Instant) -> bool {
        let since = self.open.values().filter_map(|file| file.since);
        let oldest = since.min();
        oldest.is_some_and(|since| now.saturating_duration_since(since) >= self.limits.age)
    }

    /// Closes every open file, as [`close`](Self::close) closes some.
    pub fn flush(&mut self) -> Vec<ClosedFile> {
        let all: Vec<Hour> = self.open.keys().copied().collect();
        self.take(all)
    }

    fn take(&mut self, hours: impl IntoIterator<Item = Hour>) -> Vec<ClosedFile> {
        let files = hours
            .into_iter()
            .filter_map(|hour| Some((hour, self.open.remove(&hour)?)));
        files.map(|(hour, file)| file.close(hour)).collect()
    }

    /// The offset of the first reading that is in here; none if there is no reading.
    pub fn oldest_offset(&self) -> Option<i64> {
        let open = self.open.values().map(|file| file.first).min();
        open.into_iter().chain(self.replay.oldest_offset()).min()
    }

    /// How many bytes of memory the readings take.
    pub fn bytes(&self) -> usize {
        let open: usize = self.open.values().map(|file| file.rows.bytes()).sum();
        open + self.replay.bytes()
    }

    /// How many files are open.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether no file is open.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

impl OpenFile {
    fn is_empty_or_below(&self, offset: i64) -> bool {
        self.rows.is_empty() || self.last < offset
    }

    fn close(self, hour: Hour) -> ClosedFile {
        let extent = Extent {
            hour,
            first: self.first,
            last: self.last,
            rows: i64::try_from(self.rows.len()).expect("offsets are 63 bits"),
        };
        ClosedFile {
            extent,
            rows: self.rows,
        }
    }
}

#[cfg(test)]
mod tests;
