//! Sending events as they happen: the factory's, evenly, so many a second, each with the time at which it is
//! sent.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{
    Failure, factory,
    fill::Event,
    kafka::{Topic, finish, send},
};

/// As many as in the preloaded topic of two million events.
const MOTORS: u64 = 5_000;
/// Of so many motors, the events of one are noted.
const NOTED: u64 = 100;
/// How long records wait for others to go with them: what Kafka's clients have by default, librdkafka's and
/// since 4.0 Java's (KIP-1030).
const LINGER_MS: u32 = 5;
/// Events are made in steps of this length.
const STEP: Duration = Duration::from_millis(5);

/// Sends for so many seconds. What is behind its time, because the machine was busy, is sent at once.
pub fn pace(topic: &Topic, rate: u64, seconds: u64, notes: &Path) -> Result<(), Failure> {
    let producer = topic.producer(LINGER_MS)?;
    let mut notes = BufWriter::new(File::create(notes)?);
    let mut chance = StdRng::seed_from_u64(rate);
    let mut event = Event::default();
    let begin = Instant::now();
    let mut sent = 0;
    while sent < rate * seconds {
        let due = (begin.elapsed().as_micros() as u64 * rate / 1_000_000).min(rate * seconds);
        while sent < due {
            let motor = chance.random_range(0..MOTORS);
            let now = Timestamp::now();
            factory::write(motor, now.as_millisecond(), &mut chance, &mut event);
            send(&producer, topic, None, &event.key, &event.value, None)?;
            if motor % NOTED == 0 {
                writeln!(notes, "{} {}", event.key, now.as_microsecond())?;
            }
            sent += 1;
        }
        producer.poll(Duration::ZERO);
        notes.flush()?;
        sleep(STEP);
    }
    finish(&producer)?;
    Ok(())
}
