//! The factory: minutes of each motor, alerts, every reading in a table and again in a topic.

use std::collections::BTreeSet;

use rand::{SeedableRng, rngs::StdRng};
use serde_json::json;

use super::{
    motors::{self, Motors},
    oracle, send_through_kills,
};
use crate::world::{Found, Running, Spec, World, scenario_of};

const PARTITIONS: i32 = 2;

fn factory(topic: &str) -> Spec {
    let minutes = json!([
        { "as": "event_count", "count": {} },
        { "as": "avg_temperature_c", "avg": { "field": "temperature_c" } },
        { "as": "max_vibration_g", "max": { "field": "vibration_g" } },
    ]);
    Spec {
        input: motors::input(topic, "2m"),
        windows: json!([
            { "name": "device_minutes", "tumbling": { "size": "1m" }, "groupBy": ["device_id"],
              "onLate": "DeadLetter", "aggregates": minutes },
            { "name": "hot_minutes", "sliding": { "size": "5m", "slide": "1m" },
              "where": "temperature_c > 80.0", "groupBy": ["device_id"], "allowedLateness": "1m",
              "emit": { "mode": "OnClose" }, "aggregates": minutes },
        ]),
        rules: json!([
            { "name": "overheating", "when": "temperature_c > 85.0 || vibration_g > 0.5" },
        ]),
        outputs: json!({
            "table": { "name": "sensor_readings" },
            "enriched": { "topic": { "name": format!("{topic}.enriched") } },
            "alerts": { "topic": { "name": format!("{topic}.alerts") } },
            "deadLetter": { "topic": { "name": format!("{topic}.dead-letter") } },
        }),
    }
}

const ROUNDED: &str = "event_count, round(avg_temperature_c::numeric, 6), max_vibration_g";

fn instances(size: &str, slide: &str, lateness: &str, condition: &str) -> String {
    format!(
        "SELECT start AS window_start, start + interval '{size}' AS window_end, device,
                count(*) AS event_count, round(avg(temperature)::numeric, 6),
                max(vibration), partition
           FROM oracle.readings r,
                LATERAL (SELECT date_bin('{slide}', r.ts, 'epoch') AS newest) n,
                LATERAL generate_series(n.newest - interval '{size}' + interval '{slide}',
                                        n.newest, interval '{slide}') AS start
          WHERE ({condition}) AND (watermark IS NULL
                 OR start + interval '{size}' + interval '{lateness}' > watermark)
          GROUP BY start, device, partition"
    )
}

/// Asserts that every table and topic holds what the oracle says, the topics once what runs has sent
/// everything and stopped.
async fn assert_as_the_oracle_says(world: &World, running: Running) {
    oracle::load(world, motors::READING, "2 minutes").await;
    let pool = &world.pool;
    let readings = "SELECT partition, off, device, ts, temperature, vibration FROM oracle.readings";
    let found = "SELECT _partition, _offset, device_id, ts, temperature_c, vibration_g
                   FROM readings.sensor_readings";
    oracle::assert_same(pool, "readings", readings, found).await;

    let minutes = instances("1 minute", "1 minute", "0", "true");
    let found = format!(
        "SELECT window_start, window_end, device_id, {ROUNDED}, _partition
           FROM readings.device_minutes"
    );
    oracle::assert_same(pool, "device_minutes", &minutes, &found).await;

    // OnClose: only windows that the watermark at the end has passed.
    let closed = format!(
        "SELECT h.* FROM ({}) h JOIN (SELECT partition, max(ts) - interval '2 minutes' AS watermark
                                        FROM oracle.readings GROUP BY partition) w USING (partition)
          WHERE h.window_end + interval '1 minute' <= w.watermark",
        instances("5 minutes", "1 minute", "1 minute", "temperature > 80")
    );
    let closed = format!(
        "SELECT window_start, window_end, device, event_count, round, max, partition FROM ({closed}) x"
    );
    let found = format!(
        "SELECT window_start, window_end, device_id, {ROUNDED}, _partition
           FROM readings.hot_minutes"
    );
    oracle::assert_same(pool, "hot_minutes", &closed, &found).await;

    running.stop().await;
    assert_topics(world).await;
    assert_accounts(world).await;
}

