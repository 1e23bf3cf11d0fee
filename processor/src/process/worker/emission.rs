//! When rows of windows that are still open are written, and how many go with a commit.
//!
//! They are written in passes: what has changed when a pass begins goes with the commits that follow, so many
//! rows with each, and the next pass begins when rows may be as old again as the window allows. A shard with
//! more open rows than a commit should have writes each of them less often; it does nothing else more
//! slowly.

use std::time::{Duration, Instant};

/// Rows of windows that a commit should have at most, and that it waits for no more of. More would take much
/// memory at a time, and hold up what else the database does.
pub(super) const MAX_ROWS: usize = 20_000;
/// How many times less often rows of open windows are written while the shard catches up: before anybody has
/// looked at them they are replaced.
const BEHIND: u32 = 10;
/// Offsets that a shard has before it at least when it catches up: fewer are read in no time, and may be what
/// came since the last fetch.
const BACKLOG: i64 = 10_000;

/// When rows of open windows are written.
#[derive(Debug)]
pub(super) struct Emission {
    /// How old rows may get, from one pass to the next.
    every: Duration,
    /// When the next pass may begin.
    due: Instant,
    /// How many rows the present pass has still to write.
    left: usize,
    /// How far the log had been read when the last pass ended.
    read_to: i64,
}

impl Emission {
    /// A pass is due at once. The log has been read up to `read_to`.
    pub(super) fn new(every: Duration, read_to: i64, now: Instant) -> Self {
        Self {
            every,
            due: now,
            left: 0,
            read_to,
        }
    }

    /// How many rows of open windows a commit may have that has `closed` of closed ones, when there are `open`
    /// that have changed.
    pub(super) fn allowed(&mut self, open: usize, closed: usize, now: Instant) -> usize {
        if self.left == 0 && now >= self.due {
            self.left = open;
        }
        // Some may have become final rows since the pass began.
        self.left = self.left.min(open);
        self.left.min(MAX_ROWS.saturating_sub(closed))
    }

    /// Whether a pass goes on: there is more to write than the last commit had.
    pub(super) fn goes_on(&self) -> bool {
        self.left > 0
    }

    /// Takes note that a commit has so many rows of open windows. The log has been read up to `to`, and ended
    /// at `end` when that was last heard.
    pub(super) fn taken(&mut self, rows: usize, to: i64, end: Option<i64>, now: Instant) {
        if rows == 0 {
            return;
        }
        self.left = self.left.saturating_sub(rows);
        if self.left > 0 {
            return;
        }
        let read = to - self.read_to;
        let is_behind = end.is_some_and(|end| end - to > read.max(BACKLOG));
        self.due = now
            + if is_behind {
                self.every * BEHIND
            } else {
                self.every
            };
        self.read_to = to;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(1);

    #[test]
    fn what_fits_into_a_commit_goes_at_once_and_again_when_it_is_due() {
        let start = Instant::now();
        let mut emission = Emission::new(EVERY, 0, start);
        assert_eq!(emission.allowed(0, 5, start), 0);
        assert_eq!(emission.allowed(100, 5, start), 100);
        emission.taken(100, 10, Some(10), start);
        assert!(!emission.goes_on());
        let almost = start + EVERY.mul_f64(0.999);
        assert_eq!(emission.allowed(7, 0, almost), 0);
        assert_eq!(emission.allowed(7, 0, start + EVERY), 7);
    }

    #[test]
    fn more_than_fits_is_spread_over_commits_and_ends() {
        let start = Instant::now();
        let mut emission = Emission::new(EVERY, 0, start);
        let mut taken = Vec::new();
        loop {
            // As many change anew as are written.
            let rows = emission.allowed(50_000, 1_000, start);
            if rows == 0 {
                break;
            }
            taken.push(rows);
            emission.taken(rows, 10, None, start);
        }
        assert_eq!(taken, [19_000, 19_000, 12_000]);
    }

    #[test]
    fn closed_rows_go_first() {
        let start = Instant::now();
        let mut emission = Emission::new(EVERY, 0, start);
        assert_eq!(emission.allowed(100, MAX_ROWS + 1, start), 0);
        emission.taken(0, 10, None, start);
        assert!(emission.goes_on());
        assert_eq!(emission.allowed(40, 0, start), 40);
    }

    #[test]
    fn a_shard_that_catches_up_waits_for_longer() {
        let start = Instant::now();
        let mut emission = Emission::new(EVERY, 0, start);
        emission.allowed(1, 0, start);
        emission.taken(1, BACKLOG, Some(BACKLOG * 2 + 1), start);
        assert_eq!(emission.allowed(1, 0, start + EVERY * (BEHIND - 1)), 0);
        assert_eq!(emission.allowed(1, 0, start + EVERY * BEHIND), 1);
    }

    #[test]
    fn a_shard_that_reads_what_comes_is_not_behind() {
        let start = Instant::now();
        let mut emission = Emission::new(EVERY, 0, start);
        emission.allowed(1, 0, start);
        // More than it has read since, but what a fetch brings.
        emission.taken(1, 7, Some(20), start);
        assert_eq!(emission.allowed(1, 0, start + EVERY), 1);
    }
}
