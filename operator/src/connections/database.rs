//! One database: its commit log brought up to date once, and what it says read once for all
//! of its pipelines.

use std::{
    collections::{HashMap, HashSet},
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use futures::FutureExt;
use jiff::Timestamp;
use sensorstream_crds::PipelineId;
use sensorstream_ledger::{
    claims::{self, Claim},
    connect,
    figures::{self, ShardFigures},
    migrate,
    readers::{self as ledger_readers, Reader},
};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgPool};

use super::{
    CLOSE_AFTER, TIMEOUT, Use,
    catalog::{self, Catalog},
    circuit::Circuit,
    readers::{self, AccessError, Roles},
};
use crate::{
    backends::{BackendError, Database, DatabaseChange, DatabaseUri, Sought, TableName},
    plan::{readers::readable, tables::migration::TableMigration},
    telemetry::chain,
};

/// SQLSTATE of a table or schema that exists already, and of a table that does not.
const ALREADY_EXISTS: [&str; 2] = ["42P07", "42P06"];
const UNDEFINED: [&str; 2] = ["42P01", "3F000"];

pub(super) struct Connection {
    /// Host, port and database, for metrics and messages.
    pub(super) label: String,
    pub(super) circuit: Mutex<Circuit>,
    /// Taken while reading, so that one query serves all who ask at a time.
    pub(super) turn: tokio::sync::Mutex<()>,
    pool: Option<PgPool>,
    use_: Use,
    migrated: AtomicBool,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// The tables asked for lately.
    wanted: HashMap<TableName, Instant>,
    /// The roles asked for lately, and what they are to read.
    roles: HashMap<String, (Vec<TableName>, Instant)>,
    snapshot: Option<Arc<Snapshot>>,
}

struct Snapshot {
    taken: Instant,
    read_at: Timestamp,
    shards: Vec<ShardFigures>,
    claims: Vec<Claim>,
    catalog: Catalog,
    readers: Vec<Reader>,
    /// The pipelines that a status is there of.
    reported: HashSet<String>,
    roles: Roles,
    asked: Asked,
}

/// What was looked for.
struct Asked {
    tables: HashSet<TableName>,
    /// What each role is to read.
    roles: HashMap<String, Vec<TableName>>,
}

impl Asked {
    fn covers(&self, sought: &Sought) -> bool {
        sought
            .tables
            .iter()
            .all(|table| self.tables.contains(table))
            && sought.role.as_ref().is_none_or(|role| {
                let asked = self.roles.get(role);
                asked.is_some_and(|tables| *tables == readable(&sought.tables))
            })
    }
}

impl Connection {
    pub(super) fn new(uri: &DatabaseUri, use_: Use) -> Self {
        let parsed = url::Url::parse(&uri.0).ok();
        let label = parsed.map_or_else(String::new, |url| {
            let (host, port) = (
                url.host_str().unwrap_or_default(),
                url.port().unwrap_or(5432),
            );
            format!("{host}:{port}{}", url.path())
        });
        // The host is qualified already, so the namespace changes nothing any more.
        let options = connect::options(&uri.0, "default", "sensorstream-operator").ok();
        let options = options.map(|options| match use_ {
            Use::Work => options,
            Use::Look => options.options([("default_transaction_read_only", "on")]),
        });
        Self {
            label,
            circuit: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            pool: options.map(|options| connect::pool(options, 2)),
            use_,
            migrated: AtomicBool::new(false),
            known: Mutex::default(),
        }
    }

    pub(super) async fn close(&self) {
        if let Some(pool) = &self.pool {
            pool.close().await;
        }
    }

    /// What is known of a pipeline, if that is younger than `fresh`.
    pub(super) fn recent(
        &self,
        id: &PipelineId,
        sought: &Sought,
        fresh: Duration,
    ) -> Option<Database> {
        let known = self.known();
        let snapshot = known.snapshot.as_ref()?;
        let known = snapshot.taken.elapsed() < fresh && snapshot.asked.covers(sought);
        known.then(|| snapshot.of(id, sought))
    }

