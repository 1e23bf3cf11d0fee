//! Whole systems, those of the examples, checked against a batch oracle: SQL over the raw records of the
//! input topic, which shares nothing with the engine, says what every table, topic and lake has to hold.

use rand::rngs::StdRng;
use sensorstream_oracle::{Input, Lake, Oracle, Record, windows::Sliding};
use serde_json::{Value, json};

use crate::world::{Process, SCHEMA, Spec, World};

mod clickstream;
mod factory;
mod faults;
mod idle;
mod traffic;

/// A system, with windows of more kinds than its example has.
trait System {
    /// Its example's name.
    const NAME: &str;
    /// What its records have to be.
    const INPUT: &Input;
    /// How much later one event is than the one before, in milliseconds.
    const PACE_MS: i64;
    /// A window that makes dead letters of what is too late for it.
    const STRICT: (&str, Sliding);

    /// Its spec, with this input topic.
    fn spec(topic: &str) -> Spec;

    /// An event at a time, and the number of who sends it.
    fn event(chance: &mut StdRng, time: &str) -> (usize, Value);

    /// Makes something wrong with an event: there are ten ways, and some do nothing.
    fn spoil(event: &mut Value, way: u32);

    /// Asserts that every table in the schema `tables` holds what it has to.
    async fn assert_tables(oracle: &Oracle, tables: &str);

    /// Asserts that the topics hold what they have to, but for dead letters.
    async fn assert_topics(oracle: &Oracle, world: &World);
}

/// How many partitions the input topics have.
const PARTITIONS: i32 = 3;

/// A spec of which the lake's files are soon full.
fn with_small_files(mut spec: Spec) -> Spec {
    spec.outputs["lake"]["roll"] = json!({ "size": "48Ki", "every": "1s" });
    spec
}

/// Asserts that every table, topic and lake holds what the oracle says, the latter two once what runs has
/// sent everything and stopped.
async fn assert_as_the_oracle_says<S: System>(world: &World, running: Vec<Process>) {
    world.caught_up().await;
    let logs = [world.log()];
    let lake = Lake::folder(world.lake.path());
    assert_all::<S>(world, running, &logs, &lake).await;
}

/// The same of these records and this lake.
async fn assert_all<S: System>(
    world: &World,
    running: Vec<Process>,
    logs: &[Vec<Record>],
    lake: &Lake,
) {
    let oracle = Oracle::load(&world.pool, "oracle", S::INPUT, logs).await;
    S::assert_tables(&oracle, SCHEMA).await;
    for process in running {
        process.stop().await;
    }
    // One that had to stop before it was done leaves the rest to the next.
    if !lake_has_all(world).await {
        let next = world.spawn();
        world.wait("the lake has all", lake_has_all).await;
        next.stop().await;
    }
    S::assert_topics(&oracle, world).await;
    let (window, strict) = S::STRICT;
    let too_late = format!(
        "SELECT * FROM ({}) o WHERE late",
        strict.offered(&oracle.readings())
    );
    oracle
        .assert_dead_letters(&world.topic(), &world.letters(), Some(&too_late))
        .await;
    all_written(world).await;
    oracle.assert_lake(lake).await;
    let pipeline = world.config.pipeline.to_string();
    oracle.assert_accounts(&pipeline, window, strict).await;
}

/// Whether every reading of the topic that was read is in a file that is decided.
async fn lake_has_all(world: &World) -> bool {
    let sql = "SELECT count(*) FROM sensorstream.shards
                WHERE stage = 1 AND incarnation = $1 AND lake_cursor < next_offset";
    let behind: i64 = sqlx::query_scalar(sql)
        .bind(world.incarnation())
        .fetch_one(&world.pool)
        .await
        .unwrap();
    behind == 0
}

/// Waits until every file of the lake that is decided is written.
async fn all_written(world: &World) {
    world
        .wait("all files are written", async |world| {
            let sql = "SELECT count(*) FROM sensorstream.lake_files WHERE NOT written";
            let left: i64 = sqlx::query_scalar(sql)
                .fetch_one(&world.pool)
                .await
                .unwrap();
            left == 0
        })
        .await;
}
