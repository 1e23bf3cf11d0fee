//! Connections to PostgreSQL: a bounded number, each lent to one user at a time. A connection
//! comes back only when its user says that it is in order; one that is dropped in the middle of
//! something is closed, which also ends its transaction.

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sqlx::{ConnectOptions, PgConnection, postgres::PgConnectOptions};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a statement may take on either side before PostgreSQL counts as hanging.
pub const PATIENCE: Duration = Duration::from_secs(15);
/// How long PostgreSQL itself lets one take. One that is well gives up first, and says why: it waits for a lock,
/// say.
const ITS_PATIENCE: Duration = Duration::from_secs(14);
/// How long connecting may take.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// The connections. Clones share them.
#[derive(Clone, Debug)]
pub struct Lanes(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    options: PgConnectOptions,
    free: Arc<Semaphore>,
    idle: Mutex<Vec<PgConnection>>,
}

/// Why PostgreSQL did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LaneError {
    /// It answered with an error, or the connection broke.
    #[error("PostgreSQL answers with an error")]
    Sql(#[from] sqlx::Error),
    /// No answer within the time given.
    #[error("PostgreSQL does not answer within {0:?}")]
    Silent(Duration),
}

impl Lanes {
    /// At most `count` connections, none of them made yet.
    pub fn new(options: PgConnectOptions, count: usize) -> Self {
        let patience = ITS_PATIENCE.as_millis().to_string();
        let options = options.options([
            ("synchronous_commit", "on"),
            ("statement_timeout", &patience),
            ("idle_in_transaction_session_timeout", &patience),
            ("tcp_user_timeout", &patience),
        ]);
        Self(Arc::new(Shared {
            options: options.disable_statement_logging(),
            free: Arc::new(Semaphore::new(count)),
            idle: Mutex::new(Vec::new()),
        }))
    }

    /// A connection, as soon as there is one.
    ///
    /// # Panics
    /// Never: nothing closes the semaphore.
    pub async fn take(&self) -> Result<Lane, LaneError> {
        let permit = Arc::clone(&self.0.free)
            .acquire_owned()
            .await
            .expect("never closed");
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => within(CONNECT_PATIENCE, self.0.options.connect()).await?,
        };
        Ok(Lane {
            connection: Some(connection),
            lanes: self.clone(),
            _permit: permit,
        })
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<PgConnection>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection on loan.
#[derive(Debug)]
pub struct Lane {
    connection: Option<PgConnection>,
    lanes: Lanes,
    _permit: OwnedSemaphorePermit,
}

impl Lane {
    /// Gives the connection back: it has no transaction open and no answer outstanding.
    pub fn give_back(mut self) {
        let connection = self.connection.take();
        self.lanes.idle().extend(connection);
    }
}

impl Deref for Lane {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        self.connection
            .as_ref()
            .expect("taken only when given back")
    }
}

impl DerefMut for Lane {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.connection
            .as_mut()
            .expect("taken only when given back")
    }
}

/// What PostgreSQL answers, if it does within `patience`.
pub async fn within<T>(
    patience: Duration,
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, LaneError> {
    match tokio::time::timeout(patience, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(LaneError::Silent(patience)),
    }
}
