//! Topics' settings are described and changed.

use std::collections::BTreeMap;

use kafka_protocol::{
    error::ResponseError,
    messages::{
        AlterConfigsRequest, AlterConfigsResponse, DescribeConfigsRequest, DescribeConfigsResponse,
        IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, alter_configs_response,
        describe_configs_request::DescribeConfigsResource,
        describe_configs_response::{
            DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
        },
        incremental_alter_configs_request::AlterableConfig,
        incremental_alter_configs_response,
    },
    protocol::StrBytes,
};

use super::text;
use crate::{
    settings::Settings,
    state::{Broker, State},
};

/// Kafka's numbers for what has settings.
const TOPIC: i8 = 2;
const BROKER: i8 = 4;

/// Kafka's number for where a setting comes from.
pub(super) fn source(is_set: bool) -> i8 {
    const DYNAMIC_TOPIC: i8 = 1;
    const DEFAULT: i8 = 5;
    if is_set { DYNAMIC_TOPIC } else { DEFAULT }
}

type Refusal = (ResponseError, String);

pub(super) fn describe(
    broker: &Broker,
    request: DescribeConfigsRequest,
) -> DescribeConfigsResponse {
    let state = broker.state();
    let results = request.resources.into_iter().map(|asked| {
        let result = match described(&state, &asked, request.include_synonyms) {
            Ok(configs) => DescribeConfigsResult::default().with_configs(configs),
            Err((error, message)) => DescribeConfigsResult::default()
                .with_error_code(error.code())
                .with_error_message(Some(text(message))),
        };
        result
            .with_resource_type(asked.resource_type)
            .with_resource_name(asked.resource_name)
    });
    DescribeConfigsResponse::default().with_results(results.collect())
}

fn described(
    state: &State,
    asked: &DescribeConfigsResource,
    with_synonyms: bool,
) -> Result<Vec<DescribeConfigsResourceResult>, Refusal> {
    if asked.resource_type == BROKER {
        return Ok(Vec::new());
    }
    let settings = settings_of(state, asked.resource_type, &asked.resource_name)?;
    let is_wanted = |name: &str| {
        let keys = asked.configuration_keys.as_ref();
        keys.is_none_or(|keys| keys.iter().any(|key| key.as_str() == name))
    };
    let all = settings.all().into_iter();
    Ok(all
        .filter(|(name, _)| is_wanted(name))
        .map(|(name, (value, is_set))| {
            let default = Settings::default_of(name).map(|value| (value, false));
            let synonyms = [is_set.then_some((value, true)), default];
            let synonyms = synonyms.into_iter().flatten().filter(|_| with_synonyms);
            let synonyms = synonyms.map(|(value, is_set)| {
                DescribeConfigsSynonym::default()
                    .with_name(text(name))
                    .with_value(Some(text(value)))
                    .with_source(source(is_set))
            });
            DescribeConfigsResourceResult::default()
                .with_name(text(name))
                .with_value(Some(text(value)))
                .with_config_source(source(is_set))
                .with_synonyms(synonyms.collect())
        })
        .collect())
}

/// Sets a topic's settings; what is not named gets its default.
pub(super) fn alter(broker: &Broker, request: AlterConfigsRequest) -> AlterConfigsResponse {
    let mut state = broker.state();
    let responses = request.resources.into_iter().map(|asked| {
        let given = asked.configs.into_iter();
        let settings = given
            .filter_map(|config| Some((config.name.to_string(), config.value?.to_string())))
            .collect();
        let (kind, name) = (asked.resource_type, asked.resource_name);
        let outcome = settings_of(&state, kind, &name)
            .map(drop)
            .and_then(|()| replace(&mut state, &name, settings, request.validate_only));
        let (error, message) = told(outcome);
        alter_configs_response::AlterConfigsResourceResponse::default()
            .with_error_code(error)
            .with_error_message(message)
            .with_resource_type(kind)
            .with_resource_name(name)
    });
    AlterConfigsResponse::default().with_responses(responses.collect())
}

/// Changes some of a topic's settings.
pub(super) fn alter_incrementally(
    broker: &Broker,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let mut state = broker.state();
    let responses = request.resources.into_iter().map(|asked| {
        let (kind, name) = (asked.resource_type, asked.resource_name);
        let outcome = settings_of(&state, kind, &name)
            .and_then(|settings| changed(settings, asked.configs))
            .and_then(|settings| replace(&mut state, &name, settings, request.validate_only));
        let (error, message) = told(outcome);
        incremental_alter_configs_response::AlterConfigsResourceResponse::default()
            .with_error_code(error)
            .with_error_message(message)
            .with_resource_type(kind)
            .with_resource_name(name)
    });
    IncrementalAlterConfigsResponse::default().with_responses(responses.collect())
}

fn changed(
    settings: &Settings,
    changes: Vec<AlterableConfig>,
) -> Result<BTreeMap<String, String>, Refusal> {
    const SET: i8 = 0;
    const DELETE: i8 = 1;
    const APPEND: i8 = 2;
    const SUBTRACT: i8 = 3;
    let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let mut settings: BTreeMap<String, String> = settings.asked_for().map(own).collect();
    for change in changes {
        let name = change.name.to_string();
        let value = change.value.unwrap_or_default().to_string();
        let mut list: Vec<String> = settings
            .get(&name)
            .map(String::as_str)
            .or_else(|| Settings::default_of(&name))
            .map(|list| list.split(',').map(str::to_owned).collect())
            .unwrap_or_default();
        match change.config_operation {
            SET => {
                settings.insert(name, value);
            }
            DELETE => {
                settings.remove(&name);
            }
            APPEND => {
                list.push(value);
                settings.insert(name, list.join(","));
            }
            SUBTRACT => {
                list.retain(|entry| *entry != value);
                settings.insert(name, list.join(","));
            }
            other => {
                let message = format!("there is no operation {other}");
                return Err((ResponseError::InvalidRequest, message));
            }
        }
    }
    Ok(settings)
}

fn settings_of<'a>(state: &'a State, kind: i8, name: &str) -> Result<&'a Settings, Refusal> {
    if kind != TOPIC {
        let message = "only topics have settings here".to_owned();
        return Err((ResponseError::InvalidRequest, message));
    }
    match state.topics.get(name) {
        Some(topic) => Ok(&topic.settings),
        None => Err((ResponseError::UnknownTopicOrPartition, String::new())),
    }
}

fn replace(
    state: &mut State,
    name: &str,
    settings: BTreeMap<String, String>,
    is_only_checked: bool,
) -> Result<(), Refusal> {
    let settings =
        Settings::new(settings).map_err(|error| (error.clone().into(), error.to_string()))?;
    if let Some(topic) = state.topics.get_mut(name).filter(|_| !is_only_checked) {
        topic.settings = settings;
    }
    Ok(())
}

fn told(outcome: Result<(), Refusal>) -> (i16, Option<StrBytes>) {
    match outcome {
        Ok(()) => (0, None),
        Err((error, message)) => (error.code(), Some(text(message))),
    }
}
