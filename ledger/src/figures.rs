//! What the operator reads: every shard of every pipeline of a database, in one query.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, PgPool, Row, postgres::PgRow, types::Json};

/// How far one shard is, and what became of its records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardFigures {
    /// The pipeline, as `namespace/name`.
    pub pipeline: String,
    /// The stage: that which reads the input topic, or that which reads the link topic.
    pub stage: i16,
    /// The topic that it reads.
    pub topic: String,
    /// Kafka's id of the topic.
    pub incarnation: String,
    /// The partition.
    pub partition: i32,
    /// The pod that took the shard last.
    pub owner: String,
    /// The revision of the plan that it runs.
    pub revision: i64,
    /// Everything below is decided.
    pub next_offset: i64,
    /// The watermark, in microseconds since 1970.
    pub watermark_us: Option<i64>,
    /// Records taken from the topic.
    pub records_read: i64,
    /// Readings in the outputs.
    pub accepted: i64,
    /// Records in the dead letter topic or on their way, by reason.
    pub dead_lettered: BTreeMap<String, i64>,
    /// Records left out on purpose, by reason.
    pub dropped: BTreeMap<String, i64>,
    /// Offsets that vanished before they were read.
    pub lost: i64,
    /// When the latest record was committed, in microseconds since 1970.
    pub last_commit_us: Option<i64>,
    /// The gap that the shard stopped at: the first offset that still exists.
    pub data_loss_at: Option<i64>,
    /// Window rows that could not be written because another shard had written them.
    pub rows_of_others: i64,
    /// What is below has been sent to the output topics for certain.
    pub sent_below: i64,
    /// Whether the shard sends to the second stage.
    pub linked: bool,
    /// Dead letters decided and not yet known to be sent.
    pub pending_dead_letters: i64,
    /// Sinks that the shard waits for: name, since when (microseconds since 1970), error.
    pub blocked: Vec<BlockedSink>,
}

/// A sink that a shard waits for.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct BlockedSink {
    /// The sink's name, such as `dead-letter`.
    pub sink: String,
    /// Since when, in microseconds since 1970.
    pub since_us: i64,
    /// What it answers.
    pub error: String,
}

/// The columns of `sensorstream.reader_shards`. Whoever may read the table of shards sees all of them
/// there, and others those of their pipelines.
pub(crate) const COLUMNS: &str = "pipeline, stage, topic, incarnation, partition, owner, revision, \
     next_offset, watermark_us, records_read, accepted, dead_lettered, dropped, lost, last_commit_us, \
     data_loss_at, rows_of_others, outbox_cursor, linked, pending, blocked";

/// The figures of every shard in the database.
pub async fn all(pool: &PgPool) -> Result<Vec<ShardFigures>, sqlx::Error> {
    let sql = format!("SELECT {COLUMNS} FROM sensorstream.reader_shards ORDER BY 1, 2, 4, 5");
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(pool).await?;
    rows.iter().map(decoded).collect()
}

/// How many alerts each rule of a pipeline has made.
pub async fn alerts(pool: &PgPool, pipeline: &str) -> Result<BTreeMap<String, i64>, sqlx::Error> {
    let sql = "SELECT rule.key, sum((rule.value ->> 'alerts')::bigint)::bigint
                 FROM sensorstream.shards, jsonb_each(rules) rule
                WHERE pipeline = $1 GROUP BY 1";
    let rows: Vec<(String, i64)> = sqlx::query_as(sql).bind(pipeline).fetch_all(pool).await?;
    Ok(rows.into_iter().collect())
}

/// A row of [`COLUMNS`].
pub(crate) fn decoded(row: &PgRow) -> Result<ShardFigures, sqlx::Error> {
    Ok(ShardFigures {
        pipeline: row.try_get("pipeline")?,
        stage: row.try_get("stage")?,
        topic: row.try_get("topic")?,
        incarnation: row.try_get("incarnation")?,
        partition: row.try_get("partition")?,
        owner: row.try_get("owner")?,
        revision: row.try_get("revision")?,
        next_offset: row.try_get("next_offset")?,
        watermark_us: row.try_get("watermark_us")?,
        records_read: row.try_get("records_read")?,
        accepted: row.try_get("accepted")?,
        dead_lettered: row.try_get::<Json<_>, _>("dead_lettered")?.0,
        dropped: row.try_get::<Json<_>, _>("dropped")?.0,
        lost: row.try_get("lost")?,
        last_commit_us: row.try_get("last_commit_us")?,
        data_loss_at: row.try_get("data_loss_at")?,
        rows_of_others: row.try_get("rows_of_others")?,
        sent_below: row.try_get("outbox_cursor")?,
        linked: row.try_get("linked")?,
        pending_dead_letters: row.try_get("pending")?,
        blocked: row.try_get::<Json<_>, _>("blocked")?.0,
    })
}
