//! A sink that does not take what it is given: counted with the first error, and shown as blocked, to people
//! and to the operator, once that has lasted.

use std::{
    error::Error,
    sync::Arc,
    time::{Duration, Instant},
};

use sensorstream_ledger::shard::{ShardKey, blocked};

use crate::telemetry;

use super::{
    lanes::{LaneError, PATIENCE, within},
    metrics::SinkMetrics,
    role::Role,
};

/// How long a sink may fail before it counts as blocked.
const BLOCKED_AFTER: Duration = Duration::from_secs(5);

/// How a sink does for one shard.
pub struct SinkWatch {
    role: Arc<Role>,
    key: ShardKey,
    epoch: i64,
    sink: &'static str,
    metrics: SinkMetrics,
    outage: Option<Outage>,
}

/// A time during which a sink takes nothing.
#[derive(Clone, Copy, Debug)]
struct Outage {
    began_at: Instant,
    /// Up to when it has been counted.
    counted_to: Instant,
    /// Whether it is shown as blocked.
    shown: bool,
}

impl SinkWatch {
    /// A sink that works.
    pub fn new(role: &Arc<Role>, key: &ShardKey, epoch: i64, sink: &'static str) -> Self {
        Self {
            metrics: role.metrics.sink(sink),
            role: Arc::clone(role),
            key: key.clone(),
            epoch,
            sink,
            outage: None,
        }
    }

    /// Takes note that an attempt failed, and tells the operator if that has lasted.
    pub async fn failed(&mut self, error: &(dyn Error + Sync)) {
        if self.count() {
            let text = telemetry::chain(error);
            self.tell(Some(&text)).await;
        }
    }

    /// Counts an attempt that failed. Whether the sink counts as blocked.
    pub fn count(&mut self) -> bool {
        self.metrics.errors.inc();
        let now = Instant::now();
        let outage = self.outage.get_or_insert(Outage {
            began_at: now,
            counted_to: now,
            shown: false,
        });
        count_time(&self.metrics, outage, now);
        let lasts = now.duration_since(outage.began_at) >= BLOCKED_AFTER;
        if lasts && !std::mem::replace(&mut outage.shown, true) {
            self.metrics.blocked.inc();
        }
        lasts
    }

    /// Takes note that the sink works.
    pub async fn works(&mut self) {
        if self.end() {
            self.tell(None).await;
        }
    }

    /// Ends what is shown. Whether it was.
    fn end(&mut self) -> bool {
        let Some(mut outage) = self.outage.take() else {
            return false;
        };
        count_time(&self.metrics, &mut outage, Instant::now());
        if outage.shown {
            self.metrics.blocked.dec();
        }
        outage.shown
    }

    async fn tell(&self, error: Option<&str>) {
        tell(&self.role, &self.key, self.epoch, self.sink, error).await;
    }
}

/// Whoever has the shard next says for himself whether the sink works.
impl Drop for SinkWatch {
    fn drop(&mut self) {
        self.end();
    }
}

fn count_time(metrics: &SinkMetrics, outage: &mut Outage, now: Instant) {
    let waited = now.duration_since(outage.counted_to);
    metrics.blocked_seconds.inc_by(waited.as_secs_f64());
    outage.counted_to = now;
}

/// Writes into the commit log, where the operator looks, that a sink holds a shard up, or no longer does.
pub(super) async fn tell(role: &Role, key: &ShardKey, epoch: i64, sink: &str, error: Option<&str>) {
    let told = async {
        let mut lane = role.lanes.take().await?;
        match error {
            Some(error) => {
                within(
                    PATIENCE,
                    blocked::report(&mut lane, key, epoch, sink, error),
                )
                .await?;
            }
            None => within(PATIENCE, blocked::clear(&mut lane, key, epoch, sink)).await?,
        }
        lane.give_back();
        Ok::<_, LaneError>(())
    };
    if let Err(error) = told.await {
        tracing::debug!(
            sink,
            error = telemetry::chain(&error),
            "telling whether a sink is blocked"
        );
    }
}
