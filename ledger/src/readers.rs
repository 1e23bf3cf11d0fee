//! Which logins may read of a pipeline, and what they read: its shards and its status, through views
//! that show a login nothing of other pipelines.

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgExecutor, PgPool, Row, types::Json};

use crate::figures::{self, ShardFigures};

/// A role that may read of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reader {
    /// The role.
    pub role_name: String,
    /// The pipeline, as `namespace/name`.
    pub pipeline: String,
    /// SHA-256, in hex, of the password that the role was given; empty if it was there before.
    pub login_digest: String,
}

/// What the operator reported of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedStatus {
    /// The resource's status.
    pub status: Value,
    /// When it was written, in microseconds since 1970.
    pub written_at_us: i64,
}

/// The shards of a pipeline; none where the login may not read of it.
pub async fn shards(pool: &PgPool, pipeline: &str) -> Result<Vec<ShardFigures>, sqlx::Error> {
    let columns = figures::COLUMNS;
    let sql = format!(
        "SELECT {columns} FROM sensorstream.reader_shards WHERE pipeline = $1 ORDER BY 2, 4, 5"
    );
    let query = sqlx::query(AssertSqlSafe(sql)).bind(pipeline);
    let rows = query.fetch_all(pool).await?;
    rows.iter().map(figures::decoded).collect()
}

/// The status of a pipeline; none before the first report, and where the login may not read of it.
pub async fn status(pool: &PgPool, pipeline: &str) -> Result<Option<ReportedStatus>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT status, written_at_us FROM sensorstream.reader_statuses WHERE pipeline = $1",
    )
    .bind(pipeline)
    .fetch_optional(pool)
    .await?;
    row.map(|row| {
        Ok(ReportedStatus {
            status: row.try_get::<Json<_>, _>("status")?.0,
            written_at_us: row.try_get("written_at_us")?,
        })
    })
    .transpose()
}

/// Says how a pipeline is.
pub async fn report_status(
    pool: &PgPool,
    pipeline: &str,
    status: &Value,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO sensorstream.statuses (pipeline, status) VALUES ($1, $2)
         ON CONFLICT (pipeline) DO UPDATE SET status = excluded.status, written_at = now()",
    )
    .bind(pipeline)
    .bind(Json(status))
    .execute(pool)
    .await
    .map(drop)
}

/// The pipelines that a status is there of.
pub async fn reported(pool: &PgPool) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT pipeline FROM sensorstream.statuses")
        .fetch_all(pool)
        .await
}

/// Every reader in the database.
pub async fn all(pool: &PgPool) -> Result<Vec<Reader>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT role_name, pipeline, login_digest FROM sensorstream.readers ORDER BY 1, 2",
    )
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Reader {
                role_name: row.try_get("role_name")?,
                pipeline: row.try_get("pipeline")?,
                login_digest: row.try_get("login_digest")?,
            })
        })
        .collect()
}

/// Lets a role read of a pipeline.
pub async fn admit(executor: impl PgExecutor<'_>, reader: &Reader) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO sensorstream.readers (role_name, pipeline, login_digest) VALUES ($1, $2, $3)
         ON CONFLICT (role_name, pipeline) DO UPDATE SET login_digest = excluded.login_digest",
    )
    .bind(&reader.role_name)
    .bind(&reader.pipeline)
    .bind(&reader.login_digest)
    .execute(executor)
    .await
    .map(drop)
}

/// Lets a role read of a pipeline no more.
pub async fn dismiss(
    executor: impl PgExecutor<'_>,
    role_name: &str,
    pipeline: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM sensorstream.readers WHERE role_name = $1 AND pipeline = $2")
        .bind(role_name)
        .bind(pipeline)
        .execute(executor)
        .await
        .map(drop)
}

/// Forgets how a pipeline was.
pub async fn forget_status(
    executor: impl PgExecutor<'_>,
    pipeline: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM sensorstream.statuses WHERE pipeline = $1")
        .bind(pipeline)
        .execute(executor)
        .await
        .map(drop)
}
