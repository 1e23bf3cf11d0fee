//! Topics that lose records or are made anew.

use sensorstream_crds::input::OnDataLoss;
use serde_json::json;

use crate::world::{Spec, good, readings, scenario, scenario_of};

#[test]
fn records_that_vanished_stop_the_shard_or_are_counted() {
    scenario("loss", 2, async |mut world| {
        world.send(0, (0..10).map(good));
        world.send(1, (0..10).map(good));
        let running = world.start();
        world.caught_up().await;
        running.stop().await;
        world.send(0, (10..20).map(good));
        world.send(1, (10..20).map(good));
        world.delete_records(0, 15).await;

        let running = world.start();
        world
            .wait(
                "one shard stands still and the other goes on",
                async |world| {
                    let figures = world.figures().await;
                    figures[0].data_loss_at == Some(15) && figures[1].next_offset == 20
                },
            )
            .await;
        running.stop().await;
        assert_eq!(world.figures().await[0].next_offset, 10);

        world.config.input.on_data_loss = OnDataLoss::Continue;
        let running = world.start();
        world.caught_up().await;
        running.stop().await;
        let shard = world.figures().await.remove(0);
        assert_eq!(
            (shard.lost, shard.data_loss_at, shard.records_read),
            (5, None, 15)
        );
        let rows: Vec<i64> = world
            .rows()
            .await
            .iter()
            .filter(|row| row.0 == 0)
            .map(|row| row.1)
            .collect();
        assert_eq!(rows, (0..10).chain(15..20).collect::<Vec<i64>>());
        world
    });
}

#[test]
fn records_that_vanish_under_a_reader_are_noticed() {
    scenario("loss-live", 1, async |world| {
        world.send(0, (0..5).map(good));
        let process = world.spawn();
        world.caught_up().await;
        process.signal("STOP");
        // The reader's question to Kafka is out: the next record is its answer, and no other.
        world.send(0, [good(5)]);
        world.send(0, (6..10).map(good));
        world.delete_records(0, 9).await;
        process.signal("CONT");
        world
            .wait("the shard stands still", async |world| {
                world.figures().await[0].data_loss_at == Some(9)
            })
            .await;
        let rows = world.rows().await;
        assert!(rows.iter().all(|(_, offset)| *offset < 6), "{rows:?}");
        world
    });
}

#[test]
fn a_topic_made_anew_is_another_one() {
    scenario("anew", 1, async |world| {
        world.send(0, (0..50).map(good));
        let running = world.start();
        world.caught_up().await;
        let first = world.incarnation();
        world.delete_topic(&world.topic()).await;
        world.make_topic(&world.topic(), 1, &[]).await;
        // More than the old one had: an offset alone can't tell the two apart.
        world.send(0, (0..200).map(good));
        world.caught_up().await;
        running.stop().await;
        let figures = world.figures().await;
        let read = |is_first: bool| {
            figures
                .iter()
                .filter(|shard| (shard.incarnation == first) == is_first)
                .map(|shard| (shard.records_read, shard.next_offset))
                .collect::<Vec<_>>()
        };
        assert_eq!(read(true), [(50, 50)]);
        assert_eq!(read(false), [(200, 200)]);
        assert_eq!(world.rows().await.len(), 250);
        world
    });
}

/// Days of which rows are written every three seconds.
fn days(topic: &str) -> Spec {
    let mut spec = readings(topic);
    spec.windows = json!([
        { "name": "days", "tumbling": { "size": "1d" }, "emit": { "every": "3s" },
          "groupBy": ["sensor_id"], "aggregates": [{ "as": "readings", "count": {} }] },
    ]);
    spec
}

#[test]
fn rows_that_are_still_to_be_written_are_written_though_the_topic_is_gone() {
    scenario_of(days, "gone", 1, async |world| {
        let running = world.start();
        world.send(0, [good(0)]);
        world.caught_up().await;
        // The next rows are not due before the topic is gone.
        world.send(0, (1..50).map(good));
        world.caught_up().await;
        world.delete_topic(&world.topic()).await;
        world
            .wait("the rows have every reading", async |world| {
                let sql = "SELECT coalesce(sum(readings), 0)::bigint FROM readings.days";
                let counted: i64 = sqlx::query_scalar(sql)
                    .fetch_one(&world.pool)
                    .await
                    .unwrap();
                counted == 50
            })
            .await;
        world.make_topic(&world.topic(), 1, &[]).await;
        running.stop().await;
        world
    });
}
