//! Who may ask, how often, and what browsers are told.

use std::net::SocketAddr;

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Request, StatusCode, header},
};
use sensorstream_processor::serve::{self, Tail};
use serde_json::json;

use crate::fixture::{Served, assert_problem, config, database_url, serve_from, with_tables};

const TOKEN: &str = "0123456789abcdef";

fn with_token(schema: &str) -> Served {
    let auth =
        json!({ "auth": { "bearerToken": { "secretKeyRef": { "name": "api", "key": "token" } } } });
    let pool = serve::pool(&database_url(), "default").unwrap();
    serve_from(&config(schema, &auth), pool, Tail::default(), Some(TOKEN))
}

#[tokio::test]
async fn without_the_token_there_is_no_answer() {
    with_tables(|fixture| async move {
        let api = with_token(&fixture.schema);
        for path in [
            "/latest",
            "/events",
            "/pipeline",
            "/windows/minutes",
            "/alerts",
        ] {
            let answer = api.get(path).await;
            assert_problem(&answer, 401, "Bearer");
            assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer");
        }
        let request = Request::get("/pipeline")
            .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
            .body(Body::empty())
            .unwrap();
        assert_eq!(api.send(request).await.status, StatusCode::OK);
        // What says that a token is needed needs none.
        let document = api.get("/openapi.json").await;
        assert_eq!(document.status, StatusCode::OK);
        assert_eq!(
            document.body["components"]["securitySchemes"]["bearerToken"]["scheme"],
            "bearer"
        );
    })
    .await;
}

#[tokio::test]
async fn whoever_asks_too_often_is_told_when_to_come_back() {
    with_tables(|fixture| async move {
        let api = fixture.serve_with(&json!({ "limits": { "requestsPerSecond": 1 } }));
        for _ in 0..4 {
            assert_eq!(api.get("/pipeline").await.status, StatusCode::OK);
        }
        let answer = api.get("/pipeline").await;
        assert_problem(&answer, 429, "requestsPerSecond");
        assert_eq!(answer.headers[header::RETRY_AFTER], "1");
    })
    .await;
}

#[tokio::test]
async fn streams_are_counted_and_limited() {
    with_tables(|fixture| async move {
        let api = fixture.serve_with(&json!({ "limits": { "streams": 1 } }));
        let stream = || {
            use tower::ServiceExt;
            let request = Request::get("/events").body(Body::empty()).unwrap();
            api.router.clone().oneshot(request)
        };
        let first = stream().await.unwrap();
        assert_eq!(first.status(), StatusCode::OK);
        assert_problem(&api.get("/events").await, 503, "api.limits.streams");
        drop(first);
        assert_eq!(stream().await.unwrap().status(), StatusCode::OK);
    })
    .await;
}

#[tokio::test]
async fn browsers_are_told_what_the_answers_are_not_for() {
    with_tables(|fixture| async move {
        let api = fixture.serve();
        for path in ["/pipeline", "/made/up", "/history?limit=0"] {
            let answer = api.get(path).await;
            assert_eq!(
                answer.headers[header::X_CONTENT_TYPE_OPTIONS],
                "nosniff",
                "{path}"
            );
            let policy = answer.headers[header::CONTENT_SECURITY_POLICY]
                .to_str()
                .unwrap();
            assert!(
                policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'")
            );
        }
    })
    .await;
}

#[tokio::test]
async fn pages_are_as_long_as_the_spec_lets_them_be() {
    with_tables(|fixture| async move {
        let api = fixture.serve_with(&json!({ "limits": { "pageSize": 3 } }));
        fixture.insert_readings().await;
        assert_problem(&api.get("/history?limit=4").await, 400, "from 1 to 3");
        let found = api.get("/history").await.body;
        assert_eq!(found.as_array().unwrap().len(), 3);
    })
    .await;
}

#[tokio::test]
async fn behind_a_proxy_the_proxy_says_who_asks() {
    with_tables(|fixture| async move {
        let api = fixture.serve_with(&json!({ "auth": { "proxy": {
            "header": "X-Auth-Request-Email", "trustedNetworks": ["10.244.0.0/16"], "users": ["ann@example.com"],
        } } }));
        let ask = async |from: [u8; 4], user: &str| {
            let request = Request::get("/pipeline")
                .header("X-Auth-Request-Email", user)
                .extension(ConnectInfo(SocketAddr::from((from, 40_000))))
                .body(Body::empty())
                .unwrap();
            api.send(request).await
        };
        let let_in = ask([10, 244, 3, 4], "ann@example.com").await;
        assert_eq!(let_in.status, StatusCode::OK);
        let other = ask([10, 244, 3, 4], "bob@example.com").await;
        assert_problem(&other, 403, "api.auth.proxy.users");
        let forged = ask([10, 96, 0, 1], "ann@example.com").await;
        assert_problem(&forged, 403, "through the proxy");
    })
    .await;
}
