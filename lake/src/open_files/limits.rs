//! When a file has enough readings.

use std::time::Duration;

use sensorstream_crds::outputs::Roll;

/// Hours that may have an open file at once. Readings of more are rare and cost small files only.
const HOURS: usize = 48;

/// What closes a shard's files. Each is looked at when a batch ends, so that files may be larger by
/// what a batch brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A file is closed when its readings take this many bytes of memory.
    pub size: usize,
    /// A file is closed when it has been open this long.
    pub age: Duration,
    /// When all files together take more bytes of memory, the largest are closed.
    pub total: usize,
    /// When more hours have an open file, those whose last reading is the longest ago are closed.
    pub hours: usize,
}

impl Limits {
    /// The limits that a spec asks for: all files of a shard together may have twice the size of one,
    /// for the end of one hour and the beginning of the next.
    pub fn of(roll: &Roll) -> Self {
        let size = usize::try_from(roll.size.get()).unwrap_or(usize::MAX / 2);
        Self {
            size,
            age: roll.every.get(),
            total: 2 * size,
            hours: HOURS,
        }
    }
}
