//! What the motors on a factory's lines send: about 140 bytes an event with its key, and more if each carries
//! measurements besides that no pipeline here asks for.

use std::io::Write;

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};

use crate::{
    fill::{Event, Events},
    timeline,
};

/// So many events a motor, so that a minute of each has twenty.
const EVENTS_A_MOTOR: u64 = 400;

/// What the factory is like.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct Factory {
    /// How many motors; by default as many as have twenty events a minute each.
    #[arg(long)]
    motors: Option<u64>,
    /// How many measurements besides, of twenty bytes, an event has.
    #[arg(long, default_value_t = 0)]
    channels: u32,
}

/// Makes the same events for the same seed, number and factory.
pub struct Motors {
    chance: ChaCha8Rng,
    events: u64,
    count: u64,
    channels: u32,
    number: u64,
}

impl Motors {
    /// The motors of a factory that send so many events.
    pub fn new(seed: u64, events: u64, factory: Factory) -> Self {
        Self {
            chance: ChaCha8Rng::seed_from_u64(seed),
            events,
            count: factory.motors.unwrap_or(events / EVENTS_A_MOTOR).max(10),
            channels: factory.channels,
            number: 0,
        }
    }

    /// Adds the measurements besides.
    fn widen(&mut self, event: &mut Event) {
        let end = event.value.pop();
        for channel in 0..self.channels {
            let value = self.chance.random_range(100..1_000);
            write!(event.value, r#","channel_{channel:02}":{value}.25"#)
                .expect("memory takes what is written");
        }
        event.value.extend(end);
    }
}

impl Events for Motors {
    fn next(&mut self, event: &mut Event) {
        let time_ms = timeline::time(self.number, self.events, &mut self.chance);
        self.number += 1;
        let motor = self.chance.random_range(0..self.count);
        write(motor, time_ms, &mut self.chance, event);
        self.widen(event);
    }

    fn finale(&mut self, partition: i32, event: &mut Event) {
        write(0, timeline::finale(), &mut self.chance, event);
        let name = format!("FINAL-{partition:03}");
        let value = String::from_utf8_lossy(&event.value).replace("MTR-00000", &name);
        event.value = value.into_bytes();
        event.key = name;
    }
}

/// Writes a reading of a motor.
pub fn write(motor: u64, time_ms: i64, chance: &mut impl Rng, event: &mut Event) {
    let temperature = normal(72.0, 6.0, chance);
    let vibration = normal(0.2, 0.1, chance).max(0.0);
    let status = if chance.random_ratio(3, 100) {
        "WARN"
    } else {
        "OK"
    };
    let line = chance.random_range(1..=3);
    event.clear();
    event.key = format!("MTR-{motor:05}");
    write!(
        event.value,
        r#"{{"device_id":"{}","ts":"{}","temperature_c":{temperature:.1},"vibration_g":{vibration:.2},"status":"{status}","site":"fab1","line":"L{line:02}"}}"#,
        event.key,
        timeline::text(time_ms),
    )
    .expect("memory takes what is written");
}

fn normal(mean: f64, deviation: f64, chance: &mut impl Rng) -> f64 {
    let normal = Normal::new(mean, deviation).expect("the deviation is finite");
    normal.sample(chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_about_140_bytes_of_json() {
        let mut motors = Motors::new(1, 1_000, Factory::default());
        let mut event = Event::default();
        motors.next(&mut event);
        let size = event.key.len() + event.value.len();
        assert!((135..150).contains(&size), "{size}");
        let value: serde_json::Value = serde_json::from_slice(&event.value).unwrap();
        assert_eq!(value["device_id"], event.key);
        motors.finale(2, &mut event);
        let value: serde_json::Value = serde_json::from_slice(&event.value).unwrap();
        assert_eq!(value["device_id"], "FINAL-002");
    }

    #[test]
    fn a_wide_event_is_about_a_kilobyte_of_json() {
        let wide = Factory {
            motors: Some(7),
            channels: 43,
        };
        let mut motors = Motors::new(1, 1_000, wide);
        let mut event = Event::default();
        motors.next(&mut event);
        assert!((950..1_050).contains(&event.value.len()));
        let value: serde_json::Value = serde_json::from_slice(&event.value).unwrap();
        assert!(value["channel_42"].is_f64());
    }
}
