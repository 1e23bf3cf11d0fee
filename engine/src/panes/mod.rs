//! Tumbling and sliding windows: readings are kept by pane, and panes merged into instances.
//!
//! A reading is added once, to its pane, however many instances it belongs to. When the watermark closes
//! an instance its rows are made at once, because its panes may take more readings for later
//! instances. A pane goes when the last instance that it is part of is closed.

mod grid;
mod pane;
mod parts;

use std::{borrow::Cow, collections::VecDeque, ops::Range};

use crate::{
    accumulate::{Accumulator, Aggregate},
    image::{ImageError, Reader, Writer},
    images::Images,
    key::{self, Key, KeyPlan},
    pending::Pending,
    plan::WindowPlan,
    reading::Reading,
    rows::Cell,
    share::share,
};
pub(crate) use grid::{Grid, Offer};
use pane::Pane;
pub(crate) use parts::PaneParts;

/// The open instances of a tumbling or sliding window.
#[derive(Debug)]
pub(crate) struct Panes {
    grid: Grid,
    /// There are no instances before this start.
    origin: i64,
    /// Those before this start are closed (or before the origin).
    first_open: i64,
    /// The watermark that closes the first open one.
    closes_at: i64,
    /// By their starts and first instances. Each is part of an open instance.
    kept: VecDeque<Pane>,
    /// Whether accumulators may need more memory with every reading.
    grows: bool,
    /// What they take, in bytes.
    memory: usize,
}

impl Panes {
    /// No readings. There are no instances that begin before `from`, and those that `watermark` closes are
    /// closed.
    pub(crate) fn new(
        grid: Grid,
        aggregates: &[Aggregate],
        from: Option<i64>,
        watermark: Option<i64>,
    ) -> Self {
        let origin = from.map_or(i64::MIN, |from| grid.start_from(from));
        let first_open = origin.max(grid.first_open(watermark));
        Self {
            grid,
            origin,
            first_open,
            closes_at: grid.closes_at(first_open),
            kept: VecDeque::new(),
            grows: aggregates.iter().any(Aggregate::grows),
            memory: 0,
        }
    }

    /// The pane that a time is in, and what becomes of a reading of it.
    pub(crate) fn offer(&self, time: i64) -> (i64, Offer) {
        let pane = match self.kept.back() {
            Some(newest)
                if newest.start <= time && time.saturating_sub(newest.start) < self.grid.slide =>
            {
                newest.start
            }
            _ => self.grid.pane_of(time),
        };
        (pane, self.grid.offer(pane, self.origin, self.first_open))
    }

    /// Takes a reading of a pane that is part of an open instance.
    pub(crate) fn add(
        &mut self,
        aggregates: &[Aggregate],
        pane: i64,
        key: Key<'_>,
        reading: &Reading<'_>,
    ) {
        let grows = self.grows;
        // An instance that is closed to a reading is closed for good here.
        let place = self.place_of(pane, i64::MIN);
        let pane = &mut self.kept[place];
        if pane.add(aggregates, grows, key, reading) {
            self.memory += pane.growth();
        }
    }

    /// What becomes of readings of a pane, which are in instances from `first` on.
    pub(crate) fn offer_part(&self, (pane, first): (i64, i64)) -> Offer {
        self.grid
            .offer(pane, self.origin.max(first), self.first_open)
    }

    /// Takes what readings of a group in a pane came to elsewhere: they are in instances from `first` on,
    /// of which one is open.
    pub(crate) fn merge_part(
        &mut self,
        aggregates: &[Aggregate],
        (pane, first): (i64, i64),
        key: Key<'_>,
        accumulators: Vec<Accumulator>,
    ) {
        let place = self.place_of(pane, first);
        let pane = &mut self.kept[place];
        pane.merge(aggregates, key, accumulators);
        self.memory += pane.growth();
    }

