//! The end of a session: shards stop, rebalances get their answers, the consumer leaves.

use std::time::Instant;

use rdkafka::consumer::Consumer;

use crate::http::Liveness;

use super::{super::consumer::Rebalance, POLL, Phase, STOPPING, Session, shard::Shard};

impl Session {
    /// Stops all shards in an orderly way and leaves the group.
    pub(super) fn leave(mut self, alive: &Liveness) {
        self.watch.abort();
        for shard in self.shards.values() {
            shard.stop.cancel();
        }
        // From here on librdkafka gets its answers at once.
        self.consumer.context().close();
        self.answer_open_rebalances();
        let deadline = Instant::now() + STOPPING;
        let stopping = |shard: &Shard| !shard.has_stopped();
        while self.shards.values().any(stopping) && Instant::now() < deadline {
            alive.beat();
            // Goes on serving heartbeats; what it says no longer matters.
            let _ = self.consumer.poll(POLL);
        }
        self.commit_offsets();
        let partitions: Vec<i32> = self.shards.keys().copied().collect();
        self.abandon(&partitions);
        for halves in self.leaving.into_iter().filter_map(|shard| shard.halves) {
            // The worker ends now that nobody takes its batches; a panic has been told already.
            let _ = halves.worker.join();
        }
        // The last handle: closes the consumer, which leaves the group.
        drop(self.consumer);
    }

    /// librdkafka can't leave before it has an answer to every rebalance. What is assigned now is
    /// not read: there are no shards that would.
    fn answer_open_rebalances(&mut self) {
        match std::mem::replace(&mut self.phase, Phase::Steady) {
            Phase::Steady => {}
            Phase::Taking {
                partitions, task, ..
            } => {
                task.abort();
                self.assign_unread(&partitions);
            }
            Phase::Starting { taken } => {
                let partitions: Vec<i32> = taken.iter().map(|taken| taken.key.partition).collect();
                self.assign_unread(&partitions);
            }
            Phase::Stopping { partitions, .. } => self.unassign(&partitions),
        }
        for rebalance in self.consumer.context().take() {
            match rebalance {
                Rebalance::Assigned(partitions) => self.assign_unread(&partitions),
                Rebalance::Revoked(partitions) | Rebalance::Lost(partitions) => {
                    self.unassign(&partitions);
                }
            }
        }
    }

    fn assign_unread(&self, partitions: &[i32]) {
        if let Err(error) = self.consumer.incremental_assign(&self.list(partitions)) {
            tracing::debug!(%error, "answering an assignment in order to leave");
        }
    }
}
