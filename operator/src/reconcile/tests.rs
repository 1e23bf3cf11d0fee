//! Whole reconciles against an API server that misbehaves in a named way. Each must end within
//! [`PATIENCE`].

mod appeared;
mod login;

use std::{future::Future, sync::Mutex};

use http::{Method, Request, Response};
use kube::{Client, client::Body};
use serde_json::{Value, json};

use super::*;
use crate::{
    cache::Caches,
    context::{Settings, Shared},
    fixtures::{self, World, deleted, environment, installation, running},
    plan::kubernetes::Kind,
};

const PATIENCE: Duration = Duration::from_secs(20);
const REQUEST_TIMEOUT: Duration = Duration::from_millis(300);

/// A request that the API server was sent.
#[derive(Clone, Debug)]
struct Sent {
    method: Method,
    path: String,
    body: Value,
}

impl Sent {
    fn is_write(&self) -> bool {
        self.method != Method::GET
    }

    fn is(&self, method: &Method, part: &str) -> bool {
        self.method == *method && self.path.contains(part)
    }
}

/// How the API server answers.
enum Answer {
    Json(u16, Value),
    Never,
}

/// What goes wrong, if anything: the answer to a request, or `None` for the usual one.
type Fault = fn(&Sent) -> Option<Answer>;

struct Scenario {
    context: Arc<Context>,
    backends: Arc<fixtures::Shared>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Scenario {
    /// A pipeline that everything has been made for, and that rests.
    async fn settled(&self) -> SensorPipeline {
        let mut pipeline = environment();
        pipeline.metadata.finalizers = Some(vec![FINALIZER.into()]);
        for _ in 0..3 {
            self.reconcile(&pipeline).await.unwrap();
            let sent = self.sent();
            self.settle(&sent);
        }
        pipeline
    }

    fn new(fault: Fault) -> Self {
        Self::with(fault, World::default(), 120)
    }

    fn with(fault: Fault, world: World, grace_seconds: u64) -> Self {
        let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        let sent = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&sent);
        let mut kept = None;
        tokio::spawn(async move {
            while let Some((request, reply)) = handle.next_request().await {
                let (parts, body) = request.into_parts();
                let body = body.collect_bytes().await.unwrap();
                let request = Sent {
                    method: parts.method,
                    path: parts.uri.path().to_owned(),
                    body: serde_json::from_slice(&body).unwrap_or(Value::Null),
                };
                log.lock().unwrap().push(request.clone());
                let answer = fault(&request).or_else(|| kept_secret(&request, &mut kept));
                match answer.unwrap_or_else(|| usual(&request)) {
                    Answer::Json(code, body) => {
                        let body = Body::from(body.to_string().into_bytes());
                        reply.send_response(Response::builder().status(code).body(body).unwrap());
                    }
                    // Keeps the connection open without a word.
                    Answer::Never => std::mem::forget(reply),
                }
            }
        });
        let client = Client::new(service, "default");
        let backends = Arc::new(fixtures::Shared(Mutex::new(world)));
        let settings = Settings {
            installation: installation(),
            deletion_grace: Duration::from_secs(grace_seconds),
            concurrency: 1,
            request_timeout: REQUEST_TIMEOUT,
            instance: None,
        };
        let (caches, _) = Caches::new();
        caches.put_secret("default", "sensorstream-db", "7");
        let shared = Shared::new(&client, backends.clone(), Arc::default(), settings);
        let context = Context {
            caches: Arc::new(caches),
            shared: Arc::new(shared),
        };
        Self {
            context: Arc::new(context),
            backends,
            sent,
        }
    }

    async fn reconcile(&self, pipeline: &SensorPipeline) -> Result<Action, ReconcileError> {
        let reconciled = reconcile(Arc::new(pipeline.clone()), Arc::clone(&self.context));
        in_time(reconciled).await
    }

