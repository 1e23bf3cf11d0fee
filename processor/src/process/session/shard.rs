//! A shard that this process owns: its two halves, a thread that reads and a task that commits.

use std::{
    sync::{Arc, atomic::AtomicI64},
    time::Instant,
};

use sensorstream_broker::partition_queue::PartitionQueue;
use sensorstream_engine::{BUCKETS, Engine, ImageError};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    super::{
        accounts::Accounts,
        committer::Committer,
        consumer::Reports,
        decide::{Again, Decider},
        outbox::Sink,
        snapshots::Snapshots,
        takeover::Taken,
        worker::Worker,
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
    /// Sets a shard to work that was taken over. Fails if its state can't be read.
    pub(super) fn start_shard(
        &self,
        taken: Taken,
        queue: PartitionQueue<Reports>,
    ) -> Result<Shard, ImageError> {
        let partition = taken.key.partition;
        let stop = CancellationToken::new();
        let next_offset = Arc::new(AtomicI64::new(taken.state.next_offset));
        self.show_lag(partition, taken.end_offset - taken.state.next_offset);
        let halves = match taken.state.data_loss_at {
            None => Some(self.start_halves(taken, queue, &stop, &next_offset)?),
            Some(_) => None,
        };
        Ok(Shard {
            partition,
            stop,
            next_offset,
            halves,
        })
    }

    fn start_halves(
        &self,
        mut taken: Taken,
        queue: PartitionQueue<Reports>,
        stop: &CancellationToken,
        published: &Arc<AtomicI64>,
    ) -> Result<Halves, ImageError> {
        let role = &self.role;
        let partition = taken.key.partition;
        let next_offset = taken.state.next_offset;
        let recovery = std::mem::take(&mut taken.recovery);
        let accounts = Accounts::resume(&role.plan, &taken.state, role.max_delay_us);
        let starts = accounts.starts(&role.plan);
        let plan = Arc::clone(&role.plan);
        let mut engine = Engine::new(plan, recovery.watermark_us, &starts, next_offset);
        let mut offsets = vec![i64::MIN; usize::from(BUCKETS)];
        for bucket in &recovery.buckets {
            let number = bucket.number as u16;
            offsets[usize::from(number)] = bucket.at_offset;
            engine.restore(number, bucket.at_offset, &bucket.image)?;
        }
        let sent_below = Arc::new(AtomicI64::new(recovery.sent_below));
        let sink = Sink::new(role, &taken, &self.kafka, &self.notices, stop);
        // One batch at a time: the worker waits for the last one before it sends the next.
        let (work, received) = tokio::sync::mpsc::channel(1);
        let worker = Worker {
            role: Arc::clone(role),
            partition,
            queue,
            next_offset,
            decider: Decider::new(
                partition,
                Arc::clone(&role.decoder),
                Arc::clone(&role.plan),
                Arc::clone(&role.products),
                engine,
            ),
            accounts,
            again: Again::new(recovery.sent_below, recovery.letters),
            read_from: recovery.read_from,
            snapshots: Snapshots::new(offsets, Instant::now()),
            sent_below: Arc::clone(&sent_below),
            work,
            notices: self.notices.clone(),
            stop: stop.clone(),
        };
        let committer = Committer {
            role: Arc::clone(role),
            key: taken.key,
            epoch: taken.epoch,
            state: taken.state,
            topic: self.topic.clone(),
            sink,
            notices: self.notices.clone(),
            stop: stop.clone(),
            published: Arc::clone(published),
            given_below: recovery.sent_below,
            sent_below,
        };
        Ok(Halves {
            worker: role.thread(format!("shard-{partition}"), || worker.run()),
            committer: role.task("committer", committer.run(received)),
        })
    }
}
