//! What went wrong, by Kafka's numbers.

use kafka_protocol::error::ResponseError;

use crate::{
    batch::BatchError, groups::GroupError, log::OutOfRange, producers::SequenceError,
    settings::SettingError, topics::TopicError, transactions::TransactionError,
};

/// The number of an outcome.
pub(super) fn code<E: Into<ResponseError>>(outcome: Result<(), E>) -> i16 {
    outcome.map_or_else(|error| error.into().code(), |()| 0)
}

impl From<BatchError> for ResponseError {
    fn from(error: BatchError) -> Self {
        match error {
            BatchError::Corrupt => Self::CorruptMessage,
            BatchError::Old => Self::UnsupportedForMessageFormat,
            BatchError::Invalid => Self::InvalidRecord,
        }
    }
}

impl From<SequenceError> for ResponseError {
    fn from(error: SequenceError) -> Self {
        match error {
            SequenceError::Fenced => Self::InvalidProducerEpoch,
            SequenceError::Gap => Self::OutOfOrderSequenceNumber,
        }
    }
}

impl From<OutOfRange> for ResponseError {
    fn from(_: OutOfRange) -> Self {
        Self::OffsetOutOfRange
    }
}

impl From<TopicError> for ResponseError {
    fn from(error: TopicError) -> Self {
        match error {
            TopicError::Exists => Self::TopicAlreadyExists,
            TopicError::Name => Self::InvalidTopicException,
            TopicError::Partitions | TopicError::Fewer => Self::InvalidPartitions,
            TopicError::Replication => Self::InvalidReplicationFactor,
        }
    }
}

impl From<SettingError> for ResponseError {
    fn from(_: SettingError) -> Self {
        Self::InvalidConfig
    }
}

impl From<TransactionError> for ResponseError {
    fn from(error: TransactionError) -> Self {
        match error {
            TransactionError::Fenced => Self::ProducerFenced,
            TransactionError::Unknown => Self::InvalidProducerIdMapping,
            TransactionError::State => Self::InvalidTxnState,
            TransactionError::Timeout => Self::InvalidTransactionTimeout,
        }
    }
}

impl From<GroupError> for ResponseError {
    fn from(error: GroupError) -> Self {
        match error {
            GroupError::UnknownMember => Self::UnknownMemberId,
            GroupError::Generation => Self::IllegalGeneration,
            GroupError::Rebalancing => Self::RebalanceInProgress,
            GroupError::Fenced => Self::FencedInstanceId,
            GroupError::Protocol => Self::InconsistentGroupProtocol,
            GroupError::NameGiven(_) => Self::MemberIdRequired,
            GroupError::NotEmpty => Self::NonEmptyGroup,
            GroupError::NotFound => Self::GroupIdNotFound,
            GroupError::Unstable => Self::UnstableOffsetCommit,
            GroupError::Subscribed => Self::GroupSubscribedToTopic,
        }
    }
}
