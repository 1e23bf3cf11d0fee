//! Why a record was not accepted: a closed list, so that metrics and dashboards can rely on it.

use serde::{Deserialize, Serialize};

/// Why a record was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The value is no JSON object.
    NotJson,
    /// A required field is absent or null.
    MissingField,
    /// A field holds another type of value.
    WrongType,
    /// A number is out of its bounds, or a text is none of the allowed values.
    OutOfRange,
    /// A text is longer than allowed.
    TooLong,
    /// A time is not RFC 3339, or its year is not within 2000 to 2100.
    BadTimestamp,
    /// The reading is further ahead of the broker's clock than allowed.
    Future,
    /// The record has no value.
    Tombstone,
    /// The record is larger than any reading may be.
    TooLarge,
    /// The database refused the row.
    RejectedBySink,
    /// The reading is accepted, but came too late for a window.
    Late,
    /// The same, but only because its partition had nothing to read for so long that windows over several
    /// partitions went on without it.
    Idle,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 12] = [
        Self::NotJson,
        Self::MissingField,
        Self::WrongType,
        Self::OutOfRange,
        Self::TooLong,
        Self::BadTimestamp,
        Self::Future,
        Self::Tombstone,
        Self::TooLarge,
        Self::RejectedBySink,
        Self::Late,
        Self::Idle,
    ];

    /// The reason as it is written in headers, labels and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::MissingField => "missing_field",
            Self::WrongType => "wrong_type",
            Self::OutOfRange => "out_of_range",
            Self::TooLong => "too_long",
            Self::BadTimestamp => "bad_timestamp",
            Self::Future => "future",
            Self::Tombstone => "tombstone",
            Self::TooLarge => "too_large",
            Self::RejectedBySink => "rejected_by_sink",
            Self::Late => "late",
            Self::Idle => "idle",
        }
    }

    /// The reason written as `text`.
    pub fn from_name(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

/// The headers that a dead letter carries besides the record's own.
pub mod header {
    /// Why the record is here: a [`super::Reason`].
    pub const REASON: &str = "sensorstream-reason";
    /// What exactly was wrong, for people.
    pub const DETAIL: &str = "sensorstream-detail";
    /// The topic the record came from.
    pub const SOURCE_TOPIC: &str = "sensorstream-source-topic";
    /// The partition the record came from, in decimal.
    pub const SOURCE_PARTITION: &str = "sensorstream-source-partition";
    /// The offset of the record, in decimal.
    pub const SOURCE_OFFSET: &str = "sensorstream-source-offset";
    /// The size of the value in bytes before it was cut to fit the dead letter topic.
    pub const TRUNCATED_FROM: &str = "sensorstream-truncated-from";
    /// `true` when the record was deleted from the source topic before it could be copied here:
    /// the dead letter then has neither key, headers nor value of its own.
    pub const RECORD_LOST: &str = "sensorstream-record-lost";

    /// On a record that was sent to the source topic again: the dead letter that it was, as partition and
    /// offset in the dead letter topic.
    pub const REPLAYED_FROM: &str = "sensorstream-replayed-from";
    /// On a record of the dead letter topic that is no dead letter, and says which have been replayed.
    pub const RECEIPT: &str = "sensorstream-receipt";
}
