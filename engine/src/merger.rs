//! The second stage: merges what the shards of the first stage send.

use std::sync::Arc;

use crate::{
    counts::WindowCounts,
    engine::WindowStart,
    image::{self, ImageError, Reader, Writer},
    key::BUCKETS,
    link::{self, Admitted, LinkError, Sources},
    plan::{Plan, WindowPlan},
    rows::WindowChanges,
    state::WindowState,
};

/// The event-time computation of one shard of the second stage: a function of the plan and of what the
/// shards of the first sent, in whatever order their messages came.
#[derive(Debug)]
pub struct Merger {
    plan: Arc<Plan>,
    sources: Sources,
    /// Of the plan's windows that are linked.
    windows: Vec<Option<Linked>>,
    count_from: i64,
    counts: Vec<WindowCounts>,
}

#[derive(Debug)]
struct Linked {
    state: WindowState,
    /// Whether every source sends the window. Before that it is not known where it begins.
    complete: bool,
}

impl Merger {
    /// A merger of what so many shards send, without state. `sources` is how far they were where feeding
    /// begins, as [`Self::sources`] gave it, or empty at the beginning. `starts` are the windows' starts in
    /// this shard, one each; messages below `count_from` are not counted.
    ///
    /// # Errors
    /// When `sources` can't be read.
    ///
    /// # Panics
    /// When there are not as many starts as windows.
    pub fn new(
        plan: Arc<Plan>,
        expected: usize,
        sources: &[u8],
        starts: &[WindowStart],
        count_from: i64,
    ) -> Result<Self, ImageError> {
        assert_eq!(starts.len(), plan.windows().len(), "one start a window");
        let sources = if sources.is_empty() {
            Sources::new(expected)
        } else {
            let mut reader = Reader::new(sources);
            let sources = Sources::read(expected, &mut reader)?;
            reader.end()?;
            sources
        };
        let windows = plan
            .windows()
            .iter()
            .zip(starts)
            .map(|(window, start)| {
                window.is_linked().then(|| Linked {
                    state: WindowState::new(window, *start, sources.watermark()),
                    complete: false,
                })
            })
            .collect();
        let mut merger = Self {
            sources,
            windows,
            count_from,
            counts: vec![WindowCounts::default(); plan.windows().len()],
            plan,
        };
        merger.complete();
        Ok(merger)
    }

    /// The newest event time that `sources` tell of, in microseconds since 1970. A window that begins after
    /// it has everything.
    ///
    /// # Errors
    /// When `sources` can't be read.
    pub fn newest(plan: &Plan, sources: &[u8]) -> Result<Option<i64>, ImageError> {
        if sources.is_empty() {
            return Ok(None);
        }
        let sources = Sources::read(0, &mut Reader::new(sources))?;
        let newest = sources.newest();
        Ok(newest.map(|newest| newest.saturating_add(plan.max_delay())))
    }

    /// Takes over the state of a bucket, once and before the first message, as
    /// [`crate::Engine::restore`] does.
    ///
    /// # Errors
    /// When the image can't be read. The merger is of no use then.
    ///
    /// # Panics
    /// When there is no such bucket.
    pub fn restore(&mut self, bucket: u16, at_offset: i64, image: &[u8]) -> Result<(), ImageError> {
        assert!(bucket < BUCKETS, "there is no bucket {bucket}");
        let bucket = usize::from(bucket);
        if image.is_empty() {
            for linked in self.windows.iter_mut().flatten() {
                linked.state.restore_empty(bucket, at_offset);
            }
            return Ok(());
        }
        let plan = &*self.plan;
        let mut reader = image::open(image)?;
        for _ in 0..reader.count()? {
            let (digest, mut body) = (reader.u64()?, Reader::new(reader.bytes()?));
            let found = plan.windows().iter().zip(&mut self.windows);
            for (window, linked) in found {
                if let Some(linked) = linked
                    && window.hash == digest
                {
                    let keys = &plan.keys()[window.key];
                    linked
                        .state
                        .read(window, keys, bucket, at_offset, &mut body)?;
                    body.end()?;
                }
            }
        }
        reader.end()
    }

