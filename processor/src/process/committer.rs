//! A shard's task: commits its batches one after the other, hands dead letters to the sink once
//! they are decided, and notes down what the sink has sent.
//!
//! What PostgreSQL can't take at the moment is tried again until it can, however long that
//! takes. The task ends when the shard is given up, or when it turns out that somebody else has
//! it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use sensorstream_crds::Reason;
use sensorstream_lake::ClosedFile;
use sensorstream_ledger::shard::{ShardKey, ShardState, dead_letters};
use tokio::{sync::mpsc, task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::{backoff::Backoff, telemetry};

use super::{
    batch::Batch,
    blocked::SinkWatch,
    commit::{self, CommitError, Outcome, Refused, Target},
    incarnation::{Incarnation, IncarnationError},
    lanes::{LaneError, PATIENCE, within},
    outbox::{Job, Sink},
    role::Role,
    session::{Notice, Notices},
    trim::Trimmer,
    worker::Work,
};

/// How long a commit may go on after the shard is to be given up.
const GRACE: Duration = Duration::from_secs(4);
/// How long the dead letter sink may go on after that.
const SINK_GRACE: Duration = Duration::from_secs(3);
/// How often it is noted down what the sink has sent.
const SETTLE_EVERY: Duration = Duration::from_secs(1);

/// A shard's committing half.
pub struct Committer {
    /// What every part of the role shares.
    pub role: Arc<Role>,
    /// Which shard.
    pub key: ShardKey,
    /// The epoch under which it is owned.
    pub epoch: i64,
    /// How far it is.
    pub state: ShardState,
    /// The topic that is read.
    pub topic: Incarnation,
    /// The dead letter sink.
    pub sink: Sink,
    /// Where trouble is told.
    pub notices: Notices,
    /// Says when to stop.
    pub stop: CancellationToken,
    /// Where others see how far the shard is.
    pub published: Arc<AtomicI64>,
    /// Everything that had to be sent below this offset has been given to the sink.
    pub given_below: i64,
    /// Where the worker sees below which offset everything has been sent.
    pub sent_below: Arc<AtomicI64>,
    /// What of that is in the commit log.
    pub noted_below: i64,
    /// In the second stage, what deletes messages that are in all parts of the state.
    pub trimmer: Option<Trimmer>,
    /// The lake's writer, if there is a lake.
    pub lake: Option<LakeWriter>,
}

/// The task that writes files to the lake.
pub struct LakeWriter {
    /// Where decided files go.
    pub files: mpsc::Sender<ClosedFile>,
    /// The task.
    pub task: JoinHandle<()>,
}

/// Why a shard can't go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It is to be given up, and what was under way took too long.
    GivenUp,
    /// Somebody else has it.
    Stale,
    /// The topic is another one.
    Replaced,
}

impl End {
    fn as_str(self) -> &'static str {
        match self {
            Self::GivenUp => "the shard was given up before the commit was made",
            Self::Stale => "the shard has another owner",
            Self::Replaced => "the topic was made anew",
        }
    }
}

impl Committer {
    /// Runs until no more batches come, or the shard can't go on.
    pub async fn run(mut self, mut work: mpsc::Receiver<Work>) {
        let end = self.carry_out(&mut work).await;
        match end {
            Ok(()) | Err(End::GivenUp) => self.finish().await,
            Err(End::Stale) => {
                self.role.metrics.stale_commits.inc();
                tracing::warn!(
                    partition = self.key.partition,
                    epoch = self.epoch,
                    "the shard has another owner; nothing was changed"
                );
                self.notices.send(Notice::Stale {
                    partition: self.key.partition,
                });
            }
            Err(End::Replaced) => self.notices.send(Notice::Replaced),
        }
    }

