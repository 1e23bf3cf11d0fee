//! The newest readings, and what requests have in common.

use std::borrow::Cow;

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use sensorstream_processor::serve::{self, Tail};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::fixture::{
    Answer, Fixture, Served, assert_problem, config, database_url, serve_from, with_tables,
};

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

#[tokio::test]
async fn the_latest_reading_is_the_newest_by_event_time_and_then_by_position() {
    with_tables(|fixture| async move {
        let api = fixture.serve();
        assert_problem(&api.get("/latest").await, 404, "no reading yet");
        fixture.insert_readings().await;
        let answer = api.get("/latest").await;
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
    with_tables(|fixture| async move {
        let api = fixture.serve();
        fixture.insert_readings().await;
        let answer = api.get("/latest?key=1").await;
        assert_eq!(answer.body["timestamp"], "2025-08-17T12:00:02.000001Z");
        assert_eq!(answer.body["status"], Value::Null);
        assert_problem(&api.get("/latest?key=7").await, 404, "`7`");
        assert_problem(
            &api.get("/latest?key=seven").await,
            400,
            "`sensor_id`: a whole number",
        );
    })
    .await;
}

#[tokio::test]
async fn history_is_the_newest_readings_oldest_first() {
    with_tables(|fixture| async move {
        let api = fixture.serve();
        assert_eq!(api.get("/history").await.body, json!([]));
        fixture.insert_readings().await;
        assert_eq!(
            temperatures(&api.get("/history").await),
            [20.5, 24.0, 21.25, 23.0, 22.0]
        );
        assert_eq!(
            temperatures(&api.get("/history?limit=2").await),
            [23.0, 22.0]
        );
        assert_eq!(
            temperatures(&api.get("/history?key=1&limit=10000").await),
            [20.5, 21.25]
        );
        assert_eq!(
            temperatures(&api.get("/history?key=2&limit=1").await),
            [22.0]
        );
    })
    .await;
}

#[tokio::test]
async fn history_returns_a_hundred_readings_unless_told() {
    with_tables(|fixture| async move {
        let insert = format!(
            "INSERT INTO {}.sensor_data SELECT 1, '2025-01-01T00:00:00Z'::timestamptz + n * interval '1 s', n, n, true,
             NULL, 0, n FROM generate_series(1, 150) n",
            fixture.schema
        );
        sqlx::raw_sql(AssertSqlSafe(insert)).execute(&fixture.admin).await.unwrap();
        let found = temperatures(&fixture.serve().get("/history").await);
        assert_eq!((found.len(), found[0], found[99]), (100, 51.0, 150.0));
    })
    .await;
}

#[tokio::test]
async fn wrong_requests_are_problems_that_say_what_to_change() {
    with_tables(|fixture| async move {
        let api = fixture.serve();
        for limit in ["0", "10001", "-1", "ten", "", "1.5", "99999999999999999999"] {
            let answer = api.get(&format!("/history?limit={limit}")).await;
            assert_problem(&answer, 400, "limit must be a whole number from 1 to 10000");
        }
        assert_problem(&api.get("/history?limits=3").await, 400, "limits");
        assert_problem(&api.get("/history?limit=3&limit=4").await, 400, "limit");
        assert_problem(&api.get("/latest?limit=1").await, 400, "limit");
        assert_problem(&api.get("/openapi.json?pretty").await, 400, "pretty");
        assert_problem(&api.get("/nothing").await, 404, "openapi.json");
        let post = api
            .send(Request::post("/latest").body(Body::empty()).unwrap())
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
    with_tables(|fixture| async move {
        let ask = |api: Served, origin: &'static str| async move {
            let request = Request::get("/history")
                .header(header::ORIGIN, origin)
                .body(Body::empty())
                .unwrap();
            let answer = api.send(request).await;
            answer
                .headers
                .get(header::ACCESS_CONTROL_ALLOW_ORIGIN)
                .map(|origin| origin.to_str().unwrap().to_owned())
        };
        let plant = "https://plant.example.com";
        let some = || fixture.serve_with(&json!({ "cors": { "allowedOrigins": [plant] } }));
        assert_eq!(ask(some(), plant).await.as_deref(), Some(plant));
        assert_eq!(ask(some(), "https://elsewhere.example.com").await, None);
        let any = fixture.serve_with(&json!({ "cors": { "allowedOrigins": ["*"] } }));
        assert_eq!(ask(any, plant).await.as_deref(), Some("*"));
        assert_eq!(ask(fixture.serve(), plant).await, None);
    })
    .await;
}

#[tokio::test]
async fn a_table_that_is_not_there_yet_is_no_failure_of_the_api() {
    with_tables(|fixture| async move {
        let missing = Fixture {
            schema: format!("{}_missing", fixture.schema),
            admin: fixture.admin,
        };
        let answer = missing.serve().get("/latest").await;
        assert_problem(&answer, 503, "not there yet");
        assert!(answer.headers.contains_key(header::RETRY_AFTER));
    })
    .await;
}

#[tokio::test]
async fn an_unreachable_database_is_a_503_that_says_when_to_come_back() {
    // Nothing listens on port 1.
    let pool = serve::pool("postgres://nobody@127.0.0.1:1/nothing", "default").unwrap();
    let api = serve_from(&config("s", &Value::Null), pool, Tail::default(), None);
    let answer = api.get("/history").await;
    assert_problem(&answer, 503, "can't be reached");
    assert_eq!(answer.headers[header::RETRY_AFTER], "5");
    assert_eq!(api.get("/openapi.json").await.status, StatusCode::OK);
}

#[tokio::test]
async fn its_sessions_can_not_write() {
    with_tables(|fixture| async move {
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
    with_tables(|fixture| async move {
        let api = fixture.serve();
        for uri in ["/latest", "/history?limit=0", "/made/up", "/made/up/too"] {
            api.get(uri).await;
        }
        let families = api.metrics.gather();
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