    /// There are no instances before a start any more.
    pub(crate) fn begin_at(&mut self, from: i64) {
        self.origin = self.origin.max(self.grid.start_from(from));
        self.first_open = self.first_open.max(self.origin);
        self.closes_at = self.grid.closes_at(self.first_open);
        while let Some(pane) = self.kept.pop_front_if(|pane| pane.start < self.first_open) {
            self.memory -= pane.counted();
        }
    }

    /// Where the pane with a start and a first instance is. It is made if it is not there.
    fn place_of(&mut self, start: i64, first: i64) -> usize {
        let is_it = |pane: &Pane| pane.start == start && pane.first == first;
        if self.kept.back().is_some_and(is_it) {
            return self.kept.len() - 1;
        }
        match self
            .kept
            .binary_search_by_key(&(start, first), |pane| (pane.start, pane.first))
        {
            Ok(place) => place,
            Err(place) => {
                self.kept.insert(place, Pane::new(start, first));
                place
            }
        }
    }

    /// Closes the instances that the watermark has reached, and makes their rows.
    pub(crate) fn close(
        &mut self,
        window: &WindowPlan,
        watermark: i64,
        images: &Images,
        pending: &mut Pending,
    ) {
        if watermark < self.closes_at {
            return;
        }
        let first_open = self.grid.first_open(Some(watermark)).max(self.first_open);
        while let Some(oldest) = self.kept.front() {
            let start = self.grid.oldest_with(oldest.start).max(self.first_open);
            if start >= first_open {
                break;
            }
            self.close_instance(window, start, images, pending);
            self.first_open = start.saturating_add(self.grid.slide);
            while let Some(pane) = self.kept.pop_front_if(|pane| pane.start < self.first_open) {
                self.memory -= pane.counted();
            }
        }
        self.first_open = first_open;
        self.closes_at = self.grid.closes_at(first_open);
    }

    /// Makes the rows of an instance that changed since they were last taken.
    fn close_instance(
        &self,
        window: &WindowPlan,
        start: i64,
        images: &Images,
        pending: &mut Pending,
    ) {
        let closes_at = self.grid.closes_at(start);
        let within = self.places(start, self.grid.end_of(start));
        let mut parts = Vec::new();
        for place in within.clone() {
            let pane = &self.kept[place];
            for group in pane.dirty_groups() {
                let key = pane.groups.key(*group);
                if images.closed(key.bucket(), closes_at) {
                    continue;
                }
                self.find_parts((place, *group), within.clone(), &mut parts);
                parts.retain(|(part, _)| self.kept[*part].first <= start);
                let first_dirty = parts
                    .iter()
                    .find(|(part, group)| self.kept[*part].is_dirty(*group));
                if first_dirty.is_some_and(|(part, _)| *part == place) {
                    let merged = self.merged(window, &parts);
                    self.put_row(window, start, key, &merged, pending);
                }
            }
        }
    }

    /// Makes rows of open instances that changed since they were last taken, about as many as `limit`. Of
    /// each pane those that have waited longest.
    pub(crate) fn take_open(
        &mut self,
        window: &WindowPlan,
        limit: usize,
        images: &Images,
        pending: &mut Pending,
    ) {
        let mut parts = Vec::new();
        let limit = limit.div_ceil(self.panes_an_instance());
        let total = self.dirty_groups();
        let share_of = |pane: &Pane| share(limit, pane.dirty_groups().len(), total);
        for (place, pane) in self.kept.iter().enumerate() {
            let oldest = self.grid.oldest_with(pane.start);
            let around = self.places(oldest, self.grid.end_of(pane.start));
            for group in &pane.dirty_groups()[..share_of(pane)] {
                let key = pane.groups.key(*group);
                self.find_parts((place, *group), around.clone(), &mut parts);
                if parts
                    .iter()
                    .all(|(part, _)| self.kept[*part].first == i64::MIN)
                {
                    self.take_instances_with(window, place, key, &parts, images, pending);
                } else {
                    self.take_instances_one_by_one(window, place, key, &parts, images, pending);
                }
            }
        }
        // Only now: of the panes of a row, it is made with the first one that changed.
        for pane in &mut self.kept {
            let taken = share_of(pane);
            pane.clear_dirty(taken);
        }
    }

