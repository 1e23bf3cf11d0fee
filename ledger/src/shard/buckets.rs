//! The state of a shard's open windows, kept in parts. A part is written within the commit of some
//! batch and holds what all readings below its own offset came to; which offset that is differs from
//! part to part, so that no commit has to carry the whole.

use sqlx::{PgConnection, Row};

use super::ShardKey;

/// One part of a shard's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Which part.
    pub number: i16,
    /// Readings from this offset on are not in it.
    pub at_offset: i64,
    /// The shard's watermark at that offset, in microseconds since 1970.
    pub watermark_us: Option<i64>,
    /// The state, as the engine writes it.
    pub image: Vec<u8>,
    /// In the second stage, how far the shards of the first were, as the engine writes it.
    pub sources: Option<Vec<u8>>,
}

/// Makes every part empty, as of an offset, if `epoch` still owns the shard: windows begin there. How
/// far the shards of the first stage were, the part that was written last says.
pub async fn reset(
    connection: &mut PgConnection,
    key: &ShardKey,
    epoch: i64,
    count: i16,
    at_offset: i64,
    watermark_us: Option<i64>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO sensorstream.state_buckets
                (pipeline, stage, incarnation, partition, bucket, at_offset, watermark_us, image)
         SELECT pipeline, stage, incarnation, partition, bucket, $6, $7, ''
           FROM sensorstream.shards, generate_series(0, $8 - 1) AS bucket
          WHERE pipeline = $1 AND stage = $2 AND incarnation = $3 AND partition = $4
            AND epoch = $5
         ON CONFLICT (pipeline, stage, incarnation, partition, bucket)
         DO UPDATE SET at_offset = excluded.at_offset, watermark_us = excluded.watermark_us,
                       image = excluded.image",
    )
    .bind(&key.pipeline)
    .bind(key.stage)
    .bind(&key.incarnation)
    .bind(key.partition)
    .bind(epoch)
    .bind(at_offset)
    .bind(watermark_us)
    .bind(i32::from(count))
    .execute(connection)
    .await
    .map(drop)
}

/// Replaces some parts. Call it within the transaction of a commit that reaches at least to their
/// offsets.
pub async fn write(
    connection: &mut PgConnection,
    key: &ShardKey,
    buckets: &[Bucket],
) -> Result<(), sqlx::Error> {
    if buckets.is_empty() {
        return Ok(());
    }
    let numbers: Vec<i16> = buckets.iter().map(|bucket| bucket.number).collect();
    let offsets: Vec<i64> = buckets.iter().map(|bucket| bucket.at_offset).collect();
    let watermarks: Vec<Option<i64>> = buckets.iter().map(|bucket| bucket.watermark_us).collect();
    let images: Vec<&[u8]> = buckets.iter().map(|bucket| &bucket.image[..]).collect();
    let sources: Vec<Option<&[u8]>> = buckets
        .iter()
        .map(|bucket| bucket.sources.as_deref())
        .collect();
    sqlx::query(
        "INSERT INTO sensorstream.state_buckets
                (pipeline, stage, incarnation, partition, bucket, at_offset, watermark_us, image,
                 sources)
         SELECT $1, $2, $3, $4, *
           FROM unnest($5::smallint[], $6::bigint[], $7::bigint[], $8::bytea[], $9::bytea[])
         ON CONFLICT (pipeline, stage, incarnation, partition, bucket)
         DO UPDATE SET at_offset = excluded.at_offset, watermark_us = excluded.watermark_us,
                       image = excluded.image, sources = excluded.sources",
    )
    .bind(&key.pipeline)
    .bind(key.stage)
    .bind(&key.incarnation)
    .bind(key.partition)
    .bind(numbers)
    .bind(offsets)
    .bind(watermarks)
    .bind(images)
    .bind(sources)
    .execute(connection)
    .await
    .map(drop)
}

/// Every part there is.
pub async fn read(
    connection: &mut PgConnection,
    key: &ShardKey,
) -> Result<Vec<Bucket>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT bucket, at_offset, watermark_us, image, sources FROM sensorstream.state_buckets
          WHERE pipeline = $1 AND stage = $2 AND incarnation = $3 AND partition = $4
          ORDER BY bucket",
    )
    .bind(&key.pipeline)
    .bind(key.stage)
    .bind(&key.incarnation)
    .bind(key.partition)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Bucket {
                number: row.try_get("bucket")?,
                at_offset: row.try_get("at_offset")?,
                watermark_us: row.try_get("watermark_us")?,
                image: row.try_get("image")?,
                sources: row.try_get("sources")?,
            })
        })
        .collect()
}
