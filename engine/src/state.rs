//! The state of one window.

use crate::{
    accumulate::Accumulator,
    engine::WindowStart,
    image::{ImageError, Reader, Writer},
    images::Images,
    key::{self, Key, KeyPlan},
    panes::{Offer, Panes},
    pending::Pending,
    plan::{Extent, WindowPlan},
    reading::Reading,
    rows::WindowChanges,
    sessions::Sessions,
    share::share,
};

/// The state of one window: what is open, and the rows that wait to be taken.
#[derive(Debug)]
pub(crate) struct WindowState {
    open: Open,
    pending: Pending,
    images: Images,
}

#[derive(Debug)]
enum Open {
    Panes(Panes),
    Sessions(Sessions),
}

impl WindowState {
    /// No readings.
    pub(crate) fn new(window: &WindowPlan, start: WindowStart, watermark: Option<i64>) -> Self {
        let aggregates = &window.aggregates;
        Self {
            open: match window.extent {
                Extent::Panes(grid) => {
                    Open::Panes(Panes::new(grid, aggregates, start.from, watermark))
                }
                Extent::Session(session) => {
                    Open::Sessions(Sessions::new(session, aggregates, start.from))
                }
            },
            pending: Pending::new(window),
            images: Images::default(),
        }
    }

    /// What becomes of a reading that satisfies the window's condition. If it is taken, `key` is asked for
    /// its group's key.
    pub(crate) fn offer<'k>(
        &mut self,
        window: &WindowPlan,
        watermark: Option<i64>,
        reading: &Reading<'_>,
        key: impl FnOnce() -> Key<'k>,
    ) -> Offer {
        let images = &self.images;
        let key = || {
            let key = key();
            (!images.hold(key.bucket(), reading.offset)).then_some(key)
        };
        match &mut self.open {
            Open::Panes(panes) => {
                let (pane, offer) = panes.offer(reading.time);
                if offer.taken > 0
                    && let Some(key) = key()
                {
                    panes.add(&window.aggregates, pane, key, reading);
                }
                offer
            }
            Open::Sessions(sessions) => {
                let offer = sessions.offer(reading.time, watermark);
                if offer.taken > 0
                    && let Some(key) = key()
                {
                    sessions.add(window, key, reading);
                }
                offer
            }
        }
    }

    /// Takes what readings came to elsewhere, out of a link's message at an offset. How many of them, a
    /// reading once for every instance, came too late for it.
    pub(crate) fn merge(
        &mut self,
        window: &WindowPlan,
        keys: &KeyPlan,
        offset: i64,
        reader: &mut Reader<'_>,
    ) -> Result<u64, ImageError> {
        match &mut self.open {
            Open::Panes(panes) => merge_panes(panes, &self.images, window, keys, offset, reader),
            Open::Sessions(sessions) => {
                merge_sessions(sessions, &self.images, window, keys, offset, reader)?;
                Ok(0)
            }
        }
    }

    /// The window begins here, and not earlier.
    pub(crate) fn begin_at(&mut self, start: WindowStart) {
        // Sessions are what their readings make them; those left out are left out already.
        if let (Some(from), Open::Panes(panes)) = (start.from, &mut self.open) {
            panes.begin_at(from);
        }
    }

    /// Closes what the watermark has reached.
    pub(crate) fn close(&mut self, window: &WindowPlan, watermark: i64) {
        match &mut self.open {
            Open::Panes(panes) => {
                panes.close(window, watermark, &self.images, &mut self.pending);
            }
            Open::Sessions(sessions) => sessions.close(window, watermark, &mut self.pending),
        }
    }

    /// How many final rows there are to take.
    pub(crate) fn closed_rows(&self) -> usize {
        self.pending.len()
    }

    /// How many rows of open windows there are to take, at most.
    pub(crate) fn open_rows(&self, window: &WindowPlan) -> usize {
        match &self.open {
            _ if !window.writes_open_rows => 0,
            Open::Panes(panes) => panes.dirty(),
            Open::Sessions(sessions) => sessions.dirty(),
        }
    }

    /// The changes since they were last taken: all final rows, and of `limit` rows of open windows its share,
    /// about; those that have waited longest first. All windows together have `total` of them.
    pub(crate) fn take_changes(
        &mut self,
        window: &WindowPlan,
        limit: usize,
        total: usize,
    ) -> WindowChanges {
        let open_rows = share(limit, self.open_rows(window), total);
        if open_rows > 0 {
            let (images, pending) = (&self.images, &mut self.pending);
            match &mut self.open {
                Open::Panes(panes) => panes.take_open(window, open_rows, images, pending),
                Open::Sessions(sessions) => sessions.take_open(window, open_rows, pending),
            }
        }
        self.pending.take()
    }

    /// How many windows are open and have readings.
    pub(crate) fn open(&self) -> usize {
        match &self.open {
            Open::Panes(panes) => panes.open(),
            Open::Sessions(sessions) => sessions.open(),
        }
    }

    /// What it takes, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.pending.memory()
            + match &self.open {
                Open::Panes(panes) => panes.memory(),
                Open::Sessions(sessions) => sessions.memory(),
            }
    }

    /// Takes note that readings below an offset are in a bucket, and nothing came of them.
    pub(crate) fn restore_empty(&mut self, bucket: usize, offset: i64) {
        self.images.set_empty(bucket, offset);
    }

    /// Writes a bucket into an image.
    pub(crate) fn write(
        &self,
        window: &WindowPlan,
        bucket: usize,
        watermark: Option<i64>,
        writer: &mut Writer,
    ) {
        self.images.write(bucket, watermark, writer);
        self.pending.write(bucket, writer);
        match &self.open {
            Open::Panes(panes) => panes.write(window, bucket, writer),
            Open::Sessions(sessions) => sessions.write(bucket, writer),
        }
    }

    /// Reads a bucket out of an image that was taken at an offset.
    pub(crate) fn read(
        &mut self,
        window: &WindowPlan,
        keys: &KeyPlan,
        bucket: usize,
        offset: i64,
        reader: &mut Reader<'_>,
    ) -> Result<(), ImageError> {
        self.images.read(bucket, offset, reader)?;
        self.pending.read(bucket, reader)?;
        match &mut self.open {
            Open::Panes(panes) => panes.read(window, keys, bucket, reader),
            Open::Sessions(sessions) => sessions.read(window, keys, bucket, reader),
        }
    }
}

