//! Connections to Kafka and `PostgreSQL`, shared by all pipelines that name the same place with
//! the same login, and closed when none has used them for a while. Every call ends within a
//! few seconds; a place that does not answer is left alone by a [`circuit`] in between, so
//! that it holds nobody up.

mod catalog;
pub mod circuit;
mod database;
mod kafka;
mod readers;

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::{FutureExt, future::BoxFuture};
use prometheus::IntGaugeVec;
use sensorstream_broker::connection::Credentials;
use sensorstream_crds::{PipelineId, connections::SaslMechanism, runtime::KafkaEndpoint};
use serde_json::Value;

use crate::backends::{
    BackendError, Backends, Database, DatabaseChange, DatabaseUri, KafkaChange, KafkaLogin, Sought,
    TopicNames, Topics,
};
use circuit::Circuit;

/// How long a question may take.
const TIMEOUT: Duration = Duration::from_secs(4);
/// How long a connection is kept without use.
const CLOSE_AFTER: Duration = Duration::from_mins(3);
/// How old an answer of a database may be to serve another pipeline.
const FRESH: Duration = Duration::from_secs(2);

/// Every connection there is.
pub struct Connections {
    kafka: Shared<KafkaKey, kafka::Cluster>,
    databases: Shared<DatabaseUri, database::Connection>,
    use_: Use,
    /// Bounds the threads that librdkafka's blocking calls hold.
    blocking: Arc<tokio::sync::Semaphore>,
    up: IntGaugeVec,
    fresh: Duration,
}

/// What connections are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// Everything. The commit log is brought up to date first.
    Work,
    /// To look only.
    Look,
}

