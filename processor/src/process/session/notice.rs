//! What shards and watchers tell the session, without waiting for it.

use std::{collections::BTreeMap, sync::mpsc, time::Instant};

use rdkafka::error::RDKafkaErrorCode;

/// What shards tell the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A shard's next record is not in the partition.
    OutOfRange {
        /// The partition.
        partition: i32,
    },
    /// A partition can't be read at the moment.
    Unreadable {
        /// The partition.
        partition: i32,
        /// Why.
        error: RDKafkaErrorCode,
    },
    /// A shard has another owner.
    Stale {
        /// The partition.
        partition: i32,
    },
    /// What a shard reads makes no sense to it, or something is missing in it.
    Unusable {
        /// The partition.
        partition: i32,
        /// What exactly.
        error: String,
    },
    /// The topic is another one.
    Replaced,
    /// The topic at the other end of the link has another number of partitions.
    OtherEndChanged,
    /// Where partitions ended when Kafka was asked.
    Ends(BTreeMap<i32, i64>, Instant),
}

/// Where shards tell the session what happens.
#[derive(Clone, Debug)]
pub struct Notices(mpsc::Sender<Notice>);

impl Notices {
    /// A way to tell, and a way to hear.
    pub fn new() -> (Self, mpsc::Receiver<Notice>) {
        let (sender, inbox) = mpsc::channel();
        (Self(sender), inbox)
    }

    /// Tells something. Nobody listens any more when the session has ended.
    pub fn send(&self, notice: Notice) {
        let _ = self.0.send(notice);
    }
}
