//! One commit: a batch's readings, the windows' rows that they change, the shard's new state and its
//! dead letter decisions, in one PostgreSQL transaction.
//!
//! The compare and swap on the shard's row comes first. When it changes no row, the row is read:
//! moved to where this commit goes, under this owner's epoch, means that an earlier attempt whose
//! outcome was unknown got through; anything else means that somebody else owns the shard. So an
//! attempt may simply be repeated until it answers.
//!
//! Before the transaction is committed, Kafka is asked whether the topic is still the one the
//! batch was read from: librdkafka would go on reading, at the old offset, in a topic made anew
//! under the same name.

use std::{collections::BTreeMap, ops::Range};

use sensorstream_crds::Reason;
use sensorstream_ledger::shard::{self, Lock, ShardKey, ShardState, buckets, dead_letters, lake};
use sqlx::{AssertSqlSafe, PgConnection};

use super::{
    batch::Batch,
    copy_binary,
    decode::Problem,
    incarnation::{Incarnation, IncarnationError},
    lanes::{LaneError, PATIENCE, within},
    window_table::WindowTable,
};

/// Rows that the database refused, by their number in the batch.
pub type Refused = BTreeMap<usize, Problem>;

/// What an attempt to commit came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The batch is committed, now or by an earlier attempt.
    Committed {
        /// Window rows that could not be written because another shard had written them.
        rows_of_others: u64,
    },
    /// Another owner has the shard; nothing was changed.
    Stale,
}

