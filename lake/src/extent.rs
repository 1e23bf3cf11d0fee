//! What is decided: which readings a file holds.

use crate::Hour;

/// The readings of a file: all those of its hour from `first` to `last` in the shard's log. No two
/// extents of an hour have an offset in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Extent {
    /// The hour of their event time.
    pub hour: Hour,
    /// The offset of the first one.
    pub first: i64,
    /// The offset of the last one.
    pub last: i64,
    /// How many they are.
    pub rows: i64,
}

/// An extent that a commit has recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Which readings.
    pub extent: Extent,
    /// Whether their file is known to be in the object store.
    pub written: bool,
}

impl Decided {
    /// Whether a new owner that reads the log again from `cursor` needs to know of it.
    pub fn is_needed(&self, cursor: i64) -> bool {
        !self.written || self.extent.last >= cursor
    }
}

/// The offset from which the log must be read again by whoever takes the shard over: that of the first
/// reading that is in no written file. `next_offset` is the offset after what was pushed,
/// `oldest_open` is [`OpenFiles::oldest_offset`](crate::OpenFiles::oldest_offset), and `decided` are
/// the extents that were recorded, of which the written ones do not matter. It never falls.
pub fn cursor(
    next_offset: i64,
    oldest_open: Option<i64>,
    decided: impl IntoIterator<Item = Decided>,
) -> i64 {
    decided
        .into_iter()
        .filter(|decided| !decided.written)
        .map(|decided| decided.extent.first)
        .chain(oldest_open)
        .fold(next_offset, i64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(first: i64, last: i64, written: bool) -> Decided {
        let extent = Extent {
            hour: Hour(0),
            first,
            last,
            rows: 1,
        };
        Decided { extent, written }
    }

    #[test]
    fn the_log_is_needed_from_the_first_reading_that_is_not_written() {
        assert_eq!(cursor(9, None, []), 9);
        assert_eq!(cursor(9, Some(4), []), 4);
        assert_eq!(cursor(9, Some(4), [decided(1, 5, true)]), 4);
        assert_eq!(cursor(9, Some(4), [decided(1, 2, false)]), 1);
    }

    #[test]
    fn a_written_extent_is_needed_until_the_cursor_has_passed_it() {
        assert!(decided(1, 5, true).is_needed(5));
        assert!(!decided(1, 5, true).is_needed(6));
        assert!(decided(1, 5, false).is_needed(6));
    }
}
