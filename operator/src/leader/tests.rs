use std::sync::{Arc, Mutex};

use http::{Method, Request, Response};
use kube::client::Body;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const DEADLINE: Duration = Duration::from_secs(10);

fn seen(holder: &str, since: Instant) -> Observed {
    let spec = held_by(holder, None, Duration::from_secs(15), Timestamp::UNIX_EPOCH);
    Observed {
        lease: Lease {
            spec: Some(spec),
            ..Lease::default()
        },
        since,
    }
}

fn after(start: Instant, seconds: u64) -> Instant {
    start + Duration::from_secs(seconds)
}

#[test]
fn a_standby_takes_what_nobody_holds() {
    let now = Instant::now();
    assert_eq!(
        decide(None, Role::Standby, "a", DEADLINE, now),
        Decision::Acquire
    );
    let free = Observed {
        lease: Lease {
            spec: seen("b", now)
                .lease
                .spec
                .map(|spec| released(spec, Timestamp::UNIX_EPOCH)),
            ..Lease::default()
        },
        since: now,
    };
    assert_eq!(
        decide(Some(&free), Role::Standby, "a", DEADLINE, now),
        Decision::Acquire
    );
}

#[test]
fn a_standby_waits_until_the_lease_stood_still_for_its_duration() {
    let start = Instant::now();
    let lease = seen("b", start);
    let at = |seconds| {
        decide(
            Some(&lease),
            Role::Standby,
            "a",
            DEADLINE,
            after(start, seconds),
        )
    };
    assert_eq!(at(14), Decision::Wait);
    assert_eq!(at(15), Decision::Acquire);
}

#[test]
fn a_sign_of_the_holder_starts_the_time_anew_and_a_mere_look_does_not() {
    let start = Instant::now();
    let lease = seen("b", start);
    let same = lease
        .clone()
        .followed_by(lease.lease.clone(), after(start, 9));
    assert_eq!(same.since, start);
    let renewed = held_by(
        "b",
        Some(&lease.lease),
        Duration::from_secs(15),
        Timestamp::from_second(9).unwrap(),
    );
    let renewed = Lease {
        spec: Some(renewed),
        ..Lease::default()
    };
    assert_eq!(
        lease.followed_by(renewed, after(start, 9)).since,
        after(start, 9)
    );
}

#[test]
fn a_restarted_container_takes_its_own_pods_lease_at_once() {
    let now = Instant::now();
    assert_eq!(
        decide(Some(&seen("a", now)), Role::Standby, "a", DEADLINE, now),
        Decision::Acquire
    );
}

#[test]
fn a_holder_stops_at_its_deadline_before_anyone_may_take_over() {
    let start = Instant::now();
    let lease = seen("a", start);
    let role = Role::Leading { renewed: start };
    let at = |seconds| decide(Some(&lease), role, "a", DEADLINE, after(start, seconds));
    assert_eq!(at(9), Decision::Renew);
    assert_eq!(at(10), Decision::Lost);
}

#[test]
fn a_holder_yields_to_another_and_makes_a_deleted_lease_again() {
    let now = Instant::now();
    let role = Role::Leading { renewed: now };
    assert_eq!(
        decide(Some(&seen("b", now)), role, "a", DEADLINE, now),
        Decision::Lost
    );
    assert_eq!(decide(None, role, "a", DEADLINE, now), Decision::Renew);
}

#[test]
fn transitions_count_changes_of_the_holder() {
    let second = |n| Timestamp::from_second(n).unwrap();
    let span = Duration::from_secs(15);
    let first = held_by("a", None, span, second(1));
    assert_eq!(first.lease_transitions, Some(0));
    let lease = |spec: &LeaseSpec| Lease {
        spec: Some(spec.clone()),
        ..Lease::default()
    };
    let renewed = held_by("a", Some(&lease(&first)), span, second(2));
    assert_eq!(renewed.lease_transitions, Some(0));
    assert_eq!(renewed.acquire_time, first.acquire_time);
    assert_eq!(renewed.renew_time, Some(MicroTime(second(2))));
    let taken = held_by(
        "b",
        Some(&lease(&released(renewed, second(3)))),
        span,
        second(4),
    );
    assert_eq!(taken.lease_transitions, Some(1));
    assert_eq!(taken.acquire_time, Some(MicroTime(second(4))));
}

proptest! {
    /// However the standby's clock runs against the holder's: it never takes over while the
    /// holder still leads, if what it sees is what the holder wrote before.
    #[test]
    fn nobody_takes_over_while_another_leads(
        renewed_ms in 0_u64..60_000,
        transit_ms in 0_u64..60_000,
        later_ms in 0_u64..120_000,
    ) {
        let start = Instant::now();
        let renewed = start + Duration::from_millis(renewed_ms);
        let lease = seen("b", renewed + Duration::from_millis(transit_ms));
        let now = renewed + Duration::from_millis(later_ms);
        let holder = decide(Some(&lease), Role::Leading { renewed }, "b", DEADLINE, now);
        let standby = decide(Some(&lease), Role::Standby, "a", DEADLINE, now);
        prop_assert!(holder == Decision::Lost || standby == Decision::Wait);
    }
}

/// An API server that keeps one Lease and can be told to refuse.
#[derive(Clone, Default)]
struct Server(Arc<Mutex<Stored>>);

