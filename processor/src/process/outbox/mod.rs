//! What a shard sends to Kafka: dead letters, alerts and enriched readings.
//!
//! ```text
//! committer ──Jobs─► courier (a thread, started with the first record) ──► Kafka
//!     ▲                │ one transaction: the records + the cursor
//!     └──delivered─────┘
//! ```
//!
//! What is sent is decided by a commit in PostgreSQL, and only then sent. The cursor, up to which
//! everything has been sent, travels as a group offset in the same Kafka transaction as the
//! records. So after a crash at any moment the next owner sends exactly what is missing from the
//! cursor on: alerts and enriched readings follow again from the source topic; dead letters are
//! noted down as pending by the commit that decides them, since PostgreSQL too has a say in which
//! there are, and their records are read again.
//!
//! A shard's transactional id is the same for every owner: taking it fences the one before and
//! aborts what it had under way. Before it is taken, PostgreSQL is asked whether this process
//! still owns the shard, so that a stale owner does not fence the new one.
//!
//! - [`letter`]: what a dead letter looks like. Pure.
//! - [`outgoing`]: records for the other topics. Pure.
//! - [`queue`]: what waits for it.
//! - [`courier`]: the thread that sends.
//! - [`line`]: one producer's life, from its initialisation to its first error.
//! - [`reread`]: records taken from the source topic once more.

mod courier;
mod letter;
mod line;
mod outgoing;
mod queue;
mod reread;

use std::sync::Arc;

use rdkafka::consumer::BaseConsumer;
use sensorstream_crds::Reason;
use sensorstream_ledger::shard::dead_letters::PendingDeadLetter;
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{batch::Letter, decode::Problem, role::Role, session::Notices, takeover::Taken};

use courier::Courier;
pub use outgoing::{Destination, Outgoing};

/// What commits decided to send: one, or several in a row.
#[derive(Debug, Default)]
pub struct Job {
    /// Dead letters whose records are at hand.
    pub letters: Vec<Letter>,
    /// Dead letters whose records have to be read again.
    pub reread: Vec<PendingDeadLetter>,
    /// Alerts, enriched readings and what goes to the second stage.
    pub outgoing: Outgoing,
    /// For each partition of the link topic, where the shard stands, if there is only that to tell. It may
    /// be sent again, or never.
    pub standing: Vec<Vec<u8>>,
    /// The first offset that they did not decide.
    pub to: i64,
}

/// What a dead letter weighs in memory whose record is read again.
const PENDING_SIZE: usize = 256;

impl Job {
    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.letters.is_empty()
            && self.reread.is_empty()
            && self.outgoing.is_empty()
            && self.standing.is_empty()
    }

    /// How much memory it takes.
    fn size(&self) -> usize {
        self.letters.iter().map(Letter::size).sum::<usize>()
            + self.reread.len() * PENDING_SIZE
            + self.outgoing.size()
            + self.standing.iter().map(Vec::len).sum::<usize>()
    }

    /// Adds what the next commit decided. Nothing follows what tells where the shard stands.
    fn append(&mut self, next: Self) {
        debug_assert!(self.standing.is_empty());
        self.letters.extend(next.letters);
        self.reread.extend(next.reread);
        self.outgoing.append(&next.outgoing);
        self.standing = next.standing;
        self.to = next.to;
    }
}

/// Why a pending dead letter is one.
pub fn problem_of(pending: &PendingDeadLetter) -> Problem {
    Problem {
        // A reason this version does not know was decided by a later one; the words stay.
        reason: Reason::from_name(&pending.reason).unwrap_or(Reason::RejectedBySink),
        detail: pending.detail.clone(),
    }
}

/// A shard's way to its output topics, as its committer sees it.
pub struct Sink {
    role: Arc<Role>,
    /// The courier, until it is needed.
    idle: Option<Box<Courier>>,
    jobs: Option<queue::Sender>,
    delivered: watch::Receiver<i64>,
    settled: i64,
    /// Everything that was given to the courier is below.
    given_below: i64,
}

/// The courier has found that the shard has another owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CourierGone;

impl Sink {
    /// The sink of a shard that was taken over. It starts at once if decisions of earlier owners
    /// wait that nobody else brings to it, and otherwise with the first job.
    pub fn new(
        role: &Arc<Role>,
        taken: &Taken,
        kafka: &Arc<BaseConsumer>,
        notices: &Notices,
        stop: &CancellationToken,
    ) -> Self {
        // What is under way, and so much waiting: with the commit that waits to add another, this is
        // all that is kept of dead letters while Kafka is away.
        let (jobs, received) = queue::queue();
        let (delivered, seen) = watch::channel(i64::MIN);
        // With other output topics the worker finds everything that is to be sent again.
        let recovers = taken.pending_dead_letters && !role.products.are_sent();
        let next_offset = taken.state.next_offset;
        let courier = Courier {
            role: Arc::clone(role),
            kafka: Arc::clone(kafka),
            key: taken.key.clone(),
            epoch: taken.epoch,
            recover_below: recovers.then_some(next_offset),
            jobs: received,
            delivered,
            notices: notices.clone(),
            stop: stop.clone(),
        };
        let mut sink = Self {
            role: Arc::clone(role),
            idle: Some(Box::new(courier)),
            jobs: Some(jobs),
            delivered: seen,
            settled: i64::MIN,
            given_below: if recovers { next_offset } else { i64::MIN },
        };
        if recovers {
            sink.start();
        }
        sink
    }

    fn start(&mut self) {
        if let Some(courier) = self.idle.take() {
            self.role.thread(courier.name(), move || courier.run());
        }
    }

    /// Gives the courier something to send, as soon as it has room.
    pub async fn send(&mut self, job: Job) -> Result<(), CourierGone> {
        self.start();
        self.given_below = job.to;
        let jobs = self.jobs.as_ref().ok_or(CourierGone)?;
        jobs.send(job).await
    }

    /// Waits until something was sent that is not noted down yet, and until `not_before`.
    pub async fn unsettled(&mut self, not_before: Instant) {
        let settled = self.settled;
        if self
            .delivered
            .wait_for(|delivered| *delivered > settled)
            .await
            .is_err()
        {
            // The courier has ended: there will be nothing more.
            std::future::pending::<()>().await;
        }
        tokio::time::sleep_until(not_before).await;
    }

    /// Whether something was sent that is not noted down yet.
    pub fn has_unsettled(&self) -> bool {
        self.delivered() > self.settled
    }

    /// Whether everything that was given has been sent.
    pub fn has_sent_all(&self) -> bool {
        self.delivered() >= self.given_below
    }

    /// Waits until everything that was given has been sent.
    pub async fn send_all(&mut self) -> Result<(), CourierGone> {
        let given_below = self.given_below;
        let sent = self.delivered.wait_for(|sent| *sent >= given_below);
        sent.await.map(drop).map_err(|_| CourierGone)
    }

    /// Everything below this offset has been sent.
    pub fn delivered(&self) -> i64 {
        *self.delivered.borrow()
    }

    /// Notes that what was sent below an offset is noted down.
    pub fn settled(&mut self, cursor: i64) {
        self.settled = cursor;
    }

    /// Waits until the courier has sent what it has. It gets nothing more.
    pub async fn finish(&mut self) {
        self.idle = None;
        self.jobs = None;
        while self.delivered.changed().await.is_ok() {}
    }
}
