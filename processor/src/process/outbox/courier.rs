//! The thread that sends what a shard has to send: first what earlier owners decided and did not
//! send, then what this one's commits decide. Whatever fails is tried again, with a new producer,
//! as long as this process owns the shard.

use std::sync::Arc;

use rdkafka::consumer::BaseConsumer;
use sensorstream_ledger::shard::{self, Lock, ShardKey, dead_letters};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{backoff::Backoff, telemetry};

use super::{
    super::{
        batch::{Content, Letter},
        blocked::SinkWatch,
        lanes::{LaneError, PATIENCE, within},
        role::Role,
        session::{Notice, Notices},
    },
    Job,
    line::{Line, LineError},
    problem_of,
    queue::Receiver,
};

/// Pending decisions taken from PostgreSQL at once.
const PAGE: i64 = 500;

/// Sends what a shard has to send.
pub(super) struct Courier {
    pub(super) role: Arc<Role>,
    pub(super) kafka: Arc<BaseConsumer>,
    pub(super) key: ShardKey,
    pub(super) epoch: i64,
    /// Decisions of earlier owners are below this offset, if any wait.
    pub(super) recover_below: Option<i64>,
    pub(super) jobs: Receiver,
    pub(super) delivered: watch::Sender<i64>,
    pub(super) notices: Notices,
    pub(super) stop: CancellationToken,
}

#[derive(Debug, thiserror::Error)]
enum CourierError {
    #[error("the shard has another owner")]
    NotOwner,
    #[error("asking PostgreSQL about the shard")]
    Ledger(#[from] LaneError),
    #[error(transparent)]
    Line(#[from] LineError),
}

impl Courier {
    /// A name for the thread.
    pub(super) fn name(&self) -> String {
        format!("outbox-{}", self.key.partition)
    }

    /// Sends until no more jobs come.
    pub(super) fn run(mut self) {
        let mut current = None;
        let mut backoff = Backoff::default();
        let sink = self.role.outbox_name();
        let mut watch = SinkWatch::new(&self.role, &self.key, self.epoch, sink);
        while let Err(error) = self.serve(&mut current, &mut backoff, &mut watch) {
            if matches!(error, CourierError::NotOwner) {
                self.notices.send(Notice::Stale {
                    partition: self.key.partition,
                });
                break;
            }
            let wait = backoff.after_failure(rand::random());
            tracing::warn!(
                partition = self.key.partition,
                error = telemetry::chain(&error),
                wait_ms = wait.as_millis() as u64,
                "sending is tried again"
            );
            let stop = self.stop.clone();
            self.role.runtime.block_on(async {
                watch.failed(&error).await;
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = stop.cancelled() => {}
                }
            });
            // What is not sent by now is the next owner's.
            if self.stop.is_cancelled() {
                break;
            }
        }
        self.role.runtime.block_on(watch.works());
    }

    /// One producer's life. Ends well when no more jobs come.
    fn serve(
        &mut self,
        current: &mut Option<Job>,
        backoff: &mut Backoff,
        watch: &mut SinkWatch,
    ) -> Result<(), CourierError> {
        self.check_owner()?;
        let mut line = Line::open(&self.role, &self.kafka, &self.key)?;
        self.recover(&mut line)?;
        loop {
            if current.is_none() {
                *current = self.jobs.blocking_recv();
            }
            let Some(job) = current else { return Ok(()) };
            self.deliver(&mut line, job)?;
            *current = None;
            backoff.reset();
            self.role.runtime.block_on(watch.works());
        }
    }

    /// A stale owner must not fence the new one's producer.
    fn check_owner(&self) -> Result<(), CourierError> {
        let position = self.role.runtime.block_on(async {
            let mut lane = self.role.lanes.take().await?;
            let position =
                within(PATIENCE, shard::position(&mut lane, &self.key, Lock::None)).await?;
            lane.give_back();
            Ok::<_, LaneError>(position)
        })?;
        if position.is_some_and(|position| position.epoch == self.epoch) {
            Ok(())
        } else {
            Err(CourierError::NotOwner)
        }
    }

    /// Sends what earlier owners decided and did not send.
    fn recover(&mut self, line: &mut Line) -> Result<(), CourierError> {
        let Some(below) = self.recover_below else {
            return Ok(());
        };
        loop {
            let from = line.cursor();
            let page = self.role.runtime.block_on(async {
                let mut connection = self.role.lanes.take().await?;
                let query = dead_letters::page(&mut connection, &self.key, from, below, PAGE);
                let found = within(PATIENCE, query).await?;
                connection.give_back();
                Ok::<_, LaneError>(found)
            })?;
            let last_page = (page.len() as i64) < PAGE;
            let to = match page.last() {
                Some(last) if !last_page => last.offset + 1,
                _ => below,
            };
            self.deliver(
                line,
                &mut Job {
                    reread: page,
                    to,
                    ..Job::default()
                },
            )?;
            if last_page {
                self.recover_below = None;
                return Ok(());
            }
        }
    }

    /// Sends a job, in several transactions if many of its records have to be read again.
    fn deliver(&mut self, line: &mut Line, job: &mut Job) -> Result<(), CourierError> {
        while !job.reread.is_empty() {
            let wanted: Vec<i64> = job.reread.iter().map(|pending| pending.offset).collect();
            let mut found = line.rereader().read(&wanted).map_err(LineError::from)?;
            let resolved = found.len();
            let to = job
                .reread
                .get(resolved)
                .map_or(job.to, |unresolved| unresolved.offset);
            let cut = job.letters.partition_point(|letter| letter.offset < to);
            let mut letters = job.letters[..cut].to_vec();
            letters.extend(job.reread[..resolved].iter().map(|pending| Letter {
                offset: pending.offset,
                problem: problem_of(pending),
                content: found.remove(&pending.offset).unwrap_or(Content::Lost),
            }));
            letters.sort_unstable_by_key(|letter| letter.offset);
            let sent = line.send(&letters, &job.outgoing, &[], to)?;
            self.role
                .metrics
                .sent(sent.dead_letters, sent.enriched, sent.alerts);
            // Only what has been sent is forgotten: an error before leaves the job whole.
            job.reread.drain(..resolved);
            job.letters.drain(..cut);
        }
        let sent = line.send(&job.letters, &job.outgoing, &job.standing, job.to)?;
        self.role
            .metrics
            .sent(sent.dead_letters, sent.enriched, sent.alerts);
        // The committer may have ended; then the next owner finds out.
        self.delivered.send_replace(job.to);
        Ok(())
    }
}
