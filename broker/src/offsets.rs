//! Where partitions begin and end.

use std::{collections::BTreeMap, time::Duration};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaResult, RDKafkaErrorCode},
};

/// The end offset of each partition: that of the next record to be written. Asks every leader
/// once, however many partitions it has. Blocks for `timeout` at most.
pub fn end_offsets<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    partitions: impl IntoIterator<Item = i32>,
    timeout: Duration,
) -> KafkaResult<BTreeMap<i32, i64>> {
    // Kafka takes the offsets -1 (end) and -2 (beginning) in place of a time.
    at(consumer, topic, partitions, Offset::End, timeout)
}

/// The offset of the oldest record of each partition that still exists.
pub fn beginning_offsets<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    partitions: impl IntoIterator<Item = i32>,
    timeout: Duration,
) -> KafkaResult<BTreeMap<i32, i64>> {
    at(consumer, topic, partitions, Offset::Beginning, timeout)
}

fn at<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    partitions: impl IntoIterator<Item = i32>,
    position: Offset,
    timeout: Duration,
) -> KafkaResult<BTreeMap<i32, i64>> {
    let mut asked = TopicPartitionList::new();
    for partition in partitions {
        asked.add_partition_offset(topic, partition, position)?;
    }
    if asked.count() == 0 {
        return Ok(BTreeMap::new());
    }
    let answered = match consumer.offsets_for_times(asked.clone(), timeout) {
        // Partitions that were added lately: the client knows them once it has asked.
        Err(error) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::UnknownPartition) => {
            consumer.fetch_metadata(Some(topic), timeout)?;
            consumer.offsets_for_times(asked, timeout)?
        }
        answered => answered?,
    };
    let mut offsets = BTreeMap::new();
    for element in answered.elements() {
        element.error()?;
        if let Offset::Offset(offset) = element.offset() {
            offsets.insert(element.partition(), offset);
        }
    }
    Ok(offsets)
}
