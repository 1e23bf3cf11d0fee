//! Records go out, as soon as there are enough of them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use kafka_protocol::{
    error::ResponseError,
    messages::{
        FetchRequest, FetchResponse, TopicName,
        fetch_request::{FetchPartition, FetchTopic},
        fetch_response::{AbortedTransaction, FetchableTopicResponse, PartitionData},
    },
};
use tokio::sync::Notify;

use super::text;
use crate::{
    log::{Isolation, Read},
    state::{Broker, State},
};

/// A partition as it is asked for, and what there is of it.
struct Gathered {
    data: PartitionData,
    read: Read,
}

pub(super) async fn fetch(broker: &Broker, request: FetchRequest, version: i16) -> FetchResponse {
    // Sessions are never begun, so none can go on.
    if request.session_id != 0 {
        let error = ResponseError::FetchSessionIdNotFound;
        return FetchResponse::default().with_error_code(error.code());
    }
    let isolation = Isolation::of(request.isolation_level);
    let wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
    let deadline = Instant::now() + wait;
    let news = Arc::new(Notify::new());
    loop {
        {
            let mut state = broker.state();
            let is_late = Instant::now() >= deadline;
            if is_late || is_enough(&state, &request, isolation, version) {
                let gathered = gather(&state, &request, isolation, version);
                drop(state);
                return response(request.topics, gathered);
            }
            wait_for_news(&mut state, &request, version, &news);
        }
        // Either way there is another look.
        drop(tokio::time::timeout_at(deadline.into(), news.notified()).await);
    }
}

/// Whether there is so much, or something to be told at once.
fn is_enough(state: &State, request: &FetchRequest, isolation: Isolation, version: i16) -> bool {
    let wanted = usize::try_from(request.min_bytes).unwrap_or(0);
    let mut bytes = 0;
    for topic in &request.topics {
        let Ok(name) = name_of(state, topic, version) else {
            return true;
        };
        for asked in &topic.partitions {
            let Some(partition) = state.topics.partition(&name, asked.partition) else {
                return true;
            };
            let log = &partition.log;
            if !(log.start()..=log.end()).contains(&asked.fetch_offset) {
                return true;
            }
            bytes += log.available(asked.fetch_offset, isolation, wanted.saturating_sub(bytes));
        }
    }
    bytes >= wanted
        || request
            .topics
            .iter()
            .all(|topic| topic.partitions.is_empty())
}

fn wait_for_news(state: &mut State, request: &FetchRequest, version: i16, news: &Arc<Notify>) {
    for topic in &request.topics {
        let Ok(name) = name_of(state, topic, version) else {
            continue;
        };
        for asked in &topic.partitions {
            if let Some(partition) = state.topics.partition_mut(&name, asked.partition) {
                partition.wake_next(news);
            }
        }
    }
}

fn gather(
    state: &State,
    request: &FetchRequest,
    isolation: Isolation,
    version: i16,
) -> Vec<Vec<Gathered>> {
    let mut left = usize::try_from(request.max_bytes).unwrap_or(0);
    let mut has_any = false;
    let topics = request.topics.iter().map(|topic| {
        let name = name_of(state, topic, version);
        let partitions = topic.partitions.iter().map(|asked| {
            let read = name
                .clone()
                .and_then(|name| read(state, &name, asked, isolation, left, has_any));
            let data = PartitionData::default().with_partition_index(asked.partition);
            match read {
                Ok((data, read)) => {
                    left = left.saturating_sub(read.bytes);
                    has_any |= read.bytes > 0;
                    Gathered { data, read }
                }
                Err(error) => Gathered {
                    data: data.with_error_code(error.code()).with_high_watermark(-1),
                    read: Read::default(),
                },
            }
        });
        partitions.collect()
    });
    topics.collect()
}

fn read(
    state: &State,
    name: &str,
    asked: &FetchPartition,
    isolation: Isolation,
    left: usize,
    has_any: bool,
) -> Result<(PartitionData, Read), ResponseError> {
    let partition = state.topics.partition(name, asked.partition);
    let log = &partition.ok_or(ResponseError::UnknownTopicOrPartition)?.log;
    let most = usize::try_from(asked.partition_max_bytes)
        .unwrap_or(0)
        .min(left);
    let mut read = log.read(asked.fetch_offset, isolation, most)?;
    // One batch is given however large it is, or nothing would ever go on; but not one more for each partition.
    if has_any && read.bytes > left {
        read = Read::default();
    }
    let data = PartitionData::default()
        .with_partition_index(asked.partition)
        .with_high_watermark(log.end())
        .with_last_stable_offset(log.end_for(Isolation::Committed))
        .with_log_start_offset(log.start());
    Ok((data, read))
}

/// The name of a topic that may be asked for by its id.
fn name_of(state: &State, topic: &FetchTopic, version: i16) -> Result<TopicName, ResponseError> {
    if version < 13 {
        return Ok(topic.topic.clone());
    }
    match state.topics.name_of(topic.topic_id) {
        Some(name) => Ok(TopicName(text(name))),
        None => Err(ResponseError::UnknownTopicId),
    }
}

fn response(topics: Vec<FetchTopic>, gathered: Vec<Vec<Gathered>>) -> FetchResponse {
    let topics = topics.into_iter().zip(gathered).map(|(topic, partitions)| {
        let partitions = partitions.into_iter().map(|Gathered { data, read }| {
            let aborted = read.aborted.iter().map(|aborted| {
                AbortedTransaction::default()
                    .with_producer_id(aborted.producer_id.into())
                    .with_first_offset(aborted.first)
            });
            data.with_aborted_transactions(Some(aborted.collect()))
                .with_records(Some(joined(read)))
        });
        FetchableTopicResponse::default()
            .with_topic(topic.topic)
            .with_topic_id(topic.topic_id)
            .with_partitions(partitions.collect())
    });
    FetchResponse::default().with_responses(topics.collect())
}

fn joined(mut read: Read) -> Bytes {
    if read.batches.len() == 1 {
        return read.batches.remove(0);
    }
    let mut all = BytesMut::with_capacity(read.bytes);
    for batch in &read.batches {
        all.extend_from_slice(batch);
    }
    all.freeze()
}
