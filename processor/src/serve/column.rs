//! Columns that are read: how SQL selects them, and what becomes of their values in JSON.

use jiff::{Timestamp, fmt::temporal::DateTimePrinter};
use sensorstream_crds::input::{FieldType, Input};
use serde::Serialize;
use serde_json::{Map, Value};
use sqlx::{Row, postgres::PgRow};
use utoipa::ToSchema;

use crate::sql::quoted;

/// A time in PostgreSQL's precision always shows all of it, so that texts sort as times do.
const TIMES: DateTimePrinter = DateTimePrinter::new().precision(Some(6));

/// The type of a field's or column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// Text.
    String,
    /// A time, as RFC 3339 in UTC with microseconds.
    Timestamp,
    /// A number with a fraction.
    Double,
    /// A whole number of 32 bits.
    Integer,
    /// A whole number of 64 bits.
    Long,
    /// True or false.
    Boolean,
    /// A whole number of any size, as text.
    Decimal,
}

impl From<FieldType> for ColumnType {
    fn from(type_: FieldType) -> Self {
        match type_ {
            FieldType::String => Self::String,
            FieldType::Timestamp => Self::Timestamp,
            FieldType::Double => Self::Double,
            FieldType::Integer => Self::Integer,
            FieldType::Long => Self::Long,
            FieldType::Boolean => Self::Boolean,
        }
    }
}

impl ColumnType {
    /// The type of the field that tells senders apart.
    pub fn of_key(input: &Input) -> Self {
        let key = input.fields.iter().find(|field| field.name == input.key);
        key.map_or(Self::String, |field| field.type_.into())
    }

    /// The type of a column that PostgreSQL calls so.
    pub fn of_column(type_: &str) -> Self {
        match type_ {
            "text" => Self::String,
            "timestamp with time zone" => Self::Timestamp,
            "double precision" => Self::Double,
            "integer" => Self::Integer,
            "bigint" => Self::Long,
            "boolean" => Self::Boolean,
            _ => Self::Decimal,
        }
    }

    /// A parameter of the type, cast so that an adopted column may be of another but like one.
    /// Times travel as text.
    pub fn parameter(self, number: usize) -> String {
        match self {
            Self::String => format!("${number}::text"),
            Self::Timestamp => format!("${number}::text::timestamptz"),
            Self::Double => format!("${number}::float8"),
            Self::Integer => format!("${number}::int4"),
            Self::Long => format!("${number}::int8"),
            Self::Boolean => format!("${number}::bool"),
            Self::Decimal => format!("${number}::text::numeric"),
        }
    }
}

/// A column that is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, and the member's.
    pub name: String,
    /// The type of its values.
    pub type_: ColumnType,
}

impl Column {
    /// How it is selected from the table that the query calls `t`: cast, so that an adopted table
    /// may have `varchar` for `text`; a time as microseconds since 1970.
    pub fn selected(&self) -> String {
        let column = quoted(&self.name);
        match self.type_ {
            ColumnType::String | ColumnType::Decimal => format!("t.{column}::text"),
            ColumnType::Double => format!("t.{column}::float8"),
            ColumnType::Integer => format!("t.{column}::int4"),
            ColumnType::Long => format!("t.{column}::int8"),
            ColumnType::Boolean => format!("t.{column}::bool"),
            ColumnType::Timestamp => microseconds(&column),
        }
    }

    fn value(&self, row: &PgRow, at: usize) -> Result<Value, sqlx::Error> {
        let value = match self.type_ {
            ColumnType::String | ColumnType::Decimal => {
                row.try_get::<Option<String>, _>(at)?.map(Value::from)
            }
            ColumnType::Double => row.try_get::<Option<f64>, _>(at)?.map(Value::from),
            ColumnType::Integer => row.try_get::<Option<i32>, _>(at)?.map(Value::from),
            ColumnType::Long => row.try_get::<Option<i64>, _>(at)?.map(Value::from),
            ColumnType::Boolean => row.try_get::<Option<bool>, _>(at)?.map(Value::from),
            ColumnType::Timestamp => row
                .try_get::<Option<i64>, _>(at)?
                .and_then(|micros| Timestamp::from_microsecond(micros).ok())
                .map(|time| Value::from(written(time))),
        };
        Ok(value.unwrap_or(Value::Null))
    }
}

/// A time of the table that the query calls `t`, as microseconds since 1970; null for one that is infinite, which
/// only rows of others have.
pub fn microseconds(quoted: &str) -> String {
    format!(
        "CASE WHEN isfinite(t.{quoted}) THEN (extract(epoch FROM t.{quoted}) * 1000000)::int8 END"
    )
}

/// The list of what is selected.
pub fn selection(columns: &[Column]) -> String {
    let selected: Vec<String> = columns.iter().map(Column::selected).collect();
    selected.join(", ")
}

/// A row that begins with these columns, as a JSON object.
pub fn object(columns: &[Column], row: &PgRow) -> Result<Value, sqlx::Error> {
    let mut members = Map::with_capacity(columns.len());
    for (at, column) in columns.iter().enumerate() {
        members.insert(column.name.clone(), column.value(row, at)?);
    }
    Ok(Value::Object(members))
}

/// A time as the API writes it.
pub fn written(time: Timestamp) -> String {
    TIMES.timestamp_to_string(&time)
}

/// A time of the commit log as the API writes it.
pub fn written_micros(micros: i64) -> Option<String> {
    Timestamp::from_microsecond(micros).ok().map(written)
}
