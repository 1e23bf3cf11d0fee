//! A window whose rows the second stage makes: what a shard's own readings come to is kept for a range of
//! its log, and then sent.

use crate::{
    engine::WindowStart,
    image::Writer,
    key::Key,
    panes::{Offer, PaneParts},
    plan::{Extent, WindowPlan},
    reading::Reading,
    sessions::SessionParts,
};

/// What the readings of a range came to in one window.
#[derive(Debug)]
pub(crate) struct Relay {
    /// Where the window begins for this shard.
    start: WindowStart,
    parts: Parts,
}

#[derive(Debug)]
enum Parts {
    Panes(PaneParts),
    Sessions(SessionParts),
}

impl Relay {
    /// No readings.
    pub(crate) fn new(window: &WindowPlan, start: WindowStart) -> Self {
        Self {
            start,
            parts: match window.extent {
                Extent::Panes(grid) => {
                    Parts::Panes(PaneParts::new(grid, &window.aggregates, start.from))
                }
                Extent::Session(session) => Parts::Sessions(SessionParts::new(session, start.from)),
            },
        }
    }

    /// What becomes of a reading that satisfies the window's condition. It is late by the watermark of its
    /// own shard, so that it makes no difference how far the others are. If it is taken, `key` is asked
    /// for its group's key.
    pub(crate) fn offer<'k>(
        &mut self,
        window: &WindowPlan,
        watermark: Option<i64>,
        reading: &Reading<'_>,
        key: impl FnOnce() -> Key<'k>,
    ) -> Offer {
        match &mut self.parts {
            Parts::Panes(parts) => {
                let (pane, offer) = parts.offer(reading.time, watermark);
                if offer.taken > 0 {
                    parts.add(&window.aggregates, pane, key(), reading);
                }
                offer
            }
            Parts::Sessions(parts) => {
                let offer = parts.offer(reading.time, watermark);
                if offer.taken > 0 {
                    parts.add(window, key(), reading);
                }
                offer
            }
        }
    }

    /// How many instances would take a reading, were the watermark another.
    pub(crate) fn would_take(&mut self, time: i64, watermark: Option<i64>) -> u64 {
        match &mut self.parts {
            Parts::Panes(parts) => parts.offer(time, watermark).1.taken,
            Parts::Sessions(parts) => parts.offer(time, watermark).taken,
        }
    }

    /// What it takes, in bytes.
    pub(crate) fn memory(&self) -> usize {
        match &self.parts {
            Parts::Panes(parts) => parts.memory(),
            Parts::Sessions(parts) => parts.memory(),
        }
    }

    /// Where the window begins for this shard.
    pub(crate) fn start(&self) -> WindowStart {
        self.start
    }

    /// Writes each group into the writer of its place, and forgets all.
    pub(crate) fn take(
        &mut self,
        window: &WindowPlan,
        writers: &mut [Writer],
        place_of: impl Fn(Key<'_>) -> usize,
    ) {
        match &mut self.parts {
            Parts::Panes(parts) => parts.take(&window.aggregates, writers, place_of),
            Parts::Sessions(parts) => parts.take(writers, place_of),
        }
    }
}
