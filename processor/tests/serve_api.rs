//! The query API against a real PostgreSQL, named by the environment variable `DATABASE_URL`.
//! Each test has a schema of its own and drops it at the end.

use std::{
    borrow::Cow,
    future::Future,
    panic::AssertUnwindSafe,
    sync::atomic::{AtomicU32, Ordering},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode, header},
};
use futures::FutureExt;
use sensorstream_crds::runtime::ServeConfig;
use sensorstream_processor::serve;
use sensorstream_telemetry::metrics::Catalog;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use tower::ServiceExt;

static SCHEMAS: AtomicU32 = AtomicU32::new(0);

struct Fixture {
    admin: PgPool,
    schema: String,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

fn database_url() -> String {
    std::env::var("DATABASE_URL").expect(
        "DATABASE_URL is not set: these tests need a PostgreSQL; `make cluster` starts one and `make env` names it",
    )
}

fn config(schema: &str, cors: &Value) -> ServeConfig {
    serde_json::from_value(json!({
        "pipeline": { "namespace": "default", "name": "tests" },
        "schema": schema,
        "kafka": { "bootstrapServers": "kafka:9092", "tls": false },
        "outputs": { "table": { "name": "sensor_data" }, "deadLetter": { "topic": { "name": "bad" } } },
        "cors": cors,
        "input": {
            "topic": { "name": "sensor-data" },
            "key": "sensor_id",
            "fields": [
                { "name": "sensor_id", "type": "integer" },
                { "name": "timestamp", "type": "timestamp" },
                { "name": "temperature", "type": "double" },
                { "name": "uptime", "type": "long" },
                { "name": "charging", "type": "boolean" },
                { "name": "status", "type": "string", "required": false },
            ],
            "eventTime": { "field": "timestamp" },
        },
    }))
    .unwrap()
}

/// Runs a test in a schema of its own, with the table as the operator makes it.
async fn with_table<F: Future>(test: impl FnOnce(Fixture) -> F) {
    let admin = PgPool::connect(&database_url())
        .await
        .expect("DATABASE_URL can be reached");
    let number = SCHEMAS.fetch_add(1, Ordering::Relaxed);
    let schema = format!("serve_test_{}_{number}", std::process::id());
    let statements = format!(
        "CREATE SCHEMA {schema};
         CREATE TABLE {schema}.sensor_data (
             sensor_id integer NOT NULL, timestamp timestamptz NOT NULL, temperature double precision NOT NULL,
             uptime bigint NOT NULL, charging boolean NOT NULL, status text,
             _partition integer NOT NULL, _offset bigint NOT NULL);
         CREATE INDEX ON {schema}.sensor_data (timestamp DESC);
         CREATE INDEX ON {schema}.sensor_data (sensor_id, timestamp DESC);"
    );
    sqlx::raw_sql(AssertSqlSafe(statements))
        .execute(&admin)
        .await
        .unwrap();
    let fixture = Fixture {
        admin: admin.clone(),
        schema: schema.clone(),
    };
    let outcome = AssertUnwindSafe(test(fixture)).catch_unwind().await;
    let drop = format!("DROP SCHEMA {schema} CASCADE");
    sqlx::raw_sql(AssertSqlSafe(drop))
        .execute(&admin)
        .await
        .unwrap();
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

impl Fixture {
    fn router(&self) -> Router {
        self.router_with(&Value::Null)
    }

    fn router_with(&self, cors: &Value) -> Router {
        let pool = serve::pool(&database_url(), "default").unwrap();
        serve::router(&config(&self.schema, cors), pool, &Catalog::default())
    }

    async fn insert(&self, values: &str) {
        let statement = format!("INSERT INTO {}.sensor_data VALUES {values}", self.schema);
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&self.admin)
            .await
            .unwrap();
    }

    /// Five readings of two sensors; two of one moment, in two partitions.
    async fn insert_readings(&self) {
        self.insert(
            "(1, '2025-08-17T12:00:00Z', 20.5, 1, true, 'OK', 0, 10),
             (1, '2025-08-17T14:00:02.000001+02:00', 21.25, 2, false, NULL, 0, 11),
             (2, '2025-08-17T12:00:03Z', 22, 9007199254740993, true, 'a \"b\"', 1, 3),
             (2, '2025-08-17T12:00:03Z', 23, 4, true, 'OK', 0, 12),
             (2, '2025-08-17T12:00:01Z', 24, 5, true, 'OK', 1, 4)",
        )
        .await;
    }
}

async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Answer {
        status: parts.status,
        headers: parts.headers,
        body,
    }
}

