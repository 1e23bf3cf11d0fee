//! Which instances of a tumbling or sliding window there are, and which of them a reading belongs to.

use std::cmp::Ordering;

/// The instances of a window: one begins at every multiple of the slide (a tumbling window's slide is its
/// size). A pane is a span of one slide. All in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    /// How long an instance is: a multiple of the slide.
    pub(crate) size: i64,
    pub(crate) slide: i64,
    /// How long after its end an instance still takes readings.
    pub(crate) lateness: i64,
}

/// How many instances a reading is offered to, and how many of them take it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) offered: u64,
    pub(crate) taken: u64,
}

impl Grid {
    /// The start of the pane that a time is in.
    pub(crate) fn pane_of(self, time: i64) -> i64 {
        time.div_euclid(self.slide).saturating_mul(self.slide)
    }

    /// The first start at or after a time.
    pub(crate) fn start_from(self, time: i64) -> i64 {
        let pane = self.pane_of(time);
        if pane == time {
            time
        } else {
            pane.saturating_add(self.slide)
        }
    }

    /// The first instance that a pane is part of.
    pub(crate) fn oldest_with(self, pane: i64) -> i64 {
        pane.saturating_sub(self.size - self.slide)
    }

    /// Where an instance ends.
    pub(crate) fn end_of(self, start: i64) -> i64 {
        start.saturating_add(self.size)
    }

    /// The watermark that closes an instance.
    pub(crate) fn closes_at(self, start: i64) -> i64 {
        self.end_of(start).saturating_add(self.lateness)
    }

    /// The first instance that a watermark leaves open.
    pub(crate) fn first_open(self, watermark: Option<i64>) -> i64 {
        watermark.map_or(i64::MIN, |watermark| {
            let last_closed = watermark
                .saturating_sub(self.size)
                .saturating_sub(self.lateness);
            self.start_from(last_closed.saturating_add(1))
        })
    }

    /// What happens to a reading of a pane when there are no instances before `origin`, and those before
    /// `first_open` are closed. Both are starts or `i64::MIN`.
    pub(crate) fn offer(self, pane: i64, origin: i64, first_open: i64) -> Offer {
        let oldest = self.oldest_with(pane).max(origin);
        Offer {
            offered: self.instances(oldest, pane),
            taken: self.instances(oldest.max(first_open), pane),
        }
    }

    fn instances(self, first: i64, last: i64) -> u64 {
        match last.cmp(&first) {
            Ordering::Less => 0,
            Ordering::Equal => 1,
            Ordering::Greater => last.abs_diff(first) / self.slide.unsigned_abs() + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_offer_is_what_the_definition_says(
            (slide, panes) in (1_i64..20, 1_i64..6),
            lateness in 0_i64..30,
            time in -200_i64..200,
            watermark in prop::option::of(-200_i64..300),
            from in prop::option::of(-200_i64..200),
        ) {
            let grid = Grid { size: slide * panes, slide, lateness };
            let containing = (-1000 / slide..1000 / slide)
                .map(|multiple| multiple * slide)
                .filter(|start| *start <= time && time < start + grid.size)
                .filter(|start| from.is_none_or(|from| *start >= from))
                .collect::<std::collections::BTreeSet<i64>>();
            let taken = containing
                .iter()
                .filter(|start| {
                    watermark.is_none_or(|watermark| *start + grid.size + lateness > watermark)
                })
                .count();
            let origin = from.map_or(i64::MIN, |from| grid.start_from(from));
            let offer = grid.offer(grid.pane_of(time), origin, grid.first_open(watermark));
            prop_assert_eq!(
                offer,
                Offer { offered: containing.len() as u64, taken: taken as u64 }
            );
        }

        #[test]
        fn no_time_overflows(time: i64, watermark: i64, origin: i64) {
            let grid = Grid { size: 1 << 40, slide: 1 << 20, lateness: 1 << 40 };
            grid.offer(grid.pane_of(time), origin, grid.first_open(Some(watermark)));
            grid.closes_at(origin);
        }
    }
}
