//! Topics are made, grown, deleted, and their records with them.

use kafka_protocol::{
    error::ResponseError,
    messages::{
        CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest,
        CreateTopicsResponse, DeleteRecordsRequest, DeleteRecordsResponse, DeleteTopicsRequest,
        DeleteTopicsResponse,
        create_partitions_response::CreatePartitionsTopicResult,
        create_topics_request::CreatableTopic,
        create_topics_response::{CreatableTopicConfigs, CreatableTopicResult},
        delete_records_request::DeleteRecordsPartition,
        delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult},
        delete_topics_request::DeleteTopicState,
        delete_topics_response::DeletableTopicResult,
    },
};

use super::{configs, text};
use crate::{
    settings::Settings,
    state::{Broker, State},
};

pub(super) fn create(broker: &Broker, request: CreateTopicsRequest) -> CreateTopicsResponse {
    let mut state = broker.state();
    let results = request
        .topics
        .into_iter()
        .map(|wanted| {
            let name = wanted.name.clone();
            match create_one(&mut state, wanted, request.validate_only) {
                Ok(result) => result,
                Err((error, message)) => CreatableTopicResult::default()
                    .with_error_code(error.code())
                    .with_error_message(Some(text(message))),
            }
            .with_name(name)
        })
        .collect();
    CreateTopicsResponse::default().with_topics(results)
}

fn create_one(
    state: &mut State,
    wanted: CreatableTopic,
    is_only_checked: bool,
) -> Result<CreatableTopicResult, (ResponseError, String)> {
    let partitions = match (wanted.assignments.len(), wanted.num_partitions) {
        (0, -1) => 1,
        (0, partitions) => partitions,
        (assigned, _) => assigned as i32,
    };
    let given = wanted.configs.into_iter();
    let settings = Settings::new(given.filter_map(|config| {
        let value = config.value?;
        Some((config.name.to_string(), value.to_string()))
    }));
    let settings = settings.map_err(|error| (error.clone().into(), error.to_string()))?;
    let replication = if wanted.assignments.is_empty() {
        wanted.replication_factor
    } else {
        1
    };
    state
        .topics
        .check(&wanted.name, partitions, replication)
        .map_err(|error| (error.clone().into(), error.to_string()))?;
    let configs = settings.all().into_iter().map(|(name, (value, is_set))| {
        CreatableTopicConfigs::default()
            .with_name(text(name))
            .with_value(Some(text(value)))
            .with_config_source(configs::source(is_set))
    });
    let result = CreatableTopicResult::default()
        .with_num_partitions(partitions)
        .with_replication_factor(1)
        .with_configs(Some(configs.collect()));
    if is_only_checked {
        return Ok(result);
    }
    let made = state.topics.make(&wanted.name, partitions, settings);
    Ok(result.with_topic_id(made.id))
}

pub(super) fn create_partitions(
    broker: &Broker,
    request: CreatePartitionsRequest,
) -> CreatePartitionsResponse {
    let mut state = broker.state();
    let results = request
        .topics
        .into_iter()
        .map(|wanted| {
            let outcome = match state.topics.get_mut(&wanted.name) {
                None => Err((ResponseError::UnknownTopicOrPartition, String::new())),
                Some(topic) => match topic.check_growth(wanted.count) {
                    Err(error) => Err((error.clone().into(), error.to_string())),
                    Ok(()) if request.validate_only => Ok(()),
                    Ok(()) => {
                        topic.grow(wanted.count);
                        Ok(())
                    }
                },
            };
            let result = CreatePartitionsTopicResult::default().with_name(wanted.name);
            match outcome {
                Ok(()) => result,
                Err((error, message)) => result
                    .with_error_code(error.code())
                    .with_error_message(Some(text(message))),
            }
        })
        .collect();
    CreatePartitionsResponse::default().with_results(results)
}

pub(super) fn delete(broker: &Broker, request: DeleteTopicsRequest) -> DeleteTopicsResponse {
    let mut state = broker.state();
    let named = request
        .topic_names
        .into_iter()
        .map(|name| DeleteTopicState::default().with_name(Some(name)));
    let results = named
        .chain(request.topics)
        .map(|asked| {
            let result = DeletableTopicResult::default().with_topic_id(asked.topic_id);
            let by_id = state.topics.name_of(asked.topic_id).map(text);
            let Some(name) = asked.name.or_else(|| by_id.map(Into::into)) else {
                let error = ResponseError::UnknownTopicId;
                return result.with_name(None).with_error_code(error.code());
            };
            let error = if state.delete_topic(&name) {
                0
            } else {
                ResponseError::UnknownTopicOrPartition.code()
            };
            result.with_name(Some(name)).with_error_code(error)
        })
        .collect();
    DeleteTopicsResponse::default().with_responses(results)
}

pub(super) fn delete_records(
    broker: &Broker,
    request: DeleteRecordsRequest,
) -> DeleteRecordsResponse {
    let mut state = broker.state();
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter();
        let partitions = partitions.map(|asked| {
            let result =
                DeleteRecordsPartitionResult::default().with_partition_index(asked.partition_index);
            match delete_below(&mut state, &topic.name, asked) {
                Ok(start) => result.with_low_watermark(start),
                Err(error) => result.with_low_watermark(-1).with_error_code(error.code()),
            }
        });
        let partitions = partitions.collect();
        DeleteRecordsTopicResult::default()
            .with_name(topic.name)
            .with_partitions(partitions)
    });
    DeleteRecordsResponse::default().with_topics(topics.collect())
}

fn delete_below(
    state: &mut State,
    topic: &str,
    asked: &DeleteRecordsPartition,
) -> Result<i64, ResponseError> {
    let partition = state
        .topics
        .partition_mut(topic, asked.partition_index)
        .ok_or(ResponseError::UnknownTopicOrPartition)?;
    // -1 is the end.
    let below = if asked.offset == -1 {
        partition.log.end()
    } else {
        asked.offset
    };
    partition.log.delete_before(below)?;
    partition.wake();
    Ok(partition.log.start())
}
