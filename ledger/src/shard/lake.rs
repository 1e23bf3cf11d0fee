//! Which readings of a shard are in which file of the lake. A commit decides files together with the
//! offsets that they are of; only then are they written, and that they are is noted down with a later
//! commit.

use sqlx::{PgConnection, Row};

use super::ShardKey;

/// A file of the lake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LakeFile {
    /// The hour of its readings' event times, counted from 1970.
    pub hour: i64,
    /// The offset of its first reading.
    pub first: i64,
    /// The offset of its last reading.
    pub last: i64,
    /// How many readings it holds.
    pub rows: i64,
    /// Whether it is known to be written.
    pub written: bool,
}

/// Notes down files that are decided, and forgets those that are written and end below `cursor`. Call it
/// within the transaction of a commit.
pub async fn decide(
    connection: &mut PgConnection,
    key: &ShardKey,
    files: &[LakeFile],
    cursor: i64,
) -> Result<(), sqlx::Error> {
    if files.is_empty() {
        return Ok(());
    }
    let column = |value: fn(&LakeFile) -> i64| -> Vec<i64> { files.iter().map(value).collect() };
    sqlx::query(
        "INSERT INTO sensorstream.lake_files
                (pipeline, stage, incarnation, partition, hour, first_offset, last_offset, rows)
         SELECT $1, $2, $3, $4, *
           FROM unnest($5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
         ON CONFLICT (pipeline, stage, incarnation, partition, hour, first_offset)
         DO UPDATE SET last_offset = excluded.last_offset, rows = excluded.rows",
    )
    .bind(&key.pipeline)
    .bind(key.stage)
    .bind(&key.incarnation)
    .bind(key.partition)
    .bind(column(|file| file.hour))
    .bind(column(|file| file.first))
    .bind(column(|file| file.last))
    .bind(column(|file| file.rows))
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "DELETE FROM sensorstream.lake_files
          WHERE pipeline = $1 AND stage = $2 AND incarnation = $3 AND partition = $4
            AND written AND last_offset < $5",
    )
    .bind(&key.pipeline)
    .bind(key.stage)
    .bind(&key.incarnation)
    .bind(key.partition)
    .bind(cursor)
    .execute(connection)
    .await
    .map(drop)
}

/// Notes down that a file is written. It is, whoever owns the shard by now.
pub async fn written(
    connection: &mut PgConnection,
    key: &ShardKey,
    file: &LakeFile,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE sensorstream.lake_files SET written = true
          WHERE pipeline = $1 AND stage = $2 AND incarnation = $3 AND partition = $4
            AND hour = $5 AND first_offset = $6",
    )
    .bind(&key.pipeline)
    .bind(key.stage)
    .bind(&key.incarnation)
    .bind(key.partition)
    .bind(file.hour)
    .bind(file.first)
    .execute(connection)
    .await
    .map(drop)
}

/// Every file that a new owner has to know of.
pub async fn read(
    connection: &mut PgConnection,
    key: &ShardKey,
) -> Result<Vec<LakeFile>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT hour, first_offset, last_offset, rows, written FROM sensorstream.lake_files
          WHERE pipeline = $1 AND stage = $2 AND incarnation = $3 AND partition = $4
          ORDER BY hour, first_offset",
    )
    .bind(&key.pipeline)
    .bind(key.stage)
    .bind(&key.incarnation)
    .bind(key.partition)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(LakeFile {
                hour: row.try_get("hour")?,
                first: row.try_get("first_offset")?,
                last: row.try_get("last_offset")?,
                rows: row.try_get("rows")?,
                written: row.try_get("written")?,
            })
        })
        .collect()
}