    /// What was sent since it was asked last.
    fn sent(&self) -> Vec<Sent> {
        std::mem::take(&mut *self.sent.lock().unwrap())
    }

    /// Lets the caches see what was applied.
    fn settle(&self, sent: &[Sent]) {
        for request in sent
            .iter()
            .filter(|request| request.method == Method::PATCH)
        {
            let kind = match request.body["kind"].as_str() {
                Some("ServiceAccount") => Kind::ServiceAccount,
                Some("ConfigMap") => Kind::ConfigMap,
                Some("Deployment") => Kind::Deployment,
                Some("Service") => Kind::Service,
                Some("Secret") => {
                    let caches = &self.context.caches;
                    caches.put_secret("default", "environment-api-db", "8");
                    continue;
                }
                _ => continue,
            };
            self.context.caches.put(kind, request.body.clone());
        }
    }
}

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("a reconcile ends in time")
}

/// The Secret with the API's login, which is there once it was written.
fn kept_secret(request: &Sent, kept: &mut Option<Value>) -> Option<Answer> {
    if !request.path.ends_with("/secrets/environment-api-db") {
        return None;
    }
    match request.method {
        Method::PATCH => {
            let mut secret = request.body.clone();
            secret["metadata"]["resourceVersion"] = json!("8");
            *kept = Some(secret);
        }
        Method::DELETE => *kept = None,
        _ => {}
    }
    let found = kept.clone();
    Some(found.map_or_else(|| failure(404, "NotFound"), |it| Answer::Json(200, it)))
}

/// What an API server answers that holds nothing but the Secret and the pipeline.
fn usual(request: &Sent) -> Answer {
    match request.method {
        Method::GET if request.path.contains("/secrets/") => Answer::Json(
            200,
            json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": { "name": "sensorstream-db", "namespace": "default", "resourceVersion": "7" },
                "data": { "uri": "cG9zdGdyZXM6Ly9zZW5zb3I6aGlkZGVuQGRiOjU0MzIvc2Vuc29ycw==" },
            }),
        ),
        Method::GET => failure(404, "NotFound"),
        Method::DELETE => Answer::Json(
            200,
            json!({ "kind": "Status", "apiVersion": "v1", "status": "Success" }),
        ),
        _ if request.path.contains("/sensorpipelines/") => {
            Answer::Json(200, serde_json::to_value(environment()).unwrap())
        }
        _ => Answer::Json(200, request.body.clone()),
    }
}

fn failure(code: u16, reason: &str) -> Answer {
    Answer::Json(
        code,
        json!({
            "kind": "Status", "apiVersion": "v1", "status": "Failure",
            "message": format!("a {reason} for the test"), "reason": reason, "code": code,
        }),
    )
}

fn status_sent(sent: &[Sent]) -> &Value {
    let request = sent
        .iter()
        .find(|request| request.path.ends_with("/status"));
    &request.expect("the status was written").body["status"]
}

fn condition<'a>(status: &'a Value, type_: &str) -> &'a Value {
    let conditions = status["conditions"].as_array().unwrap();
    conditions
        .iter()
        .find(|condition| condition["type"] == type_)
        .unwrap()
}

