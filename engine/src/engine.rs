//! The computation of one shard.

use std::sync::Arc;

use sensorstream_expressions::Value;

use crate::{
    counts::{Counts, RuleCounts, WindowCounts},
    image::{ImageError, Reader, VERSION, Writer},
    key::{BUCKETS, ReadingKeys},
    limits::Limiter,
    plan::Plan,
    reading::Reading,
    rows::WindowChanges,
    state::WindowState,
    watermark::Watermark,
};

/// Where a window begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WindowStart {
    /// What belongs to windows that begin earlier is not offered to the window (of a session: readings
    /// that are earlier). In microseconds since 1970. None if it has everything.
    pub from: Option<i64>,
}

/// What a reading came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict<'e> {
    /// The windows with `onLate: DeadLetter` that left it out, in at least one instance.
    pub late: &'e [usize],
    /// The rules to send an alert for.
    pub alerts: &'e [usize],
}

/// Whether the rows of windows that are still open are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenRows {
    /// Final rows only.
    Skip,
    /// Those of open windows too, but for windows that write rows on close only.
    Take,
}

/// The event-time computation of one shard: a function of the plan and of the shard's log. No
/// boundary of a batch, no taking of changes and no restoring makes a difference to it.
#[derive(Debug)]
pub struct Engine {
    plan: Arc<Plan>,
    watermark: Watermark,
    windows: Vec<WindowState>,
    /// Of the rules with a rate limit.
    limiters: Vec<Option<Limiter>>,
    keys: ReadingKeys,
    counts: Counts,
    count_from: i64,
    late: Vec<usize>,
    alerts: Vec<usize>,
}

impl Engine {
    /// An engine without state. `watermark` is where it stood at the offset where feeding begins;
    /// `starts` are the windows' starts, one each; readings below `count_from` are not counted.
    ///
    /// # Panics
    /// When there are not as many starts as windows.
    pub fn new(
        plan: Arc<Plan>,
        watermark: Option<i64>,
        starts: &[WindowStart],
        count_from: i64,
    ) -> Self {
        assert_eq!(starts.len(), plan.windows().len(), "one start a window");
        Self {
            watermark: Watermark::new(watermark, plan.max_delay()),
            windows: plan
                .windows()
                .iter()
                .zip(starts)
                .map(|(window, start)| WindowState::new(window, *start, watermark))
                .collect(),
            limiters: plan
                .rules()
                .iter()
                .map(|rule| rule.limit.as_ref().map(|_| Limiter::default()))
                .collect(),
            keys: ReadingKeys::new(plan.keys().len()),
            counts: Counts {
                windows: vec![WindowCounts::default(); plan.windows().len()],
                rules: vec![RuleCounts::default(); plan.rules().len()],
            },
            count_from,
            late: Vec::new(),
            alerts: Vec::new(),
            plan,
        }
    }

    /// Takes over the state of a bucket, once and before the first reading. Readings below `at_offset`
    /// are in it and leave it alone when they are fed. An image without a byte is a bucket in which
    /// nothing has happened below `at_offset`. The state of windows that the plan does not have
    /// is ignored, and a window or rate limit that the image does not have takes every reading that is fed.
    ///
    /// # Errors
    /// When the image can't be read. The engine is of no use then.
    ///
    /// # Panics
    /// When there is no such bucket.
    pub fn restore(&mut self, bucket: u16, at_offset: i64, image: &[u8]) -> Result<(), ImageError> {
        assert!(bucket < BUCKETS, "there is no bucket {bucket}");
        let bucket = usize::from(bucket);
        if image.is_empty() {
            for state in &mut self.windows {
                state.restore_empty(bucket, at_offset);
            }
            for limiter in self.limiters.iter_mut().flatten() {
                limiter.restore_empty(bucket, at_offset);
            }
            return Ok(());
        }
        let plan = &*self.plan;
        let mut reader = Reader::new(image);
        let version = reader.u16()?;
        if version != VERSION {
            return Err(ImageError::Version(version));
        }
        for _ in 0..reader.count()? {
            let (digest, mut body) = (reader.u64()?, Reader::new(reader.bytes()?));
            let mut windows = plan.windows().iter().zip(&mut self.windows);
            if let Some((window, state)) = windows.find(|(window, _)| window.hash == digest) {
                let keys = &plan.keys()[window.key];
                state.read(window, keys, bucket, at_offset, &mut body)?;
                body.end()?;
            }
        }
        for _ in 0..reader.count()? {
            let (digest, mut body) = (reader.u64()?, Reader::new(reader.bytes()?));
            for (rule, limiter) in plan.rules().iter().zip(&mut self.limiters) {
                if let (Some(limit), Some(limiter)) = (&rule.limit, limiter)
                    && limit.digest == digest
                {
                    let keys = &plan.keys()[limit.key];
                    limiter.read(keys, bucket, at_offset, &mut body)?;
                    body.end()?;
                }
            }
        }
        reader.end()
    }

