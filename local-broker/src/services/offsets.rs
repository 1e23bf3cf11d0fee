//! Where partitions begin and end, and what was where at a time.

use kafka_protocol::{
    error::ResponseError,
    messages::{
        ListOffsetsRequest, ListOffsetsResponse, OffsetForLeaderEpochRequest,
        OffsetForLeaderEpochResponse,
        list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse},
        offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult},
    },
};

use crate::{batch::LEADER_EPOCH, log::Isolation, state::Broker};

/// Kafka's numbers in place of a time.
const END: i64 = -1;
const BEGINNING: i64 = -2;
const LATEST_TIME: i64 = -3;

pub(super) fn list(broker: &Broker, request: ListOffsetsRequest) -> ListOffsetsResponse {
    let state = broker.state();
    let isolation = Isolation::of(request.isolation_level);
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|asked| {
            let response =
                ListOffsetsPartitionResponse::default().with_partition_index(asked.partition_index);
            let Some(partition) = state.topics.partition(&topic.name, asked.partition_index) else {
                let error = ResponseError::UnknownTopicOrPartition;
                return response.with_error_code(error.code());
            };
            let log = &partition.log;
            let found = match asked.timestamp {
                END => Some((log.end_for(isolation), -1)),
                BEGINNING => Some((log.start(), -1)),
                LATEST_TIME => log.latest(),
                time => log.first_not_before(time, isolation),
            };
            match found {
                Some((offset, time)) => response
                    .with_offset(offset)
                    .with_timestamp(time)
                    .with_leader_epoch(LEADER_EPOCH),
                None => response,
            }
        });
        let partitions = partitions.collect();
        ListOffsetsTopicResponse::default()
            .with_name(topic.name)
            .with_partitions(partitions)
    });
    ListOffsetsResponse::default().with_topics(topics.collect())
}

/// Where the log of a leader ended: the only one there ever was has not ended yet.
pub(super) fn of_epoch(
    broker: &Broker,
    request: OffsetForLeaderEpochRequest,
) -> OffsetForLeaderEpochResponse {
    let state = broker.state();
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|asked| {
            let response = EpochEndOffset::default().with_partition(asked.partition);
            match state.topics.partition(&topic.topic, asked.partition) {
                None => response.with_error_code(ResponseError::UnknownTopicOrPartition.code()),
                Some(_) if asked.leader_epoch > LEADER_EPOCH => response,
                Some(partition) => response
                    .with_leader_epoch(LEADER_EPOCH)
                    .with_end_offset(partition.log.end()),
            }
        });
        let partitions = partitions.collect();
        OffsetForLeaderTopicResult::default()
            .with_topic(topic.topic)
            .with_partitions(partitions)
    });
    OffsetForLeaderEpochResponse::default().with_topics(topics.collect())
}
