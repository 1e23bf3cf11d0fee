//! A shard's thread: takes records from the partition's queue, decides them into a batch, and
//! hands the batch to the committer. What an earlier owner decided already but has to be done again
//! comes first.
//!
//! One batch is being committed while the next one is being built, and no more than that: when
//! PostgreSQL is slow or away, the thread stops taking records, librdkafka's bounded queue fills
//! up, and fetching pauses by itself.

mod emission;
mod in_flight;
mod recovery;

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
use sensorstream_crds::Reason;
use sensorstream_lake::ClosedFile;
use sensorstream_ledger::shard::{ShardKey, links};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::telemetry;

use super::{
    accounts::Accounts,
    batch::{Batch, Consequences},
    computation::{Computation, Unusable},
    consumer::Reports,
    decide::Again,
    idle::{End, Idleness},
    lanes::{LaneError, PATIENCE, within},
    outbox::Job,
    role::Role,
    session::{Notice, Notices},
    snapshots::Snapshots,
};
use emission::{Emission, MAX_ROWS};
use in_flight::InFlight;

/// How often a shard with nothing to read writes down what is left of its state, so that it needs the log no
/// more.
const NOTE_EVERY: Duration = Duration::from_secs(1);
/// How often an idle shard asks how far the others are.
const ASK_EVERY: Duration = Duration::from_secs(1);
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
    /// Write files of the lake that an earlier owner decided.
    Write(Vec<ClosedFile>),
    /// Commit a batch, and give it back.
    Commit(Batch, oneshot::Sender<Batch>),
    /// Say when everything has been sent.
    SendAll(oneshot::Sender<()>),
}

/// Where a shard's thread begins, and what it works with, whatever it computes.
pub struct Beginning {
    /// What every part of the stage shares.
    pub role: Arc<Role>,
    /// Which shard.
    pub key: ShardKey,
    /// Its partition's queue.
    pub queue: PartitionQueue<Reports>,
    /// Everything below is decided.
    pub next_offset: i64,
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
    /// Where Kafka last said that the partition ends.
    pub end: Arc<End>,
    /// Says when to stop.
    pub stop: CancellationToken,
}

/// A shard's thread, yet to be started.
pub struct Worker<C> {
    at: Beginning,
    computation: C,
    /// What became of readings in windows and rules before.
    accounts: Accounts,
}

/// The committer is gone.
struct Abandoned;

/// A batch that is being built.
struct Building {
    batch: Batch,
    /// When there was first something in it.
    opened_at: Option<Instant>,
    emission: Emission,
    /// When what is left of the state may be written down next.
    note_at: Instant,
    idleness: Idleness,
    /// When it is asked next how far others are, if the partition is idle.
    ask_at: Instant,
    /// Whether the last batch said that the partition is idle.
    idle: bool,
}

impl<C: Computation> Worker<C> {
    /// A worker that goes on with what `computation` was restored to.
    pub fn new(at: Beginning, computation: C, accounts: Accounts) -> Self {
        Self {
            at,
            computation,
            accounts,
        }
    }

    /// Runs until told to stop, or until the committer is gone.
    pub fn run(mut self) {
        // The committer is gone only if the shard is, or is about to be.
        let _ = self.recover().and_then(|first| self.work(first));
    }

    /// Gives up if a record could not be taken.
    fn check(&self, taken: Result<(), Unusable>) -> Result<(), Abandoned> {
        taken.map_err(|Unusable(error)| {
            self.at.notices.send(Notice::Unusable {
                partition: self.at.key.partition,
                error,
            });
            Abandoned
        })
    }

