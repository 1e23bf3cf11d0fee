//! Input topics that lose records or are made anew.

use sensorstream_crds::input::OnDataLoss;
use sensorstream_oracle::Lake;

use super::{
    super::{PARTITIONS, System, assert_all},
    Scene, scene,
};

/// How many records of a partition go before anybody has read them.
const EXPIRED: i64 = 300;

/// Records expire while nobody reads: the shard stands still, and goes on when told to, with exactly these
/// missing. None has been read before: of those, windows would miss some that they have to read again.
pub fn expired<S: System>() {
    scene::<S>("expired", async |scene| {
        let running = scene.world.spawn();
        scene
            .world
            .wait("all shards are taken", async |_| {
                first_stage(scene).await.len() == PARTITIONS as usize
            })
            .await;
        running.stop().await;
        scene.send(8_000);
        let mut log = scene.world.log();
        scene.world.delete_records(0, EXPIRED).await;

        let running = scene.world.spawn();
        scene
            .world
            .wait("one shard stands still", async |world| {
                let figures = world.figures().await;
                let mut gaps = figures.iter().filter_map(|shard| shard.data_loss_at);
                gaps.any(|at| at == EXPIRED)
            })
            .await;
        running.stop().await;
        assert_eq!(first_stage(scene).await[0], 0);

        scene.world.config.input.on_data_loss = OnDataLoss::Continue;
        let running = scene.world.spawn();
        scene.world.caught_up().await;
        let figures = scene.world.figures().await;
        let lost: Vec<i64> = figures.iter().map(|shard| shard.lost).collect();
        assert_eq!(lost.iter().sum::<i64>(), EXPIRED, "{lost:?}");
        log.retain(|record| record.partition != 0 || record.offset >= EXPIRED);
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

/// The topic is deleted and made again under a busy process. What its senders say from then on is later than
/// what they said before by more than a window.
pub fn made_anew<S: System>() {
    scene::<S>("anew", async |scene| {
        let running = scene.world.spawn();
        scene.send(4_000);
        scene.world.caught_up().await;
        let topic = scene.world.topic();
        let first = scene.world.log();
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