#[derive(Default)]
struct Stored {
    lease: Option<Value>,
    version: u64,
    away: bool,
}

impl Server {
    fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect_bytes().await.expect("a body");
                Ok::<_, std::convert::Infallible>(server.answer(&parts.method, &body))
            }
        });
        Client::new(service, "sensorstream-system")
    }

    fn answer(&self, method: &Method, body: &[u8]) -> Response<Body> {
        let mut stored = self.0.lock().expect("no panic elsewhere");
        if stored.away {
            return failure(500, "InternalError");
        }
        let sent: Option<Value> = serde_json::from_slice(body).ok();
        match *method {
            Method::GET => {}
            Method::POST if stored.lease.is_some() => return failure(409, "AlreadyExists"),
            Method::PUT if stored.lease.is_none() => return failure(404, "NotFound"),
            Method::PUT if sent.as_ref().map(version) != stored.lease.as_ref().map(version) => {
                return failure(409, "Conflict");
            }
            _ => {
                stored.version += 1;
                let mut lease = sent.expect("a lease is sent");
                lease["metadata"]["resourceVersion"] = json!(stored.version.to_string());
                stored.lease = Some(lease);
            }
        }
        match &stored.lease {
            Some(lease) => answer(200, lease),
            None => failure(404, "NotFound"),
        }
    }

    fn holder(&self) -> Option<String> {
        let stored = self.0.lock().expect("no panic elsewhere");
        Some(
            stored.lease.as_ref()?["spec"]["holderIdentity"]
                .as_str()?
                .to_owned(),
        )
    }

    fn away(&self, away: bool) {
        self.0.lock().expect("no panic elsewhere").away = away;
    }
}

fn version(lease: &Value) -> Value {
    lease["metadata"]["resourceVersion"].clone()
}

fn answer(code: u16, body: &Value) -> Response<Body> {
    let body = Body::from(serde_json::to_vec(body).expect("JSON"));
    Response::builder()
        .status(code)
        .body(body)
        .expect("a response")
}

fn failure(code: u16, reason: &str) -> Response<Body> {
    let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure",
                         "reason": reason, "code": code, "message": reason });
    answer(code, &status)
}

const QUICK: Timing = Timing {
    lease: Duration::from_secs(1),
    renew_deadline: Duration::from_millis(400),
    retry: Duration::from_millis(20),
    request: Duration::from_millis(200),
};

fn start(server: &Server, identity: &str) -> (watch::Receiver<bool>, CancellationToken) {
    let settings = LeaseSettings {
        namespace: "sensorstream-system".into(),
        name: "sensorstream-operator".into(),
        identity: identity.into(),
    };
    let (leading, receiver) = watch::channel(false);
    let shutdown = CancellationToken::new();
    let candidate = Candidate::new(server.client(), settings, QUICK);
    tokio::spawn(candidate.run(leading, shutdown.clone()));
    (receiver, shutdown)
}

async fn turns(receiver: &mut watch::Receiver<bool>, wanted: bool) {
    let turned = time::timeout(
        Duration::from_secs(10),
        receiver.wait_for(|led| *led == wanted),
    );
    turned
        .await
        .unwrap_or_else(|_| panic!("leading did not turn {wanted}"))
        .expect("open");
}

async fn closes(receiver: &mut watch::Receiver<bool>) {
    let closed = async { while receiver.changed().await.is_ok() {} };
    time::timeout(Duration::from_secs(10), closed)
        .await
        .expect("the task ends");
}

#[tokio::test]
async fn a_clean_stop_releases_the_lease_and_the_standby_follows() {
    let server = Server::default();
    let (mut first, stop) = start(&server, "first");
    turns(&mut first, true).await;
    let (mut second, _stop_second) = start(&server, "second");
    assert_eq!(server.holder().as_deref(), Some("first"));
    stop.cancel();
    closes(&mut first).await;
    assert!(!*first.borrow());
    turns(&mut second, true).await;
    assert_eq!(server.holder().as_deref(), Some("second"));
}

#[tokio::test]
async fn a_holder_stops_leading_while_the_api_server_is_away() {
    let server = Server::default();
    let (mut only, _stop) = start(&server, "only");
    turns(&mut only, true).await;
    let went_away = Instant::now();
    server.away(true);
    closes(&mut only).await;
    assert!(!*only.borrow());
    // Its Lease has not run out by then: nobody else can lead yet.
    assert!(
        went_away.elapsed() < QUICK.lease,
        "stopped after {:?}",
        went_away.elapsed()
    );
}

#[tokio::test]
async fn a_standby_takes_over_from_a_holder_that_vanished() {
    let server = Server::default();
    let settings = LeaseSettings {
        namespace: "sensorstream-system".into(),
        name: "sensorstream-operator".into(),
        identity: "vanished".into(),
    };
    let mut vanished = Candidate::new(server.client(), settings, QUICK);
    vanished.round().await.expect("the lease is made");
    let (mut heir, _stop) = start(&server, "heir");
    turns(&mut heir, true).await;
    assert_eq!(server.holder().as_deref(), Some("heir"));
    // Should it wake after all, its renewal fails by the version and it finds the other.
    vanished.round().await.expect("a conflict is no error");
    vanished.round().await.expect("read again");
    assert_eq!(vanished.role, Role::Lost);
}
