//! The ground that a processor stands on, as the operator lays it: the commit log, the tables, the configuration.

use std::path::Path;

use jiff::Timestamp;
use sensorstream_crds::runtime::{DATABASE_URL_ENV, RoleConfigs, id_of};
use sensorstream_ledger::migrate::{MigrateError, migrate};
use sensorstream_operator::{
    backends::Database,
    plan::tables::{migrations, wanted},
};
use sqlx::{AssertSqlSafe, PgPool};

use crate::resource;

/// Why it could not be laid.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// There is no pipeline.
    #[error(transparent)]
    Resource(#[from] resource::ReadError),
    /// There is nothing to wait with.
    #[error("starting the runtime")]
    Runtime(#[from] std::io::Error),
    /// A window can have no table.
    #[error("the pipeline's tables")]
    Tables(#[from] sensorstream_crds::window_table::NoTable),
    /// Which database is not said.
    #[error("{DATABASE_URL_ENV} is not set")]
    NoDatabase,
    /// The commit log.
    #[error("making the commit log")]
    Migrate(#[from] MigrateError),
    /// The tables.
    #[error("making the tables")]
    Sql(#[from] sqlx::Error),
    /// The configuration.
    #[error("writing the configuration")]
    Write(#[from] serde_json::Error),
}

/// Lays it, and answers the processor's configuration.
pub fn prepare(file: &Path) -> Result<String, PrepareError> {
    let pipeline = resource::read(file)?;
    let id = id_of(&pipeline);
    let tables = wanted::tables(&id, &pipeline.spec)?;
    let empty = Database {
        read_at: Timestamp::now(),
        ..Database::default()
    };
    let url = std::env::var(DATABASE_URL_ENV).map_err(|_| PrepareError::NoDatabase)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let pool = PgPool::connect(&url).await?;
        migrate(&pool).await?;
        for migration in migrations(&tables, &empty) {
            for statement in migration.sql() {
                sqlx::raw_sql(AssertSqlSafe(statement))
                    .execute(&pool)
                    .await?;
            }
        }
        pool.close().await;
        Ok::<(), PrepareError>(())
    })?;
    let configs = RoleConfigs::of(&id, &pipeline.spec);
    Ok(serde_json::to_string_pretty(&configs.process)?)
}