    /// Reads everything about every pipeline, and answers for one.
    pub(super) async fn read(
        &self,
        id: &PipelineId,
        sought: &Sought,
    ) -> Result<Database, BackendError> {
        let asked = self.known().asked_with(sought);
        let pool = self.ready_pool().await?;
        let taken = Instant::now();
        let read_at = Timestamp::now();
        let question = async {
            let catalog = catalog::read(pool, &asked.tables).await?;
            let roles = readers::read(pool, &asked.roles).await?;
            if self.use_ == Use::Look && !migrate::exists(pool).await? {
                let (shards, claims, readers) = (Vec::new(), Vec::new(), Vec::new());
                return Ok((shards, claims, catalog, readers, Vec::new(), roles));
            }
            Ok((
                figures::all(pool).await?,
                claims::all(pool).await?,
                catalog,
                ledger_readers::all(pool).await?,
                ledger_readers::reported(pool).await?,
                roles,
            ))
        };
        let answer = self.asking("reading the commit log", question).await;
        if matches!(&answer, Err(BackendError::Refused { .. })) {
            // The database may have been made anew, without the commit log.
            self.migrated.store(false, Ordering::Relaxed);
        }
        let (shards, claims, catalog, readers, reported, roles) = answer?;
        let snapshot = Arc::new(Snapshot {
            taken,
            read_at,
            shards,
            claims,
            catalog,
            readers,
            reported: reported.into_iter().collect(),
            roles,
            asked,
        });
        self.known().snapshot = Some(Arc::clone(&snapshot));
        Ok(snapshot.of(id, sought))
    }

    /// Writes a pipeline's status. What is known stays so: nothing else has to do with it.
    pub(super) async fn report_status(
        &self,
        id: &PipelineId,
        status: &Value,
    ) -> Result<(), BackendError> {
        let pool = self.ready_pool().await?;
        let id = id.to_string();
        let report = ledger_readers::report_status(pool, &id, status);
        self.asking("reporting the status", report).await
    }

