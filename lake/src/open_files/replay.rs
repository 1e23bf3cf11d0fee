//! Reading the log again: what becomes of readings that were decided before.

use std::collections::{BTreeMap, VecDeque};

use sensorstream_expressions::Value;

use super::ClosedFile;
use crate::{Decided, Extent, Hour, Rows, Schema};

/// The extents that the log has not passed yet.
#[derive(Debug)]
pub(super) struct Replay {
    /// Of each hour, in the order of the log.
    hours: BTreeMap<Hour, VecDeque<Awaited>>,
    /// Files that have all their readings.
    complete: Vec<ClosedFile>,
}

#[derive(Debug)]
struct Awaited {
    extent: Extent,
    /// What the file holds so far; none if it is written already.
    rows: Option<Rows>,
}

/// What became of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It was decided before.
    Settled,
    /// It was not: it goes into an open file.
    Open,
}

impl Replay {
    pub(super) fn new(decided: impl IntoIterator<Item = Decided>) -> Self {
        let mut decided: Vec<Decided> = decided.into_iter().collect();
        decided.sort_by_key(|decided| decided.extent);
        let mut hours: BTreeMap<Hour, VecDeque<Awaited>> = BTreeMap::new();
        for Decided { extent, written } in decided {
            let rows = (!written).then(Rows::default);
            let awaited = Awaited { extent, rows };
            hours.entry(extent.hour).or_default().push_back(awaited);
        }
        Self {
            hours,
            complete: Vec::new(),
        }
    }

    /// Puts a reading where it belongs. All readings of an hour up to the end of its last extent are
    /// in extents; one between them was not accepted when they were decided, and is in no file.
    pub(super) fn take(
        &mut self,
        schema: &Schema,
        hour: Hour,
        offset: i64,
        values: &[Value<'_>],
    ) -> Fate {
        let Some(extents) = self.hours.get_mut(&hour) else {
            return Fate::Open;
        };
        while let Some(passed) = extents.pop_front_if(|next| next.extent.last < offset) {
            self.complete.extend(passed.file());
        }
        let Some(next) = extents.front_mut() else {
            self.hours.remove(&hour);
            return Fate::Open;
        };
        if let Some(rows) = &mut next.rows
            && next.extent.first <= offset
        {
            rows.push(schema, offset, values);
        }
        Fate::Settled
    }

    /// Takes the files that have all their readings when everything below `next_offset` was pushed.
    pub(super) fn complete(&mut self, next_offset: i64) -> Vec<ClosedFile> {
        for extents in self.hours.values_mut() {
            while let Some(passed) = extents.pop_front_if(|next| next.extent.last < next_offset) {
                self.complete.extend(passed.file());
            }
        }
        self.hours.retain(|_, extents| !extents.is_empty());
        std::mem::take(&mut self.complete)
    }

    /// The offset of the first reading that has been put into a file which is still in here.
    pub(super) fn oldest_offset(&self) -> Option<i64> {
        let awaited = self.hours.values().flatten();
        let begun = awaited.filter(|next| next.rows.as_ref().is_some_and(|rows| !rows.is_empty()));
        let complete = self.complete.iter().map(|file| file.extent.first);
        begun.map(|next| next.extent.first).chain(complete).min()
    }

    pub(super) fn bytes(&self) -> usize {
        let awaited = self.hours.values().flatten();
        let rows = awaited.filter_map(|next| next.rows.as_ref());
        let complete = self.complete.iter().map(|file| &file.rows);
        rows.chain(complete).map(Rows::bytes).sum()
    }
}

impl Awaited {
    fn file(self) -> Option<ClosedFile> {
        let extent = self.extent;
        self.rows.map(|rows| ClosedFile { extent, rows })
    }
}
