//! Records that can't be used, on their way to the dead letter topic.
//!
//! ```text
//! committer ──Job──► courier (a thread, started with the first dead letter) ──► Kafka
//!     ▲                │ one transaction: the dead letters + the cursor
//!     └──delivered─────┘
//! ```
//!
//! A dead letter is decided by the commit in PostgreSQL that also notes it down as pending, and
//! only then sent. The sink's cursor, up to which everything has been sent, travels as a group
//! offset in the same Kafka transaction as the dead letters. So after a crash at any moment the
//! next owner sends exactly the pending ones from the cursor on, which it reads again from the
//! source topic, and forgets those below it.
//!
//! A shard's transactional id is the same for every owner: taking it fences the one before and
//! aborts what it had under way. Before it is taken, PostgreSQL is asked whether this process
//! still owns the shard, so that a stale owner does not fence the new one.
//!
//! - [`letter`]: what a dead letter looks like. Pure.
//! - [`courier`]: the thread that sends.
//! - [`line`]: one producer's life, from its initialisation to its first error.
//! - [`reread`]: records taken from the source topic once more.

mod courier;
mod letter;
mod line;
mod reread;

use std::sync::Arc;

use rdkafka::consumer::BaseConsumer;
use sensorstream_ledger::shard::dead_letters::PendingDeadLetter;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{batch::Letter, role::Role, session::Notices, takeover::Taken};

use courier::Courier;

/// Dead letters that one commit decided.
#[derive(Debug)]
pub struct Job {
    /// Those whose records are at hand.
    pub letters: Vec<Letter>,
    /// Those whose records have to be read again.
    pub reread: Vec<PendingDeadLetter>,
    /// The first offset that the commit did not decide.
    pub to: i64,
}

impl Job {
    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.letters.is_empty() && self.reread.is_empty()
    }
}

/// A shard's dead letter sink, as its committer sees it.
pub struct Sink {
    role: Arc<Role>,
    /// The courier, until it is needed.
    idle: Option<Box<Courier>>,
    jobs: Option<mpsc::Sender<Job>>,
    delivered: watch::Receiver<i64>,
    settled: i64,
}

/// The courier has found that the shard has another owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CourierGone;

impl Sink {
    /// The sink of a shard that was taken over. It starts at once if decisions of earlier owners
    /// wait, and otherwise with the first dead letter.
    pub fn new(
        role: &Arc<Role>,
        taken: &Taken,
        kafka: &Arc<BaseConsumer>,
        notices: &Notices,
        stop: &CancellationToken,
    ) -> Self {
        // One job under way, one waiting: with the commit that waits to add another, this is all
        // that is kept of dead letters while Kafka is away.
        let (jobs, received) = mpsc::channel(1);
        let (delivered, seen) = watch::channel(i64::MIN);
        let courier = Courier {
            role: Arc::clone(role),
            kafka: Arc::clone(kafka),
            key: taken.key.clone(),
            epoch: taken.epoch,
            recover_below: taken
                .pending_dead_letters
                .then_some(taken.state.next_offset),
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
        };
        if taken.pending_dead_letters {
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
        let jobs = self.jobs.as_ref().ok_or(CourierGone)?;
        jobs.send(job).await.map_err(|_| CourierGone)
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
