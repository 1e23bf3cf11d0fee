//! The SQL of the API, built once from the spec, and its rows turned into readings. Every value
//! travels as a parameter, every name quoted.

use jiff::{Timestamp, fmt::temporal::DateTimePrinter};
use sensorstream_crds::{
    input::{FieldType, Input},
    runtime::ServeConfig,
};
use serde_json::{Map, Value};
use sqlx::{
    AssertSqlSafe, PgPool, Postgres, Row,
    postgres::{PgArguments, PgRow},
    query::Query,
};

use crate::sql::{qualified, quoted};

use super::problem::Problem;

/// A time in PostgreSQL's precision always shows all of it, so that texts sort as times do.
const TIMES: DateTimePrinter = DateTimePrinter::new().precision(Some(6));

/// The queries of one pipeline.
#[derive(Clone, Debug)]
pub struct Readings {
    columns: Vec<(String, FieldType)>,
    key: (String, FieldType),
    newest: String,
    newest_of_key: String,
    probe: String,
}

/// A value of the key field, as a caller wrote it.
#[derive(Clone, Debug, PartialEq)]
pub enum Key {
    /// Text, or a time in PostgreSQL's notation.
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

impl Readings {
    /// The queries for a pipeline's table.
    pub fn new(config: &ServeConfig) -> Self {
        let Input {
            fields,
            key,
            event_time,
            ..
        } = &config.input;
        let columns: Vec<(String, FieldType)> = fields
            .iter()
            .map(|field| (field.name.clone(), field.type_))
            .collect();
        let key_type = fields
            .iter()
            .find(|field| &field.name == key)
            .map(|field| field.type_);
        let key_type = key_type.unwrap_or(FieldType::String);
        let selected: Vec<String> = fields
            .iter()
            .map(|field| selected(&field.name, field.type_))
            .collect();
        let select = format!(
            "SELECT {} FROM {} t",
            selected.join(", "),
            qualified(
                &config.schema,
                config
                    .outputs
                    .table
                    .as_ref()
                    .map_or("", |table| &table.name)
            )
        );
        let time = quoted(&event_time.field);
        // The indexes are on the event time, descending, alone and after the key; position in
        // the topic decides between readings of one moment.
        let order =
            format!("ORDER BY t.{time} DESC, t.\"_partition\" DESC, t.\"_offset\" DESC LIMIT $1");
        Self {
            newest: format!("{select} {order}"),
            newest_of_key: format!(
                "{select} WHERE t.{} = {} {order}",
                quoted(key),
                parameter(2, key_type)
            ),
            probe: format!("{select} {}", order.replace("$1", "0")),
            columns,
            key: (key.clone(), key_type),
        }
    }

    /// Reads a caller's value for the key.
    pub fn parse_key(&self, text: &str) -> Result<Key, Problem> {
        let (name, type_) = &self.key;
        let parsed = match type_ {
            FieldType::String if text.contains('\0') => None,
            FieldType::String => Some(Key::Text(text.to_owned())),
            FieldType::Double => text
                .parse()
                .ok()
                .filter(|n: &f64| n.is_finite())
                .map(Key::Double),
            FieldType::Integer => text.parse().ok().map(Key::Integer),
            FieldType::Long => text.parse().ok().map(Key::Long),
            FieldType::Boolean => text.parse().ok().map(Key::Boolean),
            FieldType::Timestamp => text
                .parse::<Timestamp>()
                .ok()
                .map(|time| Key::Text(written(time))),
        };
        parsed.ok_or_else(|| {
            let expected = match type_ {
                FieldType::String => "text without NUL characters",
                FieldType::Double => "a number",
                FieldType::Integer => "a whole number of 32 bits",
                FieldType::Long => "a whole number of 64 bits",
                FieldType::Boolean => "true or false",
                FieldType::Timestamp => "an RFC 3339 time with offset or Z",
            };
            Problem::bad_request(format!(
                "key must be a value of the field `{name}`: {expected}"
            ))
        })
    }

    /// The newest readings, newest first.
    pub async fn newest(
        &self,
        pool: &PgPool,
        key: Option<Key>,
        limit: i64,
    ) -> Result<Vec<Value>, sqlx::Error> {
        let query = match key {
            None => sqlx::query(AssertSqlSafe(self.newest.as_str())).bind(limit),
            Some(key) => bind(
                sqlx::query(AssertSqlSafe(self.newest_of_key.as_str())).bind(limit),
                key,
            ),
        };
        query
            .fetch_all(pool)
            .await?
            .iter()
            .map(|row| self.reading(row))
            .collect()
    }