    /// Makes a group's rows of the open instances that the pane at `place` is part of, but for those with
    /// an earlier pane in which the group changed too: they were made with that one.
    fn take_instances_with(
        &self,
        window: &WindowPlan,
        place: usize,
        key: Key<'_>,
        parts: &[(usize, u32)],
        images: &Images,
        pending: &mut Pending,
    ) {
        let own = parts.partition_point(|(part, _)| *part < place);
        let (earlier, later) = (&parts[..own], &parts[own + 1..]);
        let not_before = earlier
            .iter()
            .rev()
            .find(|(part, group)| self.kept[*part].is_dirty(*group))
            .map_or(i64::MIN, |(part, _)| {
                self.kept[*part].start.saturating_add(1)
            })
            .max(self.grid.oldest_with(self.kept[place].start))
            .max(self.first_open);
        // From the last instance back, each has one pane more before this one, and fewer after it.
        let mut upto = self.merged(window, &parts[own..=own]);
        let mut earlier = earlier.iter().rev().peekable();
        let mut start = self.kept[place].start;
        while start >= not_before && !images.closed(key.bucket(), self.grid.closes_at(start)) {
            while let Some(part) = earlier.next_if(|(part, _)| self.kept[*part].start >= start) {
                self.merge(window, upto.to_mut(), *part);
            }
            let end = self.grid.end_of(start);
            let within = later.partition_point(|(part, _)| self.kept[*part].start < end);
            if within == 0 {
                self.put_row(window, start, key, &upto, pending);
            } else {
                let mut all = upto.to_vec();
                for part in &later[..within] {
                    self.merge(window, &mut all, *part);
                }
                self.put_row(window, start, key, &all, pending);
            }
            start = start.saturating_sub(self.grid.slide);
        }
    }

    /// The same where some panes are not in all instances that they are part of: each instance is made of
    /// its own panes, in its first one that changed.
    fn take_instances_one_by_one(
        &self,
        window: &WindowPlan,
        place: usize,
        key: Key<'_>,
        parts: &[(usize, u32)],
        images: &Images,
        pending: &mut Pending,
    ) {
        let mut own = Vec::with_capacity(parts.len());
        let pane = &self.kept[place];
        let oldest = self
            .grid
            .oldest_with(pane.start)
            .max(pane.first)
            .max(self.first_open);
        let mut start = pane.start;
        while start >= oldest {
            let span = start..self.grid.end_of(start);
            own.clear();
            own.extend(parts.iter().copied().filter(|(part, _)| {
                let pane = &self.kept[*part];
                span.contains(&pane.start) && pane.first <= start
            }));
            let first_dirty = own
                .iter()
                .find(|(part, group)| self.kept[*part].is_dirty(*group));
            if first_dirty.is_some_and(|(part, _)| *part == place)
                && !images.closed(key.bucket(), self.grid.closes_at(start))
            {
                let merged = self.merged(window, &own);
                self.put_row(window, start, key, &merged, pending);
            }
            start = start.saturating_sub(self.grid.slide);
        }
    }

    /// Where the panes are that begin in a span.
    fn places(&self, from: i64, to: i64) -> Range<usize> {
        let first = self.kept.partition_point(|pane| pane.start < from);
        first..self.kept.partition_point(|pane| pane.start < to)
    }

    /// In which of some panes a group is, and its number there. `own` is one of them.
    fn find_parts(&self, own: (usize, u32), places: Range<usize>, parts: &mut Vec<(usize, u32)>) {
        parts.clear();
        let key = self.kept[own.0].groups.key(own.1);
        parts.extend(places.filter_map(|place| {
            if place == own.0 {
                Some(own)
            } else {
                Some((place, self.kept[place].groups.find(key)?))
            }
        }));
    }

