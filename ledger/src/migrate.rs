//! Makes and upgrades the tables of the commit log. Safe to call from many places at once: the
//! migrator holds an advisory lock.

use sqlx::{PgPool, migrate::Migrator};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Why the commit log could not be made ready.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database did not take the schema.
    #[error("making the schema sensorstream")]
    Schema(#[source] sqlx::Error),
    /// A migration did not apply.
    #[error("migrating the commit log")]
    Migration(#[source] sqlx::migrate::MigrateError),
}

/// Whether the commit log is there at all, in whatever version.
pub async fn exists(pool: &PgPool) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT to_regclass('sensorstream.migrations') IS NOT NULL")
        .fetch_one(pool)
        .await
}

/// Brings the schema `sensorstream` of the database up to date.
pub async fn migrate(pool: &PgPool) -> Result<(), MigrateError> {
    let mut connection = pool.acquire().await.map_err(MigrateError::Schema)?;
    // CREATE SCHEMA IF NOT EXISTS races with itself; the same lock that serialises it is held
    // by nobody else.
    sqlx::raw_sql(
        "BEGIN;
         SELECT pg_advisory_xact_lock(hashtext('sensorstream.migrate'));
         CREATE SCHEMA IF NOT EXISTS sensorstream;
         COMMIT;",
    )
    .execute(&mut *connection)
    .await
    .map_err(MigrateError::Schema)?;
    let mut migrator = Migrator {
        migrations: MIGRATIONS.migrations.clone(),
        ..Migrator::DEFAULT
    };
    migrator.dangerous_set_table_name("sensorstream.migrations");
    migrator
        .run_direct(None, &mut *connection, false)
        .await
        .map_err(MigrateError::Migration)
}
