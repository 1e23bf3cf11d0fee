//! Sessions, whose rows move and merge as readings come, through crashes.

use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::json;

use super::{
    motors::{self, Motors},
    oracle,
};
use crate::world::{Spec, World, scenario_of};

/// Motors rarely send, so that pauses of seconds are common.
fn shifts(topic: &str) -> Spec {
    Spec {
        input: motors::input(topic, "30s"),
        windows: json!([
            { "name": "shifts",
              "session": { "gap": "2s", "columns": { "start": "began", "end": "ended", "duration": "seconds" } },
              "groupBy": ["device_id"],
              "aggregates": [{ "as": "readings", "count": {} }] },
        ]),
        rules: json!([]),
        outputs: json!({ "deadLetter": { "topic": { "name": format!("{topic}.dead-letter") } } }),
    }
}

/// Goes through the readings one by one, as a person would with paper.
const SESSIONS: &str = r"
CREATE TABLE oracle.sessions (device text, began timestamptz, last timestamptz, readings bigint);
DO $$
DECLARE
    r record;
    gap CONSTANT interval := '2 seconds';
    joined record;
BEGIN
    FOR r IN SELECT * FROM oracle.readings ORDER BY partition, off LOOP
        CONTINUE WHEN r.ts + gap <= r.watermark;
        SELECT min(began) AS began, max(last) AS last, sum(readings) AS readings INTO joined
          FROM oracle.sessions
         WHERE device = r.device AND began - gap <= r.ts AND r.ts <= last + gap
           AND (r.watermark IS NULL OR last + gap > r.watermark);
        DELETE FROM oracle.sessions
         WHERE device = r.device AND began - gap <= r.ts AND r.ts <= last + gap
           AND (r.watermark IS NULL OR last + gap > r.watermark);
        INSERT INTO oracle.sessions
        VALUES (r.device, least(joined.began, r.ts), greatest(joined.last, r.ts),
                coalesce(joined.readings, 0) + 1);
    END LOOP;
END $$;
";

async fn assert_as_the_oracle_says(world: &World) {
    oracle::load(world, "30 seconds").await;
    let pool = &world.pool;
    oracle::run(pool, "CREATE INDEX ON oracle.readings (partition, off)").await;
    oracle::run(pool, SESSIONS).await;
    let expected = "SELECT device, began, last + interval '2 seconds' AS ended,
                           floor(extract(epoch FROM last + interval '2 seconds' - began))::bigint,
                           readings
                      FROM oracle.sessions";
    let found = "SELECT device_id, began, ended, seconds, readings FROM readings.shifts";
    oracle::assert_same(pool, "shifts", expected, found).await;
}

#[test]
fn sessions_move_and_merge_as_the_oracle_says() {
    scenario_of(shifts, "shifts", 1, async |world| {
        let (mut motors, mut chance) = (Motors::new(4), StdRng::seed_from_u64(4));
        for _ in 0..4 {
            let process = world.spawn();
            for _ in 0..2 {
                world.send(0, motors.take(1_000));
                tokio::time::sleep(Duration::from_millis(chance.random_range(50..1_500))).await;
            }
            drop(process);
        }
        let running = world.start();
        world.caught_up().await;
        running.stop().await;
        assert_as_the_oracle_says(&world).await;
        world
    });
}
