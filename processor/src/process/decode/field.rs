//! One field: what its values must be, and reading one.

use std::borrow::Cow;

use sensorstream_crds::{
    Reason,
    input::{Field, FieldType},
    scalars::Decimal,
};
use sensorstream_expressions::Value;

use super::{
    Problem,
    json::Token,
    timestamp::{self, BadTimestamp},
};

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column<'a> {
    /// Its name.
    pub name: &'a str,
    /// The type of the field it holds.
    pub kind: FieldType,
}

/// A field, ready to read with.
#[derive(Debug)]
pub(super) struct FieldPlan {
    name: String,
    required: bool,
    rule: Rule,
}

#[derive(Debug)]
enum Rule {
    Text {
        max_length: Option<usize>,
        allowed: Vec<String>,
    },
    Double {
        minimum: f64,
        maximum: f64,
    },
    Integer {
        minimum: i64,
        maximum: i64,
    },
    Long {
        minimum: i64,
        maximum: i64,
    },
    Boolean,
    Timestamp,
}

impl FieldPlan {
    /// A field that passed validation.
    pub(super) fn new(field: &Field) -> Self {
        let least = |bound: i64| {
            field
                .minimum
                .as_ref()
                .map_or(bound, |d| ceiling(d).max(bound))
        };
        let most = |bound: i64| {
            field
                .maximum
                .as_ref()
                .map_or(bound, |d| floor(d).min(bound))
        };
        Self {
            name: field.name.clone(),
            required: field.required,
            rule: match field.type_ {
                FieldType::String => Rule::Text {
                    max_length: field.max_length.map(|length| length as usize),
                    allowed: field.enum_.clone(),
                },
                FieldType::Double => Rule::Double {
                    minimum: field.minimum.as_ref().map_or(f64::MIN, Decimal::get),
                    maximum: field.maximum.as_ref().map_or(f64::MAX, Decimal::get),
                },
                FieldType::Integer => Rule::Integer {
                    minimum: least(i32::MIN.into()),
                    maximum: most(i32::MAX.into()),
                },
                FieldType::Long => Rule::Long {
                    minimum: least(i64::MIN),
                    maximum: most(i64::MAX),
                },
                FieldType::Boolean => Rule::Boolean,
                FieldType::Timestamp => Rule::Timestamp,
            },
        }
    }

