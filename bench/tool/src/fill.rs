//! Preloading a topic.

use std::num::NonZeroU64;

use rdkafka::error::KafkaResult;

use crate::kafka::{Topic, finish, send};

/// A record to be: the memory is used again for the next one.
#[derive(Clone, Debug, Default)]
pub struct Event {
    /// The key.
    pub key: String,
    /// The value, JSON.
    pub value: Vec<u8>,
}

impl Event {
    /// Forgets the last one.
    pub fn clear(&mut self) {
        self.key.clear();
        self.value.clear();
    }
}

/// A source of events.
pub trait Events {
    /// Makes the next one.
    fn next(&mut self, event: &mut Event);
    /// Makes the one that a partition ends with: of its own key, and late enough to close every window.
    fn finale(&mut self, partition: i32, event: &mut Event);
}

/// Sends so many events, each to the partition of its key, and then to each partition its last. Of so many events
/// one comes with the context of a trace, if any does.
pub fn fill(
    topic: &Topic,
    events: u64,
    traced: Option<NonZeroU64>,
    mut source: impl Events,
) -> KafkaResult<()> {
    let producer = topic.producer(50)?;
    let mut event = Event::default();
    for number in 1..=events {
        source.next(&mut event);
        let is_traced = traced.is_some_and(|every| number.is_multiple_of(every.get()));
        // As W3C writes it: version, trace, span, and that the trace is kept.
        let context = is_traced.then(|| format!("00-{number:032x}-{number:016x}-01"));
        let context = context.as_deref();
        send(&producer, topic, None, &event.key, &event.value, context)?;
    }
    finish(&producer)?;
    for partition in 0..topic.partitions {
        source.finale(partition, &mut event);
        let (key, value) = (&event.key, &event.value);
        send(&producer, topic, Some(partition), key, value, None)?;
    }
    finish(&producer)
}
