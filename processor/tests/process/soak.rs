//! Full load for a quarter of an hour, and a million open sessions: what matters is that memory stays where
//! it is. For `make torture`; every test here prints what it saw.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::world::{Spec, World, example, scenario_of};

const PARTITIONS: i32 = 3;
/// How long the load lasts.
const LOAD: Duration = Duration::from_mins(15);
/// Records that may wait: enough that the process always has something to do.
const BACKLOG: i64 = 100_000;
/// Records sent at a time.
const CHUNK: usize = 30_000;
/// Records to one second of event time, many times faster than the clock, so that windows open and close all
/// the time.
const RECORDS_A_SECOND: i64 = 2_000;
/// How often topics and the lake are emptied of what is done with.
const EMPTY_EVERY: Duration = Duration::from_secs(5);

/// The pipeline of an example without its table.
fn tableless(name: &str, topic: &str) -> Spec {
    let mut spec = example(name, topic);
    spec.outputs.as_object_mut().unwrap().remove("table");
    spec
}

/// Makes records one after the other, cheaply.
struct Feed {
    start: Timestamp,
    number: i64,
    record: fn(i64, Timestamp) -> String,
}

impl Feed {
    fn new(record: fn(i64, Timestamp) -> String) -> Self {
        Self {
            start: Timestamp::now() - SignedDuration::from_hours(48),
            number: 0,
            record,
        }
    }

    /// Sends the next records to the partitions that their keys, which count with the records, belong to.
    fn send(&mut self, world: &World, count: usize) {
        let mut parted = vec![Vec::new(); PARTITIONS as usize];
        for number in self.number..self.number + count as i64 {
            let elapsed = SignedDuration::from_micros(number * 1_000_000 / RECORDS_A_SECOND);
            let place = (number % i64::from(PARTITIONS)) as usize;
            parted[place].push((self.record)(number, self.start + elapsed));
        }
        self.number += count as i64;
        for (partition, records) in parted.into_iter().enumerate() {
            world.send(partition as i32, records);
        }
    }
}

/// A motor's reading, of 999 motors; one in a thousand has nothing to say.
fn motor(number: i64, time: Timestamp) -> String {
    if number % 1_000 == 7 {
        return "{\"device_id\":".into();
    }
    let (device, heat, shake) = (number % 999, number * 7 % 240, number * 11 % 500);
    format!(
        r#"{{"device_id":"MTR-{device:05}","ts":"{time:.3}","temperature_c":{}.{},"vibration_g":0.{shake:03},"status":"OK","site":"fab1","line":"L01"}}"#,
        63 + heat / 10,
        heat % 10,
    )
}

/// A visitor's event: each of 99 999 comes once in 50 seconds, and a twentieth stays away every other quarter
/// of an hour, so that sessions end.
fn click(number: i64, time: Timestamp) -> String {
    let visitor = number % 99_999;
    let away = visitor % 20 == 0 && time.as_second() / 900 % 2 == 0;
    let visitor = if away {
        visitor + 1_000_000 + number / 99_999 % 7
    } else {
        visitor
    };
    let kind = ["page_view", "click", "purchase"][(number % 13 / 6) as usize];
    format!(
        r#"{{"event_time":"{time:.3}","user_id":"user-{visitor}","page_url":"/page/{}","event_type":"{kind}"}}"#,
        number % 97
    )
}

async fn decided(world: &World) -> i64 {
    let topic = world.topic();
    let figures = world.figures().await;
    let of_input = figures.iter().filter(|shard| shard.topic == topic);
    of_input.map(|shard| shard.next_offset).sum()
}

/// Deletes what is done with from the topics and the lake, so that a disk holds out.
async fn empty(world: &World) {
    for shard in world.figures().await {
        if shard.topic == world.topic() {
            world
                .delete_records(shard.partition, shard.next_offset)
                .await;
        }
    }
    world.empty_outputs().await;
    for entry in std::fs::read_dir(world.lake.path()).unwrap() {
        let _ = std::fs::remove_dir_all(entry.unwrap().path());
    }
}

fn median(samples: &[u64]) -> u64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 2]
}