    /// Takes the next reading of the log: its offset, its event time in microseconds since 1970 and its
    /// values, in the order of the input's fields.
    pub fn process(&mut self, offset: i64, event_time: i64, values: &[Value<'_>]) -> Verdict<'_> {
        let plan = &*self.plan;
        let before = self.watermark.get();
        let counts = offset >= self.count_from;
        let reading = Reading {
            offset,
            time: event_time,
            values,
        };
        self.late.clear();
        self.alerts.clear();
        self.keys.clear();

        for (index, (window, state)) in plan.windows().iter().zip(&mut self.windows).enumerate() {
            if let Some(condition) = &window.condition
                && !condition.holds(values)
            {
                continue;
            }
            let keys = &mut self.keys;
            let offer = state.offer(window, before, &reading, || {
                keys.get(window.key, &plan.keys()[window.key], values)
            });
            let late = offer.offered - offer.taken;
            if counts {
                self.counts.windows[index].offered += offer.offered;
                self.counts.windows[index].late += late;
            }
            if late > 0 && window.reports_late {
                self.late.push(index);
            }
        }

        for (index, rule) in plan.rules().iter().enumerate() {
            if !rule.when.holds(values) {
                continue;
            }
            let allowed = match (&rule.limit, &mut self.limiters[index]) {
                (Some(limit), Some(limiter)) => {
                    let sender = self.keys.get(limit.key, &plan.keys()[limit.key], values);
                    match limiter.allows(limit, sender, &reading, before) {
                        Some(allowed) => allowed,
                        None => continue,
                    }
                }
                _ => true,
            };
            if counts {
                let count = &mut self.counts.rules[index];
                count.alerts += u64::from(allowed);
                count.suppressed += u64::from(!allowed);
            }
            if allowed {
                self.alerts.push(index);
            }
        }

        if let Some(watermark) = self.watermark.raise(event_time) {
            for (window, state) in plan.windows().iter().zip(&mut self.windows) {
                state.close(window, watermark);
            }
            for (rule, limiter) in plan.rules().iter().zip(&mut self.limiters) {
                if let (Some(limit), Some(limiter)) = (&rule.limit, limiter) {
                    limiter.forget(limit, watermark);
                }
            }
        }
        Verdict {
            late: &self.late,
            alerts: &self.alerts,
        }
    }

    /// The watermark, in microseconds since 1970; none before the first reading.
    pub fn watermark(&self) -> Option<i64> {
        self.watermark.get()
    }

    /// Whether [`Self::take_changes`] with [`OpenRows::Take`] would give any.
    pub fn has_changes(&self) -> bool {
        self.plan
            .windows()
            .iter()
            .zip(&self.windows)
            .any(|(window, state)| state.has_changes(window))
    }

    /// What changed in the windows' tables since it was last taken: for each window of the plan, in its
    /// order, final rows, and those of open windows if asked for.
    pub fn take_changes(&mut self, open_rows: OpenRows) -> Vec<WindowChanges> {
        self.plan
            .windows()
            .iter()
            .zip(&mut self.windows)
            .map(|(window, state)| state.take_changes(window, open_rows == OpenRows::Take))
            .collect()
    }

    /// The state of a bucket as it is now, changes that were not taken among it.
    ///
    /// # Panics
    /// When there is no such bucket.
    pub fn image(&self, bucket: u16) -> Vec<u8> {
        assert!(bucket < BUCKETS, "there is no bucket {bucket}");
        let bucket = usize::from(bucket);
        let mut writer = Writer::default();
        writer.u16(VERSION);
        writer.count(self.windows.len() as u64);
        for (window, state) in self.plan.windows().iter().zip(&self.windows) {
            let mut body = Writer::default();
            state.write(window, bucket, self.watermark.get(), &mut body);
            writer.u64(window.hash);
            writer.bytes(&body.into_bytes());
        }
        let limits: Vec<_> = self
            .plan
            .rules()
            .iter()
            .zip(&self.limiters)
            .filter_map(|(rule, limiter)| rule.limit.as_ref().zip(limiter.as_ref()))
            .collect();
        writer.count(limits.len() as u64);
        for (limit, limiter) in limits {
            let mut body = Writer::default();
            limiter.write(bucket, self.watermark.get(), &mut body);
            writer.u64(limit.digest);
            writer.bytes(&body.into_bytes());
        }
        writer.into_bytes()
    }

    /// What became of the readings from the offset on that the engine counts from.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// About how much memory the state takes, in bytes.
    pub fn memory(&self) -> usize {
        let windows = self.windows.iter().map(WindowState::memory);
        let limiters = self.limiters.iter().flatten().map(Limiter::memory);
        windows.chain(limiters).sum()
    }

    /// How many windows are open: instances of tumbling and sliding windows that have readings,
    /// and sessions.
    pub fn open_windows(&self) -> usize {
        self.windows.iter().map(WindowState::open).sum()
    }
}
