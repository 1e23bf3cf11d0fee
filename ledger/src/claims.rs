//! Who owns which topic, table and place in a lake. A claim is what stops two pipelines from writing to one
//! thing, and what tells deletion which things the pipeline made.

use sqlx::{PgPool, Row};

/// Something that a pipeline writes to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// What it is.
    pub kind: ClaimKind,
    /// Bootstrap servers for a topic; empty for a table, which is in this database, and for a place in a lake.
    pub endpoint: String,
    /// The topic, `schema.table`, or the URI of the place.
    pub name: String,
    /// The pipeline that owns it, as `namespace/name`.
    pub pipeline: String,
    /// Whether it existed before the pipeline.
    pub adopted: bool,
}

/// The kinds of things claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClaimKind {
    /// A Kafka topic.
    Topic,
    /// A PostgreSQL table.
    Table,
    /// A place in a lake.
    Lake,
}

impl ClaimKind {
    /// The kind as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Table => "table",
            Self::Lake => "lake",
        }
    }
}

/// Every claim in the database.
pub async fn all(pool: &PgPool) -> Result<Vec<Claim>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT kind, endpoint, name, pipeline, adopted FROM sensorstream.claims ORDER BY 1, 2, 3",
    )
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Claim {
                kind: match row.try_get::<&str, _>("kind")? {
                    "topic" => ClaimKind::Topic,
                    "lake" => ClaimKind::Lake,
                    _ => ClaimKind::Table,
                },
                endpoint: row.try_get("endpoint")?,
                name: row.try_get("name")?,
                pipeline: row.try_get("pipeline")?,
                adopted: row.try_get("adopted")?,
            })
        })
        .collect()
}

/// Claims a thing. Returns the pipeline that owns it now: the caller's own, or whoever came first.
pub async fn claim(pool: &PgPool, claim: &Claim) -> Result<String, sqlx::Error> {
    // The update that changes nothing makes RETURNING give the row that was there.
    sqlx::query_scalar(
        "INSERT INTO sensorstream.claims (kind, endpoint, name, pipeline, adopted)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (kind, endpoint, name) DO UPDATE SET kind = excluded.kind
         RETURNING pipeline",
    )
    .bind(claim.kind.as_str())
    .bind(&claim.endpoint)
    .bind(&claim.name)
    .bind(&claim.pipeline)
    .bind(claim.adopted)
    .fetch_one(pool)
    .await
}

/// Gives up one thing.
pub async fn release(pool: &PgPool, claim: &Claim) -> Result<(), sqlx::Error> {
    sqlx::query(
        "DELETE FROM sensorstream.claims
          WHERE kind = $1 AND endpoint = $2 AND name = $3 AND pipeline = $4",
    )
    .bind(claim.kind.as_str())
    .bind(&claim.endpoint)
    .bind(&claim.name)
    .bind(&claim.pipeline)
    .execute(pool)
    .await
    .map(drop)
}

/// Forgets a pipeline: its shards, its undelivered decisions, its readers, its status and its claims.
pub async fn forget_pipeline(pool: &PgPool, pipeline: &str) -> Result<(), sqlx::Error> {
    let mut transaction = pool.begin().await?;
    for statement in [
        "DELETE FROM sensorstream.pending_dead_letters WHERE pipeline = $1",
        "DELETE FROM sensorstream.blocked_sinks WHERE pipeline = $1",
        "DELETE FROM sensorstream.lake_files WHERE pipeline = $1",
        "DELETE FROM sensorstream.state_buckets WHERE pipeline = $1",
        "DELETE FROM sensorstream.shards WHERE pipeline = $1",
        "DELETE FROM sensorstream.readers WHERE pipeline = $1",
        "DELETE FROM sensorstream.statuses WHERE pipeline = $1",
        "DELETE FROM sensorstream.claims WHERE pipeline = $1",
    ] {
        sqlx::query(statement)
            .bind(pipeline)
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await
}
