//! The SQL over the table of readings, built once from the spec. Every value travels as a
//! parameter, every name quoted, and every query has an index to go by: on the event time, newest
//! first, alone and after the key.

use jiff::Timestamp;
use sensorstream_crds::runtime::ServeConfig;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgPool, Row, postgres::PgRow};

use super::{
    column::{Column, ColumnType, microseconds, object, selection, written},
    given::{Given, Statement},
    page::{Page, latest},
};
use crate::sql::{qualified, quoted};

/// The table of accepted readings, to be read.
#[derive(Clone, Debug)]
pub struct Readings {
    columns: Vec<Column>,
    key: Column,
    sql: Sql,
}

/// The statements. Those for one key have it as their last parameter.
#[derive(Clone, Debug)]
struct Sql {
    newest: String,
    newest_of_key: String,
    page: String,
    page_of_key: String,
    first_keys: String,
    further_keys: String,
    since: String,
    since_of_key: String,
    probe: String,
}

/// Where a reading stands among all, newest first: its event time, in microseconds since 1970, and its
/// place in the topic, which decides between readings of one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place(i64, i32, i64);

/// Some readings of a list, and where they end if there are more.
#[derive(Clone, Debug, PartialEq)]
pub struct Found<C> {
    /// The readings.
    pub rows: Vec<Value>,
    /// The place of the last one, if there are more.
    pub last: Option<C>,
}

/// Which readings are new: those of these offsets, as far as their event time is not before a bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Of each partition, by its number, the first offset.
    pub from: Vec<i64>,
    /// Of each partition the offset that all are below.
    pub to: Vec<i64>,
    /// The earliest event time.
    pub not_before: Timestamp,
    /// Whether there may be more before that.
    pub cut: bool,
}

impl Readings {
    /// The table of a pipeline, if it has one.
    pub fn of(config: &ServeConfig) -> Option<Self> {
        let table = config.outputs.table.as_ref()?;
        let columns: Vec<Column> = config
            .input
            .fields
            .iter()
            .map(|field| Column {
                name: field.name.clone(),
                type_: field.type_.into(),
            })
            .collect();
        let key = columns
            .iter()
            .find(|column| column.name == config.input.key)?
            .clone();
        let full = qualified(&config.schema, &table.name);
        let sql = Sql::new(&full, &columns, &key, &config.input.event_time.field);
        Some(Self { columns, key, sql })
    }

    /// The newest reading, of a key or of all.
    pub async fn newest(
        &self,
        pool: &PgPool,
        key: Option<Given>,
    ) -> Result<Option<Value>, sqlx::Error> {
        let statement = match key {
            None => sqlx::query(AssertSqlSafe(self.sql.newest.as_str())),
            Some(key) if !key.is_storable() => return Ok(None),
            Some(key) => key.bind(sqlx::query(AssertSqlSafe(self.sql.newest_of_key.as_str()))),
        };
        let row = statement.fetch_optional(pool).await?;
        row.map(|row| object(&self.columns, &row)).transpose()
    }

    /// A page of readings, newest first.
    pub async fn page(
        &self,
        pool: &PgPool,
        page: &Page,
        after: Option<Place>,
        key: Option<Given>,
    ) -> Result<Found<Place>, sqlx::Error> {
        if key.as_ref().is_some_and(|key| !key.is_storable()) {
            return Ok(Found::none());
        }
        let sql = match key {
            None => &self.sql.page,
            Some(_) => &self.sql.page_of_key,
        };
        // Without a page before, all places are after its end.
        let Place(time, partition, offset) = after.unwrap_or(Place(i64::MAX, 0, 0));
        let time = Timestamp::from_microsecond(time).ok();
        let (from, to) = page.span();
        let statement = sqlx::query(AssertSqlSafe(sql.as_str()))
            .bind(page.limit + 1)
            .bind(from)
            .bind(to)
            .bind(time.map_or_else(latest, written))
            .bind(partition)
            .bind(offset);
        let rows = bound(statement, key).fetch_all(pool).await?;
        self.found(&rows, page.limit)
    }

    /// The newest reading of each key, in the order of keys, beginning after one.
    pub async fn keys(
        &self,
        pool: &PgPool,
        limit: i64,
        after: Option<Given>,
    ) -> Result<Found<String>, sqlx::Error> {
        let statement = match after {
            None => sqlx::query(AssertSqlSafe(self.sql.first_keys.as_str())).bind(limit + 1),
            Some(key) => {
                let sql = AssertSqlSafe(self.sql.further_keys.as_str());
                key.bind(sqlx::query(sql).bind(limit + 1))
            }
        };
        let rows = statement.fetch_all(pool).await?;
        let more = rows.len() > limit as usize;
        let rows: Vec<Value> = rows
            .iter()
            .take(limit as usize)
            .map(|row| object(&self.columns, row))
            .collect::<Result<_, _>>()?;
        let last = rows.last().filter(|_| more);
        let last = last.and_then(|last| Given::of_member(self.key.type_, &last[&self.key.name]));
        Ok(Found {
            last: last.map(|key| key.text()),
            rows,
        })
    }

    /// The newest of some new readings, newest first; one more than `limit` if there are more.
    pub async fn since(
        &self,
        pool: &PgPool,
        span: &Span,
        limit: i64,
        key: Option<Given>,
    ) -> Result<Vec<Value>, sqlx::Error> {
        if key.as_ref().is_some_and(|key| !key.is_storable()) {
            return Ok(Vec::new());
        }
        let sql = match key {
            None => &self.sql.since,
            Some(_) => &self.sql.since_of_key,
        };
        let statement = sqlx::query(AssertSqlSafe(sql.as_str()))
            .bind(limit + 1)
            .bind(written(span.not_before))
            .bind(&span.from)
            .bind(&span.to);
        let rows = bound(statement, key).fetch_all(pool).await?;
        rows.iter().map(|row| object(&self.columns, row)).collect()
    }

