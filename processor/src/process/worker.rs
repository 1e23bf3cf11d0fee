//! A shard's thread: takes records from the partition's queue, decides them into a batch, and
//! hands the batch to the committer. What an earlier owner decided already but has to be done again
//! comes first.
//!
//! One batch is being committed while the next one is being built, and no more than that: when
//! PostgreSQL is slow or away, the thread stops taking records, librdkafka's bounded queue fills
//! up, and fetching pauses by itself.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use rdkafka::error::RDKafkaErrorCode;
use sensorstream_broker::partition_queue::{PartitionQueue, Polled};
use sensorstream_engine::OpenRows;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    accounts::Accounts,
    batch::{Batch, Consequences},
    consumer::Reports,
    decide::{Again, Decider},
    outbox::Job,
    role::Role,
    session::{Notice, Notices},
    snapshots::Snapshots,
};

/// How long a batch waits for more records after its first one.
const LINGER: Duration = Duration::from_millis(50);
/// How often an idle shard looks whether it is to stop.
const IDLE: Duration = Duration::from_millis(200);
/// How long a batch that may not be handed over yet waits for more records.
const BUSY: Duration = Duration::from_millis(10);
/// Records taken from the queue at once.
const CHUNK: usize = 500;

/// What a committer is asked to do.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time waits, and a batch is moved, not copied"
)]
pub enum Work {
    /// Send what an earlier owner decided.
    Resend(Job),
    /// Commit a batch, and give it back.
    Commit(Batch, oneshot::Sender<Batch>),
}

/// A shard's thread, yet to be started.
pub struct Worker {
    /// What every part of the role shares.
    pub role: Arc<Role>,
    /// The partition.
    pub partition: i32,
    /// Its queue.
    pub queue: PartitionQueue<Reports>,
    /// Everything below is decided.
    pub next_offset: i64,
    /// What decides records.
    pub decider: Decider,
    /// What became of readings in windows and rules before.
    pub accounts: Accounts,
    /// What has to be done again below the next offset.
    pub again: Again,
    /// The first offset to read.
    pub read_from: i64,
    /// Takes down the state.
    pub snapshots: Snapshots,
    /// Everything below has been sent.
    pub sent_below: Arc<AtomicI64>,
    /// Where batches go.
    pub work: mpsc::Sender<Work>,
    /// Where trouble is told.
    pub notices: Notices,
    /// Says when to stop.
    pub stop: CancellationToken,
}

/// The batch that is being committed.
struct InFlight(Option<oneshot::Receiver<Batch>>);

impl InFlight {
    /// A batch to build the next one in, if the last one is committed.
    fn try_take(&mut self, spare: &mut Option<Batch>) -> Result<bool, Abandoned> {
        let Some(receiver) = &mut self.0 else {
            return Ok(true);
        };
        match receiver.try_recv() {
            Ok(batch) => {
                *spare = Some(batch);
                self.0 = None;
                Ok(true)
            }
            Err(oneshot::error::TryRecvError::Empty) => Ok(false),
            Err(oneshot::error::TryRecvError::Closed) => Err(Abandoned),
        }
    }

    /// Waits until the last one is committed.
    fn wait(&mut self, spare: &mut Option<Batch>) -> Result<(), Abandoned> {
        if let Some(receiver) = self.0.take() {
            *spare = Some(receiver.blocking_recv().map_err(|_| Abandoned)?);
        }
        Ok(())
    }
}

/// The committer is gone.
struct Abandoned;

/// A batch that is being built.
struct Building {
    batch: Batch,
    /// When there was first something in it.
    opened_at: Option<Instant>,
    /// When rows of open windows may be written next.
    emit_at: Instant,
}

impl Worker {
    /// Runs until told to stop, or until the committer is gone.
    pub fn run(mut self) {
        // The committer is gone only if the shard is, or is about to be.
        let _ = self.recover().and_then(|first| self.work(first));
    }

    /// Does again what is decided already. Answers the batch that comes next, which may have its first
    /// records.
    fn recover(&mut self) -> Result<Batch, Abandoned> {
        let mut position = self.read_from;
        let mut first = Batch::starting_at(self.next_offset);
        while position < self.next_offset && !self.stop.is_cancelled() {
            self.decider.at(Timestamp::now());
            let Self {
                queue,
                decider,
                again,
                notices,
                partition,
                next_offset,
                ..
            } = self;
            let mut repeated = 0;
            let taken = queue.consume(IDLE, CHUNK, |polled| match polled {
                Polled::Record(record) if record.offset() < position => {}
                Polled::Record(record) if record.offset() < *next_offset => {
                    position = record.offset() + 1;
                    decider.repeat(&record, again);
                    repeated += 1;
                }
                // The first of those that nobody has decided came along.
                Polled::Record(record) => {
                    position = record.offset();
                    decider.decide(&record, &mut first);
                }
                other => tell(notices, *partition, &other),
            });
            if taken == 0 {
                position = position.max(self.queue.position().unwrap_or(position));
            }
            self.role.metrics.records_repeated.inc_by(repeated);
            if self.again.is_full() {
                self.resend(position.min(self.next_offset))?;
            }
        }
        if self.stop.is_cancelled() {
            return Err(Abandoned);
        }
        self.resend(self.next_offset)?;
        Ok(first)
    }

