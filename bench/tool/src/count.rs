//! The bare loop: reads a topic with librdkafka as fast as it goes and only counts, a thread a partition. Nobody
//! who reads through librdkafka can be faster.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer, DefaultConsumerContext},
    error::KafkaResult,
};
use sensorstream_broker::{
    offsets::end_offsets,
    partition_queue::{PartitionQueue, Polled},
};
use serde_json::{Value, json};

use crate::kafka::{PATIENCE, Topic};

/// Records taken from librdkafka at once.
const BATCH: usize = 2_048;
const POLL: Duration = Duration::from_millis(50);

/// What a thread has counted.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    records: u64,
    bytes: u64,
    first: Option<Instant>,
}

/// Counts the topic's records. The time is from the first record to the last.
pub fn count(topic: &Topic) -> KafkaResult<Value> {
    let consumer: Arc<BaseConsumer> = Arc::new(
        topic
            .client()
            .set("group.id", "bench.count")
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "error")
            .create()?,
    );
    let ends = end_offsets(&consumer, &topic.name, 0..topic.partitions, PATIENCE)?;
    let mut list = TopicPartitionList::new();
    let mut queues = Vec::new();
    for (partition, end) in ends {
        list.add_partition_offset(&topic.name, partition, Offset::Beginning)?;
        queues.extend(PartitionQueue::split(&consumer, &topic.name, partition).map(|q| (q, end)));
    }
    consumer.assign(&list)?;
    let threads: Vec<_> = queues
        .into_iter()
        .map(|(queue, end)| thread::spawn(move || count_partition(queue, end)))
        .collect();
    // The consumer itself is served here, as it has to be.
    while !threads.iter().all(thread::JoinHandle::is_finished) {
        if let Some(Err(error)) = consumer.poll(Duration::from_millis(1)) {
            return Err(error);
        }
    }
    let counted: Vec<Counted> = threads
        .into_iter()
        .map(|thread| thread.join().expect("counting does not panic"))
        .collect();
    let first = counted.iter().filter_map(|counted| counted.first).min();
    Ok(json!({
        "records": counted.iter().map(|counted| counted.records).sum::<u64>(),
        "bytes": counted.iter().map(|counted| counted.bytes).sum::<u64>(),
        "seconds": first.map_or(0.0, |first| first.elapsed().as_secs_f64()),
    }))
}

fn count_partition(mut queue: PartitionQueue<DefaultConsumerContext>, end: i64) -> Counted {
    let mut counted = Counted::default();
    let mut next = 0;
    while next < end {
        queue.consume(POLL, BATCH, |polled| {
            if let Polled::Record(record) = polled {
                counted.first.get_or_insert_with(Instant::now);
                counted.records += 1;
                counted.bytes += record.payload().map_or(0, <[u8]>::len) as u64;
                next = record.offset() + 1;
            }
        });
    }
    counted
}
