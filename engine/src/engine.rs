//! The computation of one shard.

use std::sync::Arc;

use sensorstream_expressions::Value;

use crate::{
    counts::{Counts, RuleCounts, WindowCounts},
    image::{self, ImageError, Reader, Writer},
    key::{BUCKETS, ReadingKeys},
    limits::Limiter,
    link::{self, Header, Link, Range},
    plan::Plan,
    reading::Reading,
    relay::Relay,
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
    /// Whether that is only because the partition had nothing to say for so long that it was taken for
    /// idle.
    pub idle: bool,
    /// The rules to send an alert for.
    pub alerts: &'e [usize],
}

/// The event-time computation of one shard: a function of the plan and of the shard's log. No
/// boundary of a batch, no taking of changes and no restoring makes a difference to it.
#[derive(Debug)]
pub struct Engine {
    plan: Arc<Plan>,
    watermark: Watermark,
    windows: Vec<Place>,
    link: Link,
    /// Where the watermark that linked windows go by stands at least: others have closed theirs up to here
    /// while the partition was idle.
    link_floor: Option<i64>,
    /// Of the rules with a rate limit.
    limiters: Vec<Option<Limiter>>,
    keys: ReadingKeys,
    counts: Counts,
    count_from: i64,
    late: Vec<usize>,
    alerts: Vec<usize>,
}

/// Where a window's rows are made.
#[derive(Debug)]
enum Place {
    Here(WindowState),
    /// In the second stage.
    Linked(Relay),
}

impl Place {
    fn here(&self) -> Option<&WindowState> {
        match self {
            Self::Here(state) => Some(state),
            Self::Linked(_) => None,
        }
    }

    fn here_mut(&mut self) -> Option<&mut WindowState> {
        match self {
            Self::Here(state) => Some(state),
            Self::Linked(_) => None,
        }
    }

    fn relay(&self) -> Option<&Relay> {
        match self {
            Self::Here(_) => None,
            Self::Linked(relay) => Some(relay),
        }
    }
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
                .map(|(window, start)| {
                    if window.is_linked() {
                        Place::Linked(Relay::new(window, *start))
                    } else {
                        Place::Here(WindowState::new(window, *start, watermark))
                    }
                })
                .collect(),
            link: Link {
                source: 0,
                partitions: 1,
            },
            link_floor: None,
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

