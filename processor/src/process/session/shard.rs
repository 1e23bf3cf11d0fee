//! A shard that this process owns: its two halves, a thread that reads and a task that commits.

use std::sync::{Arc, atomic::AtomicI64};

use sensorstream_broker::partition_queue::PartitionQueue;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    super::{
        committer::Committer, consumer::Reports, dead_letter::Sink, takeover::Taken, worker::Worker,
    },
    Session,
};

/// A shard that is owned.
pub(super) struct Shard {
    pub(super) partition: i32,
    pub(super) stop: CancellationToken,
    pub(super) next_offset: Arc<AtomicI64>,
    /// None if the shard stands still because of lost records.
    pub(super) halves: Option<Halves>,
}

pub(super) struct Halves {
    pub(super) worker: std::thread::JoinHandle<()>,
    pub(super) committer: JoinHandle<()>,
}

impl Shard {
    pub(super) fn has_stopped(&self) -> bool {
        self.halves
            .as_ref()
            .is_none_or(|halves| halves.worker.is_finished() && halves.committer.is_finished())
    }

    /// Whether its thread still takes records.
    pub(super) fn reads(&self) -> bool {
        self.halves
            .as_ref()
            .is_some_and(|halves| !halves.worker.is_finished())
    }

    /// Stops without waiting for a commit under way; whether it happens is PostgreSQL's to say.
    pub(super) fn abandon(&self) {
        self.stop.cancel();
        if let Some(halves) = &self.halves {
            halves.committer.abort();
        }
    }
}

impl Session {
    /// Sets a shard to work that was taken over.
    pub(super) fn start_shard(&self, taken: Taken, queue: PartitionQueue<Reports>) -> Shard {
        let partition = taken.key.partition;
        let stop = CancellationToken::new();
        let next_offset = Arc::new(AtomicI64::new(taken.state.next_offset));
        self.show_lag(partition, taken.end_offset - taken.state.next_offset);
        let halves = taken.state.data_loss_at.is_none().then(|| {
            // One batch at a time: the worker waits for the last one before it sends the next.
            let (batches, received) = tokio::sync::mpsc::channel(1);
            let worker = Worker {
                partition,
                queue,
                next_offset: taken.state.next_offset,
                decoder: Arc::clone(&self.role.decoder),
                batches,
                notices: self.notices.clone(),
                stop: stop.clone(),
            };
            let sink = Sink::new(&self.role, &taken, &self.kafka, &self.notices, &stop);
            let committer = Committer {
                role: Arc::clone(&self.role),
                key: taken.key,
                epoch: taken.epoch,
                state: taken.state,
                topic: self.topic.clone(),
                sink,
                notices: self.notices.clone(),
                stop: stop.clone(),
                published: Arc::clone(&next_offset),
            };
            Halves {
                worker: self
                    .role
                    .thread(format!("shard-{partition}"), || worker.run()),
                committer: self.role.task("committer", committer.run(received)),
            }
        });
        Shard {
            partition,
            stop,
            next_offset,
            halves,
        }
    }
}
