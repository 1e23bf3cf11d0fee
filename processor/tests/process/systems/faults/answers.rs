//! Connections to PostgreSQL that break between a commit and its answer.

use std::time::Duration;

use url::Url;

use super::{
    super::{System, assert_as_the_oracle_says},
    scene, torture,
};
use crate::world::Proxy;

/// Of so many commits, one is not heard of again.
const EVERY: usize = 5;
/// Fewer lost answers would show nothing.
const CUTS: usize = 10;

/// Answers get lost while a process is busy.
pub fn lost<S: System>() {
    scene::<S>("answers", async |scene| {
        let mut uri = Url::parse(&scene.world.uri).unwrap();
        let port = uri.port().unwrap_or(5432);
        let server = format!("{}:{port}", uri.host_str().unwrap());
        let proxy = Proxy::start(&server, EVERY);
        uri.set_ip_host(proxy.address().ip()).unwrap();
        uri.set_port(Some(proxy.address().port())).unwrap();
        // It reads what is said.
        uri.set_query(Some("sslmode=disable"));
        scene.world.uri = uri.to_string();
        let running = scene.world.spawn();
        let cuts = if torture() { 20 * CUTS } else { 2 * CUTS };
        while proxy.cuts() < cuts {
            scene.send(500);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_as_the_oracle_says::<S>(&scene.world, vec![running]).await;
        assert!(proxy.cuts() >= CUTS);
    });
}
