//! Sessions, whose rows move and merge as readings come, through crashes.

use rand::{SeedableRng, rngs::StdRng};
use serde_json::json;

use super::{
    motors::{self, Motors},
    oracle, send_through_kills,
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

/// The readings that were not too late, in the order of their times: a pause longer than the gap begins
/// another session.
const SESSIONS: &str = "
    WITH taken AS (
        SELECT device, ts FROM oracle.readings
         WHERE watermark IS NULL OR ts + interval '2 seconds' > watermark
    ), begun AS (
        SELECT device, ts,
               coalesce(ts - lag(ts) OVER w > interval '2 seconds', true)::integer AS begins
          FROM taken WINDOW w AS (PARTITION BY device ORDER BY ts)
    ), numbered AS (
        SELECT device, ts, sum(begins) OVER (PARTITION BY device ORDER BY ts) AS session FROM begun
    )
    SELECT device, min(ts) AS began, max(ts) + interval '2 seconds' AS ended,
           floor(extract(epoch FROM max(ts) + interval '2 seconds' - min(ts)))::bigint,
           count(*) AS readings
      FROM numbered GROUP BY device, session";

async fn assert_as_the_oracle_says(world: &World) {
    oracle::load(world, motors::READING, "30 seconds").await;
    let pool = &world.pool;
    let found = "SELECT device_id, began, ended, seconds, readings FROM readings.shifts";
    oracle::assert_same(pool, "shifts", SESSIONS, found).await;
}

#[test]
fn sessions_move_and_merge_as_the_oracle_says() {
    scenario_of(shifts, "shifts", 1, async |world| {
        let (mut motors, mut chance) = (Motors::new(4), StdRng::seed_from_u64(4));
        let send = |world: &World| world.send(0, motors.take(700));
        send_through_kills(&world, 1, &mut chance, send).await;
        let running = world.start();
        world.caught_up().await;
        assert_as_the_oracle_says(&world).await;
        running.stop().await;
        world
    });
}
