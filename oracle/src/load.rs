//! The raw records in PostgreSQL, and which of them are readings.

use sqlx::{AssertSqlSafe, PgPool};

use crate::{Input, Record};

/// How many records one statement takes.
const CHUNK: usize = 10_000;

/// The records of one input topic, in tables of a schema of their own.
///
/// - `raw`: every record: `incarnation`, `partition`, `off`, `broker_ms`, `key`, `value`, and why it is no
///   reading, `refusal`, or null;
/// - `readings`: the others: the same columns up to `key`, a column for each field, the event time again as
///   `at`, and `watermark`: what the watermark of the partition was before the reading, if there was one.
#[derive(Clone, Debug)]
pub struct Oracle {
    /// The database.
    pub pool: PgPool,
    schema: String,
    input: &'static Input,
}

impl Oracle {
    /// Loads records into a new schema. `logs` are the topic's records: one log, or, if the topic was
    /// deleted and made again, one each time.
    ///
    /// # Panics
    /// When the database refuses.
    pub async fn load(
        pool: &PgPool,
        schema: &str,
        input: &'static Input,
        logs: &[Vec<Record>],
    ) -> Self {
        let oracle = Self {
            pool: pool.clone(),
            schema: format!("\"{schema}\""),
            input,
        };
        let schema = &oracle.schema;
        let tables = format!(
            "CREATE SCHEMA {schema};
             CREATE TABLE {schema}.loaded (incarnation integer, partition integer, off bigint,
                                           broker_ms bigint, key text, value bytea);
             {}",
            input.refusal(schema)
        );
        oracle.run(&tables).await;
        for (incarnation, log) in logs.iter().enumerate() {
            for chunk in log.chunks(CHUNK) {
                oracle.insert(incarnation, chunk).await;
            }
        }
        oracle.judge().await;
        oracle
    }

    async fn insert(&self, incarnation: usize, records: &[Record]) {
        let insert = format!(
            "INSERT INTO {}.loaded
             SELECT $1, * FROM unnest($2::integer[], $3::bigint[], $4::bigint[], $5::text[], $6::bytea[])",
            self.schema
        );
        let each = |record: &Record| (record.partition, record.offset, record.broker_ms);
        let numbers: Vec<(i32, i64, i64)> = records.iter().map(each).collect();
        let keys: Vec<Option<&str>> = records.iter().map(|r| r.key.as_deref()).collect();
        let values: Vec<Option<&[u8]>> = records.iter().map(|r| r.value.as_deref()).collect();
        sqlx::query(AssertSqlSafe(insert))
            .bind(i32::try_from(incarnation).expect("few"))
            .bind(numbers.iter().map(|n| n.0).collect::<Vec<_>>())
            .bind(numbers.iter().map(|n| n.1).collect::<Vec<_>>())
            .bind(numbers.iter().map(|n| n.2).collect::<Vec<_>>())
            .bind(keys)
            .bind(values)
            .execute(&self.pool)
            .await
            .expect("records are loaded");
    }

    /// Works out which records are readings, and the watermark before each: the newest event time of the
    /// readings before it in its partition, less the delay that is allowed for.
    async fn judge(&self) {
        let Self { schema, input, .. } = self;
        let columns: Vec<String> = input
            .fields
            .iter()
            .map(|field| format!("{} AS {}", field.column("object"), field.name))
            .collect();
        let tables = format!(
            "CREATE TABLE {schema}.raw AS
             SELECT *, {schema}.refusal(value, broker_ms) AS refusal FROM {schema}.loaded;
             CREATE TABLE {schema}.readings AS
             SELECT incarnation, partition, off, key, {columns}, {time} AS at,
                    max({time}) OVER (PARTITION BY incarnation, partition ORDER BY off
                                      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                        - interval '{delay}' AS watermark
               FROM (SELECT *, convert_from(value, 'UTF8')::jsonb AS object
                       FROM {schema}.raw WHERE refusal IS NULL) x;
             ANALYZE {schema}.raw, {schema}.readings",
            columns = columns.join(", "),
            time = input.time("object"),
            delay = input.max_delay,
        );
        self.run(&tables).await;
    }

    /// A table of this oracle's.
    pub fn table(&self, name: &str) -> String {
        format!("{}.{name}", self.schema)
    }

    /// The table of readings.
    pub fn readings(&self) -> String {
        self.table("readings")
    }

    /// What readings look like.
    pub fn input(&self) -> &'static Input {
        self.input
    }

    /// How many readings there are.
    ///
    /// # Panics
    /// When the database does not answer.
    pub async fn count(&self) -> i64 {
        let count = format!("SELECT count(*) FROM {}", self.readings());
        sqlx::query_scalar(AssertSqlSafe(count))
            .fetch_one(&self.pool)
            .await
            .expect("readings are counted")
    }

    /// Runs statements.
    ///
    /// # Panics
    /// When one fails.
    pub async fn run(&self, statements: &str) {
        let result = sqlx::raw_sql(AssertSqlSafe(statements))
            .execute(&self.pool)
            .await;
        result.unwrap_or_else(|error| panic!("{statements}: {error}"));
    }

    /// Removes the schema.
    ///
    /// # Panics
    /// When the database refuses.
    pub async fn drop(self) {
        self.run(&format!("DROP SCHEMA {} CASCADE", self.schema))
            .await;
    }
}