#[tokio::test]
async fn first_the_finalizer_then_the_ground_then_the_objects_then_the_status() {
    let scenario = Scenario::new(|_| None);
    let writes = |sent: &[Sent]| -> Vec<String> {
        let writes = sent.iter().filter(|request| request.is_write());
        writes
            .map(|request| request.path.rsplit('/').next().unwrap().to_owned())
            .collect()
    };
    let mut pipeline = environment();
    scenario.reconcile(&pipeline).await.unwrap();
    let sent = scenario.sent();
    assert_eq!(
        writes(&sent),
        [
            "environment",        // the finalizer
            "environment-api-db", // the Secret
            "environment",        // the ServiceAccount
            "environment-producer",
            "environment-processor",
            "environment-api", // so far the ConfigMaps
            "environment-producer",
            "environment-processor", // so far the Deployments
            "environment-api",       // the Service
            "status",
        ]
    );
    scenario.settle(&sent);
    // The API's pods start with the Secret, which is read at once, whatever the watch has told so far.
    pipeline.metadata.finalizers = Some(vec![FINALIZER.into()]);
    scenario.reconcile(&pipeline).await.unwrap();
    let sent = scenario.sent();
    assert_eq!(writes(&sent)[..2], ["environment-api", "status"]);
    // What the status says, the API's pods find in the database.
    let world = scenario.backends.world();
    assert_eq!(world.statuses["default/environment"], *status_sent(&sent));
    drop(world);
    assert_eq!(scenario.backends.world().topics.len(), 2);
    assert_eq!(scenario.backends.world().claims.len(), 3);
}

#[tokio::test]
async fn at_rest_nothing_is_written() {
    let scenario = Scenario::new(|_| None);
    let pipeline = scenario.settled().await;
    scenario.reconcile(&pipeline).await.unwrap();
    assert!(
        scenario.sent().is_empty(),
        "not even the Secret is read again"
    );
}

#[tokio::test]
async fn a_conflict_on_the_finalizer_makes_nothing_and_is_tried_again() {
    let scenario = Scenario::new(|request| {
        let finalizer =
            request.is(&Method::PATCH, "/sensorpipelines/") && !request.path.ends_with("/status");
        finalizer.then(|| failure(409, "Conflict"))
    });
    let error = scenario.reconcile(&environment()).await.unwrap_err();
    assert!(matches!(error, ReconcileError::Apply(_)), "{error}");
    let sent = scenario.sent();
    assert!(
        !sent
            .iter()
            .any(|request| request.is(&Method::PATCH, "/deployments/"))
    );
    assert!(
        scenario.backends.world().topics.is_empty() && scenario.backends.world().claims.is_empty()
    );
    assert_eq!(
        condition(status_sent(&sent), "Ready")["reason"],
        "ApplyFailed"
    );
}

#[tokio::test]
async fn an_internal_error_stops_the_apply_and_is_told() {
    let scenario = Scenario::new(|request| {
        request
            .is(&Method::PATCH, "/configmaps/")
            .then(|| failure(500, "InternalError"))
    });
    let error = scenario.reconcile(&environment()).await.unwrap_err();
    assert!(
        chain(&error).contains("ConfigMap environment-producer"),
        "{}",
        chain(&error)
    );
    let sent = scenario.sent();
    assert!(
        !sent
            .iter()
            .any(|request| request.is(&Method::PATCH, "/deployments/"))
    );
    let ready = condition(status_sent(&sent), "Ready");
    assert_eq!(ready["reason"], "ApplyFailed");
    assert!(
        ready["message"]
            .as_str()
            .unwrap()
            .contains("ConfigMap environment-producer")
    );
}

#[tokio::test]
async fn an_api_server_that_says_nothing_is_given_up_on() {
    let scenario = Scenario::new(|request| {
        request
            .is(&Method::PATCH, "/services/")
            .then_some(Answer::Never)
    });
    let error = scenario.reconcile(&environment()).await.unwrap_err();
    assert!(
        matches!(&error, ReconcileError::Apply(ApplyError::Timeout { object, .. }) if object == "Service environment-api"),
        "{error}"
    );
}

#[tokio::test]
async fn a_pipeline_deleted_while_reconciling_is_no_error() {
    let scenario = Scenario::new(|request| {
        request
            .path
            .ends_with("/status")
            .then(|| failure(404, "NotFound"))
    });
    scenario.reconcile(&environment()).await.unwrap();
}