    fn resend(&mut self, to: i64) -> Result<(), Abandoned> {
        let job = self.again.take(to);
        let sent = self.work.blocking_send(Work::Resend(job));
        sent.map_err(|_| Abandoned)
    }

    /// Builds batch after batch.
    fn work(&mut self, first: Batch) -> Result<(), Abandoned> {
        let mut building = Building {
            opened_at: (!first.is_empty()).then(Instant::now),
            batch: first,
            emit_at: Instant::now(),
        };
        let mut spare = None;
        let mut in_flight = InFlight(None);
        while !self.stop.is_cancelled() {
            self.take_records(&mut building);
            let now = Instant::now();
            let emits = self.emits(&building, now);
            let Some(opened_at) = building.opened_at.or_else(|| emits.then_some(now)) else {
                continue;
            };
            building.opened_at = Some(opened_at);
            let may_go = if building.batch.is_full() {
                in_flight.wait(&mut spare)?;
                true
            } else {
                opened_at.elapsed() >= LINGER && in_flight.try_take(&mut spare)?
            };
            if may_go {
                in_flight = self.hand_over(&mut building, spare.take(), emits)?;
            }
        }
        // Nobody may read on for long: a pipeline that is stopped shows what it has.
        if !building.batch.is_empty() || self.decider.engine().has_changes() {
            in_flight.wait(&mut spare)?;
            let _ = self.hand_over(&mut building, spare.take(), true)?;
        }
        Ok(())
    }

    /// Whether rows of open windows are to be written.
    fn emits(&self, building: &Building, now: Instant) -> bool {
        now >= building.emit_at && self.decider.engine().has_changes()
    }

    /// Hands a batch to the committer and begins the next one.
    fn hand_over(
        &mut self,
        building: &mut Building,
        spare: Option<Batch>,
        emits: bool,
    ) -> Result<InFlight, Abandoned> {
        let now = Instant::now();
        let next = building.batch.to();
        let mut fresh = spare.unwrap_or_else(|| Batch::starting_at(next));
        fresh.restart_at(next);
        let mut full = std::mem::replace(&mut building.batch, fresh);
        full.consequences = self.consequences(next, emits, now);
        if emits {
            building.emit_at = now + self.role.emit_every.unwrap_or(IDLE);
        }
        building.opened_at = None;
        let (give_back, receiver) = oneshot::channel();
        let sent = self.work.blocking_send(Work::Commit(full, give_back));
        sent.map_err(|_| Abandoned)?;
        Ok(InFlight(Some(receiver)))
    }

    /// What follows from everything read below `to`.
    fn consequences(&mut self, to: i64, emits: bool, now: Instant) -> Consequences {
        let plan = &self.role.plan;
        let engine = self.decider.engine_mut();
        let open_rows = if emits {
            OpenRows::Take
        } else {
            OpenRows::Skip
        };
        let windows = engine.take_changes(open_rows);
        let mut buckets = Vec::new();
        if !plan.is_stateless() {
            self.snapshots.take(engine, to, now);
            let sent_below = if self.role.products.are_sent() {
                self.sent_below.load(Ordering::Relaxed)
            } else {
                i64::MAX
            };
            buckets = self.snapshots.hand_out(sent_below);
            let partition = self.partition.to_string();
            let state_bytes = &self.role.metrics.state_bytes;
            state_bytes
                .with_label_values(&[&partition])
                .set(engine.memory() as i64);
        }
        Consequences {
            watermark_us: engine.watermark(),
            windows,
            accounts: self.accounts.with(plan, engine),
            buckets,
        }
    }

    /// Takes what there is, for as long as the batch may wait.
    fn take_records(&mut self, building: &mut Building) {
        let Self {
            queue,
            decider,
            notices,
            partition,
            ..
        } = self;
        let batch = &mut building.batch;
        let (timeout, limit) = match building.opened_at {
            None => (IDLE, 1),
            Some(opened_at) => (LINGER.saturating_sub(opened_at.elapsed()).max(BUSY), CHUNK),
        };
        decider.at(Timestamp::now());
        let taken = queue.consume(timeout, limit, |polled| match polled {
            // A fetcher that was set back would show records again that are decided already.
            Polled::Record(record) if record.offset() < batch.to() => {}
            Polled::Record(record) => decider.decide(&record, batch),
            other => tell(notices, *partition, &other),
        });
        if taken == 0 {
            // Past transaction markers, so that nothing seems to be left.
            if let Some(position) = queue.position() {
                batch.advance_to(position);
            }
        }
        if building.opened_at.is_none() && !batch.is_empty() {
            building.opened_at = Some(Instant::now());
        }
    }
}

/// Tells the session of trouble.
fn tell(notices: &Notices, partition: i32, polled: &Polled<'_>) {
    match polled {
        // Not asked for: it would spoil the position (see `partition_queue`).
        Polled::Record(_) | Polled::EndOfPartition(_) => {}
        Polled::Error(RDKafkaErrorCode::AutoOffsetReset) => {
            notices.send(Notice::OutOfRange { partition });
        }
        Polled::Error(error) => notices.send(Notice::Unreadable {
            partition,
            error: *error,
        }),
    }
}
