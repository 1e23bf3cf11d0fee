//! The HTTP side that every role has: `/metrics`, `/healthz` (the process works) and `/readyz`
//! (it can do its job now).

use std::{
    future::{Ready, ready},
    io,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router, extract::State, http::StatusCode, http::header::CONTENT_TYPE, response::IntoResponse,
    routing::get,
};
use axum_server::{Handle, accept::Accept};
use hyper_util::rt::TokioTimer;
use sensorstream_crds::identity::PipelineId;
use sensorstream_telemetry::metrics::{CONTENT_TYPE as METRICS_TYPE, Catalog};
use tokio_util::sync::CancellationToken;

/// How long a client may take for a request's headers, and how long it may keep a connection on which it
/// asks nothing.
const HEADERS_WITHIN: Duration = Duration::from_secs(30);
/// How long requests under way may take when the server stops.
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// Connections at a time; what is beyond is closed at once.
const MOST_CONNECTIONS: usize = 12_000;

/// Whether a role can do its job now. Clones share the answer.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// Says whether the role can do its job now.
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Relaxed);
    }

    /// Whether the role can do its job now.
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Whether a role's main loops still turn. A loop that has never beaten is taken to be alive: a role
/// without such a loop never beats.
#[derive(Clone, Debug)]
pub struct Liveness {
    started: Instant,
    /// Of each loop, milliseconds from `started` to its latest beat, and 0 before the first.
    latest: Arc<Mutex<Vec<Arc<AtomicU64>>>>,
    own: Arc<AtomicU64>,
}

/// How long a loop may take for one turn.
const LONGEST_TURN: Duration = Duration::from_mins(1);

impl Default for Liveness {
    fn default() -> Self {
        let own = Arc::default();
        Self {
            started: Instant::now(),
            latest: Arc::new(Mutex::new(vec![Arc::clone(&own)])),
            own,
        }
    }
}

impl Liveness {
    /// The same for one loop more.
    #[must_use]
    pub fn another(&self) -> Self {
        let own = Arc::default();
        self.all().push(Arc::clone(&own));
        Self {
            own,
            ..self.clone()
        }
    }

    /// Says that the loop turns.
    pub fn beat(&self) {
        let now = self.started.elapsed().as_millis();
        self.own.store(
            u64::try_from(now).unwrap_or(u64::MAX).max(1),
            Ordering::Relaxed,
        );
    }

    /// Whether all loops turned lately.
    pub fn get(&self) -> bool {
        let now = self.started.elapsed();
        self.all().iter().all(|latest| {
            let latest = latest.load(Ordering::Relaxed);
            latest == 0 || now.saturating_sub(Duration::from_millis(latest)) < LONGEST_TURN
        })
    }

    fn all(&self) -> MutexGuard<'_, Vec<Arc<AtomicU64>>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many connections there are. Clones share the answer.
#[derive(Clone, Debug, Default)]
pub struct Connections(Handle<SocketAddr>);

impl Connections {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.connection_count()
    }
}

/// Takes no more connections than a process has room for.
#[derive(Clone)]
struct Bounded(Connections);

impl<I, S> Accept<I, S> for Bounded {
    type Stream = I;
    type Service = S;
    type Future = Ready<io::Result<(I, S)>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        ready(if self.0.count() > MOST_CONNECTIONS {
            Err(io::ErrorKind::ConnectionRefused.into())
        } else {
            Ok((stream, service))
        })
    }
}

/// A server yet to be started.
#[derive(Debug)]
pub struct Server {
    listen: SocketAddr,
    connections: Connections,
    /// The metrics that `/metrics` shows.
    pub metrics: Catalog,
    /// What `/readyz` answers.
    pub ready: Readiness,
    /// What `/healthz` answers.
    pub alive: Liveness,
}

impl Server {
    /// A server for an address, with the process's own metrics and not ready yet. All metrics say which
    /// pipeline they are of.
    pub fn new(listen: SocketAddr, pipeline: &PipelineId) -> Self {
        Self {
            listen,
            connections: Connections::default(),
            metrics: Catalog::new([("pipeline", &pipeline.name)]),
            ready: Readiness::default(),
            alive: Liveness::default(),
        }
    }

    /// How many connections it has.
    pub fn connections(&self) -> Connections {
        self.connections.clone()
    }

    /// Serves health, metrics and the routes of `api` until `shutdown`.
    pub async fn serve(self, api: Router, shutdown: CancellationToken) -> io::Result<()> {
        let listener = TcpListener::bind(self.listen)?;
        listener.set_nonblocking(true)?;
        let state = (self.metrics, self.ready);
        let alive = self.alive;
        let router = Router::new()
            .route("/healthz", get(move || async move { healthz(&alive) }))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .with_state(state)
            .merge(api);
        let handle = self.connections.0.clone();
        // Of other versions nobody counts the time that a client takes to ask something.
        let mut server = axum_server::from_tcp(listener)?
            .acceptor(Bounded(self.connections))
            .http1_only()
            .handle(handle.clone());
        server
            .http_builder()
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADERS_WITHIN);
        tokio::spawn(async move {
            shutdown.cancelled().await;
            handle.graceful_shutdown(Some(STOP_WITHIN));
        });
        server
            .serve(router.into_make_service_with_connect_info::<SocketAddr>())
            .await
    }
}

fn healthz(alive: &Liveness) -> impl IntoResponse + use<> {
    if alive.get() {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::INTERNAL_SERVER_ERROR, "the main loop hangs\n")
    }
}

async fn readyz(State((_, ready)): State<(Catalog, Readiness)>) -> impl IntoResponse {
    if ready.get() {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}

async fn metrics(State((metrics, _)): State<(Catalog, Readiness)>) -> impl IntoResponse {
    ([(CONTENT_TYPE, METRICS_TYPE)], metrics.text())
}
