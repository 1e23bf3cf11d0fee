//! What an edit of the spec changes, and what it leaves as it was.

use serde_json::json;

use crate::world::{Spec, World, good, readings, scenario_of};

fn counted(topic: &str) -> Spec {
    Spec {
        windows: json!([
            { "name": "by_sensor", "tumbling": { "size": "1h" }, "groupBy": ["sensor_id"],
              "aggregates": [{ "as": "readings", "count": {} }] },
        ]),
        ..readings(topic)
    }
}

/// Readings that the windows have counted.
async fn count(world: &World) -> i64 {
    sqlx::query_scalar("SELECT coalesce(sum(readings), 0)::bigint FROM readings.by_sensor")
        .fetch_one(&world.pool)
        .await
        .unwrap()
}

async fn wait_for_count(world: &World, expected: i64) {
    world
        .wait("the windows have counted what there is", async |world| {
            count(world).await == expected
        })
        .await;
}

#[test]
fn what_was_decided_under_the_former_plan_is_not_judged_again() {
    scenario_of(counted, "edits", 1, async |mut world| {
        world.send(0, (0..500).map(good));
        let running = world.start();
        world.caught_up().await;
        wait_for_count(&world, 500).await;
        running.stop().await;
        let behind: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM sensorstream.state_buckets b JOIN sensorstream.shards s
              USING (pipeline, stage, incarnation, partition) WHERE at_offset <> next_offset",
        )
        .fetch_one(&world.pool)
        .await
        .unwrap();
        assert_eq!(behind, 0, "all of the state was written down");

        // From now on none of these would be accepted.
        world.config.input.fields[2].maximum = serde_json::from_value(json!(-50)).unwrap();
        world.config.revision += 1;
        let running = world.start();
        world.send(0, (500..700).map(good));
        world.caught_up().await;
        running.stop().await;
        assert_eq!(count(&world).await, 500);
        let shard = world.figures().await.remove(0);
        assert_eq!(
            (shard.accepted, shard.dead_lettered["out_of_range"]),
            (500, 200)
        );
        assert_eq!(shard.revision, 1);
        world
    });
}
