//! Records taken from the source topic once more, by their offsets.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer, DefaultConsumerContext},
    error::{KafkaError, RDKafkaErrorCode},
};
use sensorstream_broker::{
    offsets::beginning_offsets,
    partition_queue::{PartitionQueue, Polled},
};

use super::super::batch::{Content, Copied};

/// How long finding records may take altogether.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long one look into the queue waits.
const POLL: Duration = Duration::from_millis(50);
/// A gap between wanted records that is jumped over rather than read through.
const JUMP: i64 = 5_000;
/// Bytes after which what was found is handed on.
const ENOUGH_BYTES: usize = 4 * 1024 * 1024;

/// Why records could not be read again.
#[derive(Debug, thiserror::Error)]
pub(super) enum RereadError {
    #[error("asking Kafka for partition {0} of the input topic")]
    Kafka(i32, #[source] KafkaError),
    #[error("partition {0} of the input topic has no queue")]
    NoQueue(i32),
    #[error("partition {partition} of the input topic can't be read: {error}")]
    Unreadable {
        partition: i32,
        error: RDKafkaErrorCode,
    },
    #[error("reading partition {partition} of the input topic again did not get beyond {offset}")]
    Stuck { partition: i32, offset: i64 },
}

/// Reads one partition at will.
pub(super) struct Rereader {
    consumer: Arc<BaseConsumer>,
    queue: PartitionQueue<DefaultConsumerContext>,
    topic: String,
    partition: i32,
}

impl Rereader {
    /// A reader over a consumer that reads nothing else.
    pub(super) fn new(
        consumer: &Arc<BaseConsumer>,
        topic: &str,
        partition: i32,
    ) -> Result<Self, RereadError> {
        let queue = PartitionQueue::split(consumer, topic, partition)
            .ok_or(RereadError::NoQueue(partition))?;
        Ok(Self {
            consumer: Arc::clone(consumer),
            queue,
            topic: topic.to_owned(),
            partition,
        })
    }

    /// The records at the first of these offsets, which ascend: as many as make a fair load.
    /// Each is there or known to be gone.
    pub(super) fn read(&mut self, wanted: &[i64]) -> Result<BTreeMap<i64, Content>, RereadError> {
        let partition = self.partition;
        let failed = |error| RereadError::Kafka(partition, error);
        let mut found = BTreeMap::new();
        let Some(first) = wanted.first() else {
            return Ok(found);
        };
        let begin = beginning_offsets(&self.consumer, &self.topic, [partition], PATIENCE)
            .map_err(failed)?
            .get(&partition)
            .copied()
            .unwrap_or(*first);
        let gone = wanted.partition_point(|offset| *offset < begin);
        found.extend(wanted[..gone].iter().map(|offset| (*offset, Content::Lost)));
        let mut left = &wanted[gone..];
        let deadline = Instant::now() + PATIENCE;
        let (mut bytes, mut trouble) = (0, None);
        let mut position = left.first().copied();
        if let Some(start) = position {
            self.assign(start).map_err(failed)?;
        }
        while let Some(next) = left.first().copied().filter(|_| bytes < ENOUGH_BYTES) {
            if position.is_some_and(|position| next > position + JUMP) {
                self.assign(next).map_err(failed)?;
                position = Some(next);
            }
            self.queue.consume(POLL, 500, |polled| match polled {
                Polled::Record(record) => {
                    let offset = record.offset();
                    position = Some(offset + 1);
                    left = skip(left, offset, &mut found);
                    if left.first() == Some(&offset) {
                        let copied = Copied::of(&record);
                        bytes += copied.size();
                        found.insert(offset, Content::Kept(copied));
                        left = &left[1..];
                    }
                }
                Polled::EndOfPartition(end) => left = skip(left, end, &mut found),
                Polled::Error(error) => trouble = Some(error),
            });
            if let Some(error) = trouble {
                return Err(RereadError::Unreadable { partition, error });
            }
            // Serves what is not about the partition.
            if let Some(Err(error)) = self.consumer.poll(Duration::ZERO) {
                tracing::debug!(%error, "reading records again");
            }
            if Instant::now() >= deadline {
                return Err(RereadError::Stuck {
                    partition,
                    offset: next,
                });
            }
        }
        self.consumer.unassign().map_err(failed)?;
        Ok(found)
    }

    fn assign(&self, offset: i64) -> Result<(), KafkaError> {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.topic, self.partition, Offset::Offset(offset))?;
        self.consumer.assign(&list)
    }
}

/// Notes that what was wanted below `reached` is gone, and leaves the rest.
fn skip<'a>(wanted: &'a [i64], reached: i64, found: &mut BTreeMap<i64, Content>) -> &'a [i64] {
    let gone = wanted.partition_point(|offset| *offset < reached);
    found.extend(wanted[..gone].iter().map(|offset| (*offset, Content::Lost)));
    &wanted[gone..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_reader_passed_without_seeing_is_gone() {
        let mut found = BTreeMap::new();
        let left = skip(&[1, 4, 9], 4, &mut found);
        assert_eq!(left, [4, 9]);
        assert_eq!(found, BTreeMap::from([(1, Content::Lost)]));
    }
}
