//! The oracle: loads the raw records into PostgreSQL and lets SQL say what has to come of them.

use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, PgPool, Row};

use crate::world::World;

/// Loads the raw records, and works out which are readings and what the watermark was before each:
/// the newest event time of the partition's readings before it, less `max_delay`. `reading` defines the
/// type and the function `oracle.reading`, which makes a reading of a record, or null; its event time
/// is `ts`.
pub async fn load(world: &World, reading: &str, max_delay: &str) {
    let schema = format!(
        "CREATE SCHEMA oracle;
         CREATE TABLE oracle.raw (partition integer, off bigint, broker_ms bigint, value bytea);
         {reading}"
    );
    run(&world.pool, &schema).await;
    for chunk in world.raw().chunks(10_000) {
        let partitions: Vec<i32> = chunk.iter().map(|raw| raw.partition).collect();
        let offsets: Vec<i64> = chunk.iter().map(|raw| raw.offset).collect();
        let times: Vec<i64> = chunk.iter().map(|raw| raw.broker_ms).collect();
        let values: Vec<Option<&[u8]>> = chunk.iter().map(|raw| raw.value.as_deref()).collect();
        sqlx::query("INSERT INTO oracle.raw SELECT * FROM unnest($1, $2, $3, $4)")
            .bind(partitions)
            .bind(offsets)
            .bind(times)
            .bind(values)
            .execute(&world.pool)
            .await
            .unwrap();
    }
    let readings = format!(
        "CREATE TABLE oracle.readings AS
         SELECT partition, off, (r).*,
                max((r).ts) OVER (PARTITION BY partition ORDER BY off
                                  ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                    - interval '{max_delay}' AS watermark
           FROM (SELECT partition, off, oracle.reading(value, broker_ms) AS r FROM oracle.raw) x
          WHERE r IS NOT NULL"
    );
    run(&world.pool, &readings).await;
}

/// Runs statements.
pub async fn run(pool: &PgPool, statements: &str) {
    let result = sqlx::raw_sql(AssertSqlSafe(statements)).execute(pool).await;
    result.unwrap_or_else(|error| panic!("{statements}: {error}"));
}

/// How long rows of open windows may take to be written once all readings are processed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asserts that two queries come to give the same rows, however often each comes. Doubles are to be
/// rounded by the queries.
pub async fn assert_same(pool: &PgPool, what: &str, expected: &str, found: &str) {
    let difference = format!(
        "WITH e AS ({expected}), f AS ({found})
         (SELECT 'missing' AS how, x::text AS line FROM (TABLE e EXCEPT ALL TABLE f) x LIMIT 5)
         UNION ALL
         (SELECT 'extra', x::text FROM (TABLE f EXCEPT ALL TABLE e) x LIMIT 5)"
    );
    let deadline = Instant::now() + PATIENCE;
    loop {
        let rows = sqlx::query(AssertSqlSafe(difference.as_str()))
            .fetch_all(pool)
            .await
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        let lines: Vec<(String, String)> = rows
            .iter()
            .map(|row| (row.get("how"), row.get("line")))
            .collect();
        if lines.is_empty() {
            break;
        }
        assert!(Instant::now() < deadline, "{what}: {lines:#?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let count = format!("SELECT count(*) FROM ({expected}) x");
    let count: i64 = sqlx::query_scalar(AssertSqlSafe(count))
        .fetch_one(pool)
        .await
        .unwrap();
    assert!(
        count > 0,
        "{what}: nothing was expected, so nothing was shown"
    );
}
