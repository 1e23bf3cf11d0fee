//! What the readings of a range of the log came to, pane by pane, to be merged with that of others
//! elsewhere.

use std::collections::BTreeMap;

use super::grid::{Grid, Offer};
use crate::{
    accumulate::{Accumulator, Aggregate},
    image::Writer,
    key::Key,
    key_set::KeySet,
    reading::Reading,
};

/// What readings came to since it was last emptied, by pane and group.
#[derive(Debug)]
pub(crate) struct PaneParts {
    grid: Grid,
    /// There are no instances before this start.
    origin: i64,
    /// The instances that a watermark leaves open.
    open: FirstOpen,
    /// By start, and by the first instance that the readings are in: `i64::MIN` if they are in all that
    /// the pane is part of.
    panes: BTreeMap<(i64, i64), PanePart>,
    /// Whether accumulators may need more memory with every reading.
    grows: bool,
    /// What they take, in bytes.
    memory: usize,
}

/// The first instance that a watermark leaves open, so that it need not be worked out for every reading.
#[derive(Clone, Copy, Debug)]
struct FirstOpen {
    watermark: Option<i64>,
    instance: i64,
}

#[derive(Debug, Default)]
struct PanePart {
    keys: KeySet,
    /// Of each group, as many as there are aggregates.
    accumulators: Vec<Accumulator>,
    /// Of each group, how many readings.
    readings: Vec<u64>,
}

impl PaneParts {
    /// No readings. There are no instances that begin before `from`.
    pub(crate) fn new(grid: Grid, aggregates: &[Aggregate], from: Option<i64>) -> Self {
        Self {
            grid,
            origin: from.map_or(i64::MIN, |from| grid.start_from(from)),
            open: FirstOpen {
                watermark: None,
                instance: grid.first_open(None),
            },
            panes: BTreeMap::new(),
            grows: aggregates.iter().any(Aggregate::grows),
            memory: 0,
        }
    }

    /// The pane and the first instance that a reading is in, and what becomes of it.
    pub(crate) fn offer(&mut self, time: i64, watermark: Option<i64>) -> ((i64, i64), Offer) {
        if self.open.watermark != watermark {
            self.open = FirstOpen {
                watermark,
                instance: self.grid.first_open(watermark),
            };
        }
        let pane = self.grid.pane_of(time);
        let offer = self.grid.offer(pane, self.origin, self.open.instance);
        let first = if offer.taken == offer.offered {
            i64::MIN
        } else {
            self.open.instance
        };
        ((pane, first), offer)
    }

    /// Takes a reading that some instance takes.
    pub(crate) fn add(
        &mut self,
        aggregates: &[Aggregate],
        pane: (i64, i64),
        key: Key<'_>,
        reading: &Reading<'_>,
    ) {
        let part = self.panes.entry(pane).or_default();
        let (group, new) = part.keys.insert(key);
        if new {
            part.accumulators
                .extend(aggregates.iter().map(Accumulator::new));
            part.readings.push(0);
            self.memory += key.bytes.len()
                + size_of::<u64>()
                + aggregates.len() * size_of::<Accumulator>()
                + part.heap_of(aggregates.len(), group);
        }
        let before = if self.grows {
            part.heap_of(aggregates.len(), group)
        } else {
            0
        };
        part.readings[group as usize] += 1;
        let begin = group as usize * aggregates.len();
        let accumulators = &mut part.accumulators[begin..begin + aggregates.len()];
        for (accumulator, aggregate) in accumulators.iter_mut().zip(aggregates) {
            accumulator.add(aggregate, reading);
        }
        if self.grows {
            self.memory = self.memory + part.heap_of(aggregates.len(), group) - before;
        }
    }

    /// What it takes, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.memory
    }

    /// Writes each pane's groups into the writers of their places, and forgets all.
    pub(crate) fn take(
        &mut self,
        aggregates: &[Aggregate],
        writers: &mut [Writer],
        place_of: impl Fn(Key<'_>) -> usize,
    ) {
        let mut opened = vec![false; writers.len()];
        for ((start, first), part) in std::mem::take(&mut self.panes) {
            opened.fill(false);
            for (group, readings) in part.readings.iter().enumerate() {
                let key = part.keys.key(group as u32);
                let place = place_of(key);
                let writer = &mut writers[place];
                if !std::mem::replace(&mut opened[place], true) {
                    writer.bool(true);
                    writer.i64(start);
                    writer.i64(first);
                }
                writer.bool(true);
                writer.bytes(key.bytes);
                writer.count(*readings);
                let begin = group * aggregates.len();
                for accumulator in &part.accumulators[begin..begin + aggregates.len()] {
                    accumulator.write(writer);
                }
            }
            for (writer, opened) in writers.iter_mut().zip(&opened) {
                if *opened {
                    writer.bool(false);
                }
            }
        }
        self.memory = 0;
        for writer in writers {
            writer.bool(false);
        }
    }
}

impl PanePart {
    fn heap_of(&self, aggregates: usize, group: u32) -> usize {
        let begin = group as usize * aggregates;
        self.accumulators[begin..begin + aggregates]
            .iter()
            .map(Accumulator::heap)
            .sum()
    }
}
