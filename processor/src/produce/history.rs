//! The loop that sends the readings of a timeline that is not live, each of them once, whatever is
//! restarted or breaks: readings and a marker of how far they go are in one Kafka transaction, and whoever
//! comes next goes on from the marker. It runs on a thread of its own.
//!
//! ```text
//! topic there? ─► fence the one before ─► marker ─► catch up ─► transactions ─► finalizers ─► idle
//!      ▲                                                 any error │
//!      └───────────────────────── a new producer ◄─────────────────┘
//! ```

use std::{
    collections::BTreeMap,
    thread::sleep,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use sensorstream_crds::runtime::ProduceConfig;
use tokio_util::sync::CancellationToken;

use super::{
    kind::Kind,
    line::{Line, LineError},
    marker::Marker,
    metrics::{Cause, Metrics},
    pace::Pacer,
    progress::{Finalizing, Progress, Record, Todo},
    reading::Simulation,
    timeline::{self, Timeline},
};
use crate::{
    backoff::Backoff,
    http::{Liveness, Readiness},
    telemetry::chain,
};

/// How often to look whether to stop, and how long readings gather for a transaction.
const PATIENCE: Duration = Duration::from_millis(100);
/// The most readings in a transaction.
const BATCH: u64 = 10_000;
/// How many readings to leave out before looking at anything else.
const STRIDE: u64 = 1_000_000;
/// How often the marker is written anew when there is nothing to send: brokers forget offsets that are old.
const REFRESH: Duration = Duration::from_hours(6);

/// The loop and what it works with.
pub(super) struct History {
    config: ProduceConfig,
    timeline: Timeline,
    /// At its beginning.
    simulation: Simulation,
    metrics: Metrics,
    shutdown: CancellationToken,
    backoff: Backoff,
    /// What the counters have of what was sent.
    shown: BTreeMap<Kind, u64>,
    readings: u64,
    told: String,
}

impl History {
    pub(super) fn new(
        config: ProduceConfig,
        timeline: Timeline,
        simulation: Simulation,
        metrics: Metrics,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            config,
            timeline,
            simulation,
            metrics,
            shutdown,
            backoff: Backoff::default(),
            shown: BTreeMap::new(),
            readings: 0,
            told: String::new(),
        }
    }

    /// Sends until told to stop.
    pub(super) fn run(mut self, ready: &Readiness, alive: &Liveness) {
        while !self.shutdown.is_cancelled() {
            alive.beat();
            let Err(error) = self.go_on(ready, alive) else {
                break;
            };
            self.metrics.failed(match error {
                LineError::NotYet(_) => Cause::Topic,
                LineError::Kafka(..) | LineError::Marker(..) => Cause::Transaction,
            });
            let reason = chain(&error);
            if reason != self.told {
                tracing::warn!(error = reason, "sending is tried again");
                self.told = reason;
            }
            self.rest(alive);
        }
        self.metrics.log_summary(self.readings, 0);
    }

    /// Waits before the next try.
    fn rest(&mut self, alive: &Liveness) {
        let until = Instant::now() + self.backoff.after_failure(rand::random());
        while !self.shutdown.is_cancelled() && Instant::now() < until {
            alive.beat();
            sleep(PATIENCE.min(until.saturating_duration_since(Instant::now())));
        }
    }

    /// One producer's life. Ends well when told to stop.
    fn go_on(&mut self, ready: &Readiness, alive: &Liveness) -> Result<(), LineError> {
        let (line, topic) = Line::open(&self.config)?;
        alive.beat();
        let mut progress = self.resume(line.marker()?, topic.id);
        ready.set(true);
        if progress.todo(Timestamp::now()) != Todo::Nothing {
            while !progress.catch_up(STRIDE) && !self.shutdown.is_cancelled() {
                alive.beat();
            }
        }
        let started = Instant::now();
        let mut pacer = Pacer::new(self.config.simulator.rate.get());
        let mut refreshed = started;
        let mut doing = None;
        while !self.shutdown.is_cancelled() {
            alive.beat();
            let now = Timestamp::now();
            let todo = progress.todo(now);
            self.tell(todo, &mut doing);
            match todo {
                Todo::Readings(taken) => {
                    let due = pacer.due(started.elapsed()).min(taken).min(BATCH);
                    if due > 0 {
                        self.send(&line, &mut progress, |progress, send| {
                            progress.readings(due, now, send)
                        })?;
                        (0..due).for_each(|_| pacer.take());
                    }
                    if due == BATCH {
                        continue;
                    }
                }
                Todo::Finalizers(time) => {
                    let partitions = line.topic()?.partitions;
                    self.send(&line, &mut progress, |progress, send| {
                        progress.finalizers(partitions, time, now, send)
                    })?;
                }
                Todo::WaitUntil(_) | Todo::Nothing => {
                    if refreshed.elapsed() > REFRESH {
                        line.begin()?;
                        line.commit(progress.marker())?;
                        refreshed = Instant::now();
                    }
                }
            }
            line.poll(PATIENCE);
        }
        Ok(())
    }

    /// Where the one before stopped, or the beginning.
    fn resume(&mut self, found: Option<Marker>, topic: String) -> Progress {
        let name = timeline::name(&self.config.simulator);
        let beginning = Marker::new(name, topic, Timestamp::now());
        let found = found.filter(|found| found.continues(&beginning));
        let marker = if let Some(found) = found {
            tracing::info!(readings = found.readings, start = %found.start, "going on");
            found
        } else {
            tracing::info!(start = %beginning.start, "beginning a timeline");
            self.shown.clear();
            beginning
        };
        self.note(&marker);
        let finalizing = Finalizing::of(&self.config);
        Progress::new(self.timeline, finalizing, self.simulation.clone(), marker)
    }

    /// Sends what `make` makes, in one transaction with the marker.
    fn send(
        &mut self,
        line: &Line,
        progress: &mut Progress,
        make: impl FnOnce(
            &mut Progress,
            &mut dyn FnMut(Record<'_>) -> Result<(), LineError>,
        ) -> Result<Marker, LineError>,
    ) -> Result<(), LineError> {
        let (mut records, mut bytes) = (0, 0);
        let sent = line.begin().and_then(|()| {
            let marker = make(progress, &mut |record| {
                records += 1;
                bytes += record.key.map_or(0, <[u8]>::len) + record.value.len();
                line.send(record)
            })?;
            self.metrics.buffered.set(records);
            line.commit(&marker)?;
            Ok(marker)
        });
        self.metrics.buffered.set(0);
        match sent {
            Ok(marker) => {
                self.metrics.bytes.inc_by(bytes as u64);
                self.note(&marker);
                progress.reached(marker);
                self.backoff.reset();
                self.told.clear();
                Ok(())
            }
            Err(error) => {
                self.metrics.retries.inc_by(records.unsigned_abs());
                Err(error)
            }
        }
    }

    /// Shows how far the simulator has come.
    fn note(&mut self, marker: &Marker) {
        self.metrics.show(&self.shown, &marker.sent);
        self.shown.clone_from(&marker.sent);
        self.readings = marker.readings;
    }

    /// Says what there is to do when it is something else than before.
    fn tell(&self, todo: Todo, doing: &mut Option<std::mem::Discriminant<Todo>>) {
        let kind = std::mem::discriminant(&todo);
        if doing.replace(kind) == Some(kind) {
            return;
        }
        let readings = self.readings;
        match todo {
            Todo::Readings(_) => tracing::info!("sending readings"),
            Todo::WaitUntil(time) => {
                tracing::info!(readings, %time, "everything but the last readings is sent; they would be too far ahead of the present until then");
            }
            Todo::Finalizers(time) => {
                tracing::info!(readings, %time, "sending the last readings, one a partition");
            }
            Todo::Nothing => {
                tracing::info!(readings, "everything is sent and acknowledged");
            }
        }
        self.metrics
            .finished
            .set(i64::from(matches!(todo, Todo::Nothing)));
    }
}