    /// Whether the database answers and has the table with its columns.
    pub async fn probe(&self, pool: &PgPool) -> Result<(), sqlx::Error> {
        let probe = sqlx::query(AssertSqlSafe(self.sql.probe.as_str()));
        probe.execute(pool).await.map(drop)
    }

    fn found(&self, rows: &[PgRow], limit: i64) -> Result<Found<Place>, sqlx::Error> {
        let kept = &rows[..rows.len().min(limit as usize)];
        let place = |row: &PgRow| {
            let at = self.columns.len();
            Ok::<_, sqlx::Error>(Place(
                row.try_get(at)?,
                row.try_get(at + 1)?,
                row.try_get(at + 2)?,
            ))
        };
        let last = kept.last().filter(|_| rows.len() > kept.len());
        Ok(Found {
            last: last.map(place).transpose()?,
            rows: kept
                .iter()
                .map(|row| object(&self.columns, row))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl<C> Found<C> {
    /// None at all.
    pub fn none() -> Self {
        Self {
            rows: Vec::new(),
            last: None,
        }
    }
}

fn bound(statement: Statement<'_>, key: Option<Given>) -> Statement<'_> {
    match key {
        Some(key) => key.bind(statement),
        None => statement,
    }
}

impl Sql {
    fn new(table: &str, columns: &[Column], key: &Column, time: &str) -> Self {
        let selected = selection(columns);
        let time = quoted(time);
        let place = "coalesce(t.\"_partition\", -1), coalesce(t.\"_offset\", -1)";
        // Rows that were there before the pipeline have no place; they come last of their moment.
        let order = |first: &str| {
            format!(
                "ORDER BY {first}t.{time} DESC, coalesce(t.\"_partition\", -1) DESC, \
                 coalesce(t.\"_offset\", -1) DESC"
            )
        };
        let key_column = quoted(&key.name);
        // A list of one, and the order of the index: with a plain equality the order of the key says nothing, which
        // leaves the planner the index on the time alone. By that it would look through all readings for those of a
        // sender that has been silent for long.
        let of_key = |key: &str| format!("t.{key_column} = ANY (ARRAY[{key}])");
        let given_key = |number| of_key(&key.type_.parameter(number));
        let newest_of_key = order(&format!("t.{key_column}, "));
        let order = order("");
        let timed = |number: usize| ColumnType::Timestamp.parameter(number);
        let micros = microseconds(&time);
        let page = format!(
            "SELECT {selected}, {micros}, {place} FROM {table} t
              WHERE t.{time} >= {} AND t.{time} < {}
                AND (t.{time}, {place}) < ({}, $5::int4, $6::int8)",
            timed(2),
            timed(3),
            timed(4)
        );
        // An array's first element is partition 0. A partition beyond the arrays compares with null.
        let since = format!(
            "SELECT {selected} FROM {table} t
              WHERE t.{time} >= {}
                AND t.\"_offset\" >= ($3::int8[])[t.\"_partition\" + 1]
                AND t.\"_offset\" < ($4::int8[])[t.\"_partition\" + 1]",
            timed(2)
        );
        // From one key to the next by the index, however many readings each has.
        let next = |condition: &str| {
            format!(
                "SELECT t.{key_column} AS key FROM {table} t {condition} ORDER BY t.{key_column} LIMIT 1"
            )
        };
        let keys = |first: &str| {
            let (first, further) = (
                next(first),
                next(&format!("WHERE t.{key_column} > keys.key")),
            );
            format!(
                "WITH RECURSIVE keys AS (
                     ({first})
                     UNION ALL
                     (SELECT (SELECT key FROM ({further}) AS further) FROM keys WHERE keys.key IS NOT NULL)
                 )
                 SELECT {selected}
                   FROM (SELECT key FROM keys WHERE key IS NOT NULL LIMIT $1) AS found
                  CROSS JOIN LATERAL (
                     SELECT * FROM {table} t WHERE {} AND t.{time} IS NOT NULL {newest_of_key} LIMIT 1) AS t
                  ORDER BY found.key",
                of_key("found.key")
            )
        };
        Self {
            newest: format!(
                "SELECT {selected} FROM {table} t WHERE t.{time} IS NOT NULL {order} LIMIT 1"
            ),
            newest_of_key: format!(
                "SELECT {selected} FROM {table} t
                  WHERE {} AND t.{time} IS NOT NULL {newest_of_key} LIMIT 1",
                given_key(1)
            ),
            page_of_key: format!("{page} AND {} {newest_of_key} LIMIT $1", given_key(7)),
            page: format!("{page} {order} LIMIT $1"),
            first_keys: keys(""),
            further_keys: keys(&format!(
                "WHERE t.{key_column} > {}",
                key.type_.parameter(2)
            )),
            since_of_key: format!("{since} AND {} {newest_of_key} LIMIT $1", given_key(5)),
            since: format!("{since} {order} LIMIT $1"),
            probe: format!("SELECT {selected}, {place} FROM {table} t LIMIT 0"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::tests::config;

    #[test]
    fn names_are_quoted_and_the_order_is_the_indexes() {
        let sql = Readings::of(&config()).unwrap().sql;
        insta::assert_snapshot!(
            [
                sql.newest,
                sql.newest_of_key,
                sql.page_of_key,
                sql.first_keys,
                sql.further_keys,
                sql.since,
                sql.probe
            ]
            .join("\n\n")
        );
    }
}