    /// Builds batch after batch.
    fn work(&mut self, first: Batch) -> Result<(), Abandoned> {
        // Without any open rows to write it makes no difference.
        let emit_every = self.at.role.emit_every.unwrap_or(IDLE);
        let mut building = Building {
            opened_at: (!first.is_empty()).then(Instant::now),
            emission: Emission::new(emit_every, first.from(), Instant::now()),
            batch: first,
            note_at: Instant::now() + NOTE_EVERY,
            idleness: Idleness::new(self.at.role.idle_after),
            ask_at: Instant::now(),
            idle: false,
        };
        let mut spare = None;
        let mut in_flight = InFlight::none();
        while !self.at.stop.is_cancelled() {
            self.take_records(&mut building)?;
            let now = Instant::now();
            let closed = self.computation.closed_rows();
            let open = self.computation.open_rows();
            let open_rows = building.emission.allowed(open, closed, now);
            let stands = self.follow_others(&mut building, now);
            let rolls = self.computation.lake_is_due(now);
            let notes = self.notes(&building, now);
            let tells = closed > 0 || open_rows > 0 || stands || rolls || notes;
            let opened_at = building.opened_at;
            let Some(opened_at) = opened_at.or_else(|| tells.then_some(now)) else {
                continue;
            };
            building.opened_at = Some(opened_at);
            let elsewhere = self.computation.batch_memory();
            let may_go = if closed >= MAX_ROWS || building.batch.is_full(elsewhere) {
                in_flight.wait(&mut spare)?;
                true
            } else {
                opened_at.elapsed() >= self.at.role.linger && in_flight.try_take(&mut spare)?
            };
            if may_go {
                in_flight = self.hand_over(&mut building, spare.take(), open_rows)?;
            }
        }
        // Nobody may read on for long: a pipeline that is stopped shows what it has.
        while !building.batch.is_empty()
            || self.computation.has_changes()
            || self.computation.has_open_files()
        {
            in_flight.wait(&mut spare)?;
            in_flight = self.hand_over(&mut building, spare.take(), MAX_ROWS)?;
        }
        in_flight.wait(&mut spare)?;
        self.write_down(building, spare)
    }

    /// Writes all of the state down, once what it led to has been sent.
    fn write_down(
        &mut self,
        mut building: Building,
        spare: Option<Batch>,
    ) -> Result<(), Abandoned> {
        if !self.at.role.has_state() {
            return Ok(());
        }
        let (answer, sent) = oneshot::channel();
        let asked = self.at.work.blocking_send(Work::SendAll(answer));
        asked.map_err(|_| Abandoned)?;
        sent.blocking_recv().map_err(|_| Abandoned)?;
        let (memory, to) = (self.computation.memory(), building.batch.to());
        self.at.snapshots.take_all(&self.computation, memory, to);
        self.hand_over(&mut building, spare, 0).map(drop)
    }

    /// Whether what the shard has read is to be written down, now that there is nothing more to read.
    fn notes(&self, building: &Building, now: Instant) -> bool {
        let to = building.batch.to();
        let snapshots = || self.at.role.has_state() && self.at.snapshots.are_behind(to);
        building.batch.is_empty()
            && now >= building.note_at
            && (snapshots() || self.computation.lake_has_news(to))
    }

    /// Raises the watermark that windows over several partitions go by to where the others are, if the
    /// partition is idle. Whether that is news to be committed.
    fn follow_others(&mut self, building: &mut Building, now: Instant) -> bool {
        if !self.at.role.products.linked || !building.batch.is_empty() {
            return false;
        }
        let position = building.batch.to();
        let ends = self.at.end.get();
        if !building.idleness.is_idle(position, ends, now) || now < building.ask_at {
            return false;
        }
        building.ask_at = now + ASK_EVERY;
        let others = self.at.role.runtime.block_on(async {
            let mut lane = self.at.role.lanes.take().await?;
            let others = within(PATIENCE, links::others(&mut lane, &self.at.key)).await?;
            lane.give_back();
            Ok::<_, LaneError>(others)
        });
        match others {
            Ok(others) => {
                let before = self.computation.link_watermark();
                self.computation.raise_link_watermark(others);
                let raised = self.computation.link_watermark() > before;
                let told = std::mem::replace(&mut building.idle, true);
                raised || !told
            }
            Err(error) => {
                tracing::debug!(
                    error = telemetry::chain(&error),
                    "asking how far others are"
                );
                false
            }
        }
    }

