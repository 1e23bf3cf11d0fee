//! The second stage: takes what the shards of the first send over the link topic, and merges it into
//! the windows over several partitions.

use std::time::Instant;

use jiff::Timestamp;
use sensorstream_broker::partition_queue::Record;
use sensorstream_engine::{Merger, RuleCounts, WindowChanges, WindowCounts};
use sensorstream_lake::ClosedFile;
use sensorstream_ledger::shard::links::RangeEnd;

use super::{
    batch::Batch,
    computation::{Computation, State, Unusable},
    decide::Again,
    lake::LakeChange,
};

impl State for Merger {
    fn image(&self, bucket: u16) -> Vec<u8> {
        self.image(bucket)
    }

    fn watermark(&self) -> Option<i64> {
        self.watermark()
    }

    fn sources(&self) -> Option<Vec<u8>> {
        Some(self.sources())
    }
}

impl Computation for Merger {
    fn at(&mut self, _: Timestamp) {}

    fn decide(&mut self, record: &Record<'_>, batch: &mut Batch) -> Result<(), Unusable> {
        take(self, record)?;
        batch.accept_message();
        batch.count(record);
        Ok(())
    }

    fn repeat(&mut self, record: &Record<'_>, _: &mut Again) -> Result<(), Unusable> {
        take(self, record)
    }

    fn caught_up(&mut self, _: &mut Again) {}

    fn open_windows(&self) -> usize {
        self.open_windows()
    }

    fn closed_rows(&self) -> usize {
        self.closed_rows()
    }

    fn open_rows(&self) -> usize {
        self.open_rows()
    }

    fn take_changes(&mut self, open_rows: usize) -> Vec<WindowChanges> {
        self.take_changes(open_rows)
    }

    fn counts(&self) -> (&[WindowCounts], &[RuleCounts]) {
        (self.counts(), &[])
    }

    fn memory(&self) -> usize {
        self.memory()
    }

    fn batch_memory(&self) -> usize {
        0
    }

    fn recovered_files(&mut self, _: i64) -> Vec<ClosedFile> {
        Vec::new()
    }

    fn lake_is_due(&self, _: Instant) -> bool {
        false
    }

    fn lake_has_news(&self, _: i64) -> bool {
        false
    }

    fn has_open_files(&self) -> bool {
        false
    }

    fn close_files(&mut self, _: i64, _: Instant, _: bool) -> Option<LakeChange> {
        None
    }

    fn end_batch(&mut self, _: &mut Batch) -> Option<RangeEnd> {
        None
    }

    fn standing(&mut self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn raise_link_watermark(&mut self, _: Option<i64>) {}

    fn link_watermark(&self) -> Option<i64> {
        None
    }
}

fn take(merger: &mut Merger, record: &Record<'_>) -> Result<(), Unusable> {
    let message = record.payload().unwrap_or_default();
    merger
        .merge(record.offset(), message)
        .map_err(|error| Unusable(format!("offset {}: {error}", record.offset())))
}
