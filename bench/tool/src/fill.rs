//! Preloading a topic.

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

/// Sends so many events, each to the partition of its key, and then to each partition its last.
pub fn fill(topic: &Topic, events: u64, mut source: impl Events) -> KafkaResult<()> {
    let producer = topic.producer(50)?;
    let mut event = Event::default();
    for _ in 0..events {
        source.next(&mut event);
        send(&producer, topic, None, &event.key, &event.value)?;
    }
    finish(&producer)?;
    for partition in 0..topic.partitions {
        source.finale(partition, &mut event);
        send(&producer, topic, Some(partition), &event.key, &event.value)?;
    }
    finish(&producer)
}
