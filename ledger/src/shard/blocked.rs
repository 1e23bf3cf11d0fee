//! The sinks that a shard waits for: written outside the shard's commits, so that it shows while
//! these are held back.

use sqlx::PgConnection;

use super::ShardKey;

/// Says that a shard waits for a sink, unless another owner has taken the shard. The time of the
/// first time stays.
pub async fn report(
    connection: &mut PgConnection,
    key: &ShardKey,
    epoch: i64,
    sink: &str,
    error: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO sensorstream.blocked_sinks AS b
                (pipeline, stage, incarnation, partition, epoch, sink, error)
         SELECT pipeline, stage, incarnation, partition, epoch, $6, $7
           FROM sensorstream.shards
          WHERE pipeline = $1 AND stage = $2 AND incarnation = $3 AND partition = $4
            AND epoch = $5
         ON CONFLICT (pipeline, stage, incarnation, partition, sink)
         DO UPDATE SET epoch = excluded.epoch, error = excluded.error",
    )
    .bind(&key.pipeline)
    .bind(key.stage)
    .bind(&key.incarnation)
    .bind(key.partition)
    .bind(epoch)
    .bind(sink)
    .bind(error)
    .execute(connection)
    .await
    .map(drop)
}

/// Says that a sink works again.
pub async fn clear(
    connection: &mut PgConnection,
    key: &ShardKey,
    epoch: i64,
    sink: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "DELETE FROM sensorstream.blocked_sinks
          WHERE pipeline = $1 AND stage = $2 AND incarnation = $3 AND partition = $4
            AND epoch <= $5 AND sink = $6",
    )
    .bind(&key.pipeline)
    .bind(key.stage)
    .bind(&key.incarnation)
    .bind(key.partition)
    .bind(epoch)
    .bind(sink)
    .execute(connection)
    .await
    .map(drop)
}

/// Forgets what owners before `epoch` waited for.
pub async fn clear_before(
    connection: &mut PgConnection,
    key: &ShardKey,
    epoch: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "DELETE FROM sensorstream.blocked_sinks
          WHERE pipeline = $1 AND stage = $2 AND incarnation = $3 AND partition = $4
            AND epoch < $5",
    )
    .bind(&key.pipeline)
    .bind(key.stage)
    .bind(&key.incarnation)
    .bind(key.partition)
    .bind(epoch)
    .execute(connection)
    .await
    .map(drop)
}
