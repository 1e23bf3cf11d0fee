//! Why a condition is as it is: a closed list, so that whoever explains a status knows every reason.

/// Why a condition is as it is, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConditionReason {
    /// The spec can be carried out.
    Valid,
    /// Everything is as declared.
    Ready,
    /// Readings are being committed.
    Flowing,
    /// The spec breaks a rule.
    Invalid,
    /// A Secret is missing.
    SecretNotFound,
    /// A Secret lacks a key, or holds what can't be used.
    SecretInvalid,
    /// A topic, a table or a place in the lake belongs to another pipeline.
    Conflict,
    /// An existing topic can't be used.
    TopicIncompatible,
    /// An existing table can't be used.
    TableIncompatible,
    /// The spec is refused, so this was not looked at.
    NotJudged,
    /// Kafka or PostgreSQL does not answer.
    Unreachable,
    /// Kafka or PostgreSQL refuses to be looked at.
    Refused,
    /// Something is being made.
    Missing,
    /// Something is being changed.
    Changing,
    /// Partitions have no leader.
    NoLeader,
    /// Topics or tables could not be made or changed.
    Failed,
    /// Something else could not be made or changed.
    ApplyFailed,
    /// The pods are not there yet.
    NotStarted,
    /// No pod is ready yet.
    Starting,
    /// Some pods are not ready, or not up to date.
    RollingOut,
    /// A pod does not run.
    PodFailing,
    /// The API can't have its login to PostgreSQL.
    LoginRefused,
    /// The pods are being stopped, as asked.
    Pausing,
    /// The pods are stopped, as asked.
    Paused,
    /// What is left in the topic is being processed, as asked.
    Draining,
    /// Everything is processed and the processor stopped, as asked.
    Drained,
    /// A stop took longer than the spec allows.
    DeadlineExceeded,
    /// No data flows because the pipeline is stopped, as asked.
    Stopped,
    /// There is nothing to read.
    NoInput,
    /// Records wait for a processor that is not ready.
    ProcessorNotReady,
    /// Records wait, and none is committed.
    Stalled,
    /// The pipeline stopped at records that are gone.
    DataLoss,
    /// Records are gone, and the processor waits before the gap.
    Gap,
    /// Records were gone before they were read.
    RecordsLost,
    /// A sink takes nothing.
    Waiting,
    /// The topic's records carry their senders' times.
    CreateTime,
    /// Readings of one key came from several partitions.
    SeveralPartitions,
    /// The input topic was deleted and made anew.
    MadeAnew,
    /// The resource is being deleted.
    Deleting,
}

impl ConditionReason {
    /// Every reason.
    pub const ALL: [Self; 39] = [
        Self::Valid,
        Self::Ready,
        Self::Flowing,
        Self::Invalid,
        Self::SecretNotFound,
        Self::SecretInvalid,
        Self::Conflict,
        Self::TopicIncompatible,
        Self::TableIncompatible,
        Self::NotJudged,
        Self::Unreachable,
        Self::Refused,
        Self::Missing,
        Self::Changing,
        Self::NoLeader,
        Self::Failed,
        Self::ApplyFailed,
        Self::NotStarted,
        Self::Starting,
        Self::RollingOut,
        Self::PodFailing,
        Self::LoginRefused,
        Self::Pausing,
        Self::Paused,
        Self::Draining,
        Self::Drained,
        Self::DeadlineExceeded,
        Self::Stopped,
        Self::NoInput,
        Self::ProcessorNotReady,
        Self::Stalled,
        Self::DataLoss,
        Self::Gap,
        Self::RecordsLost,
        Self::Waiting,
        Self::CreateTime,
        Self::SeveralPartitions,
        Self::MadeAnew,
        Self::Deleting,
    ];

    /// The reason as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "Valid",
            Self::Ready => "Ready",
            Self::Flowing => "Flowing",
            Self::Invalid => "Invalid",
            Self::SecretNotFound => "SecretNotFound",
            Self::SecretInvalid => "SecretInvalid",
            Self::Conflict => "Conflict",
            Self::TopicIncompatible => "TopicIncompatible",
            Self::TableIncompatible => "TableIncompatible",
            Self::NotJudged => "NotJudged",
            Self::Unreachable => "Unreachable",
            Self::Refused => "Refused",
            Self::Missing => "Missing",
            Self::Changing => "Changing",
            Self::NoLeader => "NoLeader",
            Self::Failed => "Failed",
            Self::ApplyFailed => "ApplyFailed",
            Self::NotStarted => "NotStarted",
            Self::Starting => "Starting",
            Self::RollingOut => "RollingOut",
            Self::PodFailing => "PodFailing",
            Self::LoginRefused => "LoginRefused",
            Self::Pausing => "Pausing",
            Self::Paused => "Paused",
            Self::Draining => "Draining",
            Self::Drained => "Drained",
            Self::DeadlineExceeded => "DeadlineExceeded",
            Self::Stopped => "Stopped",
            Self::NoInput => "NoInput",
            Self::ProcessorNotReady => "ProcessorNotReady",
            Self::Stalled => "Stalled",
            Self::DataLoss => "DataLoss",
            Self::Gap => "Gap",
            Self::RecordsLost => "RecordsLost",
            Self::Waiting => "Waiting",
            Self::CreateTime => "CreateTime",
            Self::SeveralPartitions => "SeveralPartitions",
            Self::MadeAnew => "MadeAnew",
            Self::Deleting => "Deleting",
        }
    }

    /// The reason written as `text`.
    pub fn from_name(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_listed_once_and_found_by_its_name() {
        for (index, reason) in ConditionReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index, "{reason:?}");
            assert_eq!(ConditionReason::from_name(reason.as_str()), Some(reason));
        }
    }
}
