//! Sessions of owners that stopped in the middle of a commit.
//!
//! PostgreSQL ends a transaction whose client says nothing, unless that client is about to send the rows of a
//! `COPY`: there it waits for ever, whatever `statement_timeout` says, and the shard's row stays locked.

use std::time::Duration;

use sqlx::PgConnection;

/// Ends the sessions of processors, with this one's login and database, that have kept PostgreSQL waiting for the
/// rows of a statement which began longer ago than `patience`. Answers how many there were. What they had not
/// committed is undone, and if their owner is still there, it learns of that and tries again.
pub async fn end_sessions(
    connection: &mut PgConnection,
    patience: Duration,
) -> Result<u64, sqlx::Error> {
    let ended = sqlx::query(
        "SELECT pg_terminate_backend(pid)
           FROM pg_stat_activity
          WHERE datname = current_database() AND usename = current_user
            AND application_name = current_setting('application_name')
            AND state = 'active' AND wait_event = 'ClientRead'
            AND query_start < now() - $1 * interval '1 second'",
    )
    .bind(patience.as_secs_f64())
    .execute(connection)
    .await?;
    Ok(ended.rows_affected())
}