type KafkaKey = (String, bool, Option<&'static str>, Credentials);

impl Connections {
    /// No connections yet. `up` tells by `kind` and `endpoint` whether each place answers.
    pub fn new(up: IntGaugeVec) -> Self {
        Self {
            use_: Use::Work,
            kafka: Shared::default(),
            databases: Shared::default(),
            blocking: Arc::new(tokio::sync::Semaphore::new(8)),
            up,
            fresh: FRESH,
        }
    }

    /// The same, for one pipeline alone: nothing is answered from what was read a while ago.
    #[must_use]
    pub fn always_asking(self) -> Self {
        Self {
            fresh: Duration::ZERO,
            ..self
        }
    }

    /// The same, to look only: nothing is changed, and `PostgreSQL` is told to see to it.
    #[must_use]
    pub fn only_looking(self) -> Self {
        Self {
            use_: Use::Look,
            ..self
        }
    }

    /// Closes what nobody uses. To be called now and then.
    pub fn close_unused(&self) {
        for cluster in self.kafka.take_unused() {
            let _ = self.up.remove_label_values(&["kafka", &cluster.label]);
            // Closing waits for librdkafka's threads.
            tokio::task::spawn_blocking(move || drop(cluster));
        }
        for connection in self.databases.take_unused() {
            let _ = self
                .up
                .remove_label_values(&["postgres", &connection.label]);
            tokio::spawn(async move { connection.close().await });
        }
    }

    fn cluster(&self, login: &KafkaLogin) -> Arc<kafka::Cluster> {
        let KafkaEndpoint {
            bootstrap_servers,
            tls,
            sasl_mechanism,
            ..
        } = &login.endpoint;
        let mechanism = sasl_mechanism.map(SaslMechanism::as_str);
        let key = (
            bootstrap_servers.clone(),
            *tls,
            mechanism,
            login.credentials.clone(),
        );
        self.kafka.get(key, |_| {
            kafka::Cluster::new(login, Arc::clone(&self.blocking))
        })
    }

    fn connection(&self, uri: &DatabaseUri) -> Arc<database::Connection> {
        self.databases
            .get(uri.clone(), |uri| database::Connection::new(uri, self.use_))
    }

    /// Asks a place, unless it is known not to answer.
    async fn guarded<T>(
        &self,
        kind: &str,
        label: &str,
        circuit: &Mutex<Circuit>,
        question: impl Future<Output = Result<T, BackendError>>,
    ) -> Result<T, BackendError> {
        let lock = || circuit.lock().unwrap_or_else(PoisonError::into_inner);
        lock().admit(Instant::now())?;
        let answer = question.await;
        let unreachable = match &answer {
            Err(error @ BackendError::Unreachable { .. }) => Some(error),
            _ => None,
        };
        match unreachable {
            Some(error) => lock().failed(Instant::now(), error),
            None => lock().succeeded(),
        }
        let up = i64::from(unreachable.is_none());
        self.up.with_label_values(&[kind, label]).set(up);
        answer
    }
}

impl Backends for Connections {
    fn topics<'a>(
        &'a self,
        login: &'a KafkaLogin,
        names: &'a TopicNames,
    ) -> BoxFuture<'a, Result<Topics, BackendError>> {
        async move {
            let cluster = self.cluster(login);
            self.guarded(
                "kafka",
                &cluster.label,
                &cluster.circuit,
                cluster.topics(names),
            )
            .await
        }
        .boxed()
    }

    fn database<'a>(
        &'a self,
        uri: &'a DatabaseUri,
        id: &'a PipelineId,
        sought: &'a Sought,
    ) -> BoxFuture<'a, Result<Database, BackendError>> {
        async move {
            let connection = self.connection(uri);
            // A fresh answer to another pipeline serves this one too.
            let _turn = connection.turn.lock().await;
            if let Some(known) = connection.recent(id, sought, self.fresh) {
                return Ok(known);
            }
            let question = connection.read(id, sought);
            self.guarded("postgres", &connection.label, &connection.circuit, question)
                .await
        }
        .boxed()
    }

    fn change_kafka<'a>(
        &'a self,
        login: &'a KafkaLogin,
        change: &'a KafkaChange,
    ) -> BoxFuture<'a, Result<(), BackendError>> {
        async move {
            let cluster = self.cluster(login);
            self.guarded(
                "kafka",
                &cluster.label,
                &cluster.circuit,
                cluster.change(change),
            )
            .await
        }
        .boxed()
    }

    fn change_database<'a>(
        &'a self,
        uri: &'a DatabaseUri,
        change: &'a DatabaseChange,
    ) -> BoxFuture<'a, Result<(), BackendError>> {
        async move {
            let connection = self.connection(uri);
            let question = connection.change(change);
            self.guarded("postgres", &connection.label, &connection.circuit, question)
                .await
        }
        .boxed()
    }

    fn report_status<'a>(
        &'a self,
        uri: &'a DatabaseUri,
        id: &'a PipelineId,
        status: &'a Value,
    ) -> BoxFuture<'a, Result<(), BackendError>> {
        async move {
            let connection = self.connection(uri);
            let question = connection.report_status(id, status);
            self.guarded("postgres", &connection.label, &connection.circuit, question)
                .await
        }
        .boxed()
    }
}

/// Things made when first asked for and shared from then on.
struct Shared<K, V> {
    entries: Mutex<HashMap<K, (Arc<V>, Instant)>>,
}

impl<K, V> Default for Shared<K, V> {
    fn default() -> Self {
        Self {
            entries: Mutex::default(),
        }
    }
}

impl<K: Eq + Hash, V> Shared<K, V> {
    fn get(&self, key: K, make: impl FnOnce(&K) -> V) -> Arc<V> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((value, used)) = entries.get_mut(&key) {
            *used = Instant::now();
            return Arc::clone(value);
        }
        let value = Arc::new(make(&key));
        entries.insert(key, (Arc::clone(&value), Instant::now()));
        value
    }

    fn take_unused(&self) -> Vec<Arc<V>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let (unused, used): (HashMap<_, _>, HashMap<_, _>) = entries
            .drain()
            .partition(|(_, (_, used))| now.duration_since(*used) >= CLOSE_AFTER);
        *entries = used;
        unused.into_values().map(|(value, _)| value).collect()
    }
}
