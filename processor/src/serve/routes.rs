//! The routes, and what every answer has in common.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{FromRequestParts, Query, Request, State},
    http::{HeaderName, HeaderValue, Method, header, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use sensorstream_crds::{api::Cors, runtime::ServeConfig};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use sqlx::PgPool;
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa::openapi::OpenApi;

use super::{
    metrics::{self, Metrics},
    openapi,
    problem::Problem,
    query::Readings,
};
use crate::telemetry::chain;

/// The paths that are answered.
pub(super) const ROUTES: [&str; 3] = ["/latest", "/history", "/openapi.json"];
/// How many readings `/history` returns unless told.
pub(super) const DEFAULT_LIMIT: i64 = 100;
/// How many readings `/history` returns at most.
pub(super) const GREATEST_LIMIT: i64 = 10_000;
/// How long an answer may take in all.
const DEADLINE: Duration = Duration::from_secs(10);

#[derive(Clone)]
struct Api {
    pool: PgPool,
    readings: Arc<Readings>,
    document: Arc<OpenApi>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LatestParameters {
    key: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HistoryParameters {
    limit: Option<String>,
    key: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoParameters {}

/// The API of one pipeline.
pub(super) fn router(config: &ServeConfig, pool: PgPool, metrics: Metrics) -> Router {
    let api = Api {
        pool,
        readings: Arc::new(Readings::new(config)),
        document: Arc::new(openapi::document(config)),
    };
    let [latest_path, history_path, document_path] = ROUTES;
    let router = Router::new()
        .route(latest_path, get(latest))
        .route(history_path, get(history))
        .route(document_path, get(document))
        .with_state(api)
        .fallback(async || {
            Problem::not_found("there is nothing here; /openapi.json says what there is")
        })
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(middleware::from_fn(within_deadline));
    let router = match &config.cors {
        Some(cors) => router.layer(cors_layer(cors)),
        None => router,
    };
    router.layer(middleware::from_fn_with_state(metrics, metrics::count))
}

async fn latest(
    State(api): State<Api>,
    Checked(asked): Checked<LatestParameters>,
) -> Result<Json<Value>, Problem> {
    let mut newest = api.newest(asked.key.as_deref(), 1).await?;
    newest.pop().map(Json).ok_or_else(|| match asked.key {
        Some(key) => {
            Problem::not_found(format!("there is no reading of `{}` yet", shortened(&key)))
        }
        None => Problem::not_found("there is no reading yet"),
    })
}

async fn history(
    State(api): State<Api>,
    Checked(asked): Checked<HistoryParameters>,
) -> Result<Json<Vec<Value>>, Problem> {
    let limit = asked
        .limit
        .as_deref()
        .map_or(Ok(DEFAULT_LIMIT), parse_limit)?;
    let mut readings = api.newest(asked.key.as_deref(), limit).await?;
    readings.reverse();
    Ok(Json(readings))
}

async fn document(State(api): State<Api>, Checked(_): Checked<NoParameters>) -> Json<Arc<OpenApi>> {
    Json(api.document)
}

impl Api {
    async fn newest(&self, key: Option<&str>, limit: i64) -> Result<Vec<Value>, Problem> {
        let key = key.map(|key| self.readings.parse_key(key)).transpose()?;
        self.readings
            .newest(&self.pool, key, limit)
            .await
            .map_err(|error| {
                let problem = Problem::of_database(&error);
                tracing::warn!(
                    status = problem.status,
                    error = chain(&error),
                    "a query failed"
                );
                problem
            })
    }
}

fn parse_limit(text: &str) -> Result<i64, Problem> {
    text.parse()
        .ok()
        .filter(|limit| (1..=GREATEST_LIMIT).contains(limit))
        .ok_or_else(|| {
            let given = shortened(text);
            Problem::bad_request(format!(
                "limit must be a whole number from 1 to {GREATEST_LIMIT}, not `{given}`"
            ))
        })
}

fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}

/// Query parameters, refused as a problem when unknown, given twice or not readable.
struct Checked<T>(T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Checked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(parameters)| Self(parameters))
            .map_err(|refusal| Problem::bad_request(refusal.body_text()))
    }
}

/// Readings change by the second, so nobody may keep an answer.
async fn within_deadline(request: Request, next: Next) -> Response {
    let mut response = tokio::time::timeout(DEADLINE, next.run(request))
        .await
        .unwrap_or_else(|_| Problem::timed_out().into_response());
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn cors_layer(cors: &Cors) -> CorsLayer {
    let origins = match cors.allowed_origins.as_slice() {
        [any] if any == "*" => AllowOrigin::any(),
        origins => AllowOrigin::list(
            origins
                .iter()
                .filter_map(|origin| HeaderValue::from_str(origin).ok()),
        ),
    };
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::HEAD])
        .allow_headers([header::ACCEPT, header::CONTENT_TYPE])
        .expose_headers([HeaderName::from_static("retry-after")])
        .max_age(Duration::from_hours(1))
}
