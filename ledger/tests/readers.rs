//! What a login that only reads gets to see, by a real PostgreSQL, which `DATABASE_URL` names (of a user
//! that may create databases and roles). Every test has a database and a role of its own.

use std::{
    panic::AssertUnwindSafe,
    str::FromStr,
    sync::atomic::{AtomicU32, Ordering},
};

use futures::FutureExt;
use sensorstream_ledger::{
    claims, migrate,
    readers::{self, Reader},
};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool, postgres::PgConnectOptions};

const FIRST: &str = "plant/first";
const SECOND: &str = "plant/second";

/// A database with two pipelines, and a login that may read of the first.
struct World {
    owner: PgPool,
    reader: PgPool,
    role: String,
}

async fn run(pool: &PgPool, sql: String) -> Result<(), sqlx::Error> {
    let query = sqlx::raw_sql(AssertSqlSafe(sql));
    query.execute(pool).await.map(drop)
}

async fn with_world(test: impl AsyncFnOnce(&World)) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("ledger_test_{}_{number}", std::process::id());
    let uri = std::env::var("DATABASE_URL")
        .expect("DATABASE_URL is not set: `make cluster` starts a PostgreSQL, `make env` names it");
    let server = PgConnectOptions::from_str(&uri).unwrap();
    let admin = PgPool::connect_with(server.clone()).await.unwrap();
    for statement in [
        format!("CREATE DATABASE {name}"),
        format!("CREATE ROLE {name} LOGIN PASSWORD '{name}'"),
    ] {
        run(&admin, statement).await.unwrap();
    }
    let server = server.database(&name);
    let world = World {
        owner: PgPool::connect_lazy_with(server.clone()),
        reader: PgPool::connect_lazy_with(server.username(&name).password(&name)),
        role: name.clone(),
    };
    let tested = async {
        prepare(&world).await;
        test(&world).await;
    };
    let outcome = AssertUnwindSafe(tested).catch_unwind().await;
    for statement in [
        format!("DROP DATABASE {name} WITH (FORCE)"),
        format!("DROP ROLE {name}"),
    ] {
        run(&admin, statement).await.unwrap();
    }
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

async fn prepare(world: &World) {
    migrate::migrate(&world.owner).await.unwrap();
    let role = &world.role;
    let grants = format!(
        "GRANT USAGE ON SCHEMA sensorstream TO {role};
         GRANT SELECT ON sensorstream.reader_shards, sensorstream.reader_statuses TO {role}"
    );
    run(&world.owner, grants).await.unwrap();
    for pipeline in [FIRST, SECOND] {
        let rows = format!(
            "INSERT INTO sensorstream.shards
                    (pipeline, topic, incarnation, partition, epoch, owner, next_offset, start_offset)
             VALUES ('{pipeline}', 'readings', 'x', 0, 1, 'pod', 7, 0);
             INSERT INTO sensorstream.pending_dead_letters
                    (pipeline, incarnation, partition, source_offset, reason, detail)
             VALUES ('{pipeline}', 'x', 0, 1, 'late', ''), ('{pipeline}', 'x', 0, 2, 'late', '');
             INSERT INTO sensorstream.blocked_sinks
                    (pipeline, incarnation, partition, epoch, sink, error)
             VALUES ('{pipeline}', 'x', 0, 1, 'alerts', 'no answer')"
        );
        run(&world.owner, rows).await.unwrap();
        let status = json!({ "lag": 1, "of": pipeline });
        readers::report_status(&world.owner, pipeline, &status)
            .await
            .unwrap();
    }
    admit(world, FIRST, "").await;
}

async fn admit(world: &World, pipeline: &str, digest: &str) {
    let reader = Reader {
        role_name: world.role.clone(),
        pipeline: pipeline.to_owned(),
        login_digest: digest.to_owned(),
    };
    readers::admit(&world.owner, &reader).await.unwrap();
}

async fn shards(pool: &PgPool, pipeline: &str) -> usize {
    readers::shards(pool, pipeline).await.unwrap().len()
}

async fn has_status(pool: &PgPool, pipeline: &str) -> bool {
    readers::status(pool, pipeline).await.unwrap().is_some()
}

