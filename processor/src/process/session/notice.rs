//! What shards and watchers tell the session, without waiting for it.

use std::{collections::BTreeMap, sync::mpsc};

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
    /// The topic is another one.
    Replaced,
    /// Where partitions end.
    Ends(BTreeMap<i32, i64>),
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
