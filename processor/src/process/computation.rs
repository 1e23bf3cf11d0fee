//! What the two stages have in common for a shard's thread: records come in, and state, changes and
//! counts come out. [`super::decide`] is the first stage, [`super::merge`] the second.

use std::time::Instant;

use jiff::Timestamp;
use sensorstream_broker::partition_queue::Record;
use sensorstream_engine::{RuleCounts, WindowChanges, WindowCounts};
use sensorstream_lake::ClosedFile;
use sensorstream_ledger::shard::links::RangeEnd;

use super::{batch::Batch, decide::Again, lake::LakeChange};

/// The state of a shard, as it is written down.
pub trait State {
    /// The state of a bucket.
    fn image(&self, bucket: u16) -> Vec<u8>;

    /// The watermark, in microseconds since 1970.
    fn watermark(&self) -> Option<i64>;

    /// In the second stage, how far the shards of the first are.
    fn sources(&self) -> Option<Vec<u8>>;
}

/// A record that a shard can't go on with: why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable(pub String);

/// What a shard's thread computes with.
pub trait Computation: State + Send + 'static {
    /// Sets the time of processing from here on.
    fn at(&mut self, now: Timestamp);

    /// Takes a record for the first time.
    fn decide(&mut self, record: &Record<'_>, batch: &mut Batch) -> Result<(), Unusable>;

    /// Takes a record again that an earlier owner took, and adds to `again` what may not have been sent.
    fn repeat(&mut self, record: &Record<'_>, again: &mut Again) -> Result<(), Unusable>;

    /// All that is decided has been taken again, and nothing beyond: once, before anything is decided. What
    /// is said of where the shard stands must not know of what comes after.
    fn caught_up(&mut self, again: &mut Again);

    /// How many instances of windows are open and have readings.
    fn open_windows(&self) -> usize;

    /// Whether there are rows of windows to write.
    fn has_changes(&self) -> bool {
        self.closed_rows() + self.open_rows() > 0
    }

    /// How many final rows of windows there are to write.
    fn closed_rows(&self) -> usize;

    /// How many rows of open windows there are to write, at most.
    fn open_rows(&self) -> usize;

    /// What changed in the windows' tables: final rows, and about as many of open windows as `open_rows`.
    fn take_changes(&mut self, open_rows: usize) -> Vec<WindowChanges>;

    /// What became of readings since the takeover, in windows and rules.
    fn counts(&self) -> (&[WindowCounts], &[RuleCounts]);

    /// How many bytes the state takes.
    fn memory(&self) -> usize;

    /// How many bytes the batch takes besides those that it knows of.
    fn batch_memory(&self) -> usize;

    /// Files of the lake that earlier owners decided and may not have written, now that the log has been
    /// read up to `to`.
    fn recovered_files(&mut self, to: i64) -> Vec<ClosedFile>;

    /// Whether files of the lake have been open for long enough.
    fn lake_is_due(&self, now: Instant) -> bool;

    /// Whether a file of the lake is open.
    fn has_open_files(&self) -> bool;

    /// Whether files of the lake have been written that no commit knows of, of a shard that has been read up
    /// to `to`.
    fn lake_has_news(&self, to: i64) -> bool;

    /// What a batch that ends at `to` decides about the lake, if there is one; with `all` no file stays
    /// open.
    fn close_files(&mut self, to: i64, now: Instant, all: bool) -> Option<LakeChange>;

    /// Ends a batch: what goes to the second stage is put into it. Answers where its range ends, if
    /// anything goes there.
    fn end_batch(&mut self, batch: &mut Batch) -> Option<RangeEnd>;

    /// Where the shard stands, for every partition of the link topic.
    fn standing(&mut self) -> Vec<Vec<u8>>;

    /// Raises the watermark that windows of the second stage go by, because the partition is idle.
    fn raise_link_watermark(&mut self, to: Option<i64>);

    /// The watermark that windows of the second stage go by.
    fn link_watermark(&self) -> Option<i64>;
}
