//! What comes of a file is what a batch oracle says: SQL over the raw records of the topic, which shares nothing
//! with the engine. On the broker in memory, and a database of the test's own.

use std::{env, fmt::Write as _, fs, str::FromStr};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use sensorstream_oracle::{
    Oracle, Record, log,
    systems::{clickstream, factory},
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, ConnectOptions, PgPool, postgres::PgConnectOptions};

use crate::program::{Run, example};

/// How many lines a file has.
const LINES: usize = 6_000;

/// A database that is there for one test.
pub struct Database {
    pub uri: String,
    name: String,
    pub pool: PgPool,
}

fn server() -> String {
    env::var("DATABASE_URL").expect(
        "DATABASE_URL is not set: start the cluster with `make cluster`, then `eval \"$(make -s env)\"`",
    )
}

async fn run_sql(sql: String) {
    let options = PgConnectOptions::from_str(&server()).unwrap();
    let mut connection = options.connect().await.expect("PostgreSQL answers");
    let run = sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut connection)
        .await;
    run.unwrap();
}

impl Database {
    pub async fn make(name: &str) -> Self {
        let name = format!("test_cli_{name}_{}", std::process::id());
        run_sql(format!("CREATE DATABASE {name}")).await;
        let mut uri = url::Url::parse(&server()).unwrap();
        uri.set_path(&name);
        let pool = PgPool::connect(uri.as_str()).await.unwrap();
        Self {
            uri: uri.to_string(),
            name,
            pool,
        }
    }

    pub async fn remove(self) {
        self.pool.close().await;
        run_sql(format!("DROP DATABASE {} WITH (FORCE)", self.name)).await;
    }
}

/// What a run left, and what came in.
struct Results {
    database: Database,
    topics: Vec<Vec<Record>>,
}

/// Runs a file through an example. Answers what the `topics` have besides what is in the tables.
async fn process(name: &str, lines: &str, topics: &[&str]) -> Results {
    let database = Database::make(name).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("input.ndjson");
    fs::write(&file, lines).unwrap();
    let arguments = [
        "--input",
        file.to_str().unwrap(),
        "--database-url",
        &database.uri,
    ];
    let mut run = Run::start(&example(name), &arguments);
    let ready = run.until_ready();
    let kafka = ready["kafka"].as_str().unwrap().to_owned();
    run.until_read(LINES as u64);
    run.until("all is sent on", |event| {
        event["lag"] == 0 && event["event"] == "progress"
    });
    // The broker goes with the run, so the topics are read before; what is still to be sent then would
    // be missing, and found to be.
    let read: Vec<Vec<Record>> = topics
        .iter()
        .map(|topic| {
            let (kafka, topic) = (kafka.clone(), (*topic).to_owned());
            std::thread::spawn(move || log::read(&kafka, &topic))
                .join()
                .unwrap()
        })
        .collect();
    run.signal(libc::SIGINT);
    run.succeed();
    Results {
        database,
        topics: read,
    }
}

/// Lines of events, of which each twentieth is spoiled.
fn lines(seed: u64, mut event: impl FnMut(&mut StdRng, &str) -> Value) -> String {
    let mut chance = StdRng::seed_from_u64(seed);
    let start = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1);
    let mut text = String::new();
    for number in 0..LINES {
        let behind = match chance.random_range(0..100) {
            0..2 => chance.random_range(120_000..400_000),
            _ => chance.random_range(0..3_000),
        };
        let time = start + jiff::SignedDuration::from_millis(number as i64 * 50 - behind);
        let mut event = event(&mut chance, &format!("{time:.3}"));
        if number % 20 == 7 {
            let first = event.as_object().unwrap().keys().next().cloned().unwrap();
            event.as_object_mut().unwrap().remove(&first);
        }
        let _ = writeln!(text, "{event}");
    }
    text
}

#[test]
fn the_clickstream_is_as_the_oracle_says() {
    let events = lines(1, |chance, time| {
        let types = ["page_view", "page_view", "click", "purchase"];
        json!({
            "event_time": time,
            "user_id": format!("user-{:03}", chance.random_range(0..300)),
            "page_url": format!("/page/{}", chance.random_range(0..30)),
            "event_type": types[chance.random_range(0..4)],
        })
    });
    runtime().block_on(async {
        let topics = [
            "user_activity",
            "user_activity.dead-letter",
            "enriched_activity",
        ];
        let results = process("clickstream", &events, &topics).await;
        let [input, letters, enriched] = results.topics.try_into().unwrap();
        let pool = &results.database.pool;
        let oracle = Oracle::load(pool, "oracle", &clickstream::INPUT, &[input]).await;
        clickstream::assert_tables(&oracle, "clickstream").await;
        oracle
            .assert_dead_letters("user_activity", &letters, None)
            .await;
        oracle.assert_enriched(&enriched).await;
        results.database.remove().await;
    });
}

#[test]
fn the_factory_is_as_the_oracle_says() {
    let events = lines(2, |chance, time| {
        json!({
            "device_id": format!("MTR-{:05}", chance.random_range(0..40)),
            "ts": time,
            "temperature_c": f64::from(chance.random_range(600..900)) / 10.0,
            "vibration_g": f64::from(chance.random_range(0..520)) / 1_000.0,
            "status": "OK",
        })
    });
    runtime().block_on(async {
        let topics = [
            "sensor_events",
            "sensor_events.dead-letter",
            "sensor_alerts",
        ];
        let results = process("factory", &events, &topics).await;
        let [input, letters, alerts] = results.topics.try_into().unwrap();
        let pool = &results.database.pool;
        let oracle = Oracle::load(pool, "oracle", &factory::INPUT, &[input]).await;
        factory::assert_tables(&oracle, "factory").await;
        factory::assert_alerts(&oracle, "sensor_events", &alerts).await;
        oracle
            .assert_dead_letters("sensor_events", &letters, None)
            .await;
        results.database.remove().await;
    });
}

/// What a test's own questions run in.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}
