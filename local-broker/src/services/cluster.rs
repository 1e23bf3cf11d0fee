//! What brokers and topics there are, and what can be asked.

use kafka_protocol::{
    error::ResponseError,
    messages::{
        ApiVersionsResponse, DescribeClusterResponse, FindCoordinatorRequest,
        FindCoordinatorResponse, MetadataRequest, MetadataResponse, TopicName,
        api_versions_response::ApiVersion,
        describe_cluster_response::DescribeClusterBroker,
        find_coordinator_response::Coordinator,
        metadata_request::MetadataRequestTopic,
        metadata_response::{
            MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
        },
    },
};

use super::{ANSWERED, text};
use crate::{
    batch::LEADER_EPOCH,
    state::{Broker, NODE, State},
    topics::Topic,
};

pub(super) fn api_versions() -> ApiVersionsResponse {
    let versions = ANSWERED.iter().map(|(key, from, to)| {
        ApiVersion::default()
            .with_api_key(*key as i16)
            .with_min_version(*from)
            .with_max_version(*to)
    });
    ApiVersionsResponse::default().with_api_keys(versions.collect())
}

pub(super) fn unknown_version() -> ApiVersionsResponse {
    api_versions().with_error_code(ResponseError::UnsupportedVersion.code())
}

pub(super) fn metadata(
    broker: &Broker,
    request: MetadataRequest,
    version: i16,
) -> MetadataResponse {
    let state = broker.state();
    let wants_all = |topics: &Vec<MetadataRequestTopic>| version == 0 && topics.is_empty();
    let topics = match request.topics.filter(|topics| !wants_all(topics)) {
        Some(asked) => asked.iter().map(|asked| find(&state, asked)).collect(),
        None => state
            .topics
            .iter()
            .map(|(name, topic)| described(name, topic))
            .collect(),
    };
    let node = MetadataResponseBroker::default()
        .with_node_id(NODE.into())
        .with_host(broker.host.clone())
        .with_port(broker.port);
    MetadataResponse::default()
        .with_brokers(vec![node])
        .with_cluster_id(Some(broker.cluster.clone()))
        .with_controller_id(NODE.into())
        .with_topics(topics)
}

fn find(state: &State, asked: &MetadataRequestTopic) -> MetadataResponseTopic {
    let name = match &asked.name {
        Some(name) => Some(name.as_str()),
        None => state.topics.name_of(asked.topic_id),
    };
    if let Some(name) = name
        && let Some(topic) = state.topics.get(name)
    {
        return described(name, topic);
    }
    let error = match asked.name {
        Some(_) => ResponseError::UnknownTopicOrPartition,
        None => ResponseError::UnknownTopicId,
    };
    MetadataResponseTopic::default()
        .with_error_code(error.code())
        .with_name(asked.name.clone())
        .with_topic_id(asked.topic_id)
}

fn described(name: &str, topic: &Topic) -> MetadataResponseTopic {
    let partitions = (0..topic.partitions.len()).map(|number| {
        MetadataResponsePartition::default()
            .with_partition_index(number as i32)
            .with_leader_id(NODE.into())
            .with_leader_epoch(LEADER_EPOCH)
            .with_replica_nodes(vec![NODE.into()])
            .with_isr_nodes(vec![NODE.into()])
    });
    MetadataResponseTopic::default()
        .with_name(Some(TopicName(text(name))))
        .with_topic_id(topic.id)
        .with_partitions(partitions.collect())
}

pub(super) fn describe(broker: &Broker) -> DescribeClusterResponse {
    let node = DescribeClusterBroker::default()
        .with_broker_id(NODE.into())
        .with_host(broker.host.clone())
        .with_port(broker.port);
    DescribeClusterResponse::default()
        .with_cluster_id(broker.cluster.clone())
        .with_controller_id(NODE.into())
        .with_brokers(vec![node])
}

pub(super) fn coordinator(
    broker: &Broker,
    request: FindCoordinatorRequest,
) -> FindCoordinatorResponse {
    let coordinators = request.coordinator_keys.into_iter().map(|key| {
        Coordinator::default()
            .with_key(key)
            .with_node_id(NODE.into())
            .with_host(broker.host.clone())
            .with_port(broker.port)
    });
    FindCoordinatorResponse::default()
        .with_node_id(NODE.into())
        .with_host(broker.host.clone())
        .with_port(broker.port)
        .with_coordinators(coordinators.collect())
}
