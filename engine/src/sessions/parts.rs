//! Sessions of the readings of a range of the log, to be merged with those of others elsewhere.

use super::part::Part;
use crate::{
    image::Writer,
    key::Key,
    panes::Offer,
    plan::{Session as SessionPlan, WindowPlan},
    reading::Reading,
};

/// What readings came to since it was last emptied, by group and session.
#[derive(Debug)]
pub(crate) struct SessionParts {
    plan: SessionPlan,
    /// Readings before this time are not the window's.
    from: i64,
    groups: Part,
    /// What they take, in bytes.
    memory: usize,
}

impl SessionParts {
    /// No readings; those before `from` are not the window's.
    pub(crate) fn new(plan: SessionPlan, from: Option<i64>) -> Self {
        Self {
            plan,
            from: from.unwrap_or(i64::MIN),
            groups: Part::default(),
            memory: 0,
        }
    }

    /// What becomes of a reading.
    pub(crate) fn offer(&self, time: i64, watermark: Option<i64>) -> Offer {
        self.plan.offer(self.from, time, watermark)
    }

    /// Takes a reading that is not too late.
    pub(crate) fn add(&mut self, window: &WindowPlan, key: Key<'_>, reading: &Reading<'_>) {
        let (slot, _) = self.groups.insert(key);
        if let Some(group) = self.groups.group(slot) {
            group.join(self.plan.gap, &window.aggregates, reading);
            self.memory = self.memory.wrapping_add_signed(group.growth());
        }
    }

    /// What the groups take, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.memory
    }

    /// Writes each group into the writer of its place, and forgets all.
    pub(crate) fn take(&mut self, writers: &mut [Writer], place_of: impl Fn(Key<'_>) -> usize) {
        for group in std::mem::take(&mut self.groups).groups() {
            let writer = &mut writers[place_of(group.key())];
            writer.bool(true);
            writer.bytes(&group.key);
            for session in &group.sessions {
                writer.bool(true);
                writer.i64(session.start);
                writer.i64(session.last);
                for accumulator in &session.accumulators {
                    accumulator.write(writer);
                }
            }
            writer.bool(false);
        }
        self.memory = 0;
        for writer in writers {
            writer.bool(false);
        }
    }
}
