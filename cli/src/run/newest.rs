//! The newest rows of a pipeline's tables, to look at.

use std::collections::BTreeMap;

use sensorstream_crds::{PipelineId, SensorPipelineSpec};
use sensorstream_ledger::figures;
use sensorstream_operator::plan::tables::wanted::{WantedTable, tables};
use sqlx::{AssertSqlSafe, PgPool, Row};

/// How many rows are shown.
const ROWS: usize = 8;

/// Rows of a table, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Newest {
    /// The table's name.
    pub table: String,
    /// The columns' names.
    pub columns: Vec<String>,
    /// The rows, as text.
    pub rows: Vec<Vec<String>>,
}

/// The table that is looked at, and all others.
pub struct Tables {
    pool: PgPool,
    pipeline: String,
    shown: Option<(String, Newest)>,
    counted: Vec<(String, String)>,
}

impl Tables {
    /// Those of a pipeline: it shows the readings if there is a table of them, or else the first window.
    pub fn of(pool: PgPool, id: &PipelineId, spec: &SensorPipelineSpec) -> Self {
        let wanted = tables(id, spec).unwrap_or_default();
        Self {
            shown: wanted.first().map(newest),
            counted: wanted.iter().map(count).collect(),
            pipeline: id.to_string(),
            pool,
        }
    }

    /// The newest rows; none while the table is not there, or does not answer.
    pub async fn newest(&self) -> Newest {
        let Some((sql, shown)) = &self.shown else {
            return Newest::default();
        };
        let query = sqlx::query(AssertSqlSafe(sql.clone()));
        let rows = query.fetch_all(&self.pool).await.unwrap_or_default();
        let text = |row: &sqlx::postgres::PgRow, index| -> String {
            let value: Option<String> = row.try_get(index).ok().flatten();
            value.unwrap_or_default()
        };
        Newest {
            rows: rows
                .iter()
                .map(|row| {
                    (0..shown.columns.len())
                        .map(|index| text(row, index))
                        .collect()
                })
                .collect(),
            ..shown.clone()
        }
    }

    /// How many alerts each rule has made.
    pub async fn alerts(&self) -> BTreeMap<String, i64> {
        let made = figures::alerts(&self.pool, &self.pipeline).await;
        made.unwrap_or_default()
    }

    /// How many rows each table has.
    pub async fn counts(&self) -> Vec<(String, i64)> {
        let mut counts = Vec::new();
        for (name, sql) in &self.counted {
            let counted = sqlx::query_scalar(AssertSqlSafe(sql.clone()));
            if let Ok(count) = counted.fetch_one(&self.pool).await {
                counts.push((name.clone(), count));
            }
        }
        counts
    }
}

fn newest(table: &WantedTable) -> (String, Newest) {
    // What the pipeline writes beside what the readings have is of no interest here.
    let columns = table
        .columns
        .iter()
        .filter(|column| !column.name.starts_with('_'));
    let columns: Vec<String> = columns.map(|column| column.name.clone()).collect();
    let time = table
        .columns
        .iter()
        .find(|column| column.type_.starts_with("timestamp"));
    let list: Vec<String> = columns
        .iter()
        .map(|column| {
            let is_time = table
                .columns
                .iter()
                .any(|c| c.name == *column && c.type_.starts_with("timestamp"));
            if is_time {
                format!(
                    "to_char({} AT TIME ZONE 'UTC', 'HH24:MI:SS.MS')",
                    quoted(column)
                )
            } else {
                format!("{}::text", quoted(column))
            }
        })
        .collect();
    let order = time.map_or_else(String::new, |time| {
        format!(" ORDER BY {} DESC NULLS LAST", quoted(&time.name))
    });
    let sql = format!(
        "SELECT {} FROM {}{order} LIMIT {ROWS}",
        list.join(", "),
        name(table)
    );
    let shown = Newest {
        table: table.name.to_string(),
        columns,
        rows: Vec::new(),
    };
    (sql, shown)
}

fn count(table: &WantedTable) -> (String, String) {
    let sql = format!("SELECT count(*) FROM {}", name(table));
    (table.name.to_string(), sql)
}

fn name(table: &WantedTable) -> String {
    format!(
        "{}.{}",
        quoted(&table.name.schema),
        quoted(&table.name.table)
    )
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
