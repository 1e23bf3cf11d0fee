//! The readings of one pane, by group.

use crate::{
    accumulate::{Accumulator, Aggregate},
    groups::Groups,
    key::Key,
    reading::Reading,
};

/// What the readings of one pane came to, by group.
#[derive(Debug)]
pub(super) struct Pane {
    /// Where it begins.
    pub(super) start: i64,
    /// Instances that begin earlier were closed to these readings when they came: they are in those
    /// from here on only. `i64::MIN` if they are in all that the pane is part of.
    pub(super) first: i64,
    pub(super) groups: Groups,
    /// Of each group, as many as there are aggregates.
    accumulators: Vec<Accumulator>,
    /// Of each group, whether its rows changed since they were last taken.
    dirty: Vec<bool>,
    /// The groups for which that is so, in the order in which they changed first.
    dirty_groups: Vec<u32>,
    /// What the accumulators take beside themselves, in bytes.
    heap: usize,
    /// What the pane took when it was last asked for its growth, in bytes.
    counted: usize,
}

impl Pane {
    /// No readings.
    pub(super) fn new(start: i64, first: i64) -> Self {
        Self {
            start,
            first,
            groups: Groups::default(),
            accumulators: Vec::new(),
            dirty: Vec::new(),
            dirty_groups: Vec::new(),
            heap: 0,
            counted: 0,
        }
    }

    /// Takes a reading of a group. Whether the pane may need more memory than before.
    pub(super) fn add(
        &mut self,
        aggregates: &[Aggregate],
        grows: bool,
        key: Key<'_>,
        reading: &Reading<'_>,
    ) -> bool {
        let (group, new) = self.groups.insert(key);
        if new {
            self.accumulators
                .extend(aggregates.iter().map(Accumulator::new));
            self.dirty.push(false);
        }
        let accumulators = of_group(&mut self.accumulators, aggregates.len(), group);
        let heap = |accumulators: &[Accumulator]| -> usize {
            accumulators.iter().map(Accumulator::heap).sum()
        };
        let before = if grows && !new { heap(accumulators) } else { 0 };
        for (accumulator, aggregate) in accumulators.iter_mut().zip(aggregates) {
            accumulator.add(aggregate, reading);
        }
        if grows || new {
            self.heap = self.heap + heap(accumulators) - before;
        }
        let newly_dirty = self.mark_dirty(group);
        grows || new || newly_dirty
    }

    /// Takes what readings of a group came to elsewhere.
    pub(super) fn merge(
        &mut self,
        aggregates: &[Aggregate],
        key: Key<'_>,
        accumulators: Vec<Accumulator>,
    ) {
        let (group, new) = self.groups.insert(key);
        if new {
            self.heap += accumulators.iter().map(Accumulator::heap).sum::<usize>();
            self.accumulators.extend(accumulators);
            self.dirty.push(false);
        } else {
            let own = of_group(&mut self.accumulators, aggregates.len(), group);
            for ((own, other), aggregate) in own.iter_mut().zip(&accumulators).zip(aggregates) {
                let before = own.heap();
                own.merge(aggregate, other);
                self.heap = self.heap + own.heap() - before;
            }
        }
        self.mark_dirty(group);
    }

    fn mark_dirty(&mut self, group: u32) -> bool {
        let was_dirty = std::mem::replace(&mut self.dirty[group as usize], true);
        if !was_dirty {
            self.dirty_groups.push(group);
        }
        !was_dirty
    }

    /// Puts a group as an image has it; false if it is there already.
    pub(super) fn restore(
        &mut self,
        key: Key<'_>,
        accumulators: Vec<Accumulator>,
        dirty: bool,
    ) -> bool {
        let (group, new) = self.groups.insert(key);
        if new {
            self.heap += accumulators.iter().map(Accumulator::heap).sum::<usize>();
            self.accumulators.extend(accumulators);
            self.dirty.push(false);
            if dirty {
                self.mark_dirty(group);
            }
        }
        new
    }

    /// A group's accumulators, one an aggregate.
    pub(super) fn accumulators(&self, aggregates: usize, group: u32) -> &[Accumulator] {
        let begin = group as usize * aggregates;
        &self.accumulators[begin..begin + aggregates]
    }

    /// Whether a group's rows changed since they were last taken.
    pub(super) fn is_dirty(&self, group: u32) -> bool {
        self.dirty[group as usize]
    }

    /// The groups whose rows changed since they were last taken, those that have waited longest first.
    pub(super) fn dirty_groups(&self) -> &[u32] {
        &self.dirty_groups
    }

    /// Takes note that the rows of the first so many groups were taken.
    pub(super) fn clear_dirty(&mut self, taken: usize) {
        for group in self.dirty_groups.drain(..taken) {
            self.dirty[group as usize] = false;
        }
    }

    /// How many bytes it takes more than when this was last asked.
    pub(super) fn growth(&mut self) -> usize {
        let takes = size_of::<Self>()
            + self.groups.heap()
            + self.accumulators.capacity() * size_of::<Accumulator>()
            + self.dirty.capacity()
            + self.dirty_groups.capacity() * size_of::<u32>()
            + self.heap;
        takes - std::mem::replace(&mut self.counted, takes)
    }

    /// What it took when it was last asked for its growth, in bytes.
    pub(super) fn counted(&self) -> usize {
        self.counted
    }
}

fn of_group(accumulators: &mut [Accumulator], aggregates: usize, group: u32) -> &mut [Accumulator] {
    let begin = group as usize * aggregates;
    &mut accumulators[begin..begin + aggregates]
}
