//! Retention: deletes readings whose event time, and rows of windows whose end, is too long ago, a
//! bounded number at a time. Whoever holds the table's advisory lock does it; the others see that and
//! wait.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use sensorstream_crds::{runtime::ProcessConfig, window_table::WindowTable};
use sqlx::AssertSqlSafe;

use crate::{
    sql::{qualified, quoted},
    telemetry,
};

use super::{
    lanes::{LaneError, PATIENCE, within},
    role::Role,
};

/// Rows deleted in one transaction.
const CHUNK: u64 = 5_000;

/// Deletes expired rows for ever, from the tables that have a retention.
pub async fn run(role: Arc<Role>, config: ProcessConfig) {
    join_all(
        expiring(&config)
            .into_iter()
            .map(|table| expire(&role, table)),
    )
    .await;
}

/// A table whose rows expire.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Expiring {
    table: String,
    time: String,
    retention: Duration,
}

fn expiring(config: &ProcessConfig) -> Vec<Expiring> {
    let readings = config.outputs.table.as_ref().map(|table| {
        let time = config.input.event_time.field.clone();
        (&table.name, time, &table.retention)
    });
    let windows = config.windows.iter().filter_map(|window| {
        // A window without a table does not get past the compilation of the plan.
        let table = WindowTable::of(window, &config.input.fields).ok()?;
        Some((&window.name, table.end().to_owned(), &window.retention))
    });
    readings
        .into_iter()
        .chain(windows)
        .filter_map(|(name, time, retention)| {
            Some(Expiring {
                table: qualified(&config.schema, name),
                time,
                retention: retention.as_ref()?.get(),
            })
        })
        .collect()
}

async fn expire(role: &Role, expiring: Expiring) {
    let statement = delete_statement(&expiring);
    let Expiring {
        table, retention, ..
    } = expiring;
    let pause = (retention / 10).clamp(Duration::from_secs(1), Duration::from_mins(1));
    loop {
        match delete_chunk(role, &table, &statement, retention).await {
            Ok(deleted) => {
                role.metrics.rows_expired.inc_by(deleted);
                if deleted == CHUNK {
                    continue;
                }
            }
            Err(error) => tracing::warn!(
                table,
                error = telemetry::chain(&error),
                "deleting expired rows is tried again"
            ),
        }
        tokio::time::sleep(pause).await;
    }
}

fn delete_statement(Expiring { table, time, .. }: &Expiring) -> String {
    format!(
        "DELETE FROM {table} WHERE ctid = ANY (ARRAY(
             SELECT ctid FROM {table}
              WHERE {} < now() - $1::bigint * interval '1 millisecond' LIMIT {CHUNK}))",
        quoted(time)
    )
}
/// Deletes as many expired rows as one transaction may; none if another pod is at it.
async fn delete_chunk(
    role: &Role,
    table: &str,
    statement: &str,
    retention: Duration,
) -> Result<u64, LaneError> {
    let mut lane = role.lanes.take().await?;
    within(PATIENCE, sqlx::raw_sql("BEGIN").execute(&mut *lane)).await?;
    let lock = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))")
        .bind(format!("sensorstream.retention {table}"))
        .fetch_one(&mut *lane);
    let mut deleted = 0;
    if within(PATIENCE, lock).await? {
        let delete = sqlx::query(AssertSqlSafe(statement))
            .bind(i64::try_from(retention.as_millis()).unwrap_or(i64::MAX))
            .execute(&mut *lane);
        deleted = within(PATIENCE, delete).await?.rows_affected();
    }
    within(PATIENCE, sqlx::raw_sql("COMMIT").execute(&mut *lane)).await?;
    lane.give_back();
    Ok(deleted)
}