    pub(super) fn column(&self) -> Column<'_> {
        Column {
            name: &self.name,
            kind: match self.rule {
                Rule::Text { .. } => FieldType::String,
                Rule::Double { .. } => FieldType::Double,
                Rule::Integer { .. } => FieldType::Integer,
                Rule::Long { .. } => FieldType::Long,
                Rule::Boolean => FieldType::Boolean,
                Rule::Timestamp => FieldType::Timestamp,
            },
        }
    }

    /// Reads the field's value from what its member holds; `None` when the member is absent.
    pub(super) fn read<'a>(&self, token: Option<Token<'a>>) -> Result<Value<'a>, Problem> {
        let token = match token {
            Some(Token::Null) if self.required => {
                return Err(self.problem(Reason::MissingField, "is null"));
            }
            None if self.required => return Err(self.problem(Reason::MissingField, "is absent")),
            Some(Token::Null) | None => return Ok(Value::Null),
            Some(token) => token,
        };
        match (&self.rule, token) {
            (
                Rule::Text {
                    max_length,
                    allowed,
                },
                Token::Text(text),
            ) => {
                self.check_text(&text, *max_length, allowed)?;
                // JSON can say U+0000 with an escape only, and texts without escapes are lent from the record.
                if let Cow::Owned(unescaped) = &text {
                    self.check_unescaped(unescaped)?;
                }
                Ok(Value::Text(text))
            }
            (Rule::Double { minimum, maximum }, Token::Number(text)) => {
                let number: f64 = text.parse().expect("JSON numbers are Rust's");
                if number < *minimum || number > *maximum || !number.is_finite() {
                    return Err(self.out_of_bounds(text, minimum, maximum));
                }
                Ok(Value::Double(number))
            }
            (Rule::Integer { minimum, maximum }, Token::Number(text)) => {
                let number = self.whole(text, *minimum, *maximum)?;
                Ok(Value::Integer(
                    i32::try_from(number).expect("within the bounds of the type"),
                ))
            }
            (Rule::Long { minimum, maximum }, Token::Number(text)) => {
                self.whole(text, *minimum, *maximum).map(Value::Long)
            }
            (Rule::Boolean, Token::Bool(value)) => Ok(Value::Boolean(value)),
            (Rule::Timestamp, Token::Text(text)) => match timestamp::parse(&text) {
                Ok(micros) => Ok(Value::Timestamp(micros)),
                Err(error) => {
                    let what = match error {
                        BadTimestamp::NotRfc3339 => "is no RFC 3339 time with an offset or Z",
                        BadTimestamp::OutsideYears => "is not within the years 2000 to 2100",
                    };
                    Err(self.problem(Reason::BadTimestamp, &format!("{} {what}", quoted(&text))))
                }
            },
            (_, token) => Err(self.wrong_type(&token)),
        }
    }

    fn check_text(
        &self,
        text: &str,
        max_length: Option<usize>,
        allowed: &[String],
    ) -> Result<(), Problem> {
        // Never more characters than bytes: most texts need no counting.
        if let Some(max) = max_length.filter(|max| text.len() > *max) {
            let length = text.chars().count();
            if length > max {
                let what = format!("has {length} characters; at most {max} are allowed");
                return Err(self.problem(Reason::TooLong, &what));
            }
        }
        if !allowed.is_empty() && !allowed.iter().any(|value| value == text) {
            let what = format!("{} is none of the allowed values", quoted(text));
            return Err(self.problem(Reason::OutOfRange, &what));
        }
        Ok(())
    }

    /// Refuses the character that PostgreSQL can't store.
    fn check_unescaped(&self, text: &str) -> Result<(), Problem> {
        if text.contains('\0') {
            let what = "holds the character U+0000, which PostgreSQL can't store";
            return Err(self.problem(Reason::OutOfRange, what));
        }
        Ok(())
    }

    fn whole(&self, text: &str, minimum: i64, maximum: i64) -> Result<i64, Problem> {
        if text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
            let what = format!("expected a whole number, found {}", excerpt(text));
            return Err(self.problem(Reason::WrongType, &what));
        }
        // What does not parse now has too many digits.
        match text.parse() {
            Ok(number) if (minimum..=maximum).contains(&number) => Ok(number),
            _ => Err(self.out_of_bounds(text, &minimum, &maximum)),
        }
    }

    fn out_of_bounds(
        &self,
        text: &str,
        minimum: &dyn std::fmt::Debug,
        maximum: &dyn std::fmt::Debug,
    ) -> Problem {
        let what = format!("{} is not within {minimum:?} to {maximum:?}", excerpt(text));
        self.problem(Reason::OutOfRange, &what)
    }

    fn wrong_type(&self, token: &Token<'_>) -> Problem {
        let expected = match self.rule {
            Rule::Text { .. } => "a text",
            Rule::Double { .. } => "a number",
            Rule::Integer { .. } | Rule::Long { .. } => "a whole number",
            Rule::Boolean => "true or false",
            Rule::Timestamp => "a time as text",
        };
        let found = match token {
            Token::Null => "null".to_owned(),
            Token::Bool(value) => value.to_string(),
            Token::Number(text) => format!("the number {}", excerpt(text)),
            Token::Text(text) => format!("the text {}", quoted(text)),
            Token::Array => "an array".to_owned(),
            Token::Object => "an object".to_owned(),
        };
        self.problem(
            Reason::WrongType,
            &format!("expected {expected}, found {found}"),
        )
    }

    fn problem(&self, reason: Reason, what: &str) -> Problem {
        Problem::new(reason, format!("field `{}`: {what}", self.name))
    }
}

/// The first characters of a text from a record.
fn excerpt(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn quoted(text: &str) -> String {
    format!("{:?}", excerpt(text))
}

/// The least whole number that is not below a decimal.
fn ceiling(decimal: &Decimal) -> i64 {
    let (whole, fraction) = whole_and_fraction(decimal);
    if fraction == Fraction::Above {
        whole + 1
    } else {
        whole
    }
}

/// The greatest whole number that is not above a decimal.
fn floor(decimal: &Decimal) -> i64 {
    let (whole, fraction) = whole_and_fraction(decimal);
    if fraction == Fraction::Below {
        whole - 1
    } else {
        whole
    }
}

/// On which side of its whole part a decimal lies.
#[derive(PartialEq)]
enum Fraction {
    Below,
    None,
    Above,
}

/// A decimal's digits before the point. They have at most 15 digits or are an `i64` already: a
/// detour over `f64` would round them.
fn whole_and_fraction(decimal: &Decimal) -> (i64, Fraction) {
    match decimal {
        Decimal::Integer(whole) => (*whole, Fraction::None),
        Decimal::Text(text) => {
            let (digits, fraction) = text.split_once('.').unwrap_or((text, ""));
            let whole = digits.parse().expect("decimals have passed validation");
            let side = match (
                fraction.bytes().any(|digit| digit != b'0'),
                text.starts_with('-'),
            ) {
                (false, _) => Fraction::None,
                (true, true) => Fraction::Below,
                (true, false) => Fraction::Above,
            };
            (whole, side)
        }
    }
}
