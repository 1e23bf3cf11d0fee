//! Parts of an expression that are numbers. Times and durations are whole numbers too, of microseconds.

use std::cmp::Ordering;

use crate::{
    Value,
    condition::Condition,
    operand::{Absent, Operand},
    text::Text,
};

/// 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999Z in microseconds since 1970: CEL's times.
const TIMES: std::ops::RangeInclusive<i64> = -62_135_596_800_000_000..=253_402_300_799_999_999;
/// 2 to the 63rd: the first number beyond all of `i64`.
const BEYOND: f64 = 9_223_372_036_854_775_808.0;

/// An operator between two numbers of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Remainder,
}

/// A whole number of 64 bits, a time or a duration.
#[derive(Debug)]
pub(crate) enum Whole {
    /// Always the same.
    Constant(i64),
    /// The value of the field with this index.
    Field(usize),
    /// `-x`
    Negated(Box<Whole>),
    /// Two numbers and what is between them.
    Computed(Operator, Box<(Whole, Whole)>),
    /// A computed time, which has to be within the years that CEL knows.
    Time(Box<Whole>),
    /// How many characters a text has.
    Size(Text),
    /// `condition ? x : y`
    Choice(Box<(Condition, Whole, Whole)>),
}

impl Whole {
    pub(crate) fn evaluate(&self, values: &[Value<'_>]) -> Operand<i64> {
        match self {
            Self::Constant(number) => Ok(*number),
            Self::Field(index) => match &values[*index] {
                Value::Integer(number) => Ok((*number).into()),
                Value::Long(number) | Value::Timestamp(number) => Ok(*number),
                Value::Null => Err(Absent::Null),
                _ => Err(Absent::Error),
            },
            Self::Negated(number) => Absent::strictly(number.evaluate(values))?
                .checked_neg()
                .ok_or(Absent::Error),
            Self::Computed(operator, sides) => {
                let left = Absent::strictly(sides.0.evaluate(values))?;
                let right = Absent::strictly(sides.1.evaluate(values))?;
                match operator {
                    Operator::Add => left.checked_add(right),
                    Operator::Subtract => left.checked_sub(right),
                    Operator::Multiply => left.checked_mul(right),
                    Operator::Divide => left.checked_div(right),
                    Operator::Remainder => left.checked_rem(right),
                }
                .ok_or(Absent::Error)
            }
            Self::Time(time) => {
                let time = time.evaluate(values)?;
                TIMES.contains(&time).then_some(time).ok_or(Absent::Error)
            }
            Self::Size(text) => {
                let text = Absent::strictly(text.evaluate(values))?;
                Ok(text.chars().count() as i64)
            }
            Self::Choice(choice) => {
                let (condition, yes, no) = &**choice;
                if Absent::strictly(condition.evaluate(values))? {
                    yes.evaluate(values)
                } else {
                    no.evaluate(values)
                }
            }
        }
    }
}

/// A number with a fraction.
#[derive(Debug)]
pub(crate) enum Double {
    /// Always the same.
    Constant(f64),
    /// The value of the field with this index.
    Field(usize),
    /// `-x`
    Negated(Box<Double>),
    /// Two numbers and what is between them; there is no remainder.
    Computed(Operator, Box<(Double, Double)>),
    /// A whole number as one with a fraction.
    Of(Box<Whole>),
    /// `condition ? x : y`
    Choice(Box<(Condition, Double, Double)>),
}

impl Double {
    pub(crate) fn evaluate(&self, values: &[Value<'_>]) -> Operand<f64> {
        match self {
            Self::Constant(number) => Ok(*number),
            Self::Field(index) => match &values[*index] {
                Value::Double(number) => Ok(*number),
                Value::Null => Err(Absent::Null),
                _ => Err(Absent::Error),
            },
            Self::Negated(number) => Ok(-Absent::strictly(number.evaluate(values))?),
            Self::Computed(operator, sides) => {
                let left = Absent::strictly(sides.0.evaluate(values))?;
                let right = Absent::strictly(sides.1.evaluate(values))?;
                Ok(match operator {
                    Operator::Add => left + right,
                    Operator::Subtract => left - right,
                    Operator::Multiply => left * right,
                    Operator::Divide => left / right,
                    Operator::Remainder => return Err(Absent::Error),
                })
            }
            Self::Of(whole) => Ok(Absent::strictly(whole.evaluate(values))? as f64),
            Self::Choice(choice) => {
                let (condition, yes, no) = &**choice;
                if Absent::strictly(condition.evaluate(values))? {
                    yes.evaluate(values)
                } else {
                    no.evaluate(values)
                }
            }
        }
    }
}

/// The order of a whole number and one with a fraction, by value: not rounded to either kind.
pub(crate) fn order(whole: i64, double: f64) -> Option<Ordering> {
    if double.is_nan() {
        None
    } else if double >= BEYOND {
        Some(Ordering::Less)
    } else if double < -BEYOND {
        Some(Ordering::Greater)
    } else {
        let before_point = whole.cmp(&(double.trunc() as i64));
        Some(before_point.then(0.0_f64.total_cmp(&(double.fract() + 0.0))))
    }
}

/// A whole number as one with a fraction, where that changes nothing.
pub(crate) fn exact(whole: i64) -> Option<f64> {
    (order(whole, whole as f64) == Some(Ordering::Equal)).then_some(whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_numbers_are_compared_by_value() {
        use Ordering::{Equal, Greater, Less};
        let cases = [
            (5, 5.0, Equal),
            (5, 5.5, Less),
            (-5, -5.5, Greater),
            (-5, -4.5, Less),
            (0, -0.0, Equal),
            (0, -0.25, Greater),
            (i64::MAX, BEYOND, Less),
            (i64::MIN, -BEYOND, Equal),
            (i64::MIN, f64::NEG_INFINITY, Greater),
            ((1 << 53) + 1, 9_007_199_254_740_992.0, Greater),
        ];
        for (whole, double, expected) in cases {
            assert_eq!(order(whole, double), Some(expected), "{whole} and {double}");
        }
        assert_eq!(order(1, f64::NAN), None);
        assert_eq!(exact(85), Some(85.0));
        assert_eq!(exact((1 << 53) + 1), None);
        assert_eq!(exact(i64::MAX), None);
    }
}
