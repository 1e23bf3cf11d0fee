//! What a request has to get past before it is answered: how many there are, who asks, how often.
//!
//! ```text
//! connections ─► gate (who) ─► rate (how often) ─► the answer ─► headers
//! ```

pub mod gate;
mod headers;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use sensorstream_crds::api::Limits;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use self::gate::{Caller, Gate, Refusal};
use super::{
    metrics::{Metrics, Refused},
    problem::Problem,
};
use crate::http::Connections;

pub use headers::secure;

/// For a moment somebody may ask this many times as often as all the time.
const BURST: u32 = 4;
/// How often callers are forgotten who have not asked for a while.
const FORGET_EVERY: Duration = Duration::from_mins(1);

/// What requests have to get past. Clones share it.
#[derive(Clone)]
pub struct Access {
    gate: Arc<Gate>,
    rate: Arc<DefaultKeyedRateLimiter<Caller>>,
    clock: DefaultClock,
    streams: Arc<Semaphore>,
    most_connections: usize,
    connections: Connections,
    metrics: Metrics,
}

impl Access {
    /// What a spec asks for.
    pub fn new(gate: Gate, limits: &Limits, connections: Connections, metrics: Metrics) -> Self {
        let a_second = NonZeroU32::new(limits.requests_per_second).unwrap_or(NonZeroU32::MIN);
        let burst = a_second.saturating_mul(NonZeroU32::MIN.saturating_add(BURST - 1));
        Self {
            gate: Arc::new(gate),
            rate: Arc::new(RateLimiter::keyed(
                Quota::per_second(a_second).allow_burst(burst),
            )),
            clock: DefaultClock::default(),
            streams: Arc::new(Semaphore::new(limits.streams as usize)),
            most_connections: limits.connections as usize,
            connections,
            metrics,
        }
    }

    /// Forgets, now and then, callers who have not asked for a while, until `shutdown`.
    pub async fn forget(self, shutdown: CancellationToken) {
        let forgetting = async {
            loop {
                tokio::time::sleep(FORGET_EVERY).await;
                self.rate.retain_recent();
                self.rate.shrink_to_fit();
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = forgetting => {}
        }
    }

    /// A place for one more stream of events.
    pub fn stream(&self) -> Result<OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.streams).try_acquire_owned().map_err(|_| {
            self.metrics.refused(Refused::Streams);
            Problem::unavailable(
                "there are as many streams of events as there may be (api.limits.streams); ask for pages instead, or try again later",
            )
        })
    }

    fn admit(&self, request: &Request) -> Result<(), Problem> {
        let peer = peer(request);
        let admitted = self.gate.admit(request.headers(), peer);
        // Whoever is not let in is counted too, by where they are: guessing takes its time.
        let caller = admitted.clone().unwrap_or_else(|_| Caller::at(peer));
        if let Err(not_until) = self.rate.check_key(&caller) {
            self.metrics.refused(Refused::Rate);
            let wait = not_until.wait_time_from(self.clock.now());
            return Err(Problem::too_many_requests(wait));
        }
        admitted.map(drop).map_err(|refusal| match refusal {
            Refusal::Token => {
                self.metrics.refused(Refused::Unauthorized);
                Problem::unauthorized()
            }
            Refusal::NotByProxy => {
                self.metrics.refused(Refused::Forbidden);
                Problem::forbidden(
                    "this API is for those whom its proxy lets in; ask through the proxy",
                )
            }
            Refusal::User => {
                self.metrics.refused(Refused::Forbidden);
                Problem::forbidden(
                    "you are logged in, but may not see this pipeline (api.auth.proxy.users)",
                )
            }
        })
    }
}

/// Lets a request through, or answers why not.
pub async fn admitted(State(access): State<Access>, request: Request, next: Next) -> Response {
    // Browsers ask without a login whether they may ask with one.
    if request.method() == Method::OPTIONS {
        return next.run(request).await;
    }
    match access.admit(&request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Answers, of more connections than there may be, only that. What keeps the pod alive is not asked here.
pub async fn within_connections(
    State(access): State<Access>,
    request: Request,
    next: Next,
) -> Response {
    if access.connections.count() <= access.most_connections {
        return next.run(request).await;
    }
    access.metrics.refused(Refused::Connections);
    let problem = Problem::unavailable(
        "there are as many connections as there may be (api.limits.connections); try again later",
    );
    let mut response = problem.into_response();
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}

fn peer(request: &Request) -> IpAddr {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| {
        peer.ip()
    })
}
