//! Session windows: the readings of a group with no longer pause between them than the gap.
//!
//! Sessions that the watermark has closed are never here: each group has a timer for the session that
//! ends first. A reading that moves that end leaves the timer alone; when it is due, the group is
//! looked at and the timer set anew.

mod group;
mod part;
mod parts;

use std::{cmp::Reverse, collections::BinaryHeap};

use sensorstream_crds::windows::SessionEnd;

use crate::{
    accumulate::{Accumulator, Aggregate},
    image::{ImageError, Reader, Writer},
    key::{self, BUCKETS, Key, KeyPlan},
    panes::Offer,
    pending::Pending,
    plan::{Session as SessionPlan, WindowPlan},
    reading::Reading,
    rows::Cell,
};
use group::{Group, Joined, Session};
use part::Part;
pub(crate) use parts::SessionParts;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// The open sessions of a window.
#[derive(Debug)]
pub(crate) struct Sessions {
    plan: SessionPlan,
    /// Readings before this time are not the window's.
    from: i64,
    parts: Vec<Part>,
    timers: BinaryHeap<Reverse<Timer>>,
    /// Whether accumulators may need more memory with every reading.
    grows: bool,
    /// What the groups' own takes, in bytes.
    memory: usize,
    open: usize,
    /// How many sessions changed since their rows were last taken.
    dirty: usize,
    /// The bucket whose open rows are taken next.
    turn: usize,
}

/// A group to look at when the watermark gets to a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Timer {
    due: i64,
    bucket: u16,
    slot: u32,
}

impl Sessions {
    /// No readings; those before `from` are not the window's.
    pub(crate) fn new(plan: SessionPlan, aggregates: &[Aggregate], from: Option<i64>) -> Self {
        Self {
            plan,
            from: from.unwrap_or(i64::MIN),
            parts: std::iter::repeat_with(Part::default)
                .take(BUCKETS.into())
                .collect(),
            timers: BinaryHeap::new(),
            grows: aggregates.iter().any(Aggregate::grows),
            memory: 0,
            open: 0,
            dirty: 0,
            turn: 0,
        }
    }

    /// What becomes of a reading.
    pub(crate) fn offer(&self, time: i64, watermark: Option<i64>) -> Offer {
        self.plan.offer(self.from, time, watermark)
    }

    /// Takes a reading that is not too late.
    pub(crate) fn add(&mut self, window: &WindowPlan, key: Key<'_>, reading: &Reading<'_>) {
        self.join(window, key, |gap, group| {
            group.join(gap, &window.aggregates, reading)
        });
    }

    /// Takes what readings of a group from one time to another came to elsewhere.
    pub(crate) fn merge_part(
        &mut self,
        window: &WindowPlan,
        key: Key<'_>,
        span: (i64, i64),
        accumulators: &[Accumulator],
    ) {
        self.join(window, key, |gap, group| {
            group.join_part(gap, &window.aggregates, span, accumulators)
        });
    }

    fn join(
        &mut self,
        window: &WindowPlan,
        key: Key<'_>,
        join: impl FnOnce(i64, &mut Group) -> Joined,
    ) {
        let bucket = key.bucket();
        let part = &mut self.parts[bucket];
        let (slot, new) = part.insert(key);
        if window.writes_open_rows {
            part.list_dirty(slot);
        }
        let Some(group) = part.group(slot) else {
            return;
        };
        let joined = join(self.plan.gap, group);
        self.open = self.open.wrapping_add_signed(joined.opened);
        self.dirty = self.dirty.wrapping_add_signed(joined.dirtied);
        if new || self.grows || joined.opened != 0 {
            self.memory = self.memory.wrapping_add_signed(group.growth());
        }
        self.look_after(bucket, slot);
    }

    /// Sets a group's timer if one of its sessions ends before it is due.
    fn look_after(&mut self, bucket: usize, slot: u32) {
        let plan = self.plan;
        let Some(group) = self.parts[bucket].group(slot) else {
            return;
        };
        if let Some(due) = group.least_last().map(|last| plan.closes_at(last))
            && due < group.timer
        {
            group.timer = due;
            self.timers.push(Reverse(Timer {
                due,
                bucket: bucket as u16,
                slot,
            }));
        }
    }

    /// Closes the sessions that the watermark has reached, and makes their rows.
    pub(crate) fn close(&mut self, window: &WindowPlan, watermark: i64, pending: &mut Pending) {
        while let Some(Reverse(timer)) = self.timers.peek().copied()
            && timer.due <= watermark
        {
            self.timers.pop();
            let bucket = usize::from(timer.bucket);
            // A group whose timer was set anew, or that took the place of another, has a timer of its own.
            match self.parts[bucket].group(timer.slot) {
                Some(group) if group.timer == timer.due => {}
                _ => continue,
            }
            self.close_group(window, bucket, timer.slot, watermark, pending);
        }
    }

