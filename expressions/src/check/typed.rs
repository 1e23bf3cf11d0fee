//! What a part of an expression is, once it is checked.

use crate::{
    condition::Condition,
    number::{Double, Whole},
    text::Text,
};

/// A checked part of an expression.
pub(super) enum Typed {
    /// The literal null.
    Null,
    /// True or false.
    Truth(Condition),
    /// A whole number.
    Whole(Whole),
    /// A literal such as `5u`. Fields have no such numbers; they can be compared with it.
    Unsigned(u64),
    /// A number with a fraction.
    Double(Double),
    /// A text.
    Text(Text),
    /// A time, in microseconds since 1970.
    Time(Whole),
    /// A span of time, in microseconds.
    Span(Whole),
}

impl Typed {
    /// What it is, in words that follow "is".
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Truth(_) => "true or false",
            Self::Whole(_) => "a whole number",
            Self::Unsigned(_) => "an unsigned number",
            Self::Double(_) => "a double",
            Self::Text(_) => "a string",
            Self::Time(_) => "a timestamp",
            Self::Span(_) => "a duration",
        }
    }

    /// One or the other; `None` when they are of two kinds, or of one that has no fields.
    pub(super) fn choice(condition: Condition, yes: Self, no: Self) -> Option<Self> {
        Some(match (yes, no) {
            (Self::Truth(yes), Self::Truth(no)) => {
                Self::Truth(Condition::Choice(Box::new((condition, yes, no))))
            }
            (Self::Whole(yes), Self::Whole(no)) => {
                Self::Whole(Whole::Choice(Box::new((condition, yes, no))))
            }
            (Self::Double(yes), Self::Double(no)) => {
                Self::Double(Double::Choice(Box::new((condition, yes, no))))
            }
            (Self::Text(yes), Self::Text(no)) => {
                Self::Text(Text::Choice(Box::new((condition, yes, no))))
            }
            (Self::Time(yes), Self::Time(no)) => {
                Self::Time(Whole::Choice(Box::new((condition, yes, no))))
            }
            (Self::Span(yes), Self::Span(no)) => {
                Self::Span(Whole::Choice(Box::new((condition, yes, no))))
            }
            _ => return None,
        })
    }
}
