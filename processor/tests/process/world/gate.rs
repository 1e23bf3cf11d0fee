//! A gate before every commit that decides something: closed, commits hang at it.

use sqlx::{PgConnection, PgPool, pool::PoolConnection};

const GATE: &str = r"
CREATE FUNCTION audit.pass() RETURNS trigger AS $$ BEGIN
    PERFORM pg_advisory_xact_lock_shared(1);
    RETURN NEW;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER gate BEFORE UPDATE OF next_offset ON sensorstream.shards
    FOR EACH ROW WHEN (NEW.next_offset > OLD.next_offset) EXECUTE FUNCTION audit.pass();
";

/// A gate that is closed.
pub struct Gate(PoolConnection<sqlx::Postgres>);

impl Gate {
    /// Makes it and closes it.
    pub(super) async fn close(pool: &PgPool) -> Self {
        let mut keeper = pool.acquire().await.unwrap();
        run(&mut keeper, GATE).await;
        run(&mut keeper, "SELECT pg_advisory_lock(1)").await;
        Self(keeper)
    }

    /// How many commits hang at it.
    pub async fn hanging(&self, pool: &PgPool) -> i64 {
        let sql = "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database
                    WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted";
        sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
    }

    /// Opens it for good.
    pub async fn open(mut self) {
        run(&mut self.0, "SELECT pg_advisory_unlock(1)").await;
    }
}

async fn run(connection: &mut PgConnection, sql: &'static str) {
    sqlx::raw_sql(sql).execute(connection).await.unwrap();
}