/// Keeps a process busy for a quarter of an hour.
async fn soak(world: World, record: fn(i64, Timestamp) -> String) -> World {
    let process = world.spawn();
    let mut feed = Feed::new(record);
    let (start, mut emptied) = (Instant::now(), Instant::now());
    let mut samples = Vec::new();
    while start.elapsed() < LOAD {
        if feed.number - decided(&world).await < BACKLOG {
            feed.send(&world, CHUNK);
        } else {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if start.elapsed().as_secs() >= samples.len() as u64 {
            samples.push(process.memory());
        }
        if emptied.elapsed() > EMPTY_EVERY {
            empty(&world).await;
            emptied = Instant::now();
        }
    }
    world.caught_up().await;
    // By half of the time every window has been full, even where something else slows it down.
    let quarter = samples.len() / 4;
    let (third, last) = (
        median(&samples[2 * quarter..3 * quarter]),
        median(&samples[3 * quarter..]),
    );
    println!(
        "{}: {} records, {} a second; resident in the third quarter {} MiB, in the last {} MiB, at most {} MiB",
        world.topic(),
        feed.number,
        feed.number / start.elapsed().as_secs() as i64,
        third / 1024,
        last / 1024,
        samples.iter().max().unwrap() / 1024,
    );
    drop(process);
    let (mut read, mut accounted) = (0, 0);
    for shard in world.figures().await {
        if shard.topic == world.topic() {
            read += shard.records_read;
            accounted += shard.accepted + shard.dead_lettered.values().sum::<i64>();
        }
    }
    assert_eq!((read, accounted), (feed.number, feed.number));
    assert!(
        last < third + third / 20 + 8 * 1024,
        "memory grows: {samples:?}"
    );
    world
}

#[test]
#[ignore = "a quarter of an hour: make torture"]
fn the_factory_at_full_load_keeps_to_its_memory() {
    scenario_of(
        |topic| tableless("factory", topic),
        "soak-factory",
        PARTITIONS,
        async |world| soak(world, motor).await,
    );
}

#[test]
#[ignore = "a quarter of an hour: make torture"]
fn the_clickstream_at_full_load_keeps_to_its_memory() {
    scenario_of(
        |topic| tableless("clickstream", topic),
        "soak-clicks",
        PARTITIONS,
        async |world| soak(world, click).await,
    );
}

/// Sessions of visitors alone.
fn sessions(topic: &str) -> Spec {
    let mut spec = example("clickstream", topic);
    let windows = spec.windows.as_array_mut().unwrap();
    windows.retain(|window| window["name"] == "user_sessions");
    spec.outputs = json!({ "deadLetter": { "topic": { "name": format!("{topic}.dead-letter") } } });
    spec
}

/// As good as a million, and the same number of visitors to each partition.
const MILLION: i64 = 999_999;
/// Most of the bytes that an open session may take of a process's memory, with its key; it also counts the
/// queues of the Kafka client.
const SESSION_BYTES: u64 = 400;

#[test]
#[ignore = "some minutes: make torture"]
fn a_million_open_sessions_fit_into_memory() {
    scenario_of(sessions, "sessions", PARTITIONS, async |world| {
        let process = world.spawn();
        // All within five minutes, so that none closes.
        let mut feed = Feed::new(|number, time| {
            let start = time - SignedDuration::from_micros(number * 1_000_000 / RECORDS_A_SECOND);
            let within = start + SignedDuration::from_millis(number % 250_000);
            format!(
                r#"{{"event_time":"{within:.3}","user_id":"user-{:07}","page_url":"/","event_type":"click"}}"#,
                number % MILLION
            )
        });
        for round in 0..3 {
            let start = Instant::now();
            for _ in 0..37 {
                feed.send(&world, MILLION as usize / 37);
            }
            let sent = start.elapsed();
            world.caught_up().await;
            println!(
                "round {round}: a million readings, sent in {sent:?}, processed after {:?}, resident {} MiB",
                start.elapsed(),
                process.memory() / 1024
            );
        }
        let open: i64 = sqlx::query_scalar("SELECT count(*) FROM readings.user_sessions")
            .fetch_one(&world.pool)
            .await
            .unwrap();
        let resident = process.memory() * 1024;
        drop(process);
        assert_eq!(open, MILLION);
        assert!(
            resident < 150 * 1024 * 1024 + SESSION_BYTES * MILLION as u64,
            "{resident} bytes"
        );
        world
    });
}
