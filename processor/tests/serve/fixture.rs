//! A schema with the tables of a small pipeline, and ways to ask its API.

use std::{
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
use sensorstream_ledger::migrate::migrate;
use sensorstream_processor::serve::{self, Sources, Tail};
use sensorstream_telemetry::metrics::Catalog;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt;

static SCHEMAS: AtomicU32 = AtomicU32::new(0);

/// A pipeline's tables, in a schema that is also the pipeline's name.
pub struct Fixture {
    pub admin: PgPool,
    pub schema: String,
}

/// An answer of the API.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

/// An API under test; it stops when this is dropped.
pub struct Served {
    pub router: Router,
    pub metrics: Catalog,
    _stop: DropGuard,
}

pub fn database_url() -> String {
    std::env::var("DATABASE_URL").expect(
        "DATABASE_URL is not set: these tests need a PostgreSQL; `make cluster` starts one and `make env` names it",
    )
}

/// The configuration of the API, with some members set.
pub fn config(schema: &str, set: &Value) -> ServeConfig {
    let mut config = json!({
        "pipeline": { "namespace": "default", "name": schema },
        "kafka": { "bootstrapServers": "127.0.0.1:1", "tls": false },
        "schema": schema,
        "outputs": { "table": { "name": "sensor_data" }, "deadLetter": { "topic": { "name": "bad" } } },
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
        "windows": [
            { "name": "minutes", "tumbling": { "size": "1m" }, "groupBy": ["sensor_id"],
              "aggregates": [{ "as": "readings", "count": {} }, { "as": "hottest", "max": { "field": "temperature" } }] },
            { "name": "totals", "tumbling": { "size": "1m" },
              "aggregates": [{ "as": "uptime", "sum": { "field": "uptime" } }] },
        ],
    });
    for (name, value) in set.as_object().into_iter().flatten() {
        config[name] = value.clone();
    }
    serde_json::from_value(config).unwrap()
}

/// Runs a test in a schema of its own, with the tables as the operator makes them.
pub async fn with_tables<F: Future>(test: impl FnOnce(Fixture) -> F) {
    let admin = PgPool::connect(&database_url())
        .await
        .expect("DATABASE_URL can be reached");
    migrate(&admin).await.unwrap();
    let number = SCHEMAS.fetch_add(1, Ordering::Relaxed);
    let schema = format!("serve_test_{}_{number}", std::process::id());
    let fixture = Fixture {
        admin: admin.clone(),
        schema: schema.clone(),
    };
    fixture
        .run(
            "CREATE SCHEMA $;
             CREATE TABLE $.sensor_data (
                 sensor_id integer NOT NULL, timestamp timestamptz NOT NULL, temperature double precision NOT NULL,
                 uptime bigint NOT NULL, charging boolean NOT NULL, status text,
                 _partition integer, _offset bigint);
             CREATE INDEX ON $.sensor_data (timestamp DESC);
             CREATE INDEX ON $.sensor_data (sensor_id, timestamp DESC);
             CREATE TABLE $.minutes (
                 window_start timestamptz, window_end timestamptz NOT NULL, sensor_id integer, readings bigint,
                 hottest double precision, _partition integer NOT NULL, PRIMARY KEY (window_start, sensor_id));
             CREATE INDEX ON $.minutes (window_end DESC);
             CREATE TABLE $.totals (
                 window_start timestamptz PRIMARY KEY, window_end timestamptz NOT NULL, uptime numeric,
                 _partition integer NOT NULL);
             CREATE INDEX ON $.totals (window_end DESC);",
        )
        .await;
    let outcome = AssertUnwindSafe(test(fixture)).catch_unwind().await;
    let left = Fixture { admin, schema };
    left.run(
        "DROP SCHEMA $ CASCADE;
         DELETE FROM sensorstream.shards WHERE pipeline = 'default/$';
         DELETE FROM sensorstream.statuses WHERE pipeline = 'default/$';",
    )
    .await;
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

impl Fixture {
    pub fn serve(&self) -> Served {
        self.serve_with(&Value::Null)
    }

    pub fn serve_with(&self, set: &Value) -> Served {
        let pool = serve::pool(&database_url(), "default").unwrap();
        serve_from(&config(&self.schema, set), pool, Tail::default(), None)
    }

    /// Runs statements in which `$` is the schema.
    pub async fn run(&self, statements: &str) {
        sqlx::raw_sql(AssertSqlSafe(statements.replace('$', &self.schema)))
            .execute(&self.admin)
            .await
            .unwrap();
    }

    pub async fn insert(&self, values: &str) {
        self.run(&format!("INSERT INTO $.sensor_data VALUES {values}"))
            .await;
    }

    /// Five readings of two sensors; two of one moment, in two partitions.
    pub async fn insert_readings(&self) {
        self.insert(
            "(1, '2025-08-17T12:00:00Z', 20.5, 1, true, 'OK', 0, 10),
             (1, '2025-08-17T14:00:02.000001+02:00', 21.25, 2, false, NULL, 0, 11),
             (2, '2025-08-17T12:00:03Z', 22, 9007199254740993, true, 'a \"b\"', 1, 3),
             (2, '2025-08-17T12:00:03Z', 23, 4, true, 'OK', 0, 12),
             (2, '2025-08-17T12:00:01Z', 24, 5, true, 'OK', 1, 4)",
        )
        .await;
    }

    /// Says in the commit log that a partition is decided up to an offset.
    pub async fn commit(&self, partition: i32, next_offset: i64, watermark: &str) {
        self.run(&format!(
            "INSERT INTO sensorstream.shards (pipeline, topic, incarnation, partition, epoch, owner, next_offset,
                                              start_offset, watermark, records_read, accepted, last_commit_at)
             VALUES ('default/$', 'sensor-data', 'a', {partition}, 1, 'pod-0', {next_offset}, 0, '{watermark}',
                     {next_offset}, {next_offset}, now())
             ON CONFLICT (pipeline, stage, incarnation, partition) DO UPDATE
             SET next_offset = excluded.next_offset, watermark = excluded.watermark,
                 records_read = excluded.records_read, last_commit_at = now()"
        ))
        .await;
    }
}

pub fn serve_from(config: &ServeConfig, pool: PgPool, tail: Tail, tokens: Option<&str>) -> Served {
    let metrics = Catalog::default();
    let stop = CancellationToken::new();
    let sources = Sources {
        pool,
        tail,
        tokens: tokens.map(str::to_owned),
    };
    let router = serve::router(config, sources, None, &metrics, &stop).unwrap();
    Served {
        router,
        metrics,
        _stop: stop.drop_guard(),
    }
}

impl Served {
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    pub async fn get(&self, uri: &str) -> Answer {
        self.send(Request::get(uri).body(Body::empty()).unwrap())
            .await
    }

    /// All pages of a list from here on, each as its rows.
    pub async fn pages(&self, uri: &str) -> Vec<Value> {
        let path = uri.split('?').next().unwrap().to_owned();
        let mut pages = Vec::new();
        let mut next = Some(uri.to_owned());
        while let Some(uri) = next {
            let answer = self.get(&uri).await;
            assert_eq!(answer.status, StatusCode::OK, "{uri}: {}", answer.body);
            next = answer.headers.get(header::LINK).map(|link| {
                let link = link.to_str().unwrap();
                let relative = link
                    .strip_prefix('<')
                    .and_then(|link| link.strip_suffix(">; rel=\"next\""));
                format!("{path}{}", relative.unwrap())
            });
            pages.push(answer.body);
        }
        pages
    }
}

/// A member of each row.
pub fn column(rows: &Value, name: &str) -> Vec<Value> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row[name].clone()).collect()
}

#[track_caller]
pub fn assert_problem(answer: &Answer, status: u16, detail: &str) {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
    assert_eq!(
        answer.headers[header::CONTENT_TYPE],
        "application/problem+json"
    );
    assert_eq!(answer.body["status"], status);
    let found = answer.body["detail"].as_str().unwrap();
    assert!(found.contains(detail), "`{found}` does not say `{detail}`");
}
