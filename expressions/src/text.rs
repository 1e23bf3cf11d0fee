//! Parts of an expression that are texts, and tests of texts.

use regex::Regex;

use crate::{
    Value,
    condition::Condition,
    operand::{Absent, Operand},
};

/// A text.
#[derive(Debug)]
pub(crate) enum Text {
    /// Always the same.
    Constant(Box<str>),
    /// The value of the field with this index.
    Field(usize),
    /// `condition ? x : y`
    Choice(Box<(Condition, Text, Text)>),
}

impl Text {
    pub(crate) fn evaluate<'a>(&'a self, values: &'a [Value<'_>]) -> Operand<&'a str> {
        match self {
            Self::Constant(text) => Ok(text),
            Self::Field(index) => match &values[*index] {
                Value::Text(text) => Ok(text),
                Value::Null => Err(Absent::Null),
                _ => Err(Absent::Error),
            },
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

/// What is asked of a text.
#[derive(Debug)]
pub(crate) enum TextTest {
    /// `x.startsWith(y)`
    StartsWith(Text),
    /// `x.endsWith(y)`
    EndsWith(Text),
    /// `x.contains(y)`
    Contains(Text),
    /// `x.matches("regex")`: somewhere in the text.
    Matches(Regex),
}

impl TextTest {
    /// Whether it is true of `text`.
    pub(crate) fn passes(&self, text: &Text, values: &[Value<'_>]) -> Operand<bool> {
        let text = Absent::strictly(text.evaluate(values))?;
        match self {
            Self::StartsWith(start) => {
                let start = Absent::strictly(start.evaluate(values))?;
                Ok(text.starts_with(start))
            }
            Self::EndsWith(end) => {
                let end = Absent::strictly(end.evaluate(values))?;
                Ok(text.ends_with(end))
            }
            Self::Contains(part) => {
                let part = Absent::strictly(part.evaluate(values))?;
                Ok(text.contains(part))
            }
            Self::Matches(regex) => Ok(regex.is_match(text)),
        }
    }
}