    fn close_group(
        &mut self,
        window: &WindowPlan,
        bucket: usize,
        slot: u32,
        watermark: i64,
        pending: &mut Pending,
    ) {
        let plan = self.plan;
        let Some(group) = self.parts[bucket].group(slot) else {
            return;
        };
        let closed = group
            .sessions
            .partition_point(|session| plan.closes_at(session.last) <= watermark);
        let mut dirty = 0;
        for mut session in group.sessions.drain(..closed).collect::<Vec<_>>() {
            dirty += usize::from(session.dirty);
            put_changes(plan, window, group.key(), &mut session, pending);
        }
        group.timer = i64::MAX;
        let empty = group.sessions.is_empty();
        if empty {
            // What it takes goes with it.
            group.sessions.shrink_to_fit();
        }
        let growth = group.growth();
        let key_length = group.key.len();
        self.memory = self.memory.wrapping_add_signed(growth);
        self.open -= closed;
        self.dirty -= dirty;
        if empty {
            self.memory -= key_length;
            self.parts[bucket].remove(slot);
        } else {
            self.look_after(bucket, slot);
        }
    }

    /// Makes the rows of open sessions that changed since they were last taken, of as many as `limit`, and of
    /// those of the same group. Buckets take turns; in each the one goes first that has waited longest.
    pub(crate) fn take_open(&mut self, window: &WindowPlan, limit: usize, pending: &mut Pending) {
        let leave = self.dirty.saturating_sub(limit);
        while self.dirty > leave {
            let Some(group) = self.parts[self.turn].next_dirty() else {
                self.turn = (self.turn + 1) % self.parts.len();
                continue;
            };
            let mut sessions = std::mem::take(&mut group.sessions);
            for session in &mut sessions {
                self.dirty -= usize::from(session.dirty);
                put_changes(self.plan, window, group.key(), session, pending);
            }
            group.sessions = sessions;
        }
    }

    /// How many open sessions changed since their rows were last taken.
    pub(crate) fn dirty(&self) -> usize {
        self.dirty
    }

    /// How many sessions are open.
    pub(crate) fn open(&self) -> usize {
        self.open
    }

    /// What it takes, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.memory
            + self.timers.capacity() * size_of::<Timer>()
            + self.parts.iter().map(Part::memory).sum::<usize>()
    }

    /// Writes the groups of a bucket into an image.
    pub(crate) fn write(&self, bucket: usize, writer: &mut Writer) {
        for group in self.parts[bucket].groups() {
            writer.bool(true);
            group.write(writer);
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
            let key = key::read(keys, bucket, reader)?;
            let mut group = Group::read(key, &window.aggregates, reader)?;
            self.memory = self.memory.wrapping_add_signed(group.growth());
            self.open += group.sessions.len();
            let dirty = group
                .sessions
                .iter()
                .filter(|session| session.dirty)
                .count();
            self.dirty += dirty;
            let part = &mut self.parts[bucket];
            let slot = part
                .restore(group)
                .ok_or(ImageError::Damaged("a group twice"))?;
            if dirty > 0 && window.writes_open_rows {
                part.list_dirty(slot);
            }
            self.look_after(bucket, slot);
        }
        Ok(())
    }
}

/// Makes the row of a session, and deletes those of starts that it no longer has, if it changed since they
/// were last taken.
fn put_changes(
    plan: SessionPlan,
    window: &WindowPlan,
    key: Key<'_>,
    session: &mut Session,
    pending: &mut Pending,
) {
    if !std::mem::replace(&mut session.dirty, false) {
        return;
    }
    let bucket = key.bucket();
    for start in std::mem::take(&mut session.replaced) {
        pending.delete(
            bucket,
            key::cells(key.bytes).chain([Cell::Timestamp(start)]),
        );
    }
    let end = match plan.end {
        SessionEnd::GapEnd => session.last.saturating_add(plan.gap),
        SessionEnd::LastReading => session.last,
    };
    let mut row = pending.upsert(bucket);
    key::cells(key.bytes).for_each(|cell| row.put(cell));
    row.put(Cell::Timestamp(session.start));
    row.put(Cell::Timestamp(end));
    if plan.has_duration {
        let length = end.saturating_sub(session.start);
        row.put(Cell::Long(length.div_euclid(MICROS_PER_SECOND)));
    }
    for (accumulator, aggregate) in session.accumulators.iter().zip(&window.aggregates) {
        row.put(accumulator.value(aggregate));
    }
    row.finish();
}