    async fn carry_out(&mut self, work: &mut mpsc::Receiver<Work>) -> Result<(), End> {
        let mut settle_at = Instant::now();
        loop {
            let unnoted = self.has_unnoted();
            tokio::select! {
                biased;
                received = work.recv() => match received {
                    None => return Ok(()),
                    Some(Work::Resend(job)) => self.send(job).await?,
                    Some(Work::Write(files)) => self.write_files(files).await?,
                    Some(Work::Commit(mut batch, give_back)) => {
                        let commit = batch.traced.commit();
                        let committing = self.commit(&batch).instrument(commit.batch.clone());
                        let refused = match committing.await {
                            Ok(refused) => refused,
                            Err(end) => {
                                batch.traced.give_up(&commit, end.as_str());
                                return Err(end);
                            }
                        };
                        drop(commit);
                        batch.traced.end();
                        if let Some(change) = batch.consequences.lake.take() {
                            self.write_files(change.closed).await?;
                        }
                        self.deliver(&mut batch, refused).await?;
                        // The worker is gone if the shard is being given up.
                        let _ = give_back.send(batch);
                    }
                    Some(Work::SendAll(answer)) => {
                        self.send_all().await?;
                        self.show_sent();
                        let _ = answer.send(());
                    }
                },
                () = self.sink.unsettled(settle_at) => {}
                () = tokio::time::sleep_until(settle_at), if unnoted => {}
            }
            self.show_sent();
            // Also between two batches: a busy shard is never idle.
            let unsettled = self.sink.has_unsettled() || self.has_unnoted();
            if unsettled && Instant::now() >= settle_at {
                self.settle().await?;
                settle_at = Instant::now() + SETTLE_EVERY;
            }
        }
    }