    /// Hands a batch to the committer, with so many rows of open windows, and begins the next one.
    fn hand_over(
        &mut self,
        building: &mut Building,
        spare: Option<Batch>,
        open_rows: usize,
    ) -> Result<InFlight, Abandoned> {
        let now = Instant::now();
        let next = building.batch.to();
        let mut fresh = spare.unwrap_or_else(|| Batch::starting_at(next));
        fresh.restart_at(next);
        let mut full = std::mem::replace(&mut building.batch, fresh);
        if !full.is_empty() {
            building.idle = false;
        }
        full.consequences = self.consequences(next, open_rows, now);
        full.consequences.idle = building.idle;
        full.consequences.lake =
            self.computation
                .close_files(next, now, self.at.stop.is_cancelled());
        full.consequences.range = self.computation.end_batch(&mut full);
        if full.is_empty() && building.idle {
            full.consequences.standing = self.computation.standing();
        }
        if self.at.role.traces && full.records() > 0 {
            let (offsets, records) = ((full.from(), full.to()), full.records());
            let partition = self.at.key.partition;
            full.traced
                .hand_over(&self.at.role, partition, offsets, records);
        }
        let end = self.at.end.get().map(|(end, _)| end);
        building.emission.taken(open_rows, next, end, now);
        building.note_at = now + NOTE_EVERY;
        // What is left to write needs no record to be handed over.
        building.opened_at = building.emission.goes_on().then_some(now);
        let (give_back, receiver) = oneshot::channel();
        let sent = self.at.work.blocking_send(Work::Commit(full, give_back));
        sent.map_err(|_| Abandoned)?;
        Ok(InFlight::new(receiver))
    }

    /// What follows from everything read below `to`, with so many rows of open windows.
    fn consequences(&mut self, to: i64, open_rows: usize, now: Instant) -> Consequences {
        let plan = &self.at.role.plan;
        let computation = &mut self.computation;
        let windows = computation.take_changes(open_rows);
        let mut buckets = Vec::new();
        if self.at.role.has_state() {
            self.at.snapshots.take(computation, to, now);
            let sent_below = if self.at.role.products.are_sent() {
                self.at.sent_below.load(Ordering::Relaxed)
            } else {
                i64::MAX
            };
            buckets = self.at.snapshots.hand_out(sent_below);
            let partition = self.at.key.partition.to_string();
            let metrics = &self.at.role.metrics;
            metrics
                .state_bytes
                .with_label_values(&[&partition])
                .set(computation.memory() as i64);
            metrics
                .windows_open
                .with_label_values(&[&partition])
                .set(computation.open_windows() as i64);
        }
        let (counted, alerted) = computation.counts();
        Consequences {
            watermark_us: computation.watermark(),
            windows,
            accounts: self.accounts.with(plan, counted, alerted),
            buckets,
            ..Consequences::default()
        }
    }

    /// Takes what there is, for as long as the batch may wait.
    fn take_records(&mut self, building: &mut Building) -> Result<(), Abandoned> {
        let Self {
            at: beginning,
            computation,
            ..
        } = self;
        let Beginning {
            role,
            queue,
            notices,
            key,
            ..
        } = beginning;
        let batch = &mut building.batch;
        let (timeout, limit) = match building.opened_at {
            None => (IDLE, 1),
            Some(opened_at) => {
                let left = role.linger.saturating_sub(opened_at.elapsed());
                (left.max(BUSY), CHUNK)
            }
        };
        computation.at(Timestamp::now());
        let mut trouble = Ok(());
        let taken = queue.consume(timeout, limit, |polled| match polled {
            Polled::Record(_) if trouble.is_err() => {}
            // A fetcher that was set back would show records again that are decided already.
            Polled::Record(record) if record.offset() < batch.to() => {}
            Polled::Record(record) if role.traces => {
                let letters = batch.letters().len();
                trouble = computation.decide(&record, batch);
                let reason = batch.letter_since(letters).map(Reason::as_str);
                batch.traced.decided(role, key.partition, &record, reason);
            }
            Polled::Record(record) => trouble = computation.decide(&record, batch),
            other => tell(notices, key.partition, &other),
        });
        if taken > 0 {
            building.idleness.interrupt();
        } else {
            // Past transaction markers, so that nothing seems to be left.
            if let Some(position) = queue.position() {
                batch.advance_to(position);
            }
        }
        if building.opened_at.is_none() && !batch.is_empty() {
            building.opened_at = Some(Instant::now());
        }
        self.check(trouble)
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
