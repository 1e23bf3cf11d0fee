//! Values that callers give: read by the type of the column that they are compared with, and bound
//! as parameters.

use jiff::Timestamp;
use serde_json::Value;
use sqlx::{Postgres, postgres::PgArguments, query::Query};

use super::column::{ColumnType, written};

/// A query under way.
pub type Statement<'q> = Query<'q, Postgres, PgArguments>;

/// A value that a caller gave.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    /// Text; or a time or a number of any size, as PostgreSQL reads it.
    Text(String),
    /// A number with a fraction.
    Double(f64),
    /// A whole number of 32 bits.
    Integer(i32),
    /// A whole number of 64 bits.
    Long(i64),
    /// True or false.
    Boolean(bool),
}

impl Given {
    /// Reads a value of a type, written as the API writes it.
    pub fn parse(type_: ColumnType, text: &str) -> Option<Self> {
        match type_ {
            ColumnType::String => Some(Self::Text(text.to_owned())),
            ColumnType::Double => text
                .parse()
                .ok()
                .filter(|number: &f64| number.is_finite())
                .map(Self::Double),
            ColumnType::Integer => text.parse().ok().map(Self::Integer),
            ColumnType::Long => text.parse().ok().map(Self::Long),
            ColumnType::Boolean => text.parse().ok().map(Self::Boolean),
            ColumnType::Timestamp => time(text).map(|time| Self::Text(written(time))),
            ColumnType::Decimal => text
                .strip_prefix('-')
                .unwrap_or(text)
                .bytes()
                .all(|byte| byte.is_ascii_digit())
                .then(|| Self::Text(text.to_owned())),
        }
    }

    /// The value of a row's member, as [`super::column::object`] writes it.
    pub fn of_member(type_: ColumnType, value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::parse(type_, text),
            Value::Null => None,
            other => Self::parse(type_, &other.to_string()),
        }
    }

    /// As text that [`Given::parse`] reads.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Double(number) => number.to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Long(number) => number.to_string(),
            Self::Boolean(value) => value.to_string(),
        }
    }

    /// Whether a column can hold it at all: PostgreSQL's text holds no NUL.
    pub fn is_storable(&self) -> bool {
        !matches!(self, Self::Text(text) if text.contains('\0'))
    }

    /// Binds it as the next parameter.
    pub fn bind(self, statement: Statement<'_>) -> Statement<'_> {
        match self {
            Self::Text(text) => statement.bind(text),
            Self::Double(number) => statement.bind(number),
            Self::Integer(number) => statement.bind(number),
            Self::Long(number) => statement.bind(number),
            Self::Boolean(value) => statement.bind(value),
        }
    }
}

/// What a value of a type looks like, for people.
pub fn expected(type_: ColumnType) -> &'static str {
    match type_ {
        ColumnType::String => "text",
        ColumnType::Double => "a number",
        ColumnType::Integer => "a whole number of 32 bits",
        ColumnType::Long => "a whole number of 64 bits",
        ColumnType::Boolean => "true or false",
        ColumnType::Timestamp => "an RFC 3339 time with offset or Z",
        ColumnType::Decimal => "a whole number",
    }
}

/// The beginning of the year 1. PostgreSQL writes earlier times in another way.
pub const YEAR_ONE: Timestamp = Timestamp::constant(-62_135_596_800, 0);

/// A time of the year 1 or later.
pub fn time(text: &str) -> Option<Timestamp> {
    let time = text.parse::<Timestamp>().ok()?;
    (time >= YEAR_ONE).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_by_the_type_of_its_column() {
        let parse = Given::parse;
        assert_eq!(parse(ColumnType::Integer, "-7"), Some(Given::Integer(-7)));
        assert_eq!(
            parse(ColumnType::String, "-7"),
            Some(Given::Text("-7".into()))
        );
        assert_eq!(
            parse(ColumnType::Boolean, "true"),
            Some(Given::Boolean(true))
        );
        assert_eq!(
            parse(ColumnType::Timestamp, "2025-01-01T02:00:00+02:00"),
            Some(Given::Text("2025-01-01T00:00:00.000000Z".into()))
        );
        for (type_, text) in [
            (ColumnType::Integer, "2147483648"),
            (ColumnType::Long, "1.0"),
            (ColumnType::Double, "NaN"),
            (ColumnType::Timestamp, "now"),
            (ColumnType::Timestamp, "-000001-01-01T00:00:00Z"),
            (ColumnType::Decimal, "1e3"),
        ] {
            assert_eq!(parse(type_, text), None, "{text}");
        }
    }

    #[test]
    fn what_is_written_can_be_read_again() {
        for (type_, given) in [
            (ColumnType::Double, Given::Double(0.1 + 0.2)),
            (ColumnType::Long, Given::Long(i64::MIN)),
            (ColumnType::String, Given::Text("a\"\n".into())),
        ] {
            assert_eq!(Given::parse(type_, &given.text()), Some(given));
        }
    }
}