async fn assert_topics(world: &World) {
    let pool = &world.pool;
    let source = |record: &serde_json::Value| {
        let source = &record["source"];
        (
            source["partition"].as_i64().unwrap() as i32,
            source["offset"].as_i64().unwrap(),
        )
    };
    let mut alerts: Vec<(i32, i64)> = world.alerts().iter().map(|a| source(&a.json())).collect();
    alerts.sort_unstable();
    let expected: Vec<(i32, i64)> = sqlx::query_as(
        "SELECT partition, off FROM oracle.readings
          WHERE temperature > 85 OR vibration > 0.5 ORDER BY 1, 2",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert!(!expected.is_empty());
    assert!(
        alerts == expected,
        "{} alerts, {} expected",
        alerts.len(),
        expected.len()
    );

    // Each reading again, as it came, with one member more.
    let mut enriched: Vec<serde_json::Value> = Vec::new();
    for record in world.enriched() {
        let mut object = record.json();
        let time = object["processing_time"].take();
        assert!(
            time.as_str().unwrap().parse::<jiff::Timestamp>().is_ok(),
            "{time}"
        );
        object.as_object_mut().unwrap().remove("processing_time");
        enriched.push(object);
    }
    let originals: Vec<Vec<u8>> = sqlx::query_scalar(
        "SELECT value FROM oracle.readings JOIN oracle.raw USING (partition, off)",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let lines = |mut all: Vec<String>| {
        all.sort_unstable();
        all
    };
    let originals = originals.iter().map(|value| {
        serde_json::from_slice::<serde_json::Value>(value)
            .unwrap()
            .to_string()
    });
    let enriched = enriched.iter().map(ToString::to_string);
    assert_eq!(lines(enriched.collect()), lines(originals.collect()));

    let letters: Vec<(i32, i64)> = world.letters().iter().map(Found::source).collect();
    let unique: BTreeSet<(i32, i64)> = letters.iter().copied().collect();
    assert_eq!(letters.len(), unique.len(), "one dead letter an offset");
    let expected: Vec<(i32, i64)> = sqlx::query_as(
        "SELECT partition, off FROM oracle.raw r
          WHERE NOT EXISTS (SELECT FROM oracle.readings x
                             WHERE (x.partition, x.off) = (r.partition, r.off))
         UNION ALL
         SELECT partition, off FROM oracle.readings
          WHERE date_bin('1 minute', ts, 'epoch') + interval '1 minute' <= watermark
         ORDER BY 1, 2",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert_eq!(unique.into_iter().collect::<Vec<_>>(), expected);
}

async fn assert_accounts(world: &World) {
    let late: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM oracle.readings
          WHERE date_bin('1 minute', ts, 'epoch') + interval '1 minute' <= watermark",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert!(late > 0, "some readings are late");
    let rows: Vec<(i64, i64, i64, i64, i64)> = sqlx::query_as(
        "SELECT records_read, accepted,
                (SELECT coalesce(sum(value::bigint), 0)::bigint FROM jsonb_each_text(dead_lettered)),
                (windows->'device_minutes'->>'offered')::bigint,
                (windows->'device_minutes'->>'late')::bigint
           FROM sensorstream.shards",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    for (read, accepted, dead_lettered, offered, _) in &rows {
        assert_eq!(*read, accepted + dead_lettered);
        assert_eq!(offered, accepted);
    }
    assert_eq!(rows.iter().map(|row| row.4).sum::<i64>(), late);
}

#[test]
fn everything_is_as_the_oracle_says() {
    scenario_of(factory, "factory", PARTITIONS, async |world| {
        let mut motors = Motors::new(1);
        let running = world.start();
        for _ in 0..10 {
            motors::send(&world, motors.take(3_000));
        }
        world.caught_up().await;
        assert_as_the_oracle_says(&world, running).await;
        world
    });
}

#[test]
fn killed_at_random_moments_nothing_differs() {
    scenario_of(factory, "factory-killed", PARTITIONS, async |world| {
        let (mut motors, mut chance) = (Motors::new(2), StdRng::seed_from_u64(2));
        let send = |world: &World| motors::send(world, motors.take(1_500));
        send_through_kills(&world, 1, &mut chance, send).await;
        let running = world.start();
        world.caught_up().await;
        assert_as_the_oracle_says(&world, running).await;
        world
    });
}

#[test]
fn shards_that_move_while_busy_change_nothing() {
    scenario_of(factory, "factory-moved", PARTITIONS, async |world| {
        let mut motors = Motors::new(3);
        let first = world.start();
        motors::send(&world, motors.take(4_000));
        world
            .wait("the first has begun", async |world| {
                let figures = world.figures().await;
                figures.iter().any(|shard| shard.records_read > 0)
            })
            .await;
        let second = world.start();
        motors::send(&world, motors.take(4_000));
        world
            .wait("a shard has moved", async |world| {
                let sql = "SELECT count(*) FROM sensorstream.shards WHERE epoch > 1";
                let moved: i64 = sqlx::query_scalar(sql)
                    .fetch_one(&world.pool)
                    .await
                    .unwrap();
                moved > 0
            })
            .await;
        motors::send(&world, motors.take(4_000));
        first.stop().await;
        motors::send(&world, motors.take(4_000));
        world.caught_up().await;
        assert_as_the_oracle_says(&world, second).await;
        world
    });
}