#[tokio::test]
async fn a_reader_sees_its_pipeline_and_no_other() {
    with_world(async |world| {
        let shards = readers::shards(&world.reader, FIRST).await.unwrap();
        let [shard] = shards.as_slice() else {
            panic!("{shards:?}");
        };
        assert_eq!((shard.pipeline.as_str(), shard.next_offset), (FIRST, 7));
        assert_eq!(shard.pending_dead_letters, 2);
        assert_eq!(shard.blocked[0].sink, "alerts");
        let reported = readers::status(&world.reader, FIRST).await.unwrap();
        let reported = reported.unwrap();
        assert_eq!(reported.status, json!({ "lag": 1, "of": FIRST }));
        assert!(reported.written_at_us > 1_700_000_000_000_000);

        assert_eq!(readers::shards(&world.reader, SECOND).await.unwrap(), []);
        assert!(!has_status(&world.reader, SECOND).await);
        // Nor by a condition that would fail on a row that is there and not shown.
        let told = "SELECT count(*) FROM sensorstream.reader_shards
                     WHERE 1 / (CASE pipeline WHEN 'plant/second' THEN 0 ELSE 1 END) = 1";
        let (seen,): (i64,) = sqlx::query_as(told).fetch_one(&world.reader).await.unwrap();
        assert_eq!(seen, 1);
    })
    .await;
}

#[tokio::test]
async fn a_reader_of_two_pipelines_sees_both_until_it_is_dismissed() {
    with_world(async |world| {
        admit(world, SECOND, "of a password").await;
        admit(world, SECOND, "of another").await;
        let known = readers::all(&world.owner).await.unwrap();
        let digests: Vec<_> = known.iter().map(|r| r.login_digest.as_str()).collect();
        assert_eq!(digests, ["", "of another"]);
        assert_eq!(shards(&world.reader, SECOND).await, 1);
        readers::dismiss(&world.owner, &world.role, SECOND)
            .await
            .unwrap();
        assert_eq!(shards(&world.reader, SECOND).await, 0);
        assert_eq!(shards(&world.reader, FIRST).await, 1);
    })
    .await;
}

#[tokio::test]
async fn who_owns_the_commit_log_sees_every_pipeline() {
    with_world(async |world| {
        for pipeline in [FIRST, SECOND] {
            assert_eq!(shards(&world.owner, pipeline).await, 1);
            assert!(has_status(&world.owner, pipeline).await);
        }
    })
    .await;
}

#[tokio::test]
async fn a_reader_has_no_way_to_the_tables_and_writes_nothing() {
    with_world(async |world| {
        for statement in [
            "SELECT FROM sensorstream.shards",
            "SELECT FROM sensorstream.statuses",
            "SELECT FROM sensorstream.readers",
            "SELECT FROM sensorstream.claims",
            "SELECT FROM sensorstream.pending_dead_letters",
            "SELECT FROM sensorstream.state_buckets",
            "UPDATE sensorstream.reader_shards SET next_offset = 0",
            "DELETE FROM sensorstream.reader_statuses",
            "INSERT INTO sensorstream.readers VALUES (current_user, 'plant/second', '')",
            "CREATE TABLE sensorstream.mine (x int)",
            "CREATE TABLE public.mine (x int)",
            "CREATE SCHEMA mine",
        ] {
            let refused = run(&world.reader, statement.to_owned()).await.unwrap_err();
            let answer = refused.as_database_error();
            let code = answer.and_then(sqlx::error::DatabaseError::code);
            assert_eq!(code.as_deref(), Some("42501"), "{statement}: {refused}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_pipeline_that_is_forgotten_has_no_readers_and_no_status() {
    with_world(async |world| {
        claims::forget_pipeline(&world.owner, FIRST).await.unwrap();
        assert_eq!(readers::all(&world.owner).await.unwrap(), []);
        assert!(!has_status(&world.owner, FIRST).await);
        assert!(has_status(&world.owner, SECOND).await);
        readers::forget_status(&world.owner, SECOND).await.unwrap();
        assert!(!has_status(&world.owner, SECOND).await);
    })
    .await;
}