async fn get(router: &Router, uri: &str) -> Answer {
    send(router, Request::get(uri).body(Body::empty()).unwrap()).await
}

fn temperatures(answer: &Answer) -> Vec<f64> {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer
        .body
        .as_array()
        .unwrap()
        .iter()
        .map(|reading| reading["temperature"].as_f64().unwrap())
        .collect()
}

#[track_caller]
fn assert_problem(answer: &Answer, status: u16, detail: &str) {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
    assert_eq!(
        answer.headers[header::CONTENT_TYPE],
        "application/problem+json"
    );
    assert_eq!(answer.body["status"], status);
    let found = answer.body["detail"].as_str().unwrap();
    assert!(found.contains(detail), "`{found}` does not say `{detail}`");
}

#[tokio::test]
async fn the_latest_reading_is_the_newest_by_event_time_and_then_by_position() {
    with_table(|fixture| async move {
        let router = fixture.router();
        assert_problem(&get(&router, "/latest").await, 404, "no reading yet");
        fixture.insert_readings().await;
        let answer = get(&router, "/latest").await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json");
        assert_eq!(
            answer.body.to_string(),
            r#"{"sensor_id":2,"timestamp":"2025-08-17T12:00:03.000000Z","temperature":22.0,"uptime":9007199254740993,"charging":true,"status":"a \"b\""}"#
        );
    })
    .await;
}

#[tokio::test]
async fn the_latest_reading_of_a_key_is_of_that_key() {
    with_table(|fixture| async move {
        let router = fixture.router();
        fixture.insert_readings().await;
        let answer = get(&router, "/latest?key=1").await;
        assert_eq!(answer.body["timestamp"], "2025-08-17T12:00:02.000001Z");
        assert_eq!(answer.body["status"], Value::Null);
        assert_problem(&get(&router, "/latest?key=7").await, 404, "`7`");
        assert_problem(
            &get(&router, "/latest?key=seven").await,
            400,
            "`sensor_id`: a whole number",
        );
    })
    .await;
}

#[tokio::test]
async fn history_is_the_newest_readings_oldest_first() {
    with_table(|fixture| async move {
        let router = fixture.router();
        assert_eq!(get(&router, "/history").await.body, json!([]));
        fixture.insert_readings().await;
        assert_eq!(
            temperatures(&get(&router, "/history").await),
            [20.5, 24.0, 21.25, 23.0, 22.0]
        );
        assert_eq!(
            temperatures(&get(&router, "/history?limit=2").await),
            [23.0, 22.0]
        );
        assert_eq!(
            temperatures(&get(&router, "/history?key=1&limit=10000").await),
            [20.5, 21.25]
        );
        assert_eq!(
            temperatures(&get(&router, "/history?key=2&limit=1").await),
            [22.0]
        );
    })
    .await;
}

#[tokio::test]
async fn history_returns_a_hundred_readings_unless_told() {
    with_table(|fixture| async move {
        let insert = format!(
            "INSERT INTO {}.sensor_data SELECT 1, '2025-01-01T00:00:00Z'::timestamptz + n * interval '1 s', n, n, true,
             NULL, 0, n FROM generate_series(1, 150) n",
            fixture.schema
        );
        sqlx::raw_sql(AssertSqlSafe(insert)).execute(&fixture.admin).await.unwrap();
        let found = temperatures(&get(&fixture.router(), "/history").await);
        assert_eq!((found.len(), found[0], found[99]), (100, 51.0, 150.0));
    })
    .await;
}

#[tokio::test]
async fn wrong_requests_are_problems_that_say_what_to_change() {
    with_table(|fixture| async move {
        let router = fixture.router();
        for limit in ["0", "10001", "-1", "ten", "", "1.5", "99999999999999999999"] {
            let answer = get(&router, &format!("/history?limit={limit}")).await;
            assert_problem(&answer, 400, "limit must be a whole number from 1 to 10000");
        }
        assert_problem(&get(&router, "/history?limits=3").await, 400, "limits");
        assert_problem(
            &get(&router, "/history?limit=3&limit=4").await,
            400,
            "limit",
        );
        assert_problem(&get(&router, "/latest?limit=1").await, 400, "limit");
        assert_problem(&get(&router, "/openapi.json?pretty").await, 400, "pretty");
        assert_problem(&get(&router, "/nothing").await, 404, "/openapi.json");
        let post = send(
            &router,
            Request::post("/latest").body(Body::empty()).unwrap(),
        )
        .await;
        assert_problem(&post, 405, "GET");
        assert!(
            post.headers[header::ALLOW]
                .to_str()
                .unwrap()
                .contains("GET")
        );
    })
    .await;
}

