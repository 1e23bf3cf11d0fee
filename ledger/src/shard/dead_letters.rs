//! Decisions that the dead letter sink has still to carry out. A row is written by the commit
//! that decides a record, and deleted once the sink is known to have sent it. The record itself
//! stays in the source topic and is read again from there if the process ends in between.

use sqlx::{PgConnection, Row};

use super::ShardKey;

/// A record that was decided to be a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingDeadLetter {
    /// Where it is in the source topic.
    pub offset: i64,
    /// Why, as [`sensorstream_crds::Reason`] writes it.
    pub reason: String,
    /// What exactly was wrong, for people.
    pub detail: String,
}

/// Notes down decisions. One at the same offset gives way: it was of a record that a broker has
/// lost since, and whose offset another record has now.
pub async fn insert(
    connection: &mut PgConnection,
    key: &ShardKey,
    letters: &[PendingDeadLetter],
) -> Result<(), sqlx::Error> {
    if letters.is_empty() {
        return Ok(());
    }
    let offsets: Vec<i64> = letters.iter().map(|letter| letter.offset).collect();
    let reasons: Vec<&str> = letters
        .iter()
        .map(|letter| letter.reason.as_str())
        .collect();
    let details: Vec<&str> = letters
        .iter()
        .map(|letter| letter.detail.as_str())
        .collect();
    sqlx::query(
        "INSERT INTO sensorstream.pending_dead_letters
                (pipeline, stage, incarnation, partition, source_offset, reason, detail)
         SELECT $1, $2, $3, $4, * FROM unnest($5::bigint[], $6::text[], $7::text[])
         ON CONFLICT (pipeline, stage, incarnation, partition, source_offset)
         DO UPDATE SET reason = excluded.reason, detail = excluded.detail",
    )
    .bind(&key.pipeline)
    .bind(key.stage)
    .bind(&key.incarnation)
    .bind(key.partition)
    .bind(offsets)
    .bind(reasons)
    .bind(details)
    .execute(connection)
    .await
    .map(drop)
}

/// The oldest decisions from the offset `from` on and below `below`.
pub async fn page(
    connection: &mut PgConnection,
    key: &ShardKey,
    from: i64,
    below: i64,
    limit: i64,
) -> Result<Vec<PendingDeadLetter>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT source_offset, reason, detail FROM sensorstream.pending_dead_letters
          WHERE pipeline = $1 AND stage = $2 AND incarnation = $3 AND partition = $4
            AND source_offset >= $5 AND source_offset < $6
          ORDER BY source_offset LIMIT $7",
    )
    .bind(&key.pipeline)
    .bind(key.stage)
    .bind(&key.incarnation)
    .bind(key.partition)
    .bind(from)
    .bind(below)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(PendingDeadLetter {
                offset: row.try_get("source_offset")?,
                reason: row.try_get("reason")?,
                detail: row.try_get("detail")?,
            })
        })
        .collect()
}

/// Notes that everything below `cursor` has been sent, if `epoch` still owns the shard, and
/// forgets the decisions below it. Answers whether it does. Call it within a transaction.
pub async fn settle(
    connection: &mut PgConnection,
    key: &ShardKey,
    epoch: i64,
    cursor: i64,
) -> Result<bool, sqlx::Error> {
    let moved = sqlx::query(
        "UPDATE sensorstream.shards SET outbox_cursor = greatest(outbox_cursor, $6)
          WHERE pipeline = $1 AND stage = $2 AND incarnation = $3 AND partition = $4
            AND epoch = $5",
    )
    .bind(&key.pipeline)
    .bind(key.stage)
    .bind(&key.incarnation)
    .bind(key.partition)
    .bind(epoch)
    .bind(cursor)
    .execute(&mut *connection)
    .await?;
    if moved.rows_affected() != 1 {
        return Ok(false);
    }
    sqlx::query(
        "DELETE FROM sensorstream.pending_dead_letters
          WHERE pipeline = $1 AND stage = $2 AND incarnation = $3 AND partition = $4
            AND source_offset < $5",
    )
    .bind(&key.pipeline)
    .bind(key.stage)
    .bind(&key.incarnation)
    .bind(key.partition)
    .bind(cursor)
    .execute(connection)
    .await?;
    Ok(true)
}