    /// A group's accumulators over some panes.
    fn merged<'p>(&'p self, window: &WindowPlan, parts: &[(usize, u32)]) -> Cow<'p, [Accumulator]> {
        let Some(((place, group), rest)) = parts.split_first() else {
            return Vec::new().into();
        };
        let mut merged: Cow<'_, [Accumulator]> = self.kept[*place]
            .accumulators(window.aggregates.len(), *group)
            .into();
        for part in rest {
            self.merge(window, merged.to_mut(), *part);
        }
        merged
    }

    fn merge(&self, window: &WindowPlan, into: &mut [Accumulator], (place, group): (usize, u32)) {
        let part = self.kept[place].accumulators(window.aggregates.len(), group);
        for ((one, other), aggregate) in into.iter_mut().zip(part).zip(&window.aggregates) {
            one.merge(aggregate, other);
        }
    }

    fn put_row(
        &self,
        window: &WindowPlan,
        start: i64,
        key: Key<'_>,
        accumulators: &[Accumulator],
        pending: &mut Pending,
    ) {
        let mut row = pending.upsert(key.bucket());
        row.put(Cell::Timestamp(start));
        row.put(Cell::Timestamp(self.grid.end_of(start)));
        key::cells(key.bytes).for_each(|cell| row.put(cell));
        for (accumulator, aggregate) in accumulators.iter().zip(&window.aggregates) {
            row.put(accumulator.value(aggregate));
        }
        row.finish();
    }

    /// How many rows of open instances changed since they were last taken, at most.
    pub(crate) fn dirty(&self) -> usize {
        self.dirty_groups() * self.panes_an_instance()
    }

    fn dirty_groups(&self) -> usize {
        self.kept.iter().map(|pane| pane.dirty_groups().len()).sum()
    }

    fn panes_an_instance(&self) -> usize {
        (self.grid.size / self.grid.slide).max(1) as usize
    }

    /// How many instances are open and have readings.
    pub(crate) fn open(&self) -> usize {
        let mut open = 0;
        let mut next = self.first_open;
        for pane in &self.kept {
            let first = self.grid.oldest_with(pane.start).max(next);
            let after = pane.start.saturating_add(self.grid.slide);
            open += (after.abs_diff(first) / self.grid.slide.unsigned_abs()) as usize;
            next = after;
        }
        open
    }

    /// What it takes, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.memory
    }

    /// Writes the groups of a bucket into an image.
    pub(crate) fn write(&self, window: &WindowPlan, bucket: usize, writer: &mut Writer) {
        for pane in &self.kept {
            let mut groups = pane.groups.of_bucket(bucket).peekable();
            if groups.peek().is_none() {
                continue;
            }
            writer.bool(true);
            writer.i64(pane.start);
            writer.i64(pane.first);
            for group in groups {
                writer.bool(true);
                writer.bytes(pane.groups.key(group).bytes);
                writer.bool(pane.is_dirty(group));
                for accumulator in pane.accumulators(window.aggregates.len(), group) {
                    accumulator.write(writer);
                }
            }
            writer.bool(false);
        }
        writer.bool(false);
    }

    /// Reads the groups of a bucket out of an image.
    pub(crate) fn read(
        &mut self,
        window: &WindowPlan,
        keys: &KeyPlan,
        bucket: usize,
        reader: &mut Reader<'_>,
    ) -> Result<(), ImageError> {
        while reader.bool()? {
            let (start, first) = (reader.i64()?, reader.i64()?);
            if self.grid.pane_of(start) != start || start < self.first_open {
                return Err(ImageError::Damaged("a pane of no open window"));
            }
            let place = self.place_of(start, first);
            let pane = &mut self.kept[place];
            while reader.bool()? {
                let key = key::read(keys, bucket, reader)?;
                let dirty = reader.bool()?;
                let accumulators = window
                    .aggregates
                    .iter()
                    .map(|aggregate| Accumulator::read(aggregate, reader))
                    .collect::<Result<_, _>>()?;
                if !pane.restore(key, accumulators, dirty) {
                    return Err(ImageError::Damaged("a group twice"));
                }
            }
            self.memory += pane.growth();
        }
        Ok(())
    }
}