/// Why an attempt did not come to an outcome.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The database refuses a value in the batch.
    #[error("the table refuses a reading")]
    Refused(#[source] sqlx::Error),
    /// The database can't take anything at the moment.
    #[error("committing to PostgreSQL")]
    Unavailable(#[from] LaneError),
    /// The topic could not be confirmed, or is another one.
    #[error("confirming the input topic before the commit")]
    Topic(#[from] IncarnationError),
}

impl CommitError {
    /// Whether PostgreSQL answers, if not as it should: then the operator can be told there.
    pub fn leaves_the_log_in_reach(&self) -> bool {
        match self {
            Self::Refused(_) | Self::Topic(_) => true,
            Self::Unavailable(LaneError::Sql(error)) => error.as_database_error().is_some(),
            Self::Unavailable(LaneError::Silent(_)) => false,
        }
    }
}

/// The shard that a commit is of.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Which shard.
    pub key: &'a ShardKey,
    /// The epoch under which it is owned.
    pub epoch: i64,
    /// The statement that takes the readings, if there is a table for them.
    pub copy: Option<&'a str>,
    /// The windows' tables.
    pub windows: &'a [WindowTable],
    /// What has been sent to the output topics for certain, if that is known.
    pub sent_below: Option<i64>,
}

/// What a shard's state is after a batch. `refused` are the rows that became dead letters at the
/// last moment: they are in no table of readings, but windows, alerts and enriched readings, which do
/// not depend on what a database says, have them.
/// `sent_below` is below which offset everything has been sent.
pub fn state_after(
    state: &ShardState,
    batch: &Batch,
    refused: &Refused,
    sent_below: i64,
) -> ShardState {
    let mut after = state.clone();
    after.next_offset = batch.to();
    after.records_read += batch.records() as i64;
    after.bytes_read += batch.bytes_read() as i64;
    after.accepted += (batch.accepted() - refused.len()) as i64;
    let unusable = batch.letters_by_reason();
    // What is late for a window is accepted, and counted there.
    let accepted = [Reason::Late, Reason::Idle];
    for (reason, count) in unusable.filter(|(reason, _)| !accepted.contains(reason)) {
        *after
            .dead_lettered
            .entry(reason.as_str().to_owned())
            .or_default() += count;
    }
    if !refused.is_empty() {
        let reason = Reason::RejectedBySink.as_str().to_owned();
        *after.dead_lettered.entry(reason).or_default() += refused.len() as i64;
    }
    let consequences = &batch.consequences;
    after.watermark_us = state.watermark_us.max(consequences.watermark_us);
    after.windows.clone_from(&consequences.accounts.windows);
    after.rules.clone_from(&consequences.accounts.rules);
    if let (Some(links), Some(range)) = (&state.links, consequences.range) {
        after.links = Some(links.with(range, sent_below));
        after.link_watermark_us = state.link_watermark_us.max(range.link_watermark_us);
    }
    after.idle = consequences.idle;
    if let Some(lake) = &consequences.lake {
        after.lake_cursor = state.lake_cursor.max(Some(lake.cursor));
    }
    after
}

/// The ranges of rows that are left when the refused ones are taken out.
fn kept_rows(rows: usize, refused: &Refused) -> impl Iterator<Item = Range<usize>> {
    let starts = std::iter::once(0).chain(refused.keys().map(|row| row + 1));
    let ends = refused.keys().copied().chain(std::iter::once(rows));
    starts
        .zip(ends)
        .filter(|(start, end)| start < end)
        .map(|(start, end)| start..end)
}

/// Tries to commit a batch that takes the shard to the state `to`.
pub async fn attempt(
    connection: &mut PgConnection,
    target: Target<'_>,
    batch: &Batch,
    refused: &Refused,
    to: &ShardState,
    topic: &Incarnation,
) -> Result<Outcome, CommitError> {
    let confirmed = async {
        // Without records there is nothing that could be another topic's. What the shard has still to write of
        // those decided before is to be written whatever became of the topic: nobody can read them again.
        if batch.from() == batch.to() {
            return Ok(());
        }
        // Asked now, while PostgreSQL takes the rows: all of the batch has been read before.
        topic.confirm().await
    };
    let written = write(connection, target, batch, refused, to);
    let (confirmed, written) = tokio::join!(confirmed, written);
    match written? {
        Written::Stale => Ok(Outcome::Stale),
        Written::Already => Ok(Outcome::Committed { rows_of_others: 0 }),
        Written::Uncommitted { rows_of_others } => {
            if let Err(error) = confirmed {
                run(connection, "ROLLBACK").await?;
                return Err(error.into());
            }
            sort(run(connection, "COMMIT").await)?;
            Ok(Outcome::Committed { rows_of_others })
        }
    }
}

enum Written {
    Uncommitted { rows_of_others: u64 },
    Already,
    Stale,
}

async fn write(
    connection: &mut PgConnection,
    target: Target<'_>,
    batch: &Batch,
    refused: &Refused,
    to: &ShardState,
) -> Result<Written, CommitError> {
    let Target { key, epoch, .. } = target;
    run(connection, "BEGIN").await?;
    let held_records = batch.records() > 0;
    let swap = shard::swap(
        &mut *connection,
        key,
        epoch,
        batch.from(),
        to,
        held_records,
        target.sent_below,
    );
    if !within(PATIENCE, swap).await? {
        let position = within(PATIENCE, shard::position(&mut *connection, key, Lock::None)).await?;
        run(connection, "ROLLBACK").await?;
        let mine = position
            .is_some_and(|position| position.epoch == epoch && position.next_offset == batch.to());
        return Ok(if mine {
            Written::Already
        } else {
            Written::Stale
        });
    }
    let kept = kept_rows(batch.rows().count(), refused);
    if let Some(copy) = target.copy {
        sort(copy_rows(connection, copy, batch, kept).await)?;
    }
    let consequences = &batch.consequences;
    let mut rows_of_others = 0;
    for (table, changes) in target.windows.iter().zip(&consequences.windows) {
        let left = table.write(connection, key.partition, changes).await;
        rows_of_others += sort(left)?;
    }
    if rows_of_others > 0 {
        let count = shard::count_rows_of_others(&mut *connection, key, rows_of_others as i64);
        within(PATIENCE, count).await?;
    }
    let write = buckets::write(&mut *connection, key, &consequences.buckets);
    within(PATIENCE, write).await?;
    if let Some(change) = &consequences.lake {
        let files = change.files();
        let decide = lake::decide(&mut *connection, key, &files, change.cursor);
        within(PATIENCE, decide).await?;
    }
    let pending = pending(batch, refused);
    within(PATIENCE, dead_letters::insert(connection, key, &pending)).await?;
    Ok(Written::Uncommitted { rows_of_others })
}

/// The decisions that the dead letter sink has to carry out, in the order of the log: one an offset,
/// and that the database refuses a reading weighs more than that it was late.
fn pending(batch: &Batch, refused: &Refused) -> Vec<dead_letters::PendingDeadLetter> {
    let row = |offset, problem: &Problem| dead_letters::PendingDeadLetter {
        offset,
        reason: problem.reason.as_str().to_owned(),
        detail: problem.detail.clone(),
    };
    let letters = batch
        .letters()
        .iter()
        .map(|letter| row(letter.offset, &letter.problem));
    let refused = refused
        .iter()
        .map(|(index, problem)| row(batch.row_offset(*index), problem));
    let mut pending: Vec<_> = refused.chain(letters).collect();
    pending.sort_by_key(|letter| letter.offset);
    pending.dedup_by_key(|letter| letter.offset);
    pending
}

async fn copy_rows(
    connection: &mut PgConnection,
    statement: &str,
    batch: &Batch,
    rows: impl Iterator<Item = Range<usize>>,
) -> Result<(), LaneError> {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    let mut copy = within(PATIENCE, connection.copy_in_raw(statement)).await?;
    within(PATIENCE, copy.send(copy_binary::HEADER)).await?;
    for rows in rows {
        within(PATIENCE, copy.send(batch.rows().bytes(rows))).await?;
    }
    within(PATIENCE, copy.send(copy_binary::TRAILER)).await?;
    within(PATIENCE, copy.finish()).await.map(drop)
}

/// Finds the rows that the database refuses, besides those known, by halving. Changes nothing:
/// all happens in a transaction that is rolled back.
pub async fn find_refused(
    connection: &mut PgConnection,
    Target { key, copy, .. }: Target<'_>,
    batch: &Batch,
    known: &Refused,
) -> Result<Refused, CommitError> {
    let mut refused = known.clone();
    let Some(copy) = copy else { return Ok(refused) };
    run(connection, "BEGIN").await?;
    // Keeps the shard from changing hands meanwhile, and finds deferred constraints too.
    within(
        PATIENCE,
        shard::position(&mut *connection, key, Lock::UntilCommit),
    )
    .await?;
    run(connection, "SET CONSTRAINTS ALL IMMEDIATE").await?;
    let mut left: Vec<Range<usize>> = kept_rows(batch.rows().count(), known).collect();
    left.reverse();
    while let Some(rows) = left.pop() {
        run(connection, "SAVEPOINT trial").await?;
        match sort(copy_rows(connection, copy, batch, std::iter::once(rows.clone())).await) {
            Ok(()) => run(connection, "RELEASE SAVEPOINT trial").await?,
            Err(CommitError::Refused(error)) => {
                run(connection, "ROLLBACK TO SAVEPOINT trial").await?;
                if rows.len() == 1 {
                    let detail = format!("PostgreSQL refuses the reading: {}", refusal(&error));
                    refused.insert(rows.start, Problem::new(Reason::RejectedBySink, detail));
                } else {
                    let middle = rows.start + rows.len() / 2;
                    left.push(middle..rows.end);
                    left.push(rows.start..middle);
                }
            }
            Err(error) => return Err(error),
        }
    }
    run(connection, "ROLLBACK").await?;
    Ok(refused)
}

fn refusal(error: &sqlx::Error) -> String {
    match error.as_database_error() {
        Some(error) => error.message().to_owned(),
        None => error.to_string(),
    }
}

async fn run(connection: &mut PgConnection, statement: &'static str) -> Result<(), LaneError> {
    within(
        PATIENCE,
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection),
    )
    .await
    .map(drop)
}