#[tokio::test]
async fn only_declared_origins_may_call_from_a_browser() {
    with_table(|fixture| async move {
        let ask = |router: Router, origin: &'static str| async move {
            let request = Request::get("/history")
                .header(header::ORIGIN, origin)
                .body(Body::empty())
                .unwrap();
            let answer = send(&router, request).await;
            answer
                .headers
                .get(header::ACCESS_CONTROL_ALLOW_ORIGIN)
                .map(|origin| origin.to_str().unwrap().to_owned())
        };
        let plant = "https://plant.example.com";
        let some = || fixture.router_with(&json!({ "allowedOrigins": [plant] }));
        assert_eq!(ask(some(), plant).await.as_deref(), Some(plant));
        assert_eq!(ask(some(), "https://elsewhere.example.com").await, None);
        let any = fixture.router_with(&json!({ "allowedOrigins": ["*"] }));
        assert_eq!(ask(any, plant).await.as_deref(), Some("*"));
        assert_eq!(ask(fixture.router(), plant).await, None);
    })
    .await;
}

#[tokio::test]
async fn a_table_that_is_not_there_yet_is_no_failure_of_the_api() {
    with_table(|fixture| async move {
        let missing = Fixture {
            schema: format!("{}_missing", fixture.schema),
            admin: fixture.admin,
        };
        let answer = get(&missing.router(), "/latest").await;
        assert_problem(&answer, 503, "not there yet");
        assert!(answer.headers.contains_key(header::RETRY_AFTER));
    })
    .await;
}

#[tokio::test]
async fn an_unreachable_database_is_a_503_that_says_when_to_come_back() {
    // Nothing listens on port 1.
    let pool = serve::pool("postgres://nobody@127.0.0.1:1/nothing", "default").unwrap();
    let router = serve::router(&config("s", &Value::Null), pool, &Catalog::default());
    let answer = get(&router, "/history").await;
    assert_problem(&answer, 503, "can't be reached");
    assert_eq!(answer.headers[header::RETRY_AFTER], "5");
    assert_eq!(get(&router, "/openapi.json").await.status, StatusCode::OK);
}

#[tokio::test]
async fn its_sessions_can_not_write() {
    with_table(|fixture| async move {
        let pool = serve::pool(&database_url(), "default").unwrap();
        let delete = format!("DELETE FROM {}.sensor_data", fixture.schema);
        let error = sqlx::raw_sql(AssertSqlSafe(delete))
            .execute(&pool)
            .await
            .unwrap_err();
        let code = error
            .as_database_error()
            .and_then(|error| error.code().map(Cow::into_owned));
        assert_eq!(code.as_deref(), Some("25006"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn requests_are_counted_by_route_and_never_by_what_callers_make_up() {
    with_table(|fixture| async move {
        let metrics = Catalog::default();
        let pool = serve::pool(&database_url(), "default").unwrap();
        let router = serve::router(&config(&fixture.schema, &Value::Null), pool, &metrics);
        for uri in ["/latest", "/history?limit=0", "/made/up", "/made/up/too"] {
            get(&router, uri).await;
        }
        let families = metrics.gather();
        let requests = families
            .iter()
            .find(|family| family.name() == "sensorstream_api_requests_total")
            .unwrap();
        let mut counted: Vec<(Vec<String>, f64)> = requests
            .get_metric()
            .iter()
            .map(|metric| {
                let labels = metric
                    .get_label()
                    .iter()
                    .map(|label| label.value().to_owned())
                    .collect();
                (labels, metric.get_counter().get_value())
            })
            .collect();
        // What nobody asked for is there at zero.
        counted.retain(|(_, count)| *count > 0.0);
        counted.sort_by(|a, b| a.0.cmp(&b.0));
        let labels = |method: &str, route: &str, status: &str| {
            vec![method.into(), route.into(), status.into()]
        };
        assert_eq!(
            counted,
            [
                (labels("GET", "/history", "400"), 1.0),
                (labels("GET", "/latest", "404"), 1.0),
                (labels("GET", "other", "404"), 2.0),
            ]
        );
    })
    .await;
}
