//! Producers get their ids, and transactions are put together and ended.

use std::time::{Duration, Instant};

use kafka_protocol::{
    error::ResponseError,
    messages::{
        AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, AddPartitionsToTxnRequest,
        AddPartitionsToTxnResponse, EndTxnRequest, EndTxnResponse, InitProducerIdRequest,
        InitProducerIdResponse, TxnOffsetCommitRequest, TxnOffsetCommitResponse,
        add_partitions_to_txn_response::{
            AddPartitionsToTxnPartitionResult, AddPartitionsToTxnTopicResult,
        },
        txn_offset_commit_response::{
            TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
        },
    },
};

use super::errors::code;
use crate::{
    batch::Identity,
    groups::{Committed, Sender},
    state::{Broker, State, now_ms},
};

pub(super) fn init(broker: &Broker, request: &InitProducerIdRequest) -> InitProducerIdResponse {
    let mut state = broker.state();
    let given = match &request.transactional_id {
        None => Ok(state.transactions.producer()),
        Some(id) => {
            let timeout = u64::try_from(request.transaction_timeout_ms).unwrap_or(0);
            let claimed = (request.producer_id.0 >= 0).then_some(Identity {
                producer_id: request.producer_id.0,
                epoch: request.producer_epoch,
            });
            let timeout = Duration::from_millis(timeout);
            let given = state.transactions.init(id, timeout, claimed);
            given.map(|(identity, ending)| {
                if let Some(ending) = ending {
                    state.end_transaction(&ending, now_ms());
                }
                identity
            })
        }
    };
    match given {
        Ok(identity) => InitProducerIdResponse::default()
            .with_producer_id(identity.producer_id.into())
            .with_producer_epoch(identity.epoch),
        Err(error) => {
            InitProducerIdResponse::default().with_error_code(ResponseError::from(error).code())
        }
    }
}

pub(super) fn add_partitions(
    broker: &Broker,
    request: AddPartitionsToTxnRequest,
    version: i16,
) -> AddPartitionsToTxnResponse {
    let mut state = broker.state();
    let producer = Identity {
        producer_id: request.v3_and_below_producer_id.0,
        epoch: request.v3_and_below_producer_epoch,
    };
    let topics = request.v3_and_below_topics;
    let all = || {
        let partitions = topics.iter().map(|topic| {
            let numbers = topic.partitions.iter();
            numbers.map(|number| (topic.name.to_string(), *number))
        });
        partitions.flatten()
    };
    let are_there = all().all(|(topic, number)| state.topics.partition(&topic, number).is_some());
    let added = if are_there {
        let id = &request.v3_and_below_transactional_id;
        let added = state
            .transactions
            .add_partitions(id, producer, all(), Instant::now());
        added.map_err(|error| known_to(version, 2, error.into()))
    } else {
        Err(ResponseError::OperationNotAttempted)
    };
    let results = topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|number| {
            let error = match state.topics.partition(&topic.name, *number) {
                Some(_) => code(added),
                None => ResponseError::UnknownTopicOrPartition.code(),
            };
            AddPartitionsToTxnPartitionResult::default()
                .with_partition_index(*number)
                .with_partition_error_code(error)
        });
        let partitions = partitions.collect();
        AddPartitionsToTxnTopicResult::default()
            .with_name(topic.name)
            .with_results_by_partition(partitions)
    });
    AddPartitionsToTxnResponse::default().with_results_by_topic_v3_and_below(results.collect())
}

pub(super) fn add_offsets(
    broker: &Broker,
    request: &AddOffsetsToTxnRequest,
    version: i16,
) -> AddOffsetsToTxnResponse {
    let mut state = broker.state();
    let producer = Identity {
        producer_id: request.producer_id.0,
        epoch: request.producer_epoch,
    };
    let added = state.transactions.add_group(
        &request.transactional_id,
        producer,
        &request.group_id,
        Instant::now(),
    );
    let added = added.map_err(|error| known_to(version, 2, error.into()));
    AddOffsetsToTxnResponse::default().with_error_code(code(added))
}

pub(super) fn commit_offsets(
    broker: &Broker,
    request: TxnOffsetCommitRequest,
    version: i16,
) -> TxnOffsetCommitResponse {
    let mut state = broker.state();
    let producer = Identity {
        producer_id: request.producer_id.0,
        epoch: request.producer_epoch,
    };
    let is_member = !sender(&request).is_nobody();
    let may = may_commit(&mut state, &request, producer)
        .map_err(|error| known_to(version, i16::MAX, error));
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.into_iter().map(|asked| {
            let partition = (topic.name.to_string(), asked.partition_index);
            let response = TxnOffsetCommitResponsePartition::default()
                .with_partition_index(asked.partition_index);
            if may.is_ok() {
                let offset = Committed {
                    offset: asked.committed_offset,
                    leader_epoch: asked.committed_leader_epoch,
                    metadata: asked.committed_metadata.unwrap_or_default().to_string(),
                    is_position: is_member,
                };
                let offsets = &mut state.group(&request.group_id).offsets;
                offsets.commit_in_transaction(producer.producer_id, partition, offset);
            }
            response.with_error_code(code(may))
        });
        let partitions = partitions.collect();
        TxnOffsetCommitResponseTopic::default()
            .with_name(topic.name)
            .with_partitions(partitions)
    });
    TxnOffsetCommitResponse::default().with_topics(topics.collect())
}

fn may_commit(
    state: &mut State,
    request: &TxnOffsetCommitRequest,
    producer: Identity,
) -> Result<(), ResponseError> {
    let (id, group) = (&request.transactional_id, &request.group_id);
    state.transactions.may_commit_offsets(id, producer, group)?;
    state
        .group(group)
        .may_commit_in_transaction(sender(request))?;
    Ok(())
}

fn sender(request: &TxnOffsetCommitRequest) -> Sender<'_> {
    Sender {
        member: &request.member_id,
        instance: request.group_instance_id.as_deref(),
        generation: request.generation_id,
    }
}

pub(super) fn end(broker: &Broker, request: &EndTxnRequest, version: i16) -> EndTxnResponse {
    let mut state = broker.state();
    let producer = Identity {
        producer_id: request.producer_id.0,
        epoch: request.producer_epoch,
    };
    let id = &request.transactional_id;
    let ended = state.transactions.end(id, producer, request.committed);
    let ended = ended.map(|ending| {
        if let Some(ending) = ending {
            state.end_transaction(&ending, now_ms());
        }
    });
    let ended = ended.map_err(|error| known_to(version, 2, error.into()));
    EndTxnResponse::default().with_error_code(code(ended))
}

/// The error that older clients know for being fenced.
fn known_to(version: i16, since: i16, error: ResponseError) -> ResponseError {
    match error {
        ResponseError::ProducerFenced if version < since => ResponseError::InvalidProducerEpoch,
        error => error,
    }
}
