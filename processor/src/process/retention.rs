//! The table's retention: deletes readings whose event time is too long ago, a bounded number at
//! a time. Whoever holds the table's advisory lock does it; the others see that and wait.

use std::{sync::Arc, time::Duration};

use sensorstream_crds::runtime::ProcessConfig;
use sqlx::AssertSqlSafe;

use crate::telemetry;

use super::{
    copy_binary::{qualified, quote},
    lanes::{LaneError, PATIENCE, within},
    role::Role,
};

/// Rows deleted in one transaction.
const CHUNK: u64 = 5_000;

/// Deletes expired readings for ever, if the table has a retention.
pub async fn run(role: Arc<Role>, config: ProcessConfig) {
    let Some(retention) = config
        .table
        .retention
        .as_ref()
        .map(sensorstream_crds::scalars::Duration::get)
    else {
        return;
    };
    let table = qualified(&config.schema, &config.table.name);
    let statement = delete_statement(&table, &config.input.event_time.field);
    let pause = (retention / 10).clamp(Duration::from_secs(1), Duration::from_mins(1));
    loop {
        match delete_chunk(&role, &table, &statement, retention).await {
            Ok(deleted) => {
                role.metrics.rows_expired.inc_by(deleted);
                if deleted == CHUNK {
                    continue;
                }
            }
            Err(error) => tracing::warn!(
                table,
                error = telemetry::chain(&error),
                "deleting expired readings is tried again"
            ),
        }
        tokio::time::sleep(pause).await;
    }
}

fn delete_statement(table: &str, event_time: &str) -> String {
    format!(
        "DELETE FROM {table} WHERE ctid = ANY (ARRAY(
             SELECT ctid FROM {table}
              WHERE {} < now() - $1::bigint * interval '1 millisecond' LIMIT {CHUNK}))",
        quote(event_time)
    )
}

/// Deletes as many expired readings as one transaction may; none if another pod is at it.
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
