//! Whole systems, checked against a batch oracle: SQL over the raw records of the input topic, which
//! shares nothing with the engine, says what every table and topic has to hold.

use std::time::Duration;

use rand::{RngExt, rngs::StdRng};

use crate::world::{Process, World};

mod clicks;
mod clickstream;
mod factory;
mod idle;
mod lake;
mod motors;
mod oracle;
mod sessions;

/// How many times processes are killed: a few, or with `SENSORSTREAM_TORTURE` as many as it takes to be
/// sure.
fn kills() -> usize {
    if std::env::var_os("SENSORSTREAM_TORTURE").is_some() {
        30
    } else {
        6
    }
}

/// Sends, while so many processes share the work and one after the other is killed at a random moment.
async fn send_through_kills(
    world: &World,
    replicas: usize,
    chance: &mut StdRng,
    mut send: impl FnMut(&World),
) {
    let mut processes: Vec<Process> = (0..replicas).map(|_| world.spawn()).collect();
    for _ in 0..kills() {
        for _ in 0..3 {
            send(world);
            tokio::time::sleep(Duration::from_millis(chance.random_range(50..1_500))).await;
        }
        let victim = chance.random_range(0..replicas);
        // The old one is gone before the new one is there.
        drop(processes.swap_remove(victim));
        processes.push(world.spawn());
    }
}