    /// Takes the next message of the link topic's partition.
    ///
    /// # Errors
    /// When it can't be read, or messages before it are missing. The merger is of no use then.
    pub fn merge(&mut self, offset: i64, message: &[u8]) -> Result<(), LinkError> {
        let mut reader = Reader::new(message);
        let header = link::header(&mut reader)?;
        if self.sources.admit(&header)? == Admitted::Known {
            return Ok(());
        }
        let plan = Arc::clone(&self.plan);
        let counts = offset >= self.count_from;
        let mut sent = Vec::new();
        for _ in 0..reader.count()? {
            let digest = reader.u64()?;
            let from = reader.optional_i64()?;
            let mut body = Reader::new(reader.bytes()?);
            sent.push((digest, WindowStart { from }));
            let found = plan
                .windows()
                .iter()
                .position(|window| window.hash == digest);
            if let Some(index) = found
                && let Some(linked) = &mut self.windows[index]
            {
                let window = &plan.windows()[index];
                let keys = &plan.keys()[window.key];
                let late = linked.state.merge(window, keys, offset, &mut body)?;
                body.end()?;
                self.counts[index].late += if counts { late } else { 0 };
            }
        }
        reader.end()?;
        let before = self.sources.watermark();
        self.sources.note(&header, sent);
        self.complete();
        if let Some(watermark) = self.sources.watermark()
            && before != Some(watermark)
        {
            self.close(watermark);
        }
        Ok(())
    }

    /// Finds the windows that every source sends now.
    fn complete(&mut self) {
        for (window, linked) in self.plan.windows().iter().zip(&mut self.windows) {
            if let Some(linked) = linked
                && !linked.complete
                && let Some(start) = self.sources.start_of(window.hash)
            {
                linked.complete = true;
                linked.state.begin_at(start);
                if let Some(watermark) = self.sources.watermark() {
                    linked.state.close(window, watermark);
                }
            }
        }
    }

    fn close(&mut self, watermark: i64) {
        for (window, linked) in self.plan.windows().iter().zip(&mut self.windows) {
            if let Some(linked) = linked
                && linked.complete
            {
                linked.state.close(window, watermark);
            }
        }
    }

    /// The least watermark of all sources, in microseconds since 1970; none before every one has one.
    pub fn watermark(&self) -> Option<i64> {
        self.sources.watermark()
    }

    /// How far the sources are, for [`Self::new`].
    pub fn sources(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        self.sources.write(&mut writer);
        writer.into_bytes()
    }

    /// Whether there are rows to take.
    pub fn has_changes(&self) -> bool {
        self.closed_rows() + self.open_rows() > 0
    }

    /// How many final rows of windows' tables there are to take.
    pub fn closed_rows(&self) -> usize {
        self.writable().map(|(_, state)| state.closed_rows()).sum()
    }

    /// How many rows of open windows there are to take, at most.
    pub fn open_rows(&self) -> usize {
        self.writable()
            .map(|(window, state)| state.open_rows(window))
            .sum()
    }

    /// The windows whose rows may be taken.
    fn writable(&self) -> impl Iterator<Item = (&WindowPlan, &WindowState)> {
        let windows = self.plan.windows().iter().zip(&self.windows);
        windows
            .filter_map(|(window, linked)| Some((window, linked.as_ref()?)))
            .filter(|(_, linked)| linked.complete)
            .map(|(window, linked)| (window, &linked.state))
    }

    /// What changed in the windows' tables since it was last taken, for each window of the plan, as
    /// [`crate::Engine::take_changes`] gives it.
    pub fn take_changes(&mut self, open_rows: usize) -> Vec<WindowChanges> {
        let total = self.open_rows();
        let windows = self.plan.windows().iter().zip(&mut self.windows);
        windows
            .map(|(window, linked)| match linked {
                Some(linked) if linked.complete => {
                    linked.state.take_changes(window, open_rows, total)
                }
                _ => WindowChanges::default(),
            })
            .collect()
    }

    /// The state of a bucket as it is now, changes that were not taken among it.
    ///
    /// # Panics
    /// When there is no such bucket.
    pub fn image(&self, bucket: u16) -> Vec<u8> {
        assert!(bucket < BUCKETS, "there is no bucket {bucket}");
        let bucket = usize::from(bucket);
        let linked: Vec<_> = self
            .plan
            .windows()
            .iter()
            .zip(&self.windows)
            .filter_map(|(window, linked)| Some((window, linked.as_ref()?)))
            .collect();
        let mut writer = image::begin();
        writer.count(linked.len() as u64);
        for (window, linked) in linked {
            let mut body = Writer::default();
            let watermark = self.sources.watermark();
            linked.state.write(window, bucket, watermark, &mut body);
            writer.u64(window.hash);
            writer.bytes(&body.into_bytes());
        }
        writer.into_bytes()
    }

    /// How many readings came too late, in messages from the offset on that the merger counts from:
    /// only a partition that the input topic did not have before can bring such. For each window of the
    /// plan; what was offered, the first stage counts.
    pub fn counts(&self) -> &[WindowCounts] {
        &self.counts
    }

    /// About how much memory the state takes, in bytes.
    pub fn memory(&self) -> usize {
        let linked = self.windows.iter().flatten();
        linked.map(|linked| linked.state.memory()).sum()
    }

    /// How many windows are open: instances of tumbling and sliding windows that have readings,
    /// and sessions.
    pub fn open_windows(&self) -> usize {
        let linked = self.windows.iter().flatten();
        linked.map(|linked| linked.state.open()).sum()
    }
}
