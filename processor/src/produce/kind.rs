//! What a record that was sent is, for the counters.

use sensorstream_crds::Reason;
use serde::{Deserialize, Serialize};

/// What a record that was sent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A reading with nothing wrong; of one sent twice, the first.
    Good,
    /// A reading taken earlier than the declared delay allows.
    Late,
    /// The repetition of a good reading.
    Duplicate,
    /// A reading from a clock too far ahead.
    Future,
    /// The front half of a reading.
    NotJson,
    /// A reading without one of its required fields.
    MissingField,
    /// A reading with a value of another type.
    WrongType,
    /// A reading with a value outside its bounds.
    OutOfRange,
    /// A reading with a text longer than allowed.
    TooLong,
    /// A reading with a time that is none.
    BadTimestamp,
    /// A reading after the last one, to close windows.
    Finalizer,
}

impl Kind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::Good,
        Self::Late,
        Self::Duplicate,
        Self::Future,
        Self::NotJson,
        Self::MissingField,
        Self::WrongType,
        Self::OutOfRange,
        Self::TooLong,
        Self::BadTimestamp,
        Self::Finalizer,
    ];

    /// The reason for which the processor refuses such a record, if it does.
    pub fn refused_as(self) -> Option<Reason> {
        match self {
            Self::Good | Self::Late | Self::Duplicate | Self::Finalizer => None,
            Self::Future => Some(Reason::Future),
            Self::NotJson => Some(Reason::NotJson),
            Self::MissingField => Some(Reason::MissingField),
            Self::WrongType => Some(Reason::WrongType),
            Self::OutOfRange => Some(Reason::OutOfRange),
            Self::TooLong => Some(Reason::TooLong),
            Self::BadTimestamp => Some(Reason::BadTimestamp),
        }
    }

    /// The kind as it is written in labels; for what is refused, the reason's own name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Late => "late",
            Self::Duplicate => "duplicate",
            Self::Finalizer => "finalizer",
            refused => refused.refused_as().map_or("", Reason::as_str),
        }
    }
}
