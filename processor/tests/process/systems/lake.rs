//! The lake: every accepted reading in one file of its hour, through kills, and while the lake is away.

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
};

use parquet::{
    file::{reader::FileReader, serialized_reader::SerializedFileReader},
    record::RowAccessor,
};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::json;

use super::{
    motors::{self, Motors},
    oracle, send_through_kills,
};
use crate::world::{Spec, World, scenario_of};

const PARTITIONS: i32 = 2;

/// A folder in place of a bucket: what differs is only how a file gets there. What is in it is checked
/// against a real S3 server in the crate of the lake.
fn motors_of(topic: &str) -> Spec {
    let folder = folder_of(topic);
    std::fs::create_dir_all(&folder).unwrap();
    Spec {
        input: motors::input(topic, "2m"),
        windows: json!([
            { "name": "device_minutes", "tumbling": { "size": "1m" }, "groupBy": ["device_id"],
              "aggregates": [{ "as": "event_count", "count": {} }] },
        ]),
        rules: json!([]),
        outputs: json!({
            "lake": { "uri": format!("file://{}", folder.display()),
                      "roll": { "size": "48Ki", "every": "1s" } },
            "deadLetter": { "topic": { "name": format!("{topic}.dead-letter") } },
        }),
    }
}

fn folder_of(topic: &str) -> PathBuf {
    std::env::temp_dir().join(format!("{topic}.lake"))
}

/// The files below a folder, whose names do not begin with a dot or end otherwise than they should.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path
            .extension()
            .is_some_and(|extension| extension == "parquet")
        {
            found.push(path);
        }
    }
    found
}

/// Loads what the files hold into PostgreSQL, so that SQL can compare it.
async fn load(world: &World, folder: &Path) {
    let table = "CREATE TABLE oracle.lake (file text, hour text, partition integer, off bigint,
                                           device text, ts timestamptz, temperature double precision)";
    oracle::run(&world.pool, table).await;
    for file in files(folder) {
        let name = file.strip_prefix(folder).unwrap().display().to_string();
        let hour = Path::new(&name).parent().unwrap().display().to_string();
        let reader = SerializedFileReader::new(File::open(&file).unwrap()).unwrap();
        let schema = reader.metadata().file_metadata().schema().clone();
        let place = |column: &str| {
            let fields = schema.get_fields();
            fields
                .iter()
                .position(|field| field.name() == column)
                .unwrap()
        };
        let (mut partitions, mut offsets, mut devices) = (Vec::new(), Vec::new(), Vec::new());
        let (mut times, mut temperatures) = (Vec::new(), Vec::new());
        for row in reader.get_row_iter(None).unwrap() {
            let row = row.unwrap();
            partitions.push(row.get_int(place("_partition")).unwrap());
            offsets.push(row.get_long(place("_offset")).unwrap());
            devices.push(row.get_string(place("device_id")).unwrap().clone());
            times.push(row.get_timestamp_micros(place("ts")).unwrap());
            temperatures.push(row.get_double(place("temperature_c")).unwrap());
        }
        sqlx::query(
            "INSERT INTO oracle.lake
             SELECT $1, $2, p, o, d, timestamptz 'epoch' + u * interval '1 microsecond', t
               FROM unnest($3::integer[], $4::bigint[], $5::text[], $6::bigint[],
                           $7::double precision[]) AS x(p, o, d, u, t)",
        )
        .bind(&name)
        .bind(&hour)
        .bind(partitions)
        .bind(offsets)
        .bind(devices)
        .bind(times)
        .bind(temperatures)
        .execute(&world.pool)
        .await
        .unwrap();
    }
}

/// Asserts that the lake holds each reading once, in a file of its hour.
async fn assert_as_the_oracle_says(world: &World) {
    let folder = folder_of(&world.topic());
    oracle::load(world, motors::READING, "2 minutes").await;
    load(world, &folder).await;
    let readings = "SELECT to_char(ts AT TIME ZONE 'UTC', '\"date=\"YYYY-MM-DD\"/hour=\"HH24'),
                           partition, off, device, ts, temperature FROM oracle.readings";
    let found = "SELECT hour, partition, off, device, ts, temperature FROM oracle.lake";
    oracle::assert_same(&world.pool, "the lake", readings, found).await;
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Waits until every file that is decided is written.
async fn written(world: &World) {
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

#[test]
fn the_lake_holds_each_reading_once_through_kills() {
    scenario_of(motors_of, "lake-killed", PARTITIONS, async |world| {
        let (mut motors, mut chance) = (Motors::new(5), StdRng::seed_from_u64(5));
        let send = |world: &World| motors::send(world, motors.take(1_500));
        send_through_kills(&world, 2, &mut chance, send).await;
        let running = world.start();
        world.caught_up().await;
        // What is open is closed in the end.
        running.stop().await;
        written(&world).await;
        assert_as_the_oracle_says(&world).await;
        world
    });
}

#[test]
fn files_of_a_shard_that_moved_are_finished_by_its_next_owner() {
    scenario_of(motors_of, "lake-moved", PARTITIONS, async |world| {
        let mut motors = Motors::new(6);
        let first = world.start();
        motors::send(&world, motors.take(3_000));
        world
            .wait("the first has begun", async |world| {
                let figures = world.figures().await;
                figures.iter().any(|shard| shard.records_read > 0)
            })
            .await;
        let second = world.start();
        motors::send(&world, motors.take(3_000));
        first.stop().await;
        motors::send(&world, motors.take(3_000));
        world.caught_up().await;
        second.stop().await;
        written(&world).await;
        assert_as_the_oracle_says(&world).await;
        world
    });
}

#[test]
fn a_lake_that_is_away_is_shown_and_waited_for() {
    scenario_of(motors_of, "lake-away", PARTITIONS, async |world| {
        let mut motors = Motors::new(7);
        let folder = folder_of(&world.topic());
        let running = world.start();
        motors::send(&world, motors.take(1_000));
        world.caught_up().await;
        // A file where the folder for a date is to be.
        let dates: Vec<PathBuf> = (0..3).map(|day| folder.join(date(day))).collect();
        let aside = |path: &Path| path.with_extension("aside");
        let mut had: BTreeMap<PathBuf, bool> = BTreeMap::new();
        for path in &dates {
            had.insert(path.clone(), path.exists());
            if path.exists() {
                std::fs::rename(path, aside(path)).unwrap();
            }
            std::fs::write(path, b"in the way").unwrap();
        }
        for _ in 0..4 {
            motors::send(&world, motors.take(1_000));
        }
        world
            .wait("the lake is shown as blocked", async |world| {
                let figures = world.figures().await;
                let blocked = figures.iter().flat_map(|shard| &shard.blocked);
                blocked
                    .map(|sink| sink.sink.as_str())
                    .any(|sink| sink == "lake")
            })
            .await;
        for (path, there) in had {
            std::fs::remove_file(&path).unwrap();
            if there {
                std::fs::rename(aside(&path), &path).unwrap();
            }
        }
        world.caught_up().await;
        world
            .wait("nothing is blocked any more", async |world| {
                let figures = world.figures().await;
                figures.iter().all(|shard| shard.blocked.is_empty())
            })
            .await;
        running.stop().await;
        written(&world).await;
        assert_as_the_oracle_says(&world).await;
        world
    });
}

/// The folder of a date, so many days ago.
fn date(days: i64) -> String {
    let day = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * days);
    day.strftime("date=%Y-%m-%d").to_string()
}
