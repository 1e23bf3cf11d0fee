//! Processes that die or sleep, and a database that drops its connections.

use std::{collections::BTreeMap, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};

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
