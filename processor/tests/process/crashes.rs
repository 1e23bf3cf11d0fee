//! Processes that die or sleep, and a database that drops its connections.

use std::{collections::BTreeMap, str::FromStr, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use sqlx::{ConnectOptions, postgres::PgConnectOptions};

use crate::world::{mixed, scenario};

#[test]
fn killed_at_any_moment_each_record_counts_once() {
    scenario("killed", 2, async |world| {
        let mut chance = StdRng::seed_from_u64(7);
        let mut sent = BTreeMap::from([(0, 0), (1, 0)]);
        for _ in 0..4 {
            let process = world.spawn();
            for _ in 0..4 {
                for (partition, count) in &mut sent {
                    let from = *count as usize;
                    world.send(*partition, mixed(from..from + 1_500));
                    *count += 1_500;
                }
                tokio::time::sleep(Duration::from_millis(chance.random_range(100..1_200))).await;
            }
            drop(process);
        }
        let running = world.start();
        world.caught_up().await;
        running.stop().await;
        assert_eq!(world.assert_exactly_once(&sent).await, (43_200, 4_800));
        world
    });
}

#[test]
fn a_container_that_comes_back_is_the_same_member_and_one_that_stops_is_none() {
    scenario("member", 1, async |world| {
        world.send(0, mixed(0..1_000));
        let process = world.spawn_in("pod-of-its-own");
        world.caught_up().await;
        let first = world.members();
        let pod = process.kill();
        let process = world.spawn_in(&pod);
        world.send(0, mixed(1_000..2_000));
        world.caught_up().await;
        let second = world.members();
        for members in [&first, &second] {
            assert_eq!(members.len(), 1, "{members:?}");
            assert!(members[0].starts_with("pod-of-its-own"), "{members:?}");
        }
        assert_ne!(first, second);
        process.stop().await;
        // Nobody waits for it to come back.
        assert_eq!(world.members(), Vec::<String>::new());
        let sent = BTreeMap::from([(0, 2_000)]);
        assert_eq!(world.assert_exactly_once(&sent).await, (1_800, 200));
        world
    });
}

#[test]
fn a_pod_that_the_group_knows_from_another_topic_joins_anew() {
    scenario("renamed", 2, async |mut world| {
        let input = world.topic();
        let before = format!("{input}.before");
        world.make_topic(&before, 1, &[]).await;
        world.config.input.topic.name.clone_from(&before);
        world.config.input.topic.partitions = 1;
        world.send(0, mixed(0..1_000));
        let process = world.spawn_in("pod");
        world.caught_up().await;
        let pod = process.kill();
        world.config.input.topic.name = input;
        world.config.input.topic.partitions = 2;
        world.send(0, mixed(0..1_000));
        world.send(1, mixed(0..1_000));
        let process = world.spawn_in(&pod);
        world.caught_up().await;
        process.stop().await;
        world.delete_topic(&before).await;
        let figures = world.figures().await;
        let mut read: Vec<(&str, i32, i64)> = figures
            .iter()
            .map(|shard| (shard.topic.as_str(), shard.partition, shard.records_read))
            .collect();
        read.sort_unstable();
        let topic = world.topic();
        let expected = [
            (topic.as_str(), 0, 1_000),
            (topic.as_str(), 1, 1_000),
            (before.as_str(), 0, 1_000),
        ];
        assert_eq!(read, expected);
        world
    });
}

#[test]
fn an_owner_that_slept_through_a_takeover_changes_nothing() {
    scenario("slept", 1, async |world| {
        world.send(0, mixed(0..30_000));
        let sleeper = world.spawn();
        world
            .wait("it has begun", async |world| {
                world
                    .figures()
                    .await
                    .iter()
                    .any(|shard| shard.records_read > 0)
            })
            .await;
        sleeper.signal("STOP");
        // It may have read everything by now: what shows that it lost the shard is the epoch.
        let first = epoch(&world).await;
        let running = world.start();
        world
            .wait("the shard has moved", async |world| {
                epoch(world).await > first
            })
            .await;
        world.caught_up().await;
        let second = epoch(&world).await;
        sleeper.signal("CONT");
        // It finds out, joins again and becomes a member in good standing.
        world.send(0, mixed(30_000..31_000));
        running.stop().await;
        world
            .wait("the sleeper has taken the shard anew", async |world| {
                epoch(world).await > second
            })
            .await;
        world.send(0, mixed(31_000..32_000));
        world.caught_up().await;
        drop(sleeper);
        assert_eq!(
            world
                .assert_exactly_once(&BTreeMap::from([(0, 32_000)]))
                .await,
            (28_800, 3_200)
        );
        world
    });
}

#[test]
fn an_owner_that_stopped_while_it_sent_rows_keeps_nothing_locked() {
    scenario("stalled", 1, async |world| {
        world.send(0, mixed(0..1_000));
        let first = world.start();
        world.caught_up().await;
        first.stop().await;
        let server = PgConnectOptions::from_str(&world.uri).unwrap();
        let owner = server.application_name("sensorstream-process");
        let mut owner = owner.connect().await.unwrap();
        sqlx::raw_sql("BEGIN; UPDATE sensorstream.shards SET next_offset = next_offset + 1")
            .execute(&mut owner)
            .await
            .unwrap();
        let copy = owner.copy_in_raw("COPY readings.sensor_data FROM STDIN");
        let copy = copy.await.unwrap();
        world.send(0, mixed(1_000..2_000));
        let running = world.start();
        world.caught_up().await;
        running.stop().await;
        assert!(copy.abort("too late").await.is_err());
        let sent = BTreeMap::from([(0, 2_000)]);
        assert_eq!(world.assert_exactly_once(&sent).await, (1_800, 200));
        world
    });
}

async fn epoch(world: &crate::world::World) -> i64 {
    sqlx::query_scalar("SELECT max(epoch) FROM sensorstream.shards")
        .fetch_one(&world.pool)
        .await
        .unwrap()
}

#[test]
fn connections_that_break_in_the_middle_lose_and_repeat_nothing() {
    scenario("broken", 2, async |world| {
        let running = world.start();
        let mut sent = BTreeMap::from([(0, 0), (1, 0)]);
        for _ in 0..15 {
            for (partition, count) in &mut sent {
                let from = *count as usize;
                world.send(*partition, mixed(from..from + 2_000));
                *count += 2_000;
            }
            sqlx::query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                  WHERE datname = current_database() AND application_name = 'sensorstream-process'",
            )
            .execute(&world.pool)
            .await
            .unwrap();
        }
        world.caught_up().await;
        running.stop().await;
        assert_eq!(world.assert_exactly_once(&sent).await, (54_000, 6_000));
        world
    });
}
