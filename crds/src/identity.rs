//! Who a pipeline is, outside Kubernetes: the names of its consumer group, its transactions
//! and its rows in the commit log. They outlive the resource, so that a pipeline deleted with
//! `Retain` and made again goes on where it stopped.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A pipeline's identity: `namespace/name`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PipelineId {
    /// The resource's namespace.
    pub namespace: String,
    /// The resource's name.
    pub name: String,
}

impl PipelineId {
    /// The identity of the resource of this namespace and name.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// The consumer group that shares out the partitions of the input topic.
    pub fn consumer_group(&self) -> String {
        format!("sensorstream.{}.{}", self.namespace, self.name)
    }

    /// The consumer group that shares out the partitions of the link topic.
    pub fn link_group(&self) -> String {
        format!("{}.link", self.consumer_group())
    }

    /// The topic between the two stages of windows over several partitions.
    pub fn link_topic(&self) -> String {
        format!("sensorstream.{}.{}.link", self.namespace, self.name)
    }

    /// The consumer group whose offsets are the dead letter sink's cursors. It has no members.
    pub fn dead_letter_group(&self) -> String {
        format!("sensorstream.{}.{}.dead-letter", self.namespace, self.name)
    }

    /// The transactional id of the dead letter sink of one shard. Whoever takes the shard over
    /// uses the same one, which fences the previous owner.
    pub fn dead_letter_transactional_id(&self, incarnation: &str, partition: i32) -> String {
        format!("{}/{incarnation}/{partition}", self.dead_letter_group())
    }

    /// The consumer group whose offset says how far the simulator has come on its timeline. It has no
    /// members.
    pub fn simulator_group(&self) -> String {
        format!("sensorstream.{}.{}.simulator", self.namespace, self.name)
    }

    /// The transactional id of the simulator. A new pod uses the same one, which fences the previous
    /// one.
    pub fn simulator_transactional_id(&self) -> String {
        self.simulator_group()
    }

    /// The transactional id of whoever replays dead letters. The next one uses the same, which fences the
    /// one before.
    pub fn replay_transactional_id(&self) -> String {
        format!("sensorstream.{}.{}.replay", self.namespace, self.name)
    }

    /// The default PostgreSQL schema.
    pub fn default_schema(&self) -> String {
        self.name.replace('-', "_")
    }
}

impl fmt::Display for PipelineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