#[tokio::test]
async fn an_object_of_somebody_else_is_left_alone() {
    let scenario = Scenario::new(|request| {
        request.is(&Method::GET, "/configmaps/environment-api").then(|| {
            Answer::Json(200, json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": { "name": "environment-api", "namespace": "default", "uid": "theirs" },
            }))
        })
    });
    let error = scenario.reconcile(&environment()).await.unwrap_err();
    assert!(
        matches!(error, ReconcileError::Apply(ApplyError::Foreign(_))),
        "{error}"
    );
    let touched = |r: &Sent| r.is(&Method::PATCH, "/configmaps/environment-api");
    assert!(!scenario.sent().iter().any(touched));
}

#[tokio::test]
async fn a_secret_that_can_not_be_read_ends_the_reconcile_without_a_write() {
    let scenario = Scenario::new(|request| {
        request
            .path
            .contains("/secrets/")
            .then(|| failure(500, "InternalError"))
    });
    let error = scenario.reconcile(&environment()).await.unwrap_err();
    assert!(matches!(error, ReconcileError::Observe(_)), "{error}");
    assert!(!scenario.sent().iter().any(Sent::is_write));
}

#[tokio::test]
async fn deletion_with_everything_reachable_cleans_up_and_lets_go() {
    let (mut world, mut pipeline) = running(environment());
    world.objects.clear();
    pipeline.spec.deletion_policy = sensorstream_crds::DeletionPolicy::Delete;
    let scenario = Scenario::with(|_| None, world, 120);
    scenario
        .reconcile(&deleted(pipeline, Timestamp::now()))
        .await
        .unwrap();
    let sent = scenario.sent();
    let last = sent.last().unwrap();
    assert!(
        last.is(&Method::PATCH, "/sensorpipelines/environment"),
        "{last:?}"
    );
    assert_eq!(last.body["metadata"]["finalizers"], json!([]));
    let world = scenario.backends.world();
    assert!(world.topics.is_empty() && world.tables.is_empty() && world.claims.is_empty());
}

#[tokio::test]
async fn deletion_with_kafka_down_waits_then_names_what_is_left_and_lets_go() {
    let (mut world, mut pipeline) = running(environment());
    world.objects.clear();
    world.kafka_down = true;
    pipeline.spec.deletion_policy = sensorstream_crds::DeletionPolicy::Delete;
    let waiting = Scenario::with(|_| None, world.clone(), 120);
    waiting
        .reconcile(&deleted(pipeline.clone(), Timestamp::now()))
        .await
        .unwrap();
    let sent = waiting.sent();
    assert!(
        condition(status_sent(&sent), "Ready")["message"]
            .as_str()
            .unwrap()
            .contains("Kafka")
    );
    assert!(!waiting.backends.world().claims.is_empty());

    let overdue = Scenario::with(|_| None, world, 0);
    overdue
        .reconcile(&deleted(pipeline, Timestamp::now()))
        .await
        .unwrap();
    let sent = overdue.sent();
    let event = sent
        .iter()
        .find(|request| request.path.ends_with("/events"))
        .unwrap();
    assert_eq!(event.body["reason"], "Orphaned");
    assert!(
        event.body["note"]
            .as_str()
            .unwrap()
            .contains("sensor-data.dead-letter")
    );
    assert_eq!(
        sent.last().unwrap().body["metadata"]["finalizers"],
        json!([])
    );
}

#[tokio::test]
async fn failures_wait_longer_and_a_new_spec_starts_over() {
    let scenario = Scenario::new(|_| None);
    let error = || ReconcileError::CleanUp("x".into());
    let mut pipeline = environment();
    let wait = |pipeline: &SensorPipeline| {
        on_error(
            Arc::new(pipeline.clone()),
            &error(),
            Arc::clone(&scenario.context),
        );
        scenario.context.memory(pipeline).failures
    };
    assert_eq!(
        [wait(&pipeline), wait(&pipeline), wait(&pipeline)],
        [1, 2, 3]
    );
    pipeline.metadata.generation = Some(2);
    assert_eq!(wait(&pipeline), 1);
}
