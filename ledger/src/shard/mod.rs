//! What the processor writes: who owns a shard, how far it is decided, and what became of its
//! records.
//!
//! The owner of a shard is whoever bumped its epoch last ([`take_over`]). A commit moves
//! `next_offset` by compare and swap on epoch and old offset ([`swap`]), in the transaction that
//! also writes the output rows: a stale owner changes no row, and its transaction is rolled back.
//! Everything counted is written as an absolute number, so that a commit tried twice counts once.
//!
//! - [`dead_letters`]: decisions that the dead letter sink has still to carry out.
//! - [`buckets`]: the state of open windows.
//! - [`lake`]: which readings are in which file.
//! - [`links`]: what a shard sends to the second stage.
//! - [`blocked`]: the sinks that a shard waits for.

pub mod blocked;
pub mod buckets;
pub mod dead_letters;
pub mod lake;
pub mod links;
pub mod stalled;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, Row, postgres::PgRow, types::Json};

use links::Links;

/// The stage that reads the input topic.
pub const FIRST_STAGE: i16 = 1;
/// The stage that reads the link topic.
pub const SECOND_STAGE: i16 = 2;

/// Which shard: one partition of one incarnation of a topic, as a pipeline's stage reads it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShardKey {
    /// The pipeline, as `namespace/name`.
    pub pipeline: String,
    /// The stage.
    pub stage: i16,
    /// Kafka's id of the topic.
    pub incarnation: String,
    /// The partition.
    pub partition: i32,
}

/// How far a shard is decided, and what became of every record so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShardState {
    /// Everything below is decided.
    pub next_offset: i64,
    /// The watermark, in microseconds since 1970.
    pub watermark_us: Option<i64>,
    /// Records taken from the topic.
    pub records_read: i64,
    /// Bytes of their keys and values.
    pub bytes_read: i64,
    /// Readings in the outputs.
    pub accepted: i64,
    /// Records in the dead letter topic or on their way, by reason.
    pub dead_lettered: BTreeMap<String, i64>,
    /// Records left out on purpose, by reason.
    pub dropped: BTreeMap<String, i64>,
    /// Offsets that vanished before they were read.
    pub lost: i64,
    /// The gap that the shard stopped at: the first offset that still exists.
    pub data_loss_at: Option<i64>,
    /// What became of the readings offered to each window.
    pub windows: BTreeMap<String, WindowAccount>,
    /// What each rule came to.
    pub rules: BTreeMap<String, RuleAccount>,
    /// What the shard sends to the second stage, if it does.
    pub links: Option<Links>,
    /// The watermark that windows of the second stage go by, in microseconds since 1970.
    pub link_watermark_us: Option<i64>,
    /// Whether the partition has had nothing to read for long.
    pub idle: bool,
    /// Every reading below is in a file of the lake that is written. None without a lake.
    pub lake_cursor: Option<i64>,
}

/// What became of the readings offered to a window. Each reading counts once for every instance of
/// the window that it belongs to. Counted in rows: offered − late.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WindowAccount {
    /// What the window's rows mean, as a digest: another meaning is another window.
    pub plan: String,
    /// The first instance begins here, in microseconds since 1970: the window was added to a
    /// pipeline that had read on already. None if it has everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_us: Option<i64>,
    /// Readings offered.
    pub offered: i64,
    /// Readings that came too late.
    pub late: i64,
}

/// What a rule came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleAccount {
    /// Readings that an alert was sent for.
    pub alerts: i64,
    /// Readings that satisfied the rule beyond its rate limit.
    pub suppressed: i64,
}

/// A shard as it was found by the one who took it over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenShard {
    /// The new owner's epoch.
    pub epoch: i64,
    /// Where reading began.
    pub start_offset: i64,
    /// How far the shard is.
    pub state: ShardState,
    /// What is below has been sent to the output topics for certain.
    pub outbox_cursor: i64,
}

/// Who takes shards over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner<'a> {
    /// The pod, for people.
    pub pod: &'a str,
    /// The revision of the plan that it runs.
    pub revision: i64,
}

/// Makes `owner` the owner of a shard, which starts at `fresh_start` if nobody ever had it. Waits
/// for a commit of the previous owner that is under way. Answers none, and changes nothing, if a later
/// revision of the plan had the shard: its state would make no sense to this one.
pub async fn take_over(
    connection: &mut PgConnection,
    key: &ShardKey,
    topic: &str,
    owner: Owner<'_>,
    fresh_start: i64,
) -> Result<Option<TakenShard>, sqlx::Error> {
    let row = sqlx::query(
        "INSERT INTO sensorstream.shards AS s
                (pipeline, stage, topic, incarnation, partition, epoch, owner, next_offset,
                 start_offset, outbox_cursor, revision)
         VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $7, $7, $8)
         ON CONFLICT (pipeline, stage, incarnation, partition)
         DO UPDATE SET epoch = s.epoch + 1, owner = excluded.owner, revision = excluded.revision
          WHERE s.revision <= excluded.revision
         RETURNING epoch, start_offset, next_offset, records_read, bytes_read, accepted,
                   dead_lettered, dropped, lost, data_loss_at, windows, rules, outbox_cursor,
                   links, link_watermark_us, idle, lake_cursor,
                   (extract(epoch FROM watermark) * 1e6)::bigint AS watermark_us",
    )
    .bind(&key.pipeline)
    .bind(key.stage)
    .bind(topic)
    .bind(&key.incarnation)
    .bind(key.partition)
    .bind(owner.pod)
    .bind(fresh_start)
    .bind(owner.revision)
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    blocked::clear_before(connection, key, row.try_get("epoch")?).await?;
    Ok(Some(TakenShard {
        epoch: row.try_get("epoch")?,
        start_offset: row.try_get("start_offset")?,
        state: state_of(&row)?,
        outbox_cursor: row.try_get("outbox_cursor")?,
    }))
}

