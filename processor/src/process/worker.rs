//! A shard's thread: takes records from the partition's queue, decodes them into a batch, and
//! hands the batch to the committer.
//!
//! One batch is being committed while the next one is being built, and no more than that: when
//! PostgreSQL is slow or away, the thread stops taking records, librdkafka's bounded queue fills
//! up, and fetching pauses by itself.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::error::RDKafkaErrorCode;
use sensorstream_broker::partition_queue::{PartitionQueue, Polled};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    batch::Batch,
    consumer::Reports,
    decode::{Decoder, Scratch},
    session::{Notice, Notices},
};

/// How long a batch waits for more records after its first one.
const LINGER: Duration = Duration::from_millis(50);
/// How often an idle shard looks whether it is to stop.
const IDLE: Duration = Duration::from_millis(200);
/// How long a batch that may not be handed over yet waits for more records.
const BUSY: Duration = Duration::from_millis(10);
/// Records taken from the queue at once.
const CHUNK: usize = 500;

/// A batch to commit, and where to give it back once it is.
pub type Handover = (Batch, oneshot::Sender<Batch>);

/// A shard's thread, yet to be started.
pub struct Worker {
    /// The partition.
    pub partition: i32,
    /// Its queue.
    pub queue: PartitionQueue<Reports>,
    /// The first offset to read.
    pub next_offset: i64,
    /// What decodes records.
    pub decoder: Arc<Decoder>,
    /// Where batches go.
    pub batches: mpsc::Sender<Handover>,
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

impl Worker {
    /// Runs until told to stop, or until the committer is gone.
    pub fn run(mut self) {
        let mut scratch = Scratch::default();
        let mut batch = Batch::starting_at(self.next_offset);
        let mut spare = None;
        let mut in_flight = InFlight(None);
        let mut opened_at = None;
        while !self.stop.is_cancelled() {
            self.take_records(&mut batch, &mut opened_at, &mut scratch);
            let Some(opened_at_instant) = opened_at else {
                continue;
            };
            let may_go = if batch.is_full() {
                in_flight.wait(&mut spare).map(|()| true)
            } else if opened_at_instant.elapsed() >= LINGER {
                in_flight.try_take(&mut spare)
            } else {
                Ok(false)
            };
            match may_go {
                Ok(true) => {}
                Ok(false) => continue,
                Err(Abandoned) => return,
            }
            let next = batch.to();
            let mut fresh = spare.take().unwrap_or_else(|| Batch::starting_at(next));
            fresh.restart_at(next);
            let (give_back, receiver) = oneshot::channel();
            let full = std::mem::replace(&mut batch, fresh);
            if self.batches.blocking_send((full, give_back)).is_err() {
                return;
            }
            in_flight = InFlight(Some(receiver));
            opened_at = None;
        }
    }

    /// Takes what there is, for as long as the batch may wait.
    fn take_records(
        &mut self,
        batch: &mut Batch,
        opened_at: &mut Option<Instant>,
        scratch: &mut Scratch,
    ) {
        let Self {
            queue,
            decoder,
            notices,
            partition,
            ..
        } = self;
        let (timeout, limit) = match opened_at {
            None => (IDLE, 1),
            Some(opened_at) => (LINGER.saturating_sub(opened_at.elapsed()).max(BUSY), CHUNK),
        };
        let taken = queue.consume(timeout, limit, |polled| match polled {
            // A fetcher that was set back would show records again that are decided already.
            Polled::Record(record) if record.offset() < batch.to() => {}
            Polled::Record(record) => batch.add(&record, *partition, decoder, scratch),
            // Not asked for: it would spoil the position (see `partition_queue`).
            Polled::EndOfPartition(_) => {}
            Polled::Error(RDKafkaErrorCode::AutoOffsetReset) => {
                notices.send(Notice::OutOfRange {
                    partition: *partition,
                });
            }
            Polled::Error(error) => {
                notices.send(Notice::Unreadable {
                    partition: *partition,
                    error,
                });
            }
        });
        if taken == 0 {
            // Past transaction markers, so that nothing seems to be left.
            if let Some(position) = queue.position() {
                batch.advance_to(position);
            }
        }
        if opened_at.is_none() && !batch.is_empty() {
            *opened_at = Some(Instant::now());
        }
    }
}