fn merge_panes(
    panes: &mut Panes,
    images: &Images,
    window: &WindowPlan,
    keys: &KeyPlan,
    offset: i64,
    reader: &mut Reader<'_>,
) -> Result<u64, ImageError> {
    let mut late = 0;
    while reader.bool()? {
        let pane = (reader.i64()?, reader.i64()?);
        let Offer { offered, taken } = panes.offer_part(pane);
        while reader.bool()? {
            let key = key::read_any(keys, reader)?;
            let readings = reader.count()?;
            let accumulators = read_accumulators(window, reader)?;
            late += readings.saturating_mul(offered - taken);
            if taken > 0 && !images.hold(key.bucket(), offset) {
                panes.merge_part(&window.aggregates, pane, key, accumulators);
            }
        }
    }
    Ok(late)
}

fn merge_sessions(
    sessions: &mut Sessions,
    images: &Images,
    window: &WindowPlan,
    keys: &KeyPlan,
    offset: i64,
    reader: &mut Reader<'_>,
) -> Result<(), ImageError> {
    while reader.bool()? {
        let key = key::read_any(keys, reader)?;
        let held = images.hold(key.bucket(), offset);
        while reader.bool()? {
            let span = (reader.i64()?, reader.i64()?);
            let accumulators = read_accumulators(window, reader)?;
            if span.0 > span.1 {
                return Err(ImageError::Damaged("a session that ends before it begins"));
            }
            if !held {
                sessions.merge_part(window, key, span, &accumulators);
            }
        }
    }
    Ok(())
}

fn read_accumulators(
    window: &WindowPlan,
    reader: &mut Reader<'_>,
) -> Result<Vec<Accumulator>, ImageError> {
    let aggregates = window.aggregates.iter();
    aggregates
        .map(|aggregate| Accumulator::read(aggregate, reader))
        .collect()
}