    /// The same engine, sending what linked windows come to over `link`.
    #[must_use]
    pub fn with_link(mut self, link: Link) -> Self {
        self.link = link;
        self
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
            for state in self.windows.iter_mut().filter_map(Place::here_mut) {
                state.restore_empty(bucket, at_offset);
            }
            for limiter in self.limiters.iter_mut().flatten() {
                limiter.restore_empty(bucket, at_offset);
            }
            return Ok(());
        }
        let plan = &*self.plan;
        let mut reader = image::open(image)?;
        for _ in 0..reader.count()? {
            let (digest, mut body) = (reader.u64()?, Reader::new(reader.bytes()?));
            let mut windows = plan.windows().iter().zip(&mut self.windows);
            if let Some((window, place)) = windows.find(|(window, _)| window.hash == digest)
                && let Some(state) = place.here_mut()
            {
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
        let link_before = before.max(self.link_floor);
        let mut only_idle = true;
        let counts = offset >= self.count_from;
        let reading = Reading {
            offset,
            time: event_time,
            values,
        };
        self.late.clear();
        self.alerts.clear();
        self.keys.clear();

        for (index, (window, place)) in plan.windows().iter().zip(&mut self.windows).enumerate() {
            if let Some(condition) = &window.condition
                && !condition.holds(values)
            {
                continue;
            }
            let keys = &mut self.keys;
            let key = &plan.keys()[window.key];
            let offer = match place {
                Place::Here(state) => state.offer(window, before, &reading, || {
                    keys.get(window.key, key, values)
                }),
                Place::Linked(relay) => {
                    let reading = reading.among_all(self.link.source);
                    relay.offer(window, link_before, &reading, || {
                        keys.get(window.key, key, values)
                    })
                }
            };
            let late = offer.offered - offer.taken;
            if counts {
                self.counts.windows[index].offered += offer.offered;
                self.counts.windows[index].late += late;
            }
            if late > 0 && window.reports_late {
                self.late.push(index);
                only_idle &= match place {
                    Place::Here(_) => false,
                    Place::Linked(relay) => relay.would_take(event_time, before) == offer.offered,
                };
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
            for (window, place) in plan.windows().iter().zip(&mut self.windows) {
                if let Place::Here(state) = place {
                    state.close(window, watermark);
                }
            }
            for (rule, limiter) in plan.rules().iter().zip(&mut self.limiters) {
                if let (Some(limit), Some(limiter)) = (&rule.limit, limiter) {
                    limiter.forget(limit, watermark);
                }
            }
        }
        Verdict {
            late: &self.late,
            idle: only_idle && !self.late.is_empty(),
            alerts: &self.alerts,
        }
    }

    /// The watermark, in microseconds since 1970; none before the first reading.
    pub fn watermark(&self) -> Option<i64> {
        self.watermark.get()
    }

    /// Whether there are rows to take.
    pub fn has_changes(&self) -> bool {
        self.closed_rows() + self.open_rows() > 0
    }

    /// How many final rows of windows' tables there are to take.
    pub fn closed_rows(&self) -> usize {
        let here = self.windows.iter().filter_map(Place::here);
        here.map(WindowState::closed_rows).sum()
    }

    /// How many rows of open windows there are to take, at most.
    pub fn open_rows(&self) -> usize {
        let windows = self.plan.windows().iter().zip(&self.windows);
        windows
            .filter_map(|(window, place)| Some(place.here()?.open_rows(window)))
            .sum()
    }

    /// What changed in the windows' tables since it was last taken: for each window of the plan, in its
    /// order, all final rows, and about as many of open windows as `open_rows`; each window has its share
    /// of them. With none to spare for one that has any, it gives one all the same, so that taking again and
    /// again gives all.
    pub fn take_changes(&mut self, open_rows: usize) -> Vec<WindowChanges> {
        let total = self.open_rows();
        self.plan
            .windows()
            .iter()
            .zip(&mut self.windows)
            .map(|(window, place)| match place {
                Place::Here(state) => state.take_changes(window, open_rows, total),
                Place::Linked(_) => WindowChanges::default(),
            })
            .collect()
    }

    /// The watermark that linked windows go by, in microseconds since 1970.
    pub fn link_watermark(&self) -> Option<i64> {
        self.watermark.get().max(self.link_floor)
    }

    /// Raises the watermark that linked windows go by, because the partition is idle.
    pub fn raise_link_watermark(&mut self, to: Option<i64>) {
        self.link_floor = self.link_floor.max(to);
    }

    /// What the readings of a range came to in linked windows: a message for each partition of the link
    /// topic. The range's readings are those since this was last called.
    pub fn end_range(&mut self, range: Range) -> Vec<Vec<u8>> {
        let partitions = usize::from(self.link.partitions);
        let header = Header {
            source: self.link.source,
            range,
            watermark: self.link_watermark(),
        };
        let mut messages: Vec<Writer> = Vec::new();
        messages.resize_with(partitions, Writer::default);
        let linked = self.windows.iter().filter_map(Place::relay).count();
        for message in &mut messages {
            link::write_header(header, message);
            message.count(linked as u64);
        }
        for (window, place) in self.plan.windows().iter().zip(&mut self.windows) {
            let Place::Linked(relay) = place else {
                continue;
            };
            let mut bodies: Vec<Writer> = Vec::new();
            bodies.resize_with(partitions, Writer::default);
            relay.take(window, &mut bodies, |key| link::place_of(key, partitions));
            for (message, body) in messages.iter_mut().zip(bodies) {
                message.u64(window.hash);
                message.optional_i64(relay.start().from);
                message.bytes(&body.into_bytes());
            }
        }
        messages.into_iter().map(Writer::into_bytes).collect()
    }

    /// About how much memory the parts of the current range take, in bytes.
    pub fn range_memory(&self) -> usize {
        let relays = self.windows.iter().filter_map(Place::relay);
        relays.map(Relay::memory).sum()
    }

    /// The state of a bucket as it is now, changes that were not taken among it.
    ///
    /// # Panics
    /// When there is no such bucket.
    pub fn image(&self, bucket: u16) -> Vec<u8> {
        assert!(bucket < BUCKETS, "there is no bucket {bucket}");
        let bucket = usize::from(bucket);
        let mut writer = image::begin();
        let here: Vec<_> = self
            .plan
            .windows()
            .iter()
            .zip(&self.windows)
            .filter_map(|(window, place)| Some((window, place.here()?)))
            .collect();
        writer.count(here.len() as u64);
        for (window, state) in here {
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
        let here = self.windows.iter().filter_map(Place::here);
        let windows = here.map(WindowState::memory);
        let limiters = self.limiters.iter().flatten().map(Limiter::memory);
        windows.chain(limiters).sum()
    }

    /// How many windows are open: instances of tumbling and sliding windows that have readings,
    /// and sessions.
    pub fn open_windows(&self) -> usize {
        let here = self.windows.iter().filter_map(Place::here);
        here.map(WindowState::open).sum()
    }
}
