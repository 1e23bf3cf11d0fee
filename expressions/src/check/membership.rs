//! `x in [a, b, c]`.

use super::{Checker, typed::Typed};
use crate::{
    CompileError,
    condition::{Condition, Constants},
    number::{self, Double, Whole},
    text::Text,
    tree::{Node, Part},
};

impl Checker<'_> {
    pub(super) fn membership(&self, node: &Node, sides: &[Node; 2]) -> Result<Typed, CompileError> {
        let [operand, list] = sides;
        let Part::List(entries) = &list.part else {
            let message = "`in` needs a list of constants: x in [\"a\", \"b\"]";
            return Err(self.error(node, message));
        };
        if entries.is_empty() {
            return Err(self.error(node, "the list is empty, so nothing is in it"));
        }
        let operand = self.expression(operand)?;
        let mut constants = Vec::new();
        let mut null = false;
        for element in entries {
            match self.signed(element, self.expression(element)?)? {
                Typed::Null => null = true,
                constant => constants.push((element, constant)),
            }
        }
        let constants = List {
            checker: self,
            constants,
            null,
        };
        Ok(Typed::Truth(match operand {
            Typed::Text(text) => Condition::TextIn(
                text,
                constants.of("a string", |constant| match constant {
                    Typed::Text(Text::Constant(text)) => Some(Some(text)),
                    _ => None,
                })?,
            ),
            Typed::Whole(whole) => Condition::WholeIn(
                whole,
                constants.of("a number", |constant| match constant {
                    Typed::Whole(whole) => Some(Some(constant_whole(&whole)?)),
                    // A fraction equals no whole number.
                    Typed::Double(double) => Some(whole_of(constant_double(&double)?)),
                    _ => None,
                })?,
            ),
            Typed::Double(double) => Condition::DoubleIn(
                double,
                constants.of("a number", |constant| match constant {
                    Typed::Double(double) => Some(Some(constant_double(&double)?)),
                    // Beyond 2 to the 53rd some whole numbers equal no double.
                    Typed::Whole(whole) => Some(number::exact(constant_whole(&whole)?)),
                    _ => None,
                })?,
            ),
            Typed::Time(time) => Condition::WholeIn(
                time,
                constants.of("a timestamp(…)", |constant| match constant {
                    Typed::Time(time) => Some(Some(constant_whole(&time)?)),
                    _ => None,
                })?,
            ),
            Typed::Span(span) => Condition::WholeIn(
                span,
                constants.of("a duration(…)", |constant| match constant {
                    Typed::Span(span) => Some(Some(constant_whole(&span)?)),
                    _ => None,
                })?,
            ),
            other => {
                let message = format!(
                    "`in` is for numbers, strings and times, not {}",
                    other.kind()
                );
                return Err(self.error(node, message));
            }
        }))
    }
}

/// What stands between the brackets.
struct List<'a> {
    checker: &'a Checker<'a>,
    constants: Vec<(&'a Node, Typed)>,
    null: bool,
}

impl List<'_> {
    /// The constants as values. `value` says `None` to what is no constant of the kind wanted, and
    /// `Some(None)` to one that equals no value of it.
    fn of<T>(
        self,
        wanted: &str,
        value: impl Fn(Typed) -> Option<Option<T>>,
    ) -> Result<Constants<T>, CompileError> {
        let mut values = Vec::new();
        for (element, constant) in self.constants {
            let kind = constant.kind();
            let Some(value) = value(constant) else {
                let message = format!(
                    "every entry of this list must be {wanted}, written out; this is {kind}"
                );
                return Err(self.checker.error(element, message));
            };
            values.extend(value);
        }
        Ok(Constants {
            values: values.into(),
            null: self.null,
        })
    }
}

/// What a whole number is without a reading.
fn constant_whole(whole: &Whole) -> Option<i64> {
    match whole {
        Whole::Constant(number) => Some(*number),
        Whole::Negated(number) => constant_whole(number)?.checked_neg(),
        _ => None,
    }
}

/// What a number with a fraction is without a reading.
fn constant_double(double: &Double) -> Option<f64> {
    match double {
        Double::Constant(number) => Some(*number),
        Double::Negated(number) => Some(-constant_double(number)?),
        _ => None,
    }
}

/// The whole number that a double is equal to.
fn whole_of(double: f64) -> Option<i64> {
    let whole = double as i64;
    (number::order(whole, double) == Some(std::cmp::Ordering::Equal)).then_some(whole)
}