    /// Makes a change.
    pub(super) async fn change(&self, change: &DatabaseChange) -> Result<(), BackendError> {
        let pool = self.ready_pool().await?;
        let result = match change {
            DatabaseChange::Claim(claim) => self.claim(pool, claim).await,
            DatabaseChange::Release(claim) => {
                self.asking("giving up a claim", claims::release(pool, claim))
                    .await
            }
            DatabaseChange::Migrate(migration) => self.migrate_table(pool, migration).await,
            DatabaseChange::DropTable(table) => {
                let sql = format!("DROP TABLE IF EXISTS {}", table.quoted());
                let dropped = sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool);
                self.asking(&format!("dropping table {table}"), async {
                    match dropped.await {
                        Err(error) if has_code(&error, &UNDEFINED) => Ok(()),
                        other => other.map(drop),
                    }
                })
                .await
            }
            DatabaseChange::Forget(id) => {
                let id = id.to_string();
                self.asking(
                    "forgetting the pipeline",
                    claims::forget_pipeline(pool, &id).boxed(),
                )
                .await
            }
            DatabaseChange::Admit {
                admission,
                password,
            } => {
                let action = format!("letting role {} read", admission.role);
                let admitted = readers::admit(pool, admission, password.as_ref()).boxed();
                self.access(&action, admitted).await
            }
            DatabaseChange::Dismiss(dismissal) => {
                let action = format!("letting role {} read no more", dismissal.role);
                let dismissed = readers::dismiss(pool, dismissal).boxed();
                self.access(&action, dismissed).await
            }
            DatabaseChange::ForgetStatus(id) => {
                let id = id.to_string();
                let forgotten = ledger_readers::forget_status(pool, &id).boxed();
                self.asking("forgetting the status", forgotten).await
            }
        };
        // Whatever came of it, what was known is out of date.
        self.known().snapshot = None;
        result
    }

    async fn claim(&self, pool: &PgPool, claim: &Claim) -> Result<(), BackendError> {
        let thing = format!("{} {}", claim.kind.as_str(), claim.name);
        let action = format!("claiming {thing}");
        let owner = self.asking(&action, claims::claim(pool, claim)).await?;
        if owner == claim.pipeline {
            Ok(())
        } else {
            Err(BackendError::Claimed { thing, owner })
        }
    }

    /// Makes a change to who may read. What is missing is said, for it is people who can give it.
    async fn access(
        &self,
        action: &str,
        change: impl Future<Output = Result<(), AccessError>>,
    ) -> Result<(), BackendError> {
        match tokio::time::timeout(TIMEOUT, change).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(AccessError::Sql(error))) => Err(self.explained(action, &error)),
            Ok(Err(AccessError::Ungranted(why))) => Err(BackendError::Refused {
                place: self.place(),
                action: action.to_owned(),
                why,
            }),
            Err(_) => Err(self.unreachable(format!("{action}: no answer within {TIMEOUT:?}"))),
        }
    }

    async fn migrate_table(
        &self,
        pool: &PgPool,
        migration: &TableMigration,
    ) -> Result<(), BackendError> {
        let table = &migration.table;
        // Rather try again than queue behind a long reader and hold up every writer.
        let mut statements = vec!["SET LOCAL lock_timeout = '2s'".to_owned()];
        statements.extend(migration.sql());
        let action = format!("changing table {table}");
        let question = async {
            let mut connection = pool.acquire().await?;
            let mut transaction = connection.begin().await?;
            for statement in statements {
                sqlx::raw_sql(AssertSqlSafe(statement))
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await
        };
        let result = tokio::time::timeout(TIMEOUT * 2, question.boxed()).await;
        match result {
            Ok(Err(error)) if has_code(&error, &ALREADY_EXISTS) => Err(BackendError::Appeared {
                thing: format!("table {table}"),
            }),
            Ok(result) => result.map_err(|error| self.explained(&action, &error)),
            Err(_) => {
                Err(self.unreachable(format!("{action}: no answer within {:?}", TIMEOUT * 2)))
            }
        }
    }

    /// The pool, with the commit log in place.
    async fn ready_pool(&self) -> Result<&PgPool, BackendError> {
        let pool = self
            .pool
            .as_ref()
            .ok_or_else(|| self.unreachable("the URI is of no use"))?;
        if self.use_ == Use::Work && !self.migrated.load(Ordering::Relaxed) {
            let result = tokio::time::timeout(TIMEOUT * 2, migrate::migrate(pool).boxed()).await;
            match result {
                Ok(Ok(())) => self.migrated.store(true, Ordering::Relaxed),
                Ok(Err(error)) => return Err(self.migration_failed(&error)),
                Err(_) => {
                    return Err(self.unreachable(format!("no answer within {:?}", TIMEOUT * 2)));
                }
            }
        }
        Ok(pool)
    }

    async fn asking<T>(
        &self,
        action: &str,
        question: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, BackendError> {
        match tokio::time::timeout(TIMEOUT, question).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.explained(action, &error)),
            Err(_) => Err(self.unreachable(format!("{action}: no answer within {TIMEOUT:?}"))),
        }
    }

    fn migration_failed(&self, error: &migrate::MigrateError) -> BackendError {
        match error {
            migrate::MigrateError::Schema(error) => {
                self.explained("making schema sensorstream", error)
            }
            migrate::MigrateError::Migration(_) => BackendError::Refused {
                place: self.place(),
                action: "bringing the commit log up to date".into(),
                why: chain(error),
            },
        }
    }

    fn explained(&self, action: &str, error: &sqlx::Error) -> BackendError {
        match error {
            sqlx::Error::Database(answer) if !is_absence(answer.code().as_deref()) => {
                BackendError::Refused {
                    place: self.place(),
                    action: action.to_owned(),
                    why: answer.message().to_owned(),
                }
            }
            sqlx::Error::PoolTimedOut => self.unreachable("no connection in time"),
            other => self.unreachable(chain(other)),
        }
    }

    fn place(&self) -> String {
        format!("PostgreSQL at {}", self.label)
    }

    fn unreachable(&self, why: impl Into<String>) -> BackendError {
        BackendError::Unreachable {
            place: self.place(),
            why: why.into(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// What was asked for lately, and this.
    fn asked_with(&mut self, sought: &Sought) -> Asked {
        let now = Instant::now();
        let tables = sought.tables.iter().map(|table| (table.clone(), now));
        self.wanted.extend(tables);
        if let Some(role) = &sought.role {
            let reads = readable(&sought.tables);
            self.roles.insert(role.clone(), (reads, now));
        }
        let lately = |used: Instant| now.duration_since(used) < CLOSE_AFTER;
        self.wanted.retain(|_, used| lately(*used));
        self.roles.retain(|_, (_, used)| lately(*used));
        Asked {
            tables: self.wanted.keys().cloned().collect(),
            roles: self
                .roles
                .iter()
                .map(|(role, (reads, _))| (role.clone(), reads.clone()))
                .collect(),
        }
    }
}

impl Snapshot {
    fn of(&self, id: &PipelineId, sought: &Sought) -> Database {
        let id = id.to_string();
        let tables = &sought.tables;
        Database {
            shards: self
                .shards
                .iter()
                .filter(|shard| shard.pipeline == id)
                .cloned()
                .collect(),
            claims: self.claims.clone(),
            schema_exists: tables
                .iter()
                .any(|table| self.catalog.schemas.contains(&table.schema)),
            tables: tables
                .iter()
                .filter_map(|name| Some((name.clone(), self.catalog.tables.get(name)?.clone())))
                .collect(),
            readers: self
                .readers
                .iter()
                .filter(|reader| reader.pipeline == id)
                .cloned()
                .collect(),
            reported: self.reported.contains(&id),
            role: sought
                .role
                .as_ref()
                .and_then(|role| self.roles.by_name.get(role).cloned()),
            makes_roles: self.roles.makes_roles,
            read_at: self.read_at,
        }
    }
}

/// Whether the server says that it is not there for anybody: starting, stopping or full.
fn is_absence(code: Option<&str>) -> bool {
    code.is_some_and(|code| code.starts_with("57P") || code.starts_with("08") || code == "53300")
}

fn has_code(error: &sqlx::Error, codes: &[&str]) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| codes.contains(&code.as_ref()))
}
