//! What is observed of a pipeline, and since when.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::DesiredState;

/// What was observed of the pipeline, never what is hoped for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SensorPipelineStatus {
    /// The generation of the spec that the conditions speak of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What the pipeline is doing: Pending, Running, Pausing, Paused, Draining, Drained,
    /// Degraded, Failed or Deleting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<ObservedState>,
    /// Health by topic, with reason and message.
    #[serde(default)]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Processor pods that are ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Label selector of the processor pods, for the scale subresource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Records in the input topic that are not committed yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag: Option<i64>,
    /// Event time up to which readings are complete: the least over the partitions with data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<Time>,
    /// Records committed a second, as text, such as `50.2/s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// When the latest record was committed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_commit_time: Option<Time>,
    /// What became of every record read so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<RecordCounts>,
    /// Where the pipeline's services are, within the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<Endpoints>,
    /// The stop under way or done, when `spec.state` is Paused or Drained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
}

/// What the pipeline is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ObservedState {
    /// Not yet everything it needs is in place.
    Pending,
    /// Everything asked for is running.
    Running,
    /// Pods are being stopped.
    Pausing,
    /// Stopped.
    Paused,
    /// What is left in the topic is being processed.
    Draining,
    /// Everything up to the captured offsets is processed, and the processor is stopped.
    Drained,
    /// It ran, and something is missing now.
    Degraded,
    /// The spec can't be carried out as written.
    Failed,
    /// The resource is being deleted.
    Deleting,
}

/// What became of every record read so far: read = accepted + deadLettered + dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RecordCounts {
    /// Records taken from the input topic.
    pub read: i64,
    /// Readings in the outputs.
    pub accepted: i64,
    /// Records in the dead letter topic.
    pub dead_lettered: i64,
    /// Records left out on purpose.
    pub dropped: i64,
    /// Records that Kafka deleted before they were read. Not part of `read`.
    pub lost: i64,
}

/// Where the pipeline's services are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Endpoints {
    /// The query API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
}

/// A stop under way or done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stop {
    /// What was asked for: Paused or Drained.
    pub state: DesiredState,
    /// The generation that asked for it.
    pub generation: i64,
    /// When it began.
    pub started_at: Time,
    /// For a drain: the end offsets captured once the simulator had stopped. Everything below
    /// them is processed before the processor stops.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["partition".into()]))]
    pub targets: Vec<PartitionOffset>,
    /// Whether the end offsets have been captured.
    #[serde(default)]
    pub captured: bool,
}

/// A position in the input topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartitionOffset {
    /// The partition.
    pub partition: i32,
    /// The offset of the next record.
    pub offset: i64,
}

/// The types of conditions, in the order they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConditionType {
    /// Everything the pipeline needs is in place and running.
    Ready,
    /// The spec can be carried out.
    SpecValid,
    /// The topics exist as declared.
    TopicsReady,
    /// The tables exist as declared.
    TablesReady,
    /// The simulator runs as declared.
    ProducerReady,
    /// The processor runs as declared.
    ProcessorReady,
    /// The API runs as declared.
    ApiReady,
    /// Readings have been committed lately.
    DataFlowing,
    /// The pipeline has stopped as asked; carries a drain's offsets.
    Stopped,
    /// Records vanished from the input before they were read. Present only when that happened.
    DataLoss,
    /// A sink can't be written, and the pipeline waits for it. Present only while that is so.
    SinkBlocked,
    /// The broker's records carry the senders' times. Present only when that is so.
    WeakClockGuard,
    /// Readings of one key came from several partitions. Present only when that happened.
    KeySpread,
    /// The input topic was deleted and made anew after records of it had been read. Present only when that
    /// happened.
    TopicReplaced,
}

impl ConditionType {
    /// Every type, in the order they are shown.
    pub const ALL: [Self; 14] = [
        Self::Ready,
        Self::SpecValid,
        Self::TopicsReady,
        Self::TablesReady,
        Self::ProducerReady,
        Self::ProcessorReady,
        Self::ApiReady,
        Self::DataFlowing,
        Self::Stopped,
        Self::DataLoss,
        Self::SinkBlocked,
        Self::WeakClockGuard,
        Self::KeySpread,
        Self::TopicReplaced,
    ];

    /// The type written as `text`.
    pub fn from_name(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|type_| type_.as_str() == text)
    }

    /// The type as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::SpecValid => "SpecValid",
            Self::TopicsReady => "TopicsReady",
            Self::TablesReady => "TablesReady",
            Self::ProducerReady => "ProducerReady",
            Self::ProcessorReady => "ProcessorReady",
            Self::ApiReady => "ApiReady",
            Self::DataFlowing => "DataFlowing",
            Self::Stopped => "Stopped",
            Self::DataLoss => "DataLoss",
            Self::SinkBlocked => "SinkBlocked",
            Self::WeakClockGuard => "WeakClockGuard",
            Self::KeySpread => "KeySpread",
            Self::TopicReplaced => "TopicReplaced",
        }
    }
}

impl SensorPipelineStatus {
    /// The condition of a type, if it has been observed.
    pub fn condition(&self, type_: ConditionType) -> Option<&Condition> {
        self.conditions.iter().find(|c| c.type_ == type_.as_str())
    }

    /// Whether the condition of a type is `True`.
    pub fn is_true(&self, type_: ConditionType) -> bool {
        self.condition(type_).is_some_and(|c| c.status == "True")
    }
}
