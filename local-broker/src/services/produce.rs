//! Records come in.

use kafka_protocol::{
    error::ResponseError,
    messages::{
        ProduceRequest, ProduceResponse,
        produce_request::PartitionProduceData,
        produce_response::{PartitionProduceResponse, TopicProduceResponse},
    },
    protocol::StrBytes,
};

use crate::{
    batch::{BatchError, Incoming},
    log::Log,
    producers::Admission,
    state::{Broker, State, now_ms},
};

/// Where a batch got.
struct Placed {
    offset: i64,
    append_time: Option<i64>,
    start: i64,
}

/// Appends records. There is no answer for those who want none.
pub(super) fn produce(broker: &Broker, request: ProduceRequest) -> Option<ProduceResponse> {
    // Checksums take time: before the lock.
    let topics: Vec<_> = request
        .topic_data
        .into_iter()
        .map(|topic| {
            let checked: Vec<_> = topic.partition_data.into_iter().map(check).collect();
            (topic.name, checked)
        })
        .collect();
    let id = request.transactional_id;
    let id = id.as_deref().map(StrBytes::as_str);
    let mut state = broker.state();
    let responses = topics.into_iter().map(|(name, partitions)| {
        let partitions = partitions.into_iter().map(|(number, checked)| {
            let placed = checked
                .map_err(ResponseError::from)
                .and_then(|batch| append(&mut state, id, &name, number, batch));
            let response = PartitionProduceResponse::default().with_index(number);
            match placed {
                Ok(placed) => response
                    .with_base_offset(placed.offset)
                    .with_log_append_time_ms(placed.append_time.unwrap_or(-1))
                    .with_log_start_offset(placed.start),
                Err(error) => response
                    .with_error_code(error.code())
                    .with_base_offset(-1)
                    .with_log_append_time_ms(-1),
            }
        });
        let partitions = partitions.collect();
        TopicProduceResponse::default()
            .with_name(name)
            .with_partition_responses(partitions)
    });
    let response = ProduceResponse::default().with_responses(responses.collect());
    (request.acks != 0).then_some(response)
}

fn check(data: PartitionProduceData) -> (i32, Result<Incoming, BatchError>) {
    let records = data.records.unwrap_or_default();
    (data.index, Incoming::read(&records))
}

fn append(
    state: &mut State,
    id: Option<&str>,
    topic: &str,
    number: i32,
    batch: Incoming,
) -> Result<Placed, ResponseError> {
    let now_ms = now_ms();
    let found = state.topics.get(topic);
    let found = found.ok_or(ResponseError::UnknownTopicOrPartition)?;
    let append_time = found.settings.has_append_time().then_some(now_ms);
    let is_too_large = batch.len() > found.settings.max_message_bytes();
    let partition = state.topics.partition(topic, number);
    let log = &partition.ok_or(ResponseError::UnknownTopicOrPartition)?.log;
    if is_too_large {
        return Err(ResponseError::MessageTooLarge);
    }
    if let (true, Some(producer)) = (batch.header.is_transactional(), batch.header.producer) {
        let id = id.ok_or(ResponseError::InvalidTxnState)?;
        let may = state.transactions.may_write(id, producer, topic, number);
        may.map_err(|error| match ResponseError::from(error) {
            // As it is called where it is about records.
            ResponseError::ProducerFenced => ResponseError::InvalidProducerEpoch,
            other => other,
        })?;
    }
    let admission = log.admit(&batch)?;
    let has_room = match admission {
        Admission::Append => state.has_room(topic, Log::size_of(&batch), now_ms),
        Admission::Repeated { .. } => true,
    };
    let partition = state.topics.partition_mut(topic, number);
    let partition = partition.ok_or(ResponseError::UnknownTopicOrPartition)?;
    if !has_room {
        partition.log.put_off(&batch, now_ms);
        // The error that makes clients try again later without looking for another broker.
        return Err(ResponseError::NotEnoughReplicas);
    }
    let offset = match admission {
        Admission::Repeated { offset } => offset,
        Admission::Append => {
            let offset = partition.log.append(batch, append_time, now_ms);
            partition.wake();
            offset
        }
    };
    Ok(Placed {
        offset,
        append_time,
        start: partition.log.start(),
    })
}