/// Tells a refused value from a database that can't take anything.
fn sort<T>(result: Result<T, LaneError>) -> Result<T, CommitError> {
    result.map_err(|error| match error {
        LaneError::Sql(error) if refuses_a_value(&error) => CommitError::Refused(error),
        error => error.into(),
    })
}

/// SQLSTATEs of these classes that are about no value: the column has another type than the field, or the
/// numbers of the rows have run out.
const ABOUT_THE_TABLE: [&str; 2] = ["22P03", "2200H"];

/// Whether an error is about a value: SQLSTATE 22 (data) or 23 (constraint).
fn refuses_a_value(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| {
        (code.starts_with("22") || code.starts_with("23"))
            && !ABOUT_THE_TABLE.contains(&code.as_ref())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refused(rows: &[usize]) -> Refused {
        rows.iter()
            .map(|row| (*row, Problem::new(Reason::RejectedBySink, "no")))
            .collect()
    }

    #[test]
    fn refused_rows_are_left_out() {
        let kept = |rows, out: &[usize]| kept_rows(rows, &refused(out)).collect::<Vec<_>>();
        assert_eq!(kept(5, &[3]), [0..3, 4..5]);
        assert_eq!(kept(5, &[0, 2, 4]), [1..2, 3..4]);
        assert_eq!(kept(2, &[0, 1]), Vec::<Range<usize>>::new());
        assert_eq!(kept(0, &[]), Vec::<Range<usize>>::new());
    }

    proptest! {
        #[test]
        fn every_row_is_kept_or_refused(
            rows in 0_usize..50,
            out in proptest::collection::btree_set(0_usize..50, 0..20)
        ) {
            let out: Vec<usize> = out.into_iter().filter(|row| *row < rows).collect();
            let mut all: Vec<usize> = kept_rows(rows, &refused(&out)).flatten().collect();
            all.extend(&out);
            all.sort_unstable();
            prop_assert_eq!(all, (0..rows).collect::<Vec<_>>());
        }
    }
}
