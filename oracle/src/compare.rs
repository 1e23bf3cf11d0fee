//! Two queries that have to give the same rows.

use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Row};

use crate::Oracle;

/// How long rows of open windows may take to be written once all readings are processed.
const PATIENCE: Duration = Duration::from_secs(30);

impl Oracle {
    /// Asserts that two queries come to give the same rows, however often each comes, and that there are
    /// any. Averages of doubles are to be rounded by the queries.
    ///
    /// # Panics
    /// When they do not within half a minute; the message has rows that are missing or too many.
    pub async fn assert_same(&self, what: &str, expected: &str, found: &str) {
        // What is expected does not change: it is worked out once.
        let table = self.table("expected");
        self.run(&format!(
            "DROP TABLE IF EXISTS {table}; CREATE TABLE {table} AS SELECT * FROM ({expected}) x"
        ))
        .await;
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) FROM {table}")))
            .fetch_one(&self.pool)
            .await
            .expect("rows are counted");
        assert!(
            count > 0,
            "{what}: nothing was expected, so nothing was shown"
        );
        let deadline = Instant::now() + PATIENCE;
        loop {
            let lines = self.difference(what, &table, found).await;
            if lines.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "{what}: {lines:#?}");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    async fn difference(&self, what: &str, expected: &str, found: &str) -> Vec<(String, String)> {
        let difference = format!(
            "WITH f AS ({found})
             (SELECT 'missing' AS how, x::text AS line
                FROM (TABLE {expected} EXCEPT ALL TABLE f) x LIMIT 5)
             UNION ALL
             (SELECT 'extra', x::text FROM (TABLE f EXCEPT ALL TABLE {expected}) x LIMIT 5)"
        );
        let rows = sqlx::query(AssertSqlSafe(difference))
            .fetch_all(&self.pool)
            .await
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        rows.iter()
            .map(|row| (row.get("how"), row.get("line")))
            .collect()
    }
}
