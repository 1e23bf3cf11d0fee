//! A shard that this process owns: its two halves, a thread that reads and a task that commits.

use std::{
    sync::{Arc, atomic::AtomicI64},
    time::Instant,
};

use sensorstream_broker::partition_queue::PartitionQueue;
use sensorstream_crds::windows::Stage;
use sensorstream_engine::{BUCKETS, Engine, ImageError, Link, Merger};
use sensorstream_ledger::shard::{ShardKey, ShardState};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    super::{
        accounts::Accounts,
        blocked::SinkWatch,
        committer::{Committer, LakeWriter},
        consumer::Reports,
        decide::{Again, Decider},
        idle::End,
        lake::{self, Filler, Unwritten, Writer},
        outbox::Sink,
        snapshots::Snapshots,
        takeover::{Recovery, Taken},
        trim::Trimmer,
        worker::{Beginning, Worker},
    },
    Session,
};

/// A shard that is owned.
pub(super) struct Shard {
    pub(super) key: ShardKey,
    pub(super) epoch: i64,
    /// Where Kafka last said that the partition ends.
    pub(super) end: Arc<End>,
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
        // At zero from now on, as what becomes of its records is.
        let read = &self.role.metrics.records_read;
        read.with_label_values(&[&partition.to_string()]);
        let end = Arc::new(End::default());
        let (key, epoch) = (taken.key.clone(), taken.epoch);
        let halves = match taken.state.data_loss_at {
            None => Some(self.start_halves(taken, queue, &stop, &next_offset, &end)?),
            Some(_) => None,
        };
        Ok(Shard {
            key,
            epoch,
            end,
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
        end: &Arc<End>,
    ) -> Result<Halves, ImageError> {
        let role = &self.role;
        let partition = taken.key.partition;
        let recovery = std::mem::take(&mut taken.recovery);
        let mut offsets = vec![i64::MIN; usize::from(BUCKETS)];
        for bucket in &recovery.buckets {
            offsets[usize::from(bucket.number as u16)] = bucket.at_offset;
        }
        let sent_below = Arc::new(AtomicI64::new(recovery.sent_below));
        let sink = Sink::new(role, &taken, &self.kafka, &self.notices, stop);
        // One batch at a time: the worker waits for the last one before it sends the next.
        let (work, received) = tokio::sync::mpsc::channel(1);
        let at = Beginning {
            role: Arc::clone(role),
            key: taken.key.clone(),
            queue,
            next_offset: taken.state.next_offset,
            again: Again::new(recovery.sent_below, recovery.letters.clone()),
            read_from: recovery.read_from,
            snapshots: Snapshots::new(offsets.clone(), Instant::now()),
            sent_below: Arc::clone(&sent_below),
            work,
            notices: self.notices.clone(),
            end: Arc::clone(end),
            stop: stop.clone(),
        };
        let name = format!("{}-{partition}", self.role.topic);
        let unwritten = Unwritten::default();
        let lake = role.lake.as_ref().map(|lake| {
            // One file being written, one waiting: with those that a commit waits to add, this is all
            // that is kept while the lake is away.
            let (files, received) = tokio::sync::mpsc::channel(1);
            let writer = Writer {
                role: Arc::clone(role),
                lake: Arc::clone(lake),
                key: taken.key.clone(),
                watch: SinkWatch::new(role, &taken.key, taken.epoch, lake::SINK),
                unwritten: unwritten.clone(),
                files: received,
                stop: stop.clone(),
            };
            let task = role.task("lake", writer.run());
            LakeWriter { files, task }
        });
        let worker = match role.stage {
            Stage::First => {
                let (decider, accounts) =
                    self.decider(&taken.state, partition, &recovery, &unwritten)?;
                role.thread(name, || Worker::new(at, decider, accounts).run())
            }
            Stage::Second => {
                let (merger, accounts) = self.merger(&taken.state, &recovery)?;
                role.thread(name, || Worker::new(at, merger, accounts).run())
            }
        };
        let trimmer = match role.stage {
            Stage::First => None,
            Stage::Second => Some(Trimmer::new(offsets, Instant::now())),
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
            noted_below: recovery.sent_below,
            trimmer,
            lake,
        };
        Ok(Halves {
            worker,
            committer: role.task("committer", committer.run(received)),
        })
    }

    /// The first stage of a shard, from what was written down of it.
    fn decider(
        &self,
        state: &ShardState,
        partition: i32,
        recovery: &Recovery,
        unwritten: &Unwritten,
    ) -> Result<(Decider, Accounts), ImageError> {
        let role = &self.role;
        let newest = state
            .watermark_us
            .map(|watermark| watermark + role.max_delay_us);
        let accounts = Accounts::resume(&role.plan, state, newest);
        let starts = accounts.starts(&role.plan);
        let lake = role.lake.as_ref().map(|lake| {
            let from = state.lake_cursor.unwrap_or(state.next_offset);
            Filler::new(lake, from, &recovery.lake_files, unwritten)
        });
        let plan = Arc::clone(&role.plan);
        let mut engine = Engine::new(plan, recovery.watermark_us, &starts, state.next_offset)
            .with_link(Link {
                source: partition,
                partitions: self.other_partitions,
            });
        for bucket in &recovery.buckets {
            engine.restore(bucket.number as u16, bucket.at_offset, &bucket.image)?;
        }
        let mut decider = Decider::new(
            partition,
            Arc::clone(&role.decoder),
            Arc::clone(&role.plan),
            Arc::clone(&role.products),
            engine,
        );
        if let Some(links) = &state.links {
            decider = decider.sending(links);
        }
        if let Some(lake) = lake {
            decider = decider.filling(lake, recovery.engine_from);
        }
        Ok((decider, accounts))
    }

    /// The second stage of a shard, from what was written down of it.
    fn merger(
        &self,
        state: &ShardState,
        recovery: &Recovery,
    ) -> Result<(Merger, Accounts), ImageError> {
        let role = &self.role;
        let oldest = recovery
            .buckets
            .iter()
            .min_by_key(|bucket| bucket.at_offset);
        let sources = oldest
            .and_then(|bucket| bucket.sources.as_deref())
            .unwrap_or_default();
        let newest = Merger::newest(&role.plan, sources)?;
        let accounts = Accounts::resume(&role.plan, state, newest);
        let starts = accounts.starts(&role.plan);
        let plan = Arc::clone(&role.plan);
        let expected = usize::from(self.other_partitions);
        let mut merger = Merger::new(plan, expected, sources, &starts, state.next_offset)?;
        for bucket in &recovery.buckets {
            merger.restore(bucket.number as u16, bucket.at_offset, &bucket.image)?;
        }
        Ok((merger, accounts))
    }
}
