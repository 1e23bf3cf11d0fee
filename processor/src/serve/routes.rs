//! The routes, and what every answer has in common.

use std::{path::Path, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{FromRequestParts, Path as PathParameter, Query, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use sensorstream_crds::{api::Cors, runtime::ServeConfig, window_table::NoTable};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use tower_http::{
    compression::CompressionLayer,
    cors::{AllowOrigin, CorsLayer},
};

use super::{
    access::{self, Access},
    column::ColumnType,
    given::{Given, expected},
    health::Health,
    live::{
        hub::Hub,
        position::Position,
        stream::{self, Interest, KeyOf},
    },
    metrics::{self, Metrics},
    openapi,
    page::{Page, PageParameters, shortened},
    page_files,
    problem::Problem,
    readings::{Place, Readings},
    shape::Pipeline,
    tail::{Known, Tail, shelf},
    window_rows::WindowRows,
};

/// The paths that are answered.
pub(super) const ROUTES: [&str; 10] = [
    PIPELINE,
    HEALTH,
    LATEST,
    HISTORY,
    KEYS,
    WINDOW,
    ALERTS,
    DEAD_LETTERS,
    EVENTS,
    OPENAPI,
];
pub(super) const PIPELINE: &str = "/pipeline";
pub(super) const HEALTH: &str = "/health";
pub(super) const LATEST: &str = "/latest";
pub(super) const HISTORY: &str = "/history";
pub(super) const KEYS: &str = "/keys";
pub(super) const WINDOW: &str = "/windows/{window}";
pub(super) const ALERTS: &str = "/alerts";
pub(super) const DEAD_LETTERS: &str = "/dead-letters";
pub(super) const EVENTS: &str = "/events";
pub(super) const OPENAPI: &str = "/openapi.json";
/// What nginx goes by.
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");
/// How long an answer may take in all, but for streams.
const DEADLINE: Duration = Duration::from_secs(10);

/// What the API answers from. Clones share it.
#[derive(Clone)]
pub(super) struct Api {
    pool: PgPool,
    /// The table of readings, if there is one.
    readings: Option<Arc<Readings>>,
    windows: Arc<Vec<WindowRows>>,
    key: (String, ColumnType),
    shape: Arc<Pipeline>,
    document: Bytes,
    hub: Arc<Hub>,
    access: Access,
    metrics: Metrics,
    page_size: i64,
    shutdown: CancellationToken,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyParameters {
    key: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoParameters {}

impl Api {
    /// What the API of a pipeline answers from.
    ///
    /// # Errors
    /// When a window is not one that admission lets through.
    pub(super) fn new(
        config: &ServeConfig,
        pool: PgPool,
        tail: Tail,
        access: Access,
        metrics: Metrics,
        shutdown: CancellationToken,
    ) -> Result<Self, NoTable> {
        let windows = WindowRows::all(config)?;
        let readings = Readings::of(config).map(Arc::new);
        let hub = Hub::new(&pool, config.pipeline.to_string(), readings.clone(), tail);
        Ok(Self {
            pool,
            key: (config.input.key.clone(), ColumnType::of_key(&config.input)),
            shape: Arc::new(Pipeline::of(config, &windows)),
            document: serde_json::to_vec(&openapi::document(config, &windows))
                .expect("OpenAPI is JSON")
                .into(),
            readings,
            windows: Arc::new(windows),
            hub: Arc::new(hub),
            access,
            metrics,
            page_size: config.limits.page_size.into(),
            shutdown,
        })
    }

    /// Looks at the pipeline for those who listen, until shutdown.
    pub(super) async fn look(self) {
        self.hub.run(self.shutdown.clone()).await;
    }

    /// Whether the database answers and has the tables.
    pub(super) async fn probe(&self) -> Result<(), sqlx::Error> {
        if let Some(readings) = &self.readings {
            readings.probe(&self.pool).await?;
        }
        for window in self.windows.iter() {
            window.probe(&self.pool).await?;
        }
        Ok(())
    }

    /// The routes, and the files of the dashboard, if they are there.
    pub(super) fn router(self, cors: Option<&Cors>, dashboard: Option<&Path>) -> Router {
        let (access, metrics) = (self.access.clone(), self.metrics.clone());
        let mut answered = Router::new()
            .route(PIPELINE, get(pipeline))
            .route(HEALTH, get(health))
            .route(WINDOW, get(window))
            .route(ALERTS, get(alerts))
            .route(DEAD_LETTERS, get(dead_letters));
        if self.readings.is_some() {
            answered = answered
                .route(LATEST, get(latest))
                .route(HISTORY, get(history))
                .route(KEYS, get(keys));
        }
        let guarded = answered
            .layer(middleware::from_fn(within_deadline))
            .route(EVENTS, get(events))
            .layer(middleware::from_fn_with_state(
                access.clone(),
                access::admitted,
            ));
        let open = Router::new().route(OPENAPI, get(document));
        let router = guarded
            .merge(open)
            .with_state(self)
            .method_not_allowed_fallback(async || Problem::method_not_allowed())
            .layer(CompressionLayer::new())
            .layer(middleware::from_fn(not_kept));
        let router = match dashboard {
            Some(folder) => router.fallback_service(page_files::files(folder)),
            None => router.fallback(async || Problem::nothing_here()),
        };
        let router = match cors {
            Some(cors) => router.layer(cors_layer(cors)),
            None => router,
        };
        router
            .layer(middleware::from_fn_with_state(
                access,
                access::within_connections,
            ))
            .layer(middleware::from_fn(access::secure))
            .layer(middleware::from_fn_with_state(metrics, metrics::count))
    }

    /// The table of readings: these routes are there only with it.
    fn readings(&self) -> Result<&Readings, Problem> {
        let none = || Problem::not_found("this pipeline has no table of readings");
        self.readings.as_deref().ok_or_else(none)
    }

    /// Reads the key that is asked for, if one is.
    fn key_of(&self, asked: Option<&str>) -> Result<Option<Given>, Problem> {
        asked.map(|text| self.parse_key(text)).transpose()
    }

    fn parse_key(&self, text: &str) -> Result<Given, Problem> {
        let (name, type_) = &self.key;
        Given::parse(*type_, text).ok_or_else(|| {
            Problem::bad_request(format!(
                "key must be a value of the field `{name}`: {}",
                expected(*type_)
            ))
        })
    }

    /// A list that has no other parameters than these two.
    fn plain(&self, asked: PageParameters) -> Result<Page, Problem> {
        let page = asked.read(self.page_size)?;
        if page.key.is_some() || page.from.is_some() || page.to.is_some() {
            return Err(Problem::bad_request(
                "this list takes the parameters limit and cursor only",
            ));
        }
        Ok(page)
    }
}

async fn pipeline(
    State(api): State<Api>,
    Checked(_): Checked<NoParameters>,
) -> Json<Arc<Pipeline>> {
    Json(api.shape)
}

async fn health(
    State(api): State<Api>,
    Checked(_): Checked<NoParameters>,
) -> Result<Json<Arc<Health>>, Problem> {
    api.hub.health().await.map(Json)
}

async fn latest(
    State(api): State<Api>,
    Checked(asked): Checked<KeyParameters>,
) -> Result<Json<Value>, Problem> {
    let key = api.key_of(asked.key.as_deref())?;
    let newest = api.readings()?.newest(&api.pool, key).await;
    let newest = newest.map_err(|error| Problem::of_failed(&error))?;
    newest.map(Json).ok_or_else(|| match asked.key {
        Some(key) => {
            Problem::not_found(format!("there is no reading of `{}` yet", shortened(&key)))
        }
        None => Problem::not_found("there is no reading yet"),
    })
}

async fn history(
    State(api): State<Api>,
    Checked(asked): Checked<PageParameters>,
) -> Result<Response, Problem> {
    let page = asked.read(api.page_size)?;
    let key = api.key_of(page.key.as_deref())?;
    let after: Option<Place> = page.after()?;
    let found = api.readings()?.page(&api.pool, &page, after, key).await;
    let mut found = found.map_err(|error| Problem::of_failed(&error))?;
    found.rows.reverse();
    Ok(page.answer(&found.rows, found.last.as_ref()))
}

async fn keys(
    State(api): State<Api>,
    Checked(asked): Checked<PageParameters>,
) -> Result<Response, Problem> {
    let page = api.plain(asked)?;
    let after: Option<String> = page.after()?;
    let after = after
        .map(|key| api.parse_key(&key).map_err(|_| Problem::no_such_page()))
        .transpose()?;
    if after.as_ref().is_some_and(|key| !key.is_storable()) {
        return Err(Problem::no_such_page());
    }
    let found = api.readings()?.keys(&api.pool, page.limit, after).await;
    let found = found.map_err(|error| Problem::of_failed(&error))?;
    Ok(page.answer(&found.rows, found.last.as_ref()))
}

async fn window(
    State(api): State<Api>,
    PathParameter(name): PathParameter<String>,
    Checked(asked): Checked<PageParameters>,
) -> Result<Response, Problem> {
    let window = api.windows.iter().find(|window| window.name == name);
    let window = window.ok_or_else(|| {
        let names: Vec<&str> = api
            .windows
            .iter()
            .map(|window| window.name.as_str())
            .collect();
        let name = shortened(&name);
        Problem::not_found(if names.is_empty() {
            "this pipeline has no windows".to_owned()
        } else {
            format!(
                "there is no window `{name}`; there are: {}",
                names.join(", ")
            )
        })
    })?;
    let page = asked.read(api.page_size)?;
    let key = api.key_of(page.key.as_deref())?;
    if key.is_some() && !window.keyed {
        let field = &api.key.0;
        return Err(Problem::bad_request(format!(
            "rows of `{name}` are not of one key each: its groupBy does not contain `{field}`; ask without key"
        )));
    }
    let after: Option<Vec<String>> = page.after()?;
    let after = after
        .map(|after| window.parse_place(&after).ok_or_else(Problem::no_such_page))
        .transpose()?;
    let found = window.page(&api.pool, &page, after, key).await;
    let found = found.map_err(|error| Problem::of_failed(&error))?;
    Ok(page.answer(&found.rows, found.last.as_ref()))
}

async fn alerts(
    State(api): State<Api>,
    Checked(asked): Checked<PageParameters>,
) -> Result<Response, Problem> {
    shelf_page(&api, asked, |known, limit, before| {
        known.alerts.page(limit, before)
    })
}

async fn dead_letters(
    State(api): State<Api>,
    Checked(asked): Checked<PageParameters>,
) -> Result<Response, Problem> {
    shelf_page(&api, asked, |known, limit, before| {
        known.dead_letters.page(limit, before)
    })
}

/// A page of what the tail holds.
fn shelf_page<T: Serialize>(
    api: &Api,
    asked: PageParameters,
    page_of: impl FnOnce(&Known, usize, Option<shelf::Place>) -> (Vec<T>, Option<shelf::Place>),
) -> Result<Response, Problem> {
    let page = api.plain(asked)?;
    let before: Option<shelf::Place> = page.after()?;
    let known = api.hub.tail.known();
    if !known.is_current() {
        return Err(Problem::unavailable(
            "the topic has not been read yet, or Kafka can't be reached; try again later",
        ));
    }
    let (rows, last) = page_of(&known, page.limit as usize, before);
    drop(known);
    Ok(page.answer(&rows, last.as_ref()))
}

async fn events(
    State(api): State<Api>,
    headers: HeaderMap,
    Checked(asked): Checked<KeyParameters>,
) -> Result<Response, Problem> {
    let key = api.key_of(asked.key.as_deref())?;
    let position = headers.get("last-event-id").map(|id| {
        let text = id.to_str().ok();
        text.and_then(Position::parse).ok_or_else(|| {
            Problem::bad_request("Last-Event-ID must be the id of an event of this stream; leave it out to begin now")
        })
    });
    let interest = Interest {
        key: key.map(|value| KeyOf {
            field: api.key.0.clone(),
            type_: api.key.1,
            value,
        }),
        position: position.transpose()?,
    };
    let permit = api.access.stream()?;
    let counted = api.metrics.streaming();
    let begun = stream::begin(&api.hub, interest, (permit, counted), api.shutdown.clone());
    let mut response = begun.await?.into_response();
    // Proxies may not collect events before they pass them on.
    let headers = response.headers_mut();
    headers.insert(UNBUFFERED, HeaderValue::from_static("no"));
    Ok(response)
}

async fn document(State(api): State<Api>, Checked(_): Checked<NoParameters>) -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], api.document).into_response()
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

async fn within_deadline(request: Request, next: Next) -> Response {
    tokio::time::timeout(DEADLINE, next.run(request))
        .await
        .unwrap_or_else(|_| Problem::timed_out().into_response())
}

/// Readings change by the second, so nobody may keep an answer.
async fn not_kept(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let never = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, never);
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
        .allow_headers([
            header::ACCEPT,
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("last-event-id"),
        ])
        .expose_headers([header::LINK, header::RETRY_AFTER])
        .max_age(Duration::from_hours(1))
}
