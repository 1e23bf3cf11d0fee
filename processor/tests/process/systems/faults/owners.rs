//! Owners of shards that are killed, come and go, or sleep.

use std::time::Duration;

use rand::RngExt;

use super::{
    super::{System, assert_as_the_oracle_says},
    scene, torture,
};
use crate::world::Process;

/// How many times processes are killed: a few, or as many as it takes to be sure.
fn kills() -> usize {
    if torture() { 30 } else { 6 }
}

/// Nothing goes wrong.
pub fn none<S: System>() {
    scene::<S>("calm", async |scene| {
        let running = scene.world.spawn();
        for _ in 0..10 {
            scene.send(3_000);
        }
        assert_as_the_oracle_says::<S>(&scene.world, vec![running]).await;
    });
}

/// So many share the work, and one after the other is killed.
pub fn killed<S: System>(replicas: usize) {
    scene::<S>(&format!("killed-{replicas}"), async |scene| {
        let mut processes: Vec<Process> = (0..replicas).map(|_| scene.world.spawn()).collect();
        for _ in 0..kills() {
            for _ in 0..3 {
                scene.send(1_500);
                let pause = scene.chance.random_range(50..1_500);
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            let victim = scene.chance.random_range(0..replicas);
            // The old one is gone before the new one is there.
            let pod = processes.swap_remove(victim).kill();
            let comes_back = scene.chance.random();
            processes.push(if comes_back {
                scene.world.spawn_in(&pod)
            } else {
                scene.world.spawn()
            });
        }
        assert_as_the_oracle_says::<S>(&scene.world, processes).await;
    });
}

/// Processes come and go, and take shards from one another.
pub fn moved<S: System>() {
    scene::<S>("moved", async |scene| {
        let first = scene.world.spawn();
        scene.send(4_000);
        scene.until_busy().await;
        let before = scene.epochs().await;
        let (second, third) = (scene.world.spawn(), scene.world.spawn());
        scene.send(4_000);
        until_moved(scene, &before, 2).await;
        scene.send(4_000);
        first.stop().await;
        scene.send(4_000);
        scene.world.caught_up().await;
        third.stop().await;
        assert_as_the_oracle_says::<S>(&scene.world, vec![second]).await;
    });
}

/// The owner of all shards is frozen in the middle of its work, with more of it before it; others take its
/// shards and go on; it wakes, and finds out.
pub fn slept<S: System>() {
    scene::<S>("slept", async |scene| {
        let sleeper = scene.world.spawn();
        scene.send(3_000);
        scene.until_busy().await;
        scene.send(6_000);
        sleeper.signal("STOP");
        let before = scene.epochs().await;
        let other = scene.world.spawn();
        scene.send(3_000);
        until_moved(scene, &before, before.len()).await;
        scene.world.caught_up().await;
        scene.send(3_000);
        sleeper.signal("CONT");
        for _ in 0..5 {
            scene.send(1_000);
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        assert_as_the_oracle_says::<S>(&scene.world, vec![sleeper, other]).await;
    });
}

/// An owner that has taken shards over from one that was killed sends what is to be sent again, and dies while
/// its first commits hang.
pub fn died_early<S: System>() {
    scene::<S>("early", async |scene| {
        let first = scene.world.spawn();
        scene.send(6_000);
        scene.until_busy().await;
        drop(first);
        scene.send(3_000);
        let gate = scene.world.close_gate().await;
        let sent = scene.world.sent_over_link();
        let second = scene.world.spawn();
        let all = i64::from(super::PARTITIONS);
        scene
            .world
            .wait("the first commits hang, all is sent again", async |world| {
                let stands = !world.is_linked() || world.sent_over_link() > sent;
                stands && gate.hanging(&world.pool).await >= all
            })
            .await;
        drop(second);
        gate.open().await;
        let third = scene.world.spawn();
        assert_as_the_oracle_says::<S>(&scene.world, vec![third]).await;
    });
}

/// Waits until so many shards have other owners than before.
async fn until_moved<S: System>(scene: &super::Scene<S>, before: &[i64], shards: usize) {
    scene
        .world
        .wait("shards have moved", async |_| {
            let now = scene.epochs().await;
            let moved = before.iter().zip(&now).filter(|(old, new)| old < new);
            moved.count() >= shards
        })
        .await;
}
