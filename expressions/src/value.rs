//! Values of a reading.

use std::borrow::Cow;

/// A value of a reading.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Nothing, in an optional field.
    Null,
    /// A text.
    Text(Cow<'a, str>),
    /// A number with a fraction.
    Double(f64),
    /// A whole number of 32 bits.
    Integer(i32),
    /// A whole number of 64 bits.
    Long(i64),
    /// True or false.
    Boolean(bool),
    /// A time, in microseconds since 1970.
    Timestamp(i64),
}
