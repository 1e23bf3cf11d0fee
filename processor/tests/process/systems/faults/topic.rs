//! Input topics that lose records or are made anew.

use sensorstream_crds::input::OnDataLoss;
use sensorstream_oracle::{Lake, Oracle};

use super::{
    super::{PARTITIONS, System, assert_all},
    Scene, scene,
};
use crate::world::{SCHEMA, World};

/// How many records of a partition go before anybody has read them.
const EXPIRED: i64 = 300;

/// Records expire while nobody reads: the shard stands still, and goes on when told to, with exactly these
/// missing.
pub fn expired<S: System>() {
    scene::<S>("expired", async |scene| {
        let running = scene.world.spawn();
        scene.send(4_000);
        scene.world.caught_up().await;
        // What had to be read again would be missing too.
        until_written_down(&scene.world).await;
        running.stop().await;
        let from = first_stage(scene).await[0];
        let expired = from..from + EXPIRED;
        scene.send(4_000);
        let mut log = scene.world.log();
        scene.world.delete_records(0, expired.end).await;

        let running = scene.world.spawn();
        scene
            .world
            .wait("one shard stands still", async |world| {
                let figures = world.figures().await;
                let mut gaps = figures.iter().filter_map(|shard| shard.data_loss_at);
                gaps.any(|at| at == expired.end)
            })
            .await;
        running.stop().await;
        assert_eq!(first_stage(scene).await[0], from);

        scene.world.config.input.on_data_loss = OnDataLoss::Continue;
        let running = scene.world.spawn();
        scene.world.caught_up().await;
        let figures = scene.world.figures().await;
        let lost: Vec<i64> = figures.iter().map(|shard| shard.lost).collect();
        assert_eq!(lost.iter().sum::<i64>(), EXPIRED, "{lost:?}");
        log.retain(|record| record.partition != 0 || !expired.contains(&record.offset));
        let lake = Lake::folder(scene.world.lake.path());
        assert_all::<S>(&scene.world, vec![running], &[log], &lake).await;
    });
}

/// Waits until everything that was read is written down: nobody needs those records any more.
async fn until_written_down(world: &World) {
    world
        .wait("all that was read is written down", async |world| {
            let behind: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM sensorstream.shards s
                  WHERE stage = 1 AND (lake_cursor < next_offset OR outbox_cursor < next_offset
                     OR EXISTS (SELECT FROM sensorstream.state_buckets b
                                 WHERE (b.pipeline, b.stage, b.incarnation, b.partition)
                                     = (s.pipeline, s.stage, s.incarnation, s.partition)
                                   AND at_offset < next_offset))",
            )
            .fetch_one(&world.pool)
            .await
            .unwrap();
            behind == 0
        })
        .await;
}

/// Records expire that were read before the process was killed: nothing is missing.
pub fn expired_later<S: System>() {
    scene::<S>("expired-later", async |scene| {
        let running = scene.world.spawn();
        scene.send(4_000);
        scene.world.caught_up().await;
        until_written_down(&scene.world).await;
        let mut log = scene.world.log();
        drop(running);
        for (partition, end) in first_stage(scene).await.into_iter().enumerate() {
            scene.world.delete_records(partition as i32, end).await;
        }
        let running = scene.world.spawn();
        scene.send(4_000);
        scene.world.caught_up().await;
        log.extend(scene.world.log());
        let lake = Lake::folder(scene.world.lake.path());
        assert_all::<S>(&scene.world, vec![running], &[log], &lake).await;
    });
}

/// How far the shards are that read the input topic.
async fn first_stage<S>(scene: &Scene<S>) -> Vec<i64> {
    let topic = scene.world.topic();
    let figures = scene.world.figures().await;
    let mut first: Vec<_> = figures.iter().filter(|s| s.topic == topic).collect();
    first.sort_by_key(|shard| shard.partition);
    first.iter().map(|shard| shard.next_offset).collect()
}

/// The topic is deleted and made again under a busy process, once what was read of it is in the tables. What its
/// senders say from then on is later than what they said before by more than a window.
pub fn made_anew<S: System>() {
    scene::<S>("anew", async |scene| {
        let running = scene.world.spawn();
        scene.send(4_000);
        scene.world.caught_up().await;
        let topic = scene.world.topic();
        let first = scene.world.log();
        // A row that is yet to be written would have to be written before anything of the new topic is read.
        let log = [first.clone()];
        let oracle = Oracle::load(&scene.world.pool, "first", S::INPUT, &log).await;
        S::assert_tables(&oracle, SCHEMA).await;
        scene.world.delete_topic(&topic).await;
        scene.world.make_topic(&topic, PARTITIONS, &[]).await;
        scene.traffic.pause(20);
        scene.send(8_000);
        scene.world.caught_up().await;
        let logs = [first, scene.world.log()];
        let lake = Lake::folder(scene.world.lake.path());
        assert_all::<S>(&scene.world, vec![running], &logs, &lake).await;
    });
}
