//! Groups' offsets are committed, read and forgotten.

use std::{collections::BTreeMap, time::Instant};

use kafka_protocol::{
    error::ResponseError,
    messages::{
        OffsetCommitRequest, OffsetCommitResponse, OffsetDeleteRequest, OffsetDeleteResponse,
        OffsetFetchRequest, OffsetFetchResponse, TopicName,
        offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic},
        offset_delete_response::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic},
        offset_fetch_response::{
            OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
            OffsetFetchResponseTopic, OffsetFetchResponseTopics,
        },
    },
};

use super::{errors::code, text};
use crate::{
    groups::{Committed, Group, GroupError, Sender},
    state::{Broker, Waiting},
};

/// As Kafka's `offset.metadata.max.bytes`.
const LONGEST_METADATA: usize = 4096;

pub(super) fn commit(broker: &Broker, request: OffsetCommitRequest) -> OffsetCommitResponse {
    let mut state = broker.state();
    let sender = Sender {
        member: &request.member_id,
        instance: request.group_instance_id.as_deref(),
        generation: request.generation_id_or_member_epoch,
    };
    let is_member = sender.generation >= 0;
    let may = if is_member && !state.groups.contains_key(request.group_id.as_str()) {
        Err(GroupError::Generation)
    } else {
        state
            .group(&request.group_id)
            .may_commit(sender, Instant::now())
    };
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.into_iter().map(|asked| {
            let number = asked.partition_index;
            let metadata = asked.committed_metadata.unwrap_or_default();
            let outcome = if let Err(error) = may {
                Err(error.into())
            } else if state.topics.partition(&topic.name, number).is_none() {
                Err(ResponseError::UnknownTopicOrPartition)
            } else if metadata.len() > LONGEST_METADATA {
                Err(ResponseError::OffsetMetadataTooLarge)
            } else {
                let offset = Committed {
                    offset: asked.committed_offset,
                    leader_epoch: asked.committed_leader_epoch,
                    metadata: metadata.to_string(),
                    is_position: true,
                };
                let offsets = &mut state.group(&request.group_id).offsets;
                offsets.commit((topic.name.to_string(), number), offset);
                Ok(())
            };
            OffsetCommitResponsePartition::default()
                .with_partition_index(number)
                .with_error_code(code(outcome))
        });
        let partitions = partitions.collect();
        OffsetCommitResponseTopic::default()
            .with_name(topic.name)
            .with_partitions(partitions)
    });
    OffsetCommitResponse::default().with_topics(topics.collect())
}

/// What is asked for of a group: partitions by topic, or everything.
type Asked = Option<Vec<(TopicName, Vec<i32>)>>;

pub(super) fn fetch(
    broker: &Broker,
    request: OffsetFetchRequest,
    version: i16,
) -> OffsetFetchResponse {
    let state = broker.state();
    let is_stable_wanted = request.require_stable;
    let found = |group: &str, asked: Asked| found(state.groups.get(group), asked, is_stable_wanted);
    let response = OffsetFetchResponse::default();
    if version < 8 {
        let asked = request.topics.map(|topics| {
            let topics = topics.into_iter();
            topics
                .map(|topic| (topic.name, topic.partition_indexes))
                .collect()
        });
        let topics = found(&request.group_id, asked).into_iter();
        let topics = topics.map(|(name, partitions)| {
            OffsetFetchResponseTopic::default()
                .with_name(name)
                .with_partitions(partitions.into_iter().map(plain).collect())
        });
        return response.with_topics(topics.collect());
    }
    let groups = request.groups.into_iter().map(|group| {
        let asked = group.topics.map(|topics| {
            let topics = topics.into_iter();
            topics
                .map(|topic| (topic.name, topic.partition_indexes))
                .collect()
        });
        let topics = found(&group.group_id, asked).into_iter();
        let topics = topics.map(|(name, partitions)| {
            OffsetFetchResponseTopics::default()
                .with_name(name)
                .with_partitions(partitions)
        });
        OffsetFetchResponseGroup::default()
            .with_group_id(group.group_id)
            .with_topics(topics.collect())
    });
    response.with_groups(groups.collect())
}

fn found(
    group: Option<&Group<Waiting>>,
    asked: Asked,
    is_stable_wanted: bool,
) -> Vec<(TopicName, Vec<OffsetFetchResponsePartitions>)> {
    let asked = asked.unwrap_or_else(|| {
        let mut all: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
        for ((topic, partition), _) in group.iter().flat_map(|group| group.offsets.iter()) {
            all.entry(topic).or_default().push(*partition);
        }
        let all = all.into_iter();
        all.map(|(topic, partitions)| (TopicName(text(topic)), partitions))
            .collect()
    });
    asked
        .into_iter()
        .map(|(name, numbers)| {
            let partitions = numbers.into_iter().map(|number| {
                let partition = (name.to_string(), number);
                let response =
                    OffsetFetchResponsePartitions::default().with_partition_index(number);
                let offsets = group.map(|group| &group.offsets);
                if is_stable_wanted && offsets.is_some_and(|offsets| offsets.is_pending(&partition))
                {
                    let error = ResponseError::from(GroupError::Unstable);
                    return response
                        .with_committed_offset(-1)
                        .with_metadata(Some(text("")))
                        .with_error_code(error.code());
                }
                match offsets.and_then(|offsets| offsets.get(&partition)) {
                    Some(committed) => response
                        .with_committed_offset(committed.offset)
                        .with_committed_leader_epoch(committed.leader_epoch)
                        .with_metadata(Some(text(committed.metadata.clone()))),
                    None => response
                        .with_committed_offset(-1)
                        .with_metadata(Some(text(""))),
                }
            });
            let partitions = partitions.collect();
            (name, partitions)
        })
        .collect()
}

/// As older versions have it.
fn plain(partition: OffsetFetchResponsePartitions) -> OffsetFetchResponsePartition {
    OffsetFetchResponsePartition::default()
        .with_partition_index(partition.partition_index)
        .with_committed_offset(partition.committed_offset)
        .with_committed_leader_epoch(partition.committed_leader_epoch)
        .with_metadata(partition.metadata)
        .with_error_code(partition.error_code)
}

pub(super) fn delete(broker: &Broker, request: OffsetDeleteRequest) -> OffsetDeleteResponse {
    let mut state = broker.state();
    let Some(group) = state.groups.get_mut(request.group_id.as_str()) else {
        let error = ResponseError::from(GroupError::NotFound);
        return OffsetDeleteResponse::default().with_error_code(error.code());
    };
    let subscribed = group.topics();
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|asked| {
            let number = asked.partition_index;
            let outcome = if subscribed.contains(topic.name.as_str()) {
                Err(GroupError::Subscribed)
            } else {
                group.offsets.remove(&(topic.name.to_string(), number));
                Ok(())
            };
            OffsetDeleteResponsePartition::default()
                .with_partition_index(number)
                .with_error_code(code(outcome))
        });
        let partitions = partitions.collect();
        OffsetDeleteResponseTopic::default()
            .with_name(topic.name)
            .with_partitions(partitions)
    });
    OffsetDeleteResponse::default().with_topics(topics.collect())
}