    /// Commits a batch, however often it takes. Answers which rows the database refused.
    async fn commit(&mut self, batch: &Batch) -> Result<Refused, End> {
        let timer = self.role.metrics.commit_seconds.start_timer();
        let mut refused = Refused::new();
        let mut backoff = Backoff::default();
        let mut blocked: Option<SinkWatch> = None;
        loop {
            let sent_below = self.sent_below.load(Ordering::Relaxed);
            let to = commit::state_after(&self.state, batch, &refused, sent_below);
            let error = match self.attempt(batch, &refused, &to).await? {
                Ok(Outcome::Committed { rows_of_others }) => {
                    timer.observe_duration();
                    self.count(batch, &refused, &to);
                    self.role.metrics.rows_of_others.inc_by(rows_of_others);
                    self.published.store(to.next_offset, Ordering::Relaxed);
                    self.noted_below = self.noted_below.max(sent_below);
                    self.state = to;
                    self.trim(batch);
                    if let Some(mut watch) = blocked {
                        watch.works().await;
                    }
                    return Ok(refused);
                }
                Ok(Outcome::Stale) => return Err(End::Stale),
                Err(CommitError::Refused(error)) => {
                    match self.find_refused(batch, &refused).await? {
                        Ok(found) if found.len() > refused.len() => {
                            refused = found;
                            continue;
                        }
                        Ok(_) => CommitError::Refused(error),
                        Err(error) => error,
                    }
                }
                Err(error) => error,
            };
            if let CommitError::Topic(IncarnationError::Replaced(_)) = &error {
                return Err(End::Replaced);
            }
            self.role.metrics.commit_retries.inc();
            let watch = blocked.get_or_insert_with(|| self.watch(&error));
            if error.leaves_the_log_in_reach() {
                tokio::select! {
                    () = watch.failed(&error) => {}
                    () = self.out_of_grace() => return Err(End::GivenUp),
                }
            } else {
                watch.count();
            }
            let wait = backoff.after_failure(rand::random());
            tracing::warn!(
                partition = self.key.partition,
                from = batch.from(),
                error = telemetry::chain(&error),
                wait_ms = wait.as_millis() as u64,
                "the commit is tried again"
            );
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.out_of_grace() => return Err(End::GivenUp),
            }
        }
    }

    /// Watches what a commit waits for.
    fn watch(&self, error: &CommitError) -> SinkWatch {
        let sink = match error {
            CommitError::Refused(_) | CommitError::Unavailable(_) => "table",
            CommitError::Topic(_) => "input",
        };
        SinkWatch::new(&self.role, &self.key, self.epoch, sink)
    }

    /// Lets go of messages of the link topic that no new owner would read.
    fn trim(&mut self, batch: &Batch) {
        if let Some(trimmer) = &mut self.trimmer {
            trimmer.committed(&self.role, self.key.partition, &batch.consequences.buckets);
        }
    }

    async fn attempt(
        &self,
        batch: &Batch,
        refused: &Refused,
        to: &ShardState,
    ) -> Result<Result<Outcome, CommitError>, End> {
        let attempt = async {
            let mut lane = self.role.lanes.take().await?;
            let outcome =
                commit::attempt(&mut lane, self.target(), batch, refused, to, &self.topic).await?;
            lane.give_back();
            Ok(outcome)
        };
        tokio::select! {
            outcome = attempt => Ok(outcome),
            () = self.out_of_grace() => Err(End::GivenUp),
        }
    }

    async fn find_refused(
        &self,
        batch: &Batch,
        known: &Refused,
    ) -> Result<Result<Refused, CommitError>, End> {
        let search = async {
            let mut lane = self.role.lanes.take().await?;
            let found = commit::find_refused(&mut lane, self.target(), batch, known).await?;
            lane.give_back();
            Ok(found)
        };
        tokio::select! {
            found = search => Ok(found),
            () = self.out_of_grace() => Err(End::GivenUp),
        }
    }

    /// Whether more has been sent than the commit log says. Dead letters alone are noted down one by one, so
    /// that nobody looks there.
    fn has_unnoted(&self) -> bool {
        self.role.products.are_sent() && self.sent_below.load(Ordering::Relaxed) > self.noted_below
    }

    fn target(&self) -> Target<'_> {
        Target {
            key: &self.key,
            epoch: self.epoch,
            copy: self.role.copy.as_deref(),
            windows: &self.role.window_tables,
            // Only what is sent besides dead letters needs a position noted down without them.
            sent_below: self
                .role
                .products
                .are_sent()
                .then(|| self.sent_below.load(Ordering::Relaxed)),
        }
    }

    /// Notes below which offset everything has been sent, for what is decided from here on.
    fn show_sent(&self) {
        let sent = if self.sink.has_sent_all() {
            self.given_below
        } else {
            self.sink.delivered()
        };
        self.sent_below.fetch_max(sent, Ordering::Relaxed);
    }

    fn count(&self, batch: &Batch, refused: &Refused, to: &ShardState) {
        let metrics = &self.role.metrics;
        let partition = self.key.partition.to_string();
        metrics
            .records_read
            .with_label_values(&[&partition])
            .inc_by(batch.records() as u64);
        metrics.bytes_read.inc_by(batch.bytes_read() as u64);
        metrics
            .records_accepted
            .inc_by((batch.accepted() - refused.len()) as u64);
        self.count_windows(batch, to);
        metrics.commit_records.observe(batch.records() as f64);
        let now_us = jiff::Timestamp::now().as_microsecond();
        for sent_at in batch.timestamps_ms() {
            // Clocks differ.
            let waited = (now_us / 1000 - sent_at).max(0);
            metrics
                .record_to_commit_seconds
                .observe(waited as f64 / 1e3);
        }
        for taken_at in batch.event_times_us() {
            let passed = (now_us - taken_at).max(0);
            metrics.event_to_commit_seconds.observe(passed as f64 / 1e6);
        }
        for (reason, count) in &to.dropped {
            let before = self.state.dropped.get(reason).copied().unwrap_or(0);
            metrics
                .records_dropped
                .with_label_values(&[reason])
                .inc_by((count - before).max(0) as u64);
        }
        let accounted =
            to.accepted + to.dead_lettered.values().sum::<i64>() + to.dropped.values().sum::<i64>();
        metrics
            .records_unaccounted
            .with_label_values(&[&partition])
            .set(to.records_read - accounted);
        if let Some(watermark_us) = to.watermark_us {
            metrics
                .watermark
                .with_label_values(&[&partition])
                .set(watermark_us as f64 / 1e6);
        }
        let by_reason = |reason: Reason, count: u64| {
            metrics
                .records_dead_lettered
                .with_label_values(&[reason.as_str()])
                .inc_by(count);
        };
        for (reason, count) in batch.letters_by_reason() {
            by_reason(reason, count as u64);
        }
        if !refused.is_empty() {
            by_reason(Reason::RejectedBySink, refused.len() as u64);
        }
    }

    fn count_windows(&self, batch: &Batch, to: &ShardState) {
        let metrics = &self.role.metrics;
        for (name, account) in &to.windows {
            let before = self
                .state
                .windows
                .get(name)
                .map_or(0, |account| account.late);
            let late = (account.late - before).max(0) as u64;
            metrics.window_late.with_label_values(&[name]).inc_by(late);
        }
        for (name, account) in &to.rules {
            let before = self.state.rules.get(name).cloned().unwrap_or_default();
            let alerts = (account.alerts - before.alerts).max(0) as u64;
            metrics.alerts.with_label_values(&[name]).inc_by(alerts);
            let suppressed = (account.suppressed - before.suppressed).max(0) as u64;
            metrics
                .alerts_suppressed
                .with_label_values(&[name])
                .inc_by(suppressed);
        }
        let rows = batch.consequences.windows.iter();
        let rows: usize = rows.map(|changes| changes.upserts.len()).sum();
        metrics.window_rows.inc_by(rows as u64);
    }

    /// Hands what the batch sends to the sink.
    async fn deliver(&mut self, batch: &mut Batch, refused: Refused) -> Result<(), End> {
        let reread = refused
            .into_iter()
            .map(|(row, problem)| dead_letters::PendingDeadLetter {
                offset: batch.row_offset(row),
                reason: problem.reason.as_str().to_owned(),
                detail: problem.detail,
            });
        let reread: Vec<_> = reread.collect();
        let mut letters = batch.take_letters();
        // One dead letter an offset: a reading that was late too is in `reread`.
        letters.retain(|letter| {
            reread
                .binary_search_by_key(&letter.offset, |pending| pending.offset)
                .is_err()
        });
        self.send(Job {
            reread,
            letters,
            outgoing: batch.take_outgoing(),
            standing: std::mem::take(&mut batch.consequences.standing),
            to: batch.to(),
        })
        .await
    }

    /// Gives files that are decided to the lake's writer. Waits while it has too many already, which holds
    /// the shard back.
    async fn write_files(&mut self, files: Vec<ClosedFile>) -> Result<(), End> {
        let stop = self.stop.clone();
        let Some(lake) = &self.lake else {
            return Ok(());
        };
        for file in files {
            tokio::select! {
                // Without a writer the shard is being given up.
                given = lake.files.send(file) => given.map_err(|_| End::GivenUp)?,
                () = out_of_grace(&stop) => return Err(End::GivenUp),
            }
        }
        Ok(())
    }

    /// Gives the sink a job. Waits while it has too much already, which holds the shard back.
    async fn send(&mut self, job: Job) -> Result<(), End> {
        self.given_below = job.to;
        if job.is_empty() {
            return Ok(());
        }
        let stop = self.stop.clone();
        tokio::select! {
            accepted = self.sink.send(job) => accepted.map_err(|_| End::Stale),
            () = out_of_grace(&stop) => Err(End::GivenUp),
        }
    }

    /// Waits until the sink has sent all that it was given.
    async fn send_all(&mut self) -> Result<(), End> {
        let stop = self.stop.clone();
        tokio::select! {
            sent = self.sink.send_all() => sent.map_err(|_| End::Stale),
            () = out_of_grace(&stop) => Err(End::GivenUp),
        }
    }

    /// Forgets the decisions that the sink has carried out.
    async fn settle(&mut self) -> Result<(), End> {
        let delivered = self.sink.delivered();
        // What came to nothing that is sent counts as sent, too.
        let cursor = if self.role.products.are_sent() {
            delivered.max(self.sent_below.load(Ordering::Relaxed))
        } else {
            delivered
        };
        let settled = async {
            let mut lane = self.role.lanes.take().await?;
            within(PATIENCE, sqlx::raw_sql("BEGIN").execute(&mut *lane)).await?;
            let settle = dead_letters::settle(&mut lane, &self.key, self.epoch, cursor);
            let mine = within(PATIENCE, settle).await?;
            within(PATIENCE, sqlx::raw_sql("COMMIT").execute(&mut *lane)).await?;
            lane.give_back();
            Ok::<_, LaneError>(mine)
        };
        match settled.await {
            Ok(true) => {
                self.sink.settled(delivered);
                self.noted_below = self.noted_below.max(cursor);
                Ok(())
            }
            Ok(false) => Err(End::Stale),
            // It is noted down the next time; until then the decisions stay, which is harmless.
            Err(error) => {
                tracing::warn!(
                    partition = self.key.partition,
                    error = telemetry::chain(&error),
                    "noting down what the dead letter sink has sent"
                );
                Ok(())
            }
        }
    }

    /// Lets the sink send what it has, for a while, so that the next owner need not.
    async fn finish(mut self) {
        let lake = self.lake.take();
        let write = async {
            if let Some(LakeWriter { files, task }) = lake {
                drop(files);
                let _ = task.await;
            }
        };
        let both = async { tokio::join!(self.sink.finish(), write) };
        let sent = tokio::time::timeout(SINK_GRACE, both).await.is_ok();
        self.show_sent();
        let unsettled = self.sink.has_unsettled() || self.has_unnoted();
        if unsettled && self.settle().await == Err(End::Stale) {
            tracing::info!(
                partition = self.key.partition,
                "the shard has its next owner already"
            );
        }
        tracing::info!(
            partition = self.key.partition,
            next_offset = self.state.next_offset,
            dead_letters_sent = sent,
            "gave up the shard"
        );
    }

    async fn out_of_grace(&self) {
        out_of_grace(&self.stop).await;
    }
}

/// Waits until the shard is to be given up and the grace time has passed too.
async fn out_of_grace(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(GRACE).await;
}
