//! The loop that sends live readings: waits for the topic, then makes readings as they are due and hands
//! them to librdkafka, until told to stop. It runs on a thread of its own and does all the polling.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use rdkafka::error::KafkaError;
use sensorstream_crds::runtime::ProduceConfig;
use tokio_util::sync::CancellationToken;

use super::{
    link::{Link, Room},
    metrics::{Cause, Metrics},
    pace::Pacer,
    reading::Simulation,
};
use crate::{
    backoff::Backoff,
    http::{Liveness, Readiness},
    telemetry::chain,
};

/// How often to look whether to stop.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long to wait for readings at least, so that many a second are made several at a time: less than
/// librdkafka waits before it sends them.
const TICK: Duration = Duration::from_millis(2);
/// How many readings to make before looking at anything else.
const BATCH: u64 = 1_000;
/// After so long without a refusal the next one is a new matter.
const CALM: Duration = Duration::from_secs(30);
/// How long delivering the rest may take when stopping.
const FLUSH_DEADLINE: Duration = Duration::from_secs(10);

/// The loop and what it works with.
pub(super) struct Sending {
    link: Link,
    simulation: Simulation,
    pacer: Pacer,
    limit: Option<u64>,
    made: u64,
    metrics: Metrics,
    shutdown: CancellationToken,
    backoff: Backoff,
    /// When to send again what was refused.
    retry_at: Option<Instant>,
    /// When that was done last.
    retried_at: Option<Instant>,
}

impl Sending {
    pub(super) fn new(
        config: &ProduceConfig,
        simulation: Simulation,
        metrics: Metrics,
        shutdown: CancellationToken,
    ) -> Result<Self, KafkaError> {
        Ok(Self {
            link: Link::new(&config.kafka, &config.input.topic.name, &metrics)?,
            simulation,
            pacer: Pacer::new(config.simulator.rate.get()),
            limit: config.simulator.limit.map(i64::unsigned_abs),
            made: 0,
            metrics,
            shutdown,
            backoff: Backoff::default(),
            retry_at: None,
            retried_at: None,
        })
    }

    /// Sends until told to stop, then delivers the rest.
    pub(super) fn run(mut self, ready: &Readiness, alive: &Liveness) -> Result<(), KafkaError> {
        self.wait_for_topic(alive);
        if !self.shutdown.is_cancelled() {
            ready.set(true);
            tracing::info!("sending readings");
            self.send_until_stopped(alive)?;
        }
        self.deliver_the_rest()?;
        self.metrics
            .log_summary(self.made, self.link.unacknowledged());
        Ok(())
    }

    fn wait_for_topic(&mut self, alive: &Liveness) {
        let mut told = String::new();
        while !self.shutdown.is_cancelled() {
            alive.beat();
            let Err(error) = self.link.check_topic() else {
                break;
            };
            self.metrics.failed(Cause::Topic);
            let reason = chain(&error);
            if reason != told {
                tracing::warn!(error = reason, "waiting for the topic");
                told = reason;
            }
            let until = Instant::now() + self.backoff.after_failure(rand::random());
            while !self.shutdown.is_cancelled() && Instant::now() < until {
                self.link
                    .poll(PATIENCE.min(until.saturating_duration_since(Instant::now())));
            }
        }
        self.backoff.reset();
    }

    fn send_until_stopped(&mut self, alive: &Liveness) -> Result<(), KafkaError> {
        let start = Instant::now();
        while !self.shutdown.is_cancelled() {
            alive.beat();
            self.send_refused()?;
            let wait = if self.limit.is_some_and(|limit| self.made >= limit) {
                if self.link.unacknowledged() == 0 && self.metrics.finished.get() == 0 {
                    tracing::info!(
                        readings = self.made,
                        "the limit is reached and everything acknowledged"
                    );
                    self.metrics.finished.set(1);
                }
                PATIENCE
            } else if self.link.refused() > 0 {
                // Nothing new while the old does not get through: memory stays bounded.
                Duration::from_millis(10)
            } else {
                let due = self.pacer.due(start.elapsed()).min(BATCH);
                for _ in 0..due {
                    if self.limit.is_some_and(|limit| self.made >= limit) || !self.send_one(alive) {
                        break;
                    }
                }
                if due == BATCH {
                    Duration::ZERO
                } else {
                    self.pacer.wait(start.elapsed()).clamp(TICK, PATIENCE)
                }
            };
            self.link.poll(wait);
        }
        Ok(())
    }

    /// Makes a reading and sends it. False when told to stop before there was room for it.
    fn send_one(&mut self, alive: &Liveness) -> bool {
        let reading = self.simulation.next(Timestamp::now());
        for kind in reading.records() {
            while self.link.send(kind, reading.key, reading.value) == Room::Full {
                if self.shutdown.is_cancelled() {
                    return false;
                }
                alive.beat();
                self.link.poll(Duration::from_millis(10));
            }
        }
        self.pacer.take();
        self.made += 1;
        true
    }

    /// Sends again what was refused, when its time has come.
    fn send_refused(&mut self) -> Result<(), KafkaError> {
        let Some(refusal) = self.link.refusal() else {
            return Ok(());
        };
        let now = Instant::now();
        let Some(retry_at) = self.retry_at else {
            if self
                .retried_at
                .is_some_and(|at| now.duration_since(at) > CALM)
            {
                self.backoff.reset();
            }
            let wait = self.backoff.after_failure(rand::random());
            tracing::warn!(records = self.link.refused(), error = %refusal, "records were refused and are sent again");
            self.retry_at = Some(now + wait);
            return Ok(());
        };
        if now >= retry_at {
            self.retry_at = None;
            self.retried_at = Some(now);
            self.link.send_refused()?;
        }
        Ok(())
    }

    fn deliver_the_rest(&mut self) -> Result<(), KafkaError> {
        let deadline = Instant::now() + FLUSH_DEADLINE;
        while self.link.unacknowledged() > 0 && Instant::now() < deadline {
            self.send_refused()?;
            self.link.poll(Duration::from_millis(10));
        }
        Ok(())
    }
}
