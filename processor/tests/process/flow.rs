//! Readings and bad records flow to where they belong, whoever reads them.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;

use crate::world::{good, mixed, scenario};

#[test]
fn each_record_is_in_the_table_or_the_dead_letter_topic() {
    scenario("flow", 1, async |world| {
        let now = jiff::Timestamp::now().to_string();
        let future = (jiff::Timestamp::now() + Duration::from_hours(1)).to_string();
        let with = |change: serde_json::Value| {
            let mut reading = json!({ "sensor_id": "a", "timestamp": now, "temperature": 1 });
            reading
                .as_object_mut()
                .unwrap()
                .extend(change.as_object().unwrap().clone());
            reading.to_string().into_bytes()
        };
        let bad = [
            ("not_json", b"{".to_vec()),
            ("missing_field", with(json!({ "sensor_id": null }))),
            ("wrong_type", with(json!({ "temperature": "1" }))),
            ("out_of_range", with(json!({ "temperature": 251 }))),
            ("too_long", with(json!({ "sensor_id": "s".repeat(21) }))),
            ("bad_timestamp", with(json!({ "timestamp": "today" }))),
            ("future", with(json!({ "timestamp": future }))),
        ];
        world.send(0, [good(0)]);
        world.send(0, bad.iter().map(|(_, value)| value));
        world.send(0, [good(1)]);
        let running = world.start();
        world.caught_up().await;
        assert_eq!(world.rows().await, [(0, 0), (0, 8)]);
        let letters = world.letters();
        for (letter, (index, (reason, value))) in letters.iter().zip(bad.iter().enumerate()) {
            assert_eq!(letter.header("sensorstream-reason"), Some(*reason));
            assert_eq!(letter.source(), (0, index as i64 + 1));
            assert_eq!(
                letter.header("sensorstream-source-topic"),
                Some(&*world.topic())
            );
            assert_eq!(letter.key.as_deref(), Some("the key"));
            assert_eq!(letter.value.as_ref(), Some(value));
        }
        let figures = world.figures().await.remove(0);
        let reasons: BTreeMap<String, i64> = bad
            .iter()
            .map(|(reason, _)| ((*reason).to_owned(), 1))
            .collect();
        assert_eq!((figures.records_read, figures.accepted), (9, 2));
        assert_eq!(figures.dead_lettered, reasons);
        // A minute behind the newest accepted reading, and not behind the one from the future.
        let newest: i64 = sqlx::query_scalar(
            "SELECT (extract(epoch FROM max(timestamp)) * 1e6)::bigint FROM readings.sensor_data",
        )
        .fetch_one(&world.pool)
        .await
        .unwrap();
        assert_eq!(figures.watermark_us, Some(newest - 60_000_000));
        running.stop().await;

        // A restart goes on where the last one stopped.
        world.send(0, [good(2)]);
        let running = world.start();
        world.caught_up().await;
        running.stop().await;
        assert_eq!(
            world.assert_exactly_once(&BTreeMap::from([(0, 10)])).await,
            (3, 7)
        );
        world
    });
}

#[test]
fn owners_come_and_go_without_a_trace() {
    scenario("rebalance", 3, async |world| {
        let mut sent = BTreeMap::new();
        let mut fill = |world: &crate::world::World, round: usize| {
            for partition in 0..3 {
                world.send(partition, mixed(round * 2_000..(round + 1) * 2_000));
                *sent.entry(partition).or_default() += 2_000;
            }
        };
        fill(&world, 0);
        let first = world.start();
        fill(&world, 1);
        let second = world.start();
        fill(&world, 2);
        world
            .wait("both own shards, or did", async |world| {
                let figures = world.figures().await;
                figures
                    .iter()
                    .filter(|shard| shard.records_read >= 4_000)
                    .count()
                    == 3
            })
            .await;
        fill(&world, 3);
        first.stop().await;
        fill(&world, 4);
        world.caught_up().await;
        second.stop().await;
        assert_eq!(world.assert_exactly_once(&sent).await, (27_000, 3_000));
        world
    });
}

#[test]
fn markers_of_transactions_are_neither_read_nor_in_the_way() {
    scenario("markers", 1, async |world| {
        let running = world.start();
        world.send_in_transaction(0, &[good(0), good(1)], true);
        world.send_in_transaction(0, &[good(2)], false);
        // Two readings, a marker, an aborted reading, a marker: the end is 5.
        world.caught_up().await;
        let figures = world.figures().await.remove(0);
        assert_eq!(
            (figures.next_offset, figures.records_read, figures.lost),
            (5, 2, 0)
        );
        assert_eq!(world.rows().await, [(0, 0), (0, 1)]);
        running.stop().await;
        world
    });
}

#[test]
fn readings_past_their_retention_are_deleted() {
    scenario("retention", 1, async |mut world| {
        let table = world.config.outputs.table.as_mut();
        table.expect("there is a table").retention = Some("1h".into());
        let old = (jiff::Timestamp::now() - Duration::from_hours(2)).to_string();
        let value = json!({ "sensor_id": "old", "timestamp": old, "temperature": 1 }).to_string();
        world.send(0, [value.into_bytes(), good(1)]);
        let running = world.start();
        world.caught_up().await;
        running.stop().await;
        // Retention is looked after when the role starts.
        let running = world.start();
        world
            .wait("the old reading is gone", async |world| {
                world.rows().await == [(0, 1)]
            })
            .await;
        running.stop().await;
        world
    });
}
