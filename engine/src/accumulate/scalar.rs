//! Values of fixed size, as numbers.

use sensorstream_expressions::{Kind, Value};

use crate::rows::Cell;

/// A number, as a double.
pub(super) fn number(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Double(number) => Some(*number),
        Value::Integer(number) => Some(f64::from(*number)),
        Value::Long(number) => Some(*number as f64),
        Value::Null | Value::Text(_) | Value::Boolean(_) | Value::Timestamp(_) => None,
    }
}

/// A whole number.
pub(super) fn whole(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Integer(number) => Some((*number).into()),
        Value::Long(number) => Some(*number),
        Value::Null
        | Value::Text(_)
        | Value::Double(_)
        | Value::Boolean(_)
        | Value::Timestamp(_) => None,
    }
}

/// A value that is no text as a whole number that orders as the values do. [`cell`] leads back.
pub(super) fn rank(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Double(number) => Some(flip_negative(number.to_bits() as i64)),
        Value::Integer(number) => Some((*number).into()),
        Value::Long(number) | Value::Timestamp(number) => Some(*number),
        Value::Boolean(truth) => Some((*truth).into()),
        Value::Null | Value::Text(_) => None,
    }
}

/// The rank of a value by which equal values are one: zero has one whatever its sign.
pub(super) fn identity(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Double(number) => rank(&Value::Double(number + 0.0)),
        other => rank(other),
    }
}

/// The value of this kind that has this rank.
pub(super) fn cell(kind: Kind, rank: i64) -> Cell<'static> {
    match kind {
        Kind::Text => unreachable!("texts have no rank"),
        Kind::Double => Cell::Double(f64::from_bits(flip_negative(rank) as u64)),
        Kind::Integer => Cell::Integer(rank as i32),
        Kind::Long => Cell::Long(rank),
        Kind::Boolean => Cell::Boolean(rank != 0),
        Kind::Timestamp => Cell::Timestamp(rank),
    }
}

/// The bits of a double are its sign and its size: negative ones would order backwards.
fn flip_negative(bits: i64) -> i64 {
    if bits < 0 { bits ^ i64::MAX } else { bits }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranks_order_as_doubles_do(
            one in prop::num::f64::NORMAL | prop::num::f64::ZERO | prop::num::f64::SUBNORMAL,
            two in prop::num::f64::NORMAL | prop::num::f64::ZERO | prop::num::f64::SUBNORMAL,
        ) {
            let rank_of = |number| rank(&Value::Double(number)).unwrap();
            prop_assert_eq!(rank_of(one).cmp(&rank_of(two)), one.total_cmp(&two));
            prop_assert_eq!(cell(Kind::Double, rank_of(one)), Cell::Double(one));
        }
    }
}
