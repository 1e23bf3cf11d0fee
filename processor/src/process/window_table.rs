//! A window's table: writing rows that changed and deleting those that sessions outgrew.

use sensorstream_crds::window_table::PARTITION_COLUMN;
use sensorstream_engine::{Column, ColumnKind, ColumnRole, Rows, WindowChanges, WindowPlan};
use sqlx::{
    AssertSqlSafe, Encode, PgConnection, Postgres, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo},
    query::Query,
};

use crate::sql::{qualified, quoted};

use super::{
    decode::POSTGRES_EPOCH_US,
    lanes::{LaneError, PATIENCE, within},
};

/// Rows that one statement writes.
const CHUNK: usize = 10_000;

/// The statements for one window's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowTable {
    upsert: String,
    delete: String,
}

impl WindowTable {
    /// The table of a window.
    pub fn new(schema: &str, window: &WindowPlan) -> Self {
        let table = qualified(schema, &window.name);
        let columns = &window.columns;
        let keys = || {
            columns
                .iter()
                .filter(|column| column.role == ColumnRole::Key)
        };
        let names: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
        let partition = quoted(PARTITION_COLUMN);
        let conflict: Vec<String> = keys().map(|column| quoted(&column.name)).collect();
        let set: Vec<String> = columns
            .iter()
            .filter(|column| column.role == ColumnRole::Value)
            .map(|column| {
                let name = quoted(&column.name);
                format!("{name} = excluded.{name}")
            })
            .collect();
        // A row that was there before the pipeline is nobody's yet.
        let upsert = format!(
            "INSERT INTO {table} AS t ({}, {partition}) SELECT {}, ${} FROM {} \
             ON CONFLICT ({}) DO UPDATE SET {}, {partition} = excluded.{partition} \
             WHERE coalesce(t.{partition}, excluded.{partition}) = excluded.{partition}",
            names.join(", "),
            selection(columns.iter().map(|column| column.kind)),
            columns.len() + 1,
            unnest(columns.iter().map(|column| column.kind)),
            conflict.join(", "),
            set.join(", "),
        );
        let same: Vec<String> = keys()
            .enumerate()
            .map(|(index, column)| format!("t.{} = u.c{index}", quoted(&column.name)))
            .collect();
        let delete = format!(
            "DELETE FROM {table} AS t USING {} WHERE {} AND t.{partition} = ${}",
            unnest(keys().map(|column| column.kind)),
            same.join(" AND "),
            keys().count() + 1,
        );
        Self { upsert, delete }
    }

    /// Writes changes. Answers how many rows could not be written because another shard had written
    /// them. Call it within the transaction of the commit that decides them.
    pub async fn write(
        &self,
        connection: &mut PgConnection,
        partition: i32,
        changes: &WindowChanges,
    ) -> Result<u64, LaneError> {
        for start in (0..changes.deletes.len()).step_by(CHUNK) {
            run(connection, &self.delete, &changes.deletes, start, partition).await?;
        }
        let mut written = 0;
        for start in (0..changes.upserts.len()).step_by(CHUNK) {
            written += run(connection, &self.upsert, &changes.upserts, start, partition).await?;
        }
        Ok((changes.upserts.len() as u64).saturating_sub(written))
    }
}

fn unnest(kinds: impl Iterator<Item = ColumnKind>) -> String {
    let (arrays, names): (Vec<String>, Vec<String>) = kinds
        .enumerate()
        .map(|(index, kind)| {
            let array = format!("${}::{}[]", index + 1, sent_as(kind));
            (array, format!("c{index}"))
        })
        .unzip();
    format!("unnest({}) AS u({})", arrays.join(", "), names.join(", "))
}

fn selection(kinds: impl Iterator<Item = ColumnKind>) -> String {
    let columns: Vec<String> = kinds
        .enumerate()
        .map(|(index, kind)| match kind {
            ColumnKind::Numeric => format!("c{index}::numeric"),
            _ => format!("c{index}"),
        })
        .collect();
    columns.join(", ")
}

fn sent_as(kind: ColumnKind) -> &'static str {
    match kind {
        // A number of any length is sent as text.
        ColumnKind::Text | ColumnKind::Numeric => "text",
        ColumnKind::Double => "double precision",
        ColumnKind::Integer => "integer",
        ColumnKind::Long => "bigint",
        ColumnKind::Boolean => "boolean",
        ColumnKind::Timestamp => "timestamptz",
    }
}

async fn run(
    connection: &mut PgConnection,
    statement: &str,
    rows: &Rows,
    start: usize,
    partition: i32,
) -> Result<u64, LaneError> {
    let end = rows.len().min(start + CHUNK);
    let mut query = sqlx::query(AssertSqlSafe(statement));
    for column in &rows.columns {
        query = bind(query, column, start, end);
    }
    let done = within(PATIENCE, query.bind(partition).execute(connection)).await?;
    Ok(done.rows_affected())
}

type PgQuery<'q> = Query<'q, Postgres, sqlx::postgres::PgArguments>;

fn bind<'q>(query: PgQuery<'q>, column: &'q Column, start: usize, end: usize) -> PgQuery<'q> {
    match column {
        Column::Text(values) => query.bind(&values[start..end]),
        Column::Double(values) => query.bind(&values[start..end]),
        Column::Integer(values) => query.bind(&values[start..end]),
        Column::Long(values) => query.bind(&values[start..end]),
        Column::Boolean(values) => query.bind(&values[start..end]),
        Column::Timestamp(values) => {
            let times = values[start..end].iter().map(|time| time.map(Micros));
            query.bind(times.collect::<Vec<Option<Micros>>>())
        }
        Column::Numeric(values) => {
            let numbers = values[start..end]
                .iter()
                .map(|number| number.map(|n| n.to_string()));
            query.bind(numbers.collect::<Vec<Option<String>>>())
        }
    }
}

/// A time in microseconds since 1970, as PostgreSQL takes it.
#[derive(Clone, Copy, Debug)]
struct Micros(i64);

impl Type<Postgres> for Micros {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("timestamptz")
    }
}

impl PgHasArrayType for Micros {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("_timestamptz")
    }
}

impl Encode<'_, Postgres> for Micros {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Postgres>::encode_by_ref(&(self.0 - POSTGRES_EPOCH_US), buffer)
    }
}
