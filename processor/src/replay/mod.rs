//! Replaying dead letters: after the spec or the senders have been mended, their records are sent to the input
//! topic again, each once.
//!
//! ```text
//!  dead letter topic ──► letter ──► select ──► send ──┬─ the record ──► input topic
//!      ▲                  (pure)    (pure)            │    one transaction
//!      └────────────────────────── receipt ───────────┘
//! ```
//!
//! A *receipt* in the dead letter topic says which letters were replayed. It is sent in the Kafka transaction
//! that sends their records, so there is one if and only if they were. Whoever replays takes the pipeline's
//! transactional id first, which ends what an earlier replay had under way and fences it; then waits until every
//! transaction in the topic is over; and only then reads the receipts. So two replays at a time, or one that dies
//! at any moment and is started again, send nothing twice.
//!
//! - [`letter`]: a dead letter, taken apart. [`receipt`]: what was replayed. Pure.
//! - [`select`]: which letters go, and why others stay. Pure.
//! - [`topic`]: reads the dead letter topic. `send`: the transactions.
//! - [`arguments`]: an order on a command line.

pub mod arguments;
pub mod letter;
pub mod receipt;
pub mod select;
mod send;
pub mod topic;

use std::time::Duration;

use jiff::Timestamp;
use rdkafka::error::KafkaError;
use sensorstream_broker::{connection::Credentials, topics::DescribeError};
use sensorstream_crds::runtime::ProcessConfig;
use tokio_util::sync::CancellationToken;

use letter::Letter;
use receipt::{BadReceipt, Replayed};
use select::{Fate, Judge, Order, Outcome};
use send::Sender;
use topic::{DeadLetterTopic, Entry};

/// What the line with the outcome begins with, among the lines of the log.
pub const OUTCOME: &str = "outcome: ";
/// How long one question to Kafka may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// How many letters a transaction has at most.
const BATCH: usize = 1_000;
/// How many bytes of them.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// Why letters were not replayed, or not all of them.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A topic is missing.
    #[error("the topic {0} does not exist; has the pipeline been deleted with its topics?")]
    NoTopic(String),
    /// The brokers do not answer, or refuse.
    #[error("finding the pipeline's topics")]
    Describe(#[from] DescribeError),
    /// Kafka refused something.
    #[error("{0}")]
    Kafka(&'static str, #[source] KafkaError),
    /// A partition gives nothing more.
    #[error("partition {0} of the dead letter topic can't be read to its end; is its broker up?")]
    Stuck(i32),
    /// A transaction does not end.
    #[error(
        "a transaction in partition {0} of the dead letter topic does not end; try again when its sender has come back \
         or Kafka has given it up"
    )]
    Unsettled(i32),
    /// There is something else where a receipt should be.
    #[error(transparent)]
    Receipt(#[from] BadReceipt),
    /// Sending failed.
    #[error("sending failed; try again: what was sent is noted down, and is not sent twice")]
    Send(#[source] KafkaError),
    /// Somebody else has begun to replay letters of this pipeline.
    #[error(
        "another replay of this pipeline has begun, and this one has ended; nothing is sent twice"
    )]
    Fenced,
    /// It was told to stop.
    #[error("stopped, as asked; what was sent is noted down, and is not sent again")]
    Stopped,
}

impl ReplayError {
    fn kafka(doing: &'static str) -> impl Fn(KafkaError) -> Self + Copy {
        move |error| Self::Kafka(doing, error)
    }
}

/// Replays the letters that an order means, judged by the time it is, unless it is told to stop. `told` hears how
/// far it is after each transaction. Blocks.
pub fn run(
    config: &ProcessConfig,
    credentials: &Credentials,
    order: &Order,
    now: Timestamp,
    stop: &CancellationToken,
    mut told: impl FnMut(&Outcome),
) -> Result<Outcome, ReplayError> {
    let since = order.selection.since;
    let topic = DeadLetterTopic::open(config, credentials, PATIENCE)?;
    let (sender, spans) = if order.dry_run {
        (None, topic.spans(since)?)
    } else {
        // First the fence, then the receipts: no earlier replay adds one from here on.
        let sender = Sender::open(config, credentials)?;
        (Some(sender), topic.settled_spans(since)?)
    };
    let mut work = Work {
        judge: Judge::new(config, order, now),
        order,
        replayed: topic.replayed(&spans)?,
        sender,
        batch: Vec::new(),
        bytes: 0,
        sent: Outcome {
            dry_run: order.dry_run,
            ..Outcome::default()
        },
    };
    topic.read(&spans, |entry| {
        // Between transactions: one that is left open holds up whoever reads the input topic.
        if stop.is_cancelled() {
            return Err(ReplayError::Stopped);
        }
        if let Entry::Letter(letter) = entry
            && work.take(letter)?
        {
            told(&work.sent);
        }
        Ok(())
    })?;
    work.flush()?;
    Ok(work.sent)
}

/// A replay under way.
struct Work<'a> {
    judge: Judge<'a>,
    order: &'a Order,
    replayed: Replayed,
    /// None for a dry run.
    sender: Option<Sender>,
    batch: Vec<Letter>,
    bytes: usize,
    /// What has become of letters. One in the batch counts once the batch is sent.
    sent: Outcome,
}

impl Work<'_> {
    /// Takes a letter. Answers whether a transaction was sent.
    fn take(&mut self, letter: Letter) -> Result<bool, ReplayError> {
        if !self.order.selection.has(&letter) {
            return Ok(false);
        }
        match self.judge.fate(&letter, &self.replayed) {
            Fate::Replayed => {
                self.bytes += letter.size();
                self.batch.push(letter);
            }
            fate => self.sent.note(&letter, &fate),
        }
        if self.batch.len() < BATCH && self.bytes < BATCH_BYTES {
            return Ok(false);
        }
        self.flush()?;
        Ok(true)
    }

    fn flush(&mut self) -> Result<(), ReplayError> {
        if let Some(sender) = self.sender.as_ref().filter(|_| !self.batch.is_empty()) {
            sender.send(&self.batch)?;
        }
        self.bytes = 0;
        for letter in self.batch.drain(..) {
            self.sent.note(&letter, &Fate::Replayed);
        }
        Ok(())
    }
}
