//! A condition on a reading, ready to evaluate.

use crate::{CompileError, Symbol, Value, check, condition::Condition, parse};

/// A condition on a reading.
#[derive(Debug)]
pub struct Predicate {
    condition: Condition,
}

impl Predicate {
    /// Compiles a CEL expression over `fields`; its result must be true or false.
    ///
    /// # Errors
    /// When it does not parse, does not fit the fields, or uses what is not supported.
    pub fn compile(source: &str, fields: &[Symbol]) -> Result<Self, CompileError> {
        let condition = check::condition(source, &parse::parse(source)?, fields)?;
        Ok(Self { condition })
    }

    /// Whether the condition holds for a reading with these values, in the order and of the kinds of the
    /// fields it was compiled for. As in CEL, arithmetic that overflows, a division by zero and a null
    /// operand (but for `==`, `!=` and `in`) are errors; with an error as its result the condition does
    /// not hold.
    ///
    /// # Panics
    /// When a value of a field that it names is missing.
    pub fn holds(&self, values: &[Value<'_>]) -> bool {
        self.condition.evaluate(values) == Ok(true)
    }
}
