//! What all streams share: the pipeline is looked at once a second, while anybody listens, and what
//! is new in the table is read once for all who are up to date.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use sensorstream_ledger::readers;
use serde_json::Value;
use sqlx::PgPool;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::position::Committed;
use crate::serve::{
    given::Given,
    health::{Health, Observed, input_shards, rate::Rate},
    problem::Problem,
    readings::Readings,
    tail::Tail,
};

/// How often the pipeline is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// How old a look may be to serve another who asks.
const FRESH: Duration = Duration::from_millis(1500);
/// How old a look may be for what came since to be read for all: before, nobody listened.
const RECENT: Duration = Duration::from_secs(5);
/// How long a look may take, whatever the database does.
const TIMEOUT: Duration = Duration::from_secs(8);
/// Connections that looks have for themselves, so that requests can't hold them up.
const CONNECTIONS: u32 = 2;
/// How many readings are sent at a time at most.
pub const BATCH: i64 = 1000;

/// What all streams share.
pub struct Hub {
    pool: PgPool,
    pipeline: String,
    readings: Option<Arc<Readings>>,
    /// What Kafka knows.
    pub tail: Tail,
    rate: Mutex<Rate>,
    looking: tokio::sync::Mutex<()>,
    looks: watch::Sender<Arc<Look>>,
    listeners: AtomicUsize,
    came: Notify,
}

/// What was seen at one look.
#[derive(Clone, Default)]
pub struct Look {
    /// When.
    at: Option<Instant>,
    /// What is committed.
    pub committed: Committed,
    /// The readings that came since the look before, if there are any.
    pub batch: Option<Arc<Batch>>,
    /// How the pipeline is.
    pub health: Option<Arc<Health>>,
    /// Why nothing could be seen, if so.
    pub problem: Option<Problem>,
}

/// Readings that came between two looks.
#[derive(Clone, Debug)]
pub struct Batch {
    /// What was committed before.
    pub from: Committed,
    /// The newest of them, oldest first.
    pub readings: Vec<Value>,
    /// Whether there were more.
    pub skipped: bool,
}

/// Somebody who listens. While there is one, looks go on.
pub struct Listener {
    hub: Arc<Hub>,
    /// The looks to come.
    pub looks: watch::Receiver<Arc<Look>>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.hub.listeners.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Hub {
    /// What streams of a pipeline share.
    pub fn new(
        pool: &PgPool,
        pipeline: String,
        readings: Option<Arc<Readings>>,
        tail: Tail,
    ) -> Self {
        let connections = pool.options().clone().max_connections(CONNECTIONS);
        let options = (*pool.connect_options()).clone();
        Self {
            pool: connections.connect_lazy_with(options),
            pipeline,
            readings,
            tail,
            rate: Mutex::default(),
            looking: tokio::sync::Mutex::default(),
            looks: watch::Sender::default(),
            listeners: AtomicUsize::new(0),
            came: Notify::new(),
        }
    }

    /// Looks once a second while anybody listens, until `shutdown`.
    pub async fn run(&self, shutdown: CancellationToken) {
        let looking = async {
            loop {
                while self.listeners.load(Ordering::Relaxed) == 0 {
                    self.came.notified().await;
                }
                tokio::time::sleep(EVERY).await;
                self.look().await;
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = looking => {}
        }
    }

    /// Begins to listen.
    pub async fn listen(self: &Arc<Self>) -> Result<Listener, Problem> {
        self.listeners.fetch_add(1, Ordering::Relaxed);
        // It counts as listening from here on, and no longer whatever becomes of it.
        let mut listener = Listener {
            hub: Arc::clone(self),
            looks: self.looks.subscribe(),
        };
        self.came.notify_one();
        self.recent().await?;
        listener.looks.mark_unchanged();
        Ok(listener)
    }

    /// How the pipeline is.
    pub async fn health(&self) -> Result<Arc<Health>, Problem> {
        let look = self.recent().await?;
        let unseen = || Problem::unavailable("the pipeline has not been looked at yet; try again");
        look.health.clone().ok_or_else(unseen)
    }

    /// A look that is fresh.
    async fn recent(&self) -> Result<Arc<Look>, Problem> {
        let fresh = |look: &Look| {
            let seen = look.problem.is_none() && look.health.is_some();
            seen && look.at.is_some_and(|at| at.elapsed() < FRESH)
        };
        let last = Arc::clone(&self.looks.borrow());
        if !fresh(&last) {
            self.look().await;
        }
        let look = Arc::clone(&self.looks.borrow());
        match &look.problem {
            Some(problem) => Err(problem.clone()),
            None => Ok(look),
        }
    }

    /// Looks, and reads what is new if somebody is there to take it.
    async fn look(&self) {
        let asked = Instant::now();
        let _turn = self.looking.lock().await;
        let last = Arc::clone(&self.looks.borrow());
        if last.at.is_some_and(|at| at >= asked) {
            return; // Somebody else has looked while this waited.
        }
        let listened = self.listeners.load(Ordering::Relaxed) > 0;
        let with_readings = listened && last.at.is_some_and(|at| at.elapsed() < RECENT);
        let seen = tokio::time::timeout(TIMEOUT, self.see(&last, with_readings)).await;
        let seen = match seen {
            Ok(Ok(look)) => Ok(look),
            Ok(Err(error)) => Err(Problem::of_failed(&error)),
            Err(_) => Err(Problem::timed_out()),
        };
        let look = seen.unwrap_or_else(|problem| Look {
            problem: Some(problem),
            batch: None,
            ..(*last).clone()
        });
        self.looks.send_replace(Arc::new(Look {
            at: Some(Instant::now()),
            ..look
        }));
    }

    async fn see(&self, last: &Look, with_readings: bool) -> Result<Look, sqlx::Error> {
        let shards = readers::shards(&self.pool, &self.pipeline).await?;
        let reported = readers::status(&self.pool, &self.pipeline).await?;
        let committed = Committed::of(&shards);
        let rate = {
            let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
            let read = input_shards(&shards);
            rate.note(Instant::now(), read.map(|shard| shard.records_read).sum());
            rate.a_second()
        };
        let ends = self.tail.ends().await;
        let observed = Observed {
            shards: &shards,
            ends: ends.as_ref(),
            reported: reported.as_ref(),
            rate,
        };
        let health = Arc::new(Health::of(&observed, Timestamp::now()));
        let batch = if with_readings {
            let batch = self
                .readings_between(&last.committed, &committed, None)
                .await?;
            batch.map(Arc::new)
        } else {
            None
        };
        Ok(Look {
            at: None,
            committed,
            batch,
            health: Some(health),
            problem: None,
        })
    }

    /// The readings that were committed between two positions, of a key or of all.
    pub async fn readings_between(
        &self,
        from: &Committed,
        to: &Committed,
        key: Option<&Given>,
    ) -> Result<Option<Batch>, sqlx::Error> {
        let Some((readings, span)) = self.readings.as_ref().zip(from.until(to)) else {
            return Ok(None);
        };
        let mut found = readings
            .since(&self.pool, &span, BATCH, key.cloned())
            .await?;
        let skipped = span.cut || found.len() > BATCH as usize;
        found.truncate(BATCH as usize);
        found.reverse();
        Ok(Some(Batch {
            from: from.clone(),
            readings: found,
            skipped,
        }))
    }
}
