//! The offsets that a group has committed, and those in transactions that are open.

use std::collections::BTreeMap;

use crate::transactions::Partition;

/// A committed offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Committed {
    pub(crate) offset: i64,
    pub(crate) leader_epoch: i32,
    pub(crate) metadata: String,
    /// Whether it is where a reader stands. What a producer that is no member notes down in its transactions may
    /// be anything.
    pub(crate) is_position: bool,
}

/// The offsets of a group.
#[derive(Debug, Default)]
pub(crate) struct Offsets {
    committed: BTreeMap<Partition, Committed>,
    /// By producer.
    pending: BTreeMap<i64, BTreeMap<Partition, Committed>>,
}

impl Offsets {
    /// Commits an offset.
    pub(crate) fn commit(&mut self, partition: Partition, offset: Committed) {
        self.committed.insert(partition, offset);
    }

    /// Commits an offset if a producer's transaction is committed.
    pub(crate) fn commit_in_transaction(
        &mut self,
        producer_id: i64,
        partition: Partition,
        offset: Committed,
    ) {
        let pending = self.pending.entry(producer_id).or_default();
        pending.insert(partition, offset);
    }

    /// A producer's transaction ended.
    pub(crate) fn end_transaction(&mut self, producer_id: i64, committed: bool) {
        let pending = self.pending.remove(&producer_id).unwrap_or_default();
        if committed {
            self.committed.extend(pending);
        }
    }

    /// What is committed for a partition.
    pub(crate) fn get(&self, partition: &Partition) -> Option<&Committed> {
        self.committed.get(partition)
    }

    /// Whether an open transaction has an offset for a partition.
    pub(crate) fn is_pending(&self, partition: &Partition) -> bool {
        self.pending
            .values()
            .any(|pending| pending.contains_key(partition))
    }

    /// All that is committed.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Partition, &Committed)> {
        self.committed.iter()
    }

    /// Forgets the offset of a partition.
    pub(crate) fn remove(&mut self, partition: &Partition) {
        self.committed.remove(partition);
    }

    /// Forgets a topic, which is gone.
    pub(crate) fn remove_topic(&mut self, topic: &str) {
        self.committed.retain(|(name, _), _| name != topic);
        for pending in self.pending.values_mut() {
            pending.retain(|(name, _), _| name != topic);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.committed.is_empty() && self.pending.is_empty()
    }
}