fn state_of(row: &PgRow) -> Result<ShardState, sqlx::Error> {
    Ok(ShardState {
        next_offset: row.try_get("next_offset")?,
        watermark_us: row.try_get("watermark_us")?,
        records_read: row.try_get("records_read")?,
        bytes_read: row.try_get("bytes_read")?,
        accepted: row.try_get("accepted")?,
        dead_lettered: row.try_get::<Json<_>, _>("dead_lettered")?.0,
        dropped: row.try_get::<Json<_>, _>("dropped")?.0,
        lost: row.try_get("lost")?,
        data_loss_at: row.try_get("data_loss_at")?,
        windows: row.try_get::<Json<_>, _>("windows")?.0,
        rules: row.try_get::<Json<_>, _>("rules")?.0,
        links: row
            .try_get::<Option<Json<_>>, _>("links")?
            .map(|links| links.0),
        link_watermark_us: row.try_get("link_watermark_us")?,
        idle: row.try_get("idle")?,
        lake_cursor: row.try_get("lake_cursor")?,
    })
}

/// Moves a shard from the offset `from` to the state `to`, if `epoch` still owns it and it still
/// stands at `from`. Answers whether it did. `held_records` says whether the commit is of records
/// or only of a position, and `sent_below` what has been sent to the output topics for certain, if
/// that is known. The row stays locked until the transaction ends.
pub async fn swap(
    connection: &mut PgConnection,
    key: &ShardKey,
    epoch: i64,
    from: i64,
    to: &ShardState,
    held_records: bool,
    sent_below: Option<i64>,
) -> Result<bool, sqlx::Error> {
    let result = sqlx::query(
        "UPDATE sensorstream.shards
            SET next_offset = $7,
                watermark = timestamptz 'epoch' + $8::bigint * interval '1 microsecond',
                records_read = $9, bytes_read = $10, accepted = $11, dead_lettered = $12,
                dropped = $13, lost = $14, data_loss_at = $15,
                last_commit_at = CASE WHEN $16 THEN now() ELSE last_commit_at END,
                windows = $17, rules = $18, outbox_cursor = greatest(outbox_cursor, $19),
                links = $20, link_watermark_us = $21, idle = $22,
                lake_cursor = $23
          WHERE pipeline = $1 AND stage = $2 AND incarnation = $3 AND partition = $4
            AND epoch = $5 AND next_offset = $6",
    )
    .bind(&key.pipeline)
    .bind(key.stage)
    .bind(&key.incarnation)
    .bind(key.partition)
    .bind(epoch)
    .bind(from)
    .bind(to.next_offset)
    .bind(to.watermark_us)
    .bind(to.records_read)
    .bind(to.bytes_read)
    .bind(to.accepted)
    .bind(Json(&to.dead_lettered))
    .bind(Json(&to.dropped))
    .bind(to.lost)
    .bind(to.data_loss_at)
    .bind(held_records)
    .bind(Json(&to.windows))
    .bind(Json(&to.rules))
    .bind(sent_below)
    .bind(to.links.as_ref().map(Json))
    .bind(to.link_watermark_us)
    .bind(to.idle)
    .bind(to.lake_cursor)
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// Counts window rows that could not be written because another shard had written them.
pub async fn count_rows_of_others(
    connection: &mut PgConnection,
    key: &ShardKey,
    rows: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE sensorstream.shards SET rows_of_others = rows_of_others + $5
          WHERE pipeline = $1 AND stage = $2 AND incarnation = $3 AND partition = $4",
    )
    .bind(&key.pipeline)
    .bind(key.stage)
    .bind(&key.incarnation)
    .bind(key.partition)
    .bind(rows)
    .execute(connection)
    .await
    .map(drop)
}

/// Who owns a shard and where it stands: what decides when the outcome of a commit is unknown.
/// Locks the row against other owners if `lock` is set.
pub async fn position(
    connection: &mut PgConnection,
    key: &ShardKey,
    lock: Lock,
) -> Result<Option<Position>, sqlx::Error> {
    let row = sqlx::query(match lock {
        Lock::None => {
            "SELECT epoch, next_offset FROM sensorstream.shards
              WHERE pipeline = $1 AND stage = $2 AND incarnation = $3 AND partition = $4"
        }
        Lock::UntilCommit => {
            "SELECT epoch, next_offset FROM sensorstream.shards
              WHERE pipeline = $1 AND stage = $2 AND incarnation = $3 AND partition = $4
                FOR UPDATE"
        }
    })
    .bind(&key.pipeline)
    .bind(key.stage)
    .bind(&key.incarnation)
    .bind(key.partition)
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(Position {
            epoch: row.try_get("epoch")?,
            next_offset: row.try_get("next_offset")?,
        })
    })
    .transpose()
}

/// Who owns a shard and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The owner's epoch.
    pub epoch: i64,
    /// Everything below is decided.
    pub next_offset: i64,
}

/// Whether reading a row keeps others from changing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// No.
    None,
    /// Until the transaction ends.
    UntilCommit,
}
