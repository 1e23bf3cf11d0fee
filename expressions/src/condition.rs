//! Parts of an expression that are true or false.

use crate::{
    Value,
    number::{self, Double, Whole},
    operand::{Absent, Operand, Relation},
    text::{Text, TextTest},
};

/// Something true or false.
#[derive(Debug)]
pub(crate) enum Condition {
    /// Always the same.
    Constant(bool),
    /// The value of the field with this index.
    Field(usize),
    /// `!x`
    Not(Box<Condition>),
    /// `x && y && …`: false when one is false, whatever is wrong with the others.
    All(Vec<Condition>),
    /// `x || y || …`: true when one is true, whatever is wrong with the others.
    Any(Vec<Condition>),
    /// `condition ? x : y`
    Choice(Box<(Condition, Condition, Condition)>),
    /// A field of doubles and a constant, which is most of what people write.
    DoubleField {
        /// The index of the field.
        field: usize,
        /// How it must stand to the constant.
        relation: Relation,
        /// The constant.
        constant: f64,
    },
    /// A field of whole numbers or times and a constant.
    WholeField {
        /// The index of the field.
        field: usize,
        /// How it must stand to the constant.
        relation: Relation,
        /// The constant.
        constant: i64,
    },
    /// A field of texts and whether it is this constant.
    TextField {
        /// The index of the field.
        field: usize,
        /// Whether it must be the constant or must not.
        equal: bool,
        /// The constant.
        constant: Box<str>,
    },
    /// Any two numbers with fractions.
    Doubles(Relation, Box<(Double, Double)>),
    /// Any two whole numbers, times or durations.
    Wholes(Relation, Box<(Whole, Whole)>),
    /// A whole number and one with a fraction.
    Mixed(Relation, Box<(Whole, Double)>),
    /// Any two texts.
    Texts(Relation, Box<(Text, Text)>),
    /// Two conditions.
    Truths(Relation, Box<(Condition, Condition)>),
    /// Whether something is null.
    Null(Box<Nullable>),
    /// A whole number, time or duration and the constants it must be one of.
    WholeIn(Whole, Constants<i64>),
    /// A number with a fraction and the constants it must be one of.
    DoubleIn(Double, Constants<f64>),
    /// A text and the constants it must be one of.
    TextIn(Text, Constants<Box<str>>),
    /// A text and what is asked of it.
    Text(Box<(Text, TextTest)>),
}

/// Something that may be null.
#[derive(Debug)]
pub(crate) enum Nullable {
    /// True or false.
    Truth(Condition),
    /// A whole number, time or duration.
    Whole(Whole),
    /// A number with a fraction.
    Double(Double),
    /// A text.
    Text(Text),
}

/// The list on the right of `in`.
#[derive(Debug)]
pub(crate) struct Constants<T> {
    /// Its values.
    pub(crate) values: Box<[T]>,
    /// Whether null is one of them.
    pub(crate) null: bool,
}

impl<T> Constants<T> {
    fn include<V>(&self, operand: Operand<V>, same: impl Fn(&T, &V) -> bool) -> Operand<bool> {
        match operand {
            Ok(value) => Ok(self.values.iter().any(|constant| same(constant, &value))),
            Err(Absent::Null) => Ok(self.null),
            Err(Absent::Error) => Err(Absent::Error),
        }
    }
}

impl Condition {
    pub(crate) fn evaluate(&self, values: &[Value<'_>]) -> Operand<bool> {
        match self {
            Self::Constant(truth) => Ok(*truth),
            Self::Field(index) => match &values[*index] {
                Value::Boolean(truth) => Ok(*truth),
                Value::Null => Err(Absent::Null),
                _ => Err(Absent::Error),
            },
            Self::Not(condition) => Ok(!Absent::strictly(condition.evaluate(values))?),
            Self::All(parts) => decided_by(false, parts, values),
            Self::Any(parts) => decided_by(true, parts, values),
            Self::Choice(choice) => {
                let (condition, yes, no) = &**choice;
                if Absent::strictly(condition.evaluate(values))? {
                    yes.evaluate(values)
                } else {
                    no.evaluate(values)
                }
            }
            Self::DoubleField {
                field,
                relation,
                constant,
            } => {
                let number = Double::Field(*field).evaluate(values);
                relation.between(number, Ok(*constant), f64::partial_cmp)
            }
            Self::WholeField {
                field,
                relation,
                constant,
            } => {
                let number = Whole::Field(*field).evaluate(values);
                relation.between(number, Ok(*constant), i64::partial_cmp)
            }
            Self::TextField {
                field,
                equal,
                constant,
            } => match &values[*field] {
                Value::Text(text) => Ok((**text == **constant) == *equal),
                Value::Null => Ok(!*equal),
                _ => Err(Absent::Error),
            },
            Self::Doubles(relation, sides) => relation.between(
                sides.0.evaluate(values),
                sides.1.evaluate(values),
                f64::partial_cmp,
            ),
            Self::Wholes(relation, sides) => relation.between(
                sides.0.evaluate(values),
                sides.1.evaluate(values),
                i64::partial_cmp,
            ),
            Self::Mixed(relation, sides) => relation.between(
                sides.0.evaluate(values),
                sides.1.evaluate(values),
                |whole, double| number::order(*whole, *double),
            ),
            Self::Texts(relation, sides) => relation.between(
                sides.0.evaluate(values),
                sides.1.evaluate(values),
                PartialOrd::partial_cmp,
            ),
            Self::Truths(relation, sides) => relation.between(
                sides.0.evaluate(values),
                sides.1.evaluate(values),
                bool::partial_cmp,
            ),
            Self::Null(nullable) => nullable.is_null(values),
            Self::WholeIn(whole, constants) => {
                constants.include(whole.evaluate(values), |constant, value| constant == value)
            }
            Self::DoubleIn(double, constants) => constants
                .include(double.evaluate(values), |constant, value| {
                    Relation::Equal.allows(constant.partial_cmp(value))
                }),
            Self::TextIn(text, constants) => constants
                .include(text.evaluate(values), |constant, value| {
                    **constant == **value
                }),
            Self::Text(test) => test.1.passes(&test.0, values),
        }
    }
}

impl Nullable {
    fn is_null(&self, values: &[Value<'_>]) -> Operand<bool> {
        let absent = match self {
            Self::Truth(condition) => condition.evaluate(values).err(),
            Self::Whole(whole) => whole.evaluate(values).err(),
            Self::Double(double) => double.evaluate(values).err(),
            Self::Text(text) => text.evaluate(values).err(),
        };
        match absent {
            None => Ok(false),
            Some(Absent::Null) => Ok(true),
            Some(Absent::Error) => Err(Absent::Error),
        }
    }
}

/// Whether one part is what decides, which absorbs the errors of all others.
fn decided_by(deciding: bool, parts: &[Condition], values: &[Value<'_>]) -> Operand<bool> {
    let mut outcome = Ok(!deciding);
    for part in parts {
        match part.evaluate(values) {
            Ok(truth) if truth == deciding => return Ok(deciding),
            Ok(_) => {}
            Err(_) => outcome = Err(Absent::Error),
        }
    }
    outcome
}
