//! A lake that is away for a while.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use sensorstream_oracle::{
    Lake,
    lake::Login,
    minio::{KEY, Minio, SECRET, variables},
};

use super::{
    super::{System, assert_all, assert_as_the_oracle_says, factory::Factory},
    Scene, scene, torture,
};

/// What a process may take, in KiB, however long the lake is away and whatever comes in: 50 MiB that it takes
/// anyhow, 64 MiB that its Kafka client may have read ahead, and some for a batch of each shard on its way.
const MEMORY: u64 = 160 << 10;
/// Bytes that each record has besides, so that what comes in soon exceeds that.
const BALLAST: usize = 4 << 10;

/// A server is killed while a process is busy, and comes back.
pub fn away<S: System>() {
    scene::<S>("away", async |scene| {
        let mut minio = Minio::start(&["lake"]);
        let endpoint = minio.endpoint();
        scene.world.variables = variables(&endpoint, KEY, SECRET).into();
        let lake = scene.world.config.outputs.lake.as_mut();
        lake.unwrap().uri = "s3://lake/a/folder".into();
        let running = scene.world.spawn();
        scene.send(3_000);
        scene.until_busy().await;
        minio.kill();
        scene.traffic.load(BALLAST);
        // At full length, 240 MB.
        let (seconds, mut left) = if torture() { (60, 60_000) } else { (10, 6_000) };
        let back = Instant::now() + Duration::from_secs(seconds);
        let mut most = 0;
        while Instant::now() < back {
            if left > 0 {
                scene.send(1_000);
                left -= 1_000;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            most = most.max(running.memory());
        }
        until_blocked(scene).await;
        scene.traffic.load(0);
        minio.restart();
        scene.send(3_000);
        scene.world.caught_up().await;
        until_free(scene).await;
        println!("{}: at most {} MiB of memory", S::NAME, most >> 10);
        assert!(most < MEMORY, "{most} KiB of memory");
        let logs = [scene.world.log()];
        let login = Login {
            endpoint: &endpoint,
            key: KEY,
            secret: SECRET,
        };
        let lake = Lake::bucket(login, "lake", "a/folder");
        assert_all::<S>(&scene.world, vec![running], &logs, &lake).await;
    });
}

#[test]
fn a_folder_that_is_in_the_way_is_waited_for() {
    scene::<Factory>("folder", async |scene| {
        let folder = scene.world.lake.path().to_owned();
        let running = scene.world.spawn();
        scene.send(1_000);
        scene.world.caught_up().await;
        // A file where the folder for a date is to be.
        let dates: Vec<PathBuf> = (0..3).map(|day| folder.join(date(day))).collect();
        let aside = |path: &Path| path.with_extension("aside");
        let mut had: BTreeMap<PathBuf, bool> = BTreeMap::new();
        for path in &dates {
            had.insert(path.clone(), path.exists());
            if path.exists() {
                std::fs::rename(path, aside(path)).unwrap();
            }
            std::fs::write(path, b"in the way").unwrap();
        }
        for _ in 0..4 {
            scene.send(1_000);
        }
        until_blocked(scene).await;
        for (path, there) in had {
            std::fs::remove_file(&path).unwrap();
            if there {
                std::fs::rename(aside(&path), &path).unwrap();
            }
        }
        scene.world.caught_up().await;
        until_free(scene).await;
        assert_as_the_oracle_says::<Factory>(&scene.world, vec![running]).await;
    });
}

/// Waits until the lake is shown as waited for, and why.
async fn until_blocked<S>(scene: &Scene<S>) {
    scene
        .world
        .wait("the lake is shown as blocked", async |world| {
            let figures = world.figures().await;
            let mut blocked = figures.iter().flat_map(|shard| &shard.blocked);
            blocked.any(|sink| sink.sink == "lake" && !sink.error.is_empty())
        })
        .await;
}

/// Waits until nothing is waited for.
async fn until_free<S>(scene: &Scene<S>) {
    scene
        .world
        .wait("nothing is blocked any more", async |world| {
            let figures = world.figures().await;
            figures.iter().all(|shard| shard.blocked.is_empty())
        })
        .await;
}

/// The folder of a date, so many days ago.
fn date(days: i64) -> String {
    let day = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * days);
    day.strftime("date=%Y-%m-%d").to_string()
}