    /// Whether the database answers and has the table with its columns.
    pub async fn probe(&self, pool: &PgPool) -> Result<(), sqlx::Error> {
        sqlx::query(AssertSqlSafe(self.probe.as_str()))
            .execute(pool)
            .await
            .map(drop)
    }

    fn reading(&self, row: &PgRow) -> Result<Value, sqlx::Error> {
        let mut members = Map::with_capacity(self.columns.len());
        for (at, (name, type_)) in self.columns.iter().enumerate() {
            let value = match type_ {
                FieldType::String => row.try_get::<Option<String>, _>(at)?.map(Value::from),
                FieldType::Double => row.try_get::<Option<f64>, _>(at)?.map(Value::from),
                FieldType::Integer => row.try_get::<Option<i32>, _>(at)?.map(Value::from),
                FieldType::Long => row.try_get::<Option<i64>, _>(at)?.map(Value::from),
                FieldType::Boolean => row.try_get::<Option<bool>, _>(at)?.map(Value::from),
                FieldType::Timestamp => row
                    .try_get::<Option<i64>, _>(at)?
                    .and_then(|micros| Timestamp::from_microsecond(micros).ok())
                    .map(|time| Value::from(written(time))),
            };
            members.insert(name.clone(), value.unwrap_or(Value::Null));
        }
        Ok(Value::Object(members))
    }
}

fn bind(query: Query<'_, Postgres, PgArguments>, key: Key) -> Query<'_, Postgres, PgArguments> {
    match key {
        Key::Text(text) => query.bind(text),
        Key::Double(number) => query.bind(number),
        Key::Integer(number) => query.bind(number),
        Key::Long(number) => query.bind(number),
        Key::Boolean(flag) => query.bind(flag),
    }
}

/// A column as it is read: cast, so that an adopted table may have `varchar` for `text`; a time
/// as microseconds since 1970.
fn selected(name: &str, type_: FieldType) -> String {
    let column = quoted(name);
    match type_ {
        FieldType::String => format!("t.{column}::text"),
        FieldType::Double => format!("t.{column}::float8"),
        FieldType::Integer => format!("t.{column}::int4"),
        FieldType::Long => format!("t.{column}::int8"),
        FieldType::Boolean => format!("t.{column}::bool"),
        FieldType::Timestamp => format!("(extract(epoch FROM t.{column}) * 1000000)::int8"),
    }
}

fn parameter(number: u8, type_: FieldType) -> String {
    match type_ {
        FieldType::String => format!("${number}::text"),
        FieldType::Double => format!("${number}::float8"),
        FieldType::Integer => format!("${number}::int4"),
        FieldType::Long => format!("${number}::int8"),
        FieldType::Boolean => format!("${number}::bool"),
        FieldType::Timestamp => format!("${number}::text::timestamptz"),
    }
}

fn written(time: Timestamp) -> String {
    TIMES.timestamp_to_string(&time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::tests::{config, config_with_key};

    #[test]
    fn names_are_quoted_and_the_order_is_the_indexes() {
        let readings = Readings::new(&config());
        insta::assert_snapshot!(
            [readings.newest, readings.newest_of_key, readings.probe].join("\n")
        );
    }

    #[test]
    fn a_key_has_the_type_of_its_field() {
        let parse = |type_, text: &str| Readings::new(&config_with_key(type_)).parse_key(text);
        assert_eq!(parse("integer", "-7"), Ok(Key::Integer(-7)));
        assert_eq!(parse("string", "-7"), Ok(Key::Text("-7".into())));
        assert_eq!(parse("boolean", "true"), Ok(Key::Boolean(true)));
        assert_eq!(
            parse("timestamp", "2025-01-01T02:00:00+02:00"),
            Ok(Key::Text("2025-01-01T00:00:00.000000Z".into()))
        );
        for (type_, text) in [
            ("integer", "2147483648"),
            ("long", "1.0"),
            ("double", "NaN"),
            ("string", "a\0b"),
            ("timestamp", "now"),
        ] {
            let problem = parse(type_, text).unwrap_err();
            assert_eq!(problem.status, 400);
            assert!(problem.detail.contains("`sensor_id`"), "{}", problem.detail);
        }
    }
}
