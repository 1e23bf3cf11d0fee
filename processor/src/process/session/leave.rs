//! The end of a session: shards stop, rebalances get their answers, the consumer leaves.

use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use sensorstream_broker::membership;

use crate::http::Liveness;

use super::{super::consumer::Rebalance, POLL, Phase, STOPPING, Session, shard::Shard};

/// How long leaving the group may take. Whoever does not make it is missed after the session's timeout.
const LEAVING: Duration = Duration::from_secs(2);

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
        for halves in self.leaving.drain(..).filter_map(|shard| shard.halves) {
            // The worker ends now that nobody takes its batches; a panic has been told already.
            let _ = halves.worker.join();
        }
        self.unsubscribe(alive);
        // The last handle: closes the consumer.
        drop(self.consumer);
    }

    /// Leaves the group. Closing the consumer alone would not do it: a member by name is expected back.
    fn unsubscribe(&self, alive: &Liveness) {
        self.consumer.unsubscribe();
        let deadline = Instant::now() + LEAVING;
        while membership::is_member(self.consumer.client()) && Instant::now() < deadline {
            alive.beat();
            let _ = self.consumer.poll(POLL / 10);
        }
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
                Rebalance::OtherTopic => {}
            }
        }
    }

    fn assign_unread(&self, partitions: &[i32]) {
        if let Err(error) = self.consumer.incremental_assign(&self.list(partitions)) {
            tracing::debug!(%error, "answering an assignment in order to leave");
        }
    }
}
