//! What topics there are, with the ids that tell a topic from one made anew under its name.
//! The Rust binding does not offer this call, so it is made through the C interface.

use std::{
    collections::BTreeMap,
    ffi::{CStr, CString},
    ptr,
    time::{Duration, Instant},
};

use rdkafka::{
    client::{Client, ClientContext},
    error::RDKafkaErrorCode,
};
use rdkafka_sys as sys;

/// A topic as the brokers describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicDescription {
    /// Kafka's id of the topic, as base64: another one when the topic is made anew.
    pub id: String,
    /// Number of partitions.
    pub partitions: i32,
    /// Copies of the first partition.
    pub replication_factor: i32,
    /// Partitions that have no leader at the moment.
    pub leaderless: Vec<i32>,
}

/// Why topics could not be described.
#[derive(Debug, thiserror::Error)]
pub enum DescribeError {
    /// No answer within the time given.
    #[error("no broker answered within {0:?}")]
    Timeout(Duration),
    /// The brokers refused.
    #[error("describing topics: {0}")]
    Refused(RDKafkaErrorCode),
    /// The brokers refused to describe one of the topics.
    #[error("describing topic {0}: {1}")]
    Topic(String, RDKafkaErrorCode),
}

/// Describes topics by name; those that do not exist are absent from the answer. Blocks for
/// `timeout` at most.
///
/// # Panics
/// When a name holds a NUL byte, which no valid topic name does.
pub fn describe<C: ClientContext>(
    client: &Client<C>,
    names: &[&str],
    timeout: Duration,
) -> Result<BTreeMap<String, TopicDescription>, DescribeError> {
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let names: Vec<CString> = names
        .iter()
        .map(|name| CString::new(*name).expect("topic names hold no NUL"))
        .collect();
    let mut pointers: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
    let millis = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    let mut error_text = [0; 256];
    // SAFETY: `client` is alive for the whole block; every object made here is destroyed by the
    // guard that owns it; what is read from the event is read while the event is alive.
    unsafe {
        let rk = client.native_ptr();
        let collection = Guard(
            sys::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len()),
            sys::rd_kafka_TopicCollection_destroy,
        );
        let options = Guard(
            sys::rd_kafka_AdminOptions_new(
                rk,
                sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS,
            ),
            sys::rd_kafka_AdminOptions_destroy,
        );
        sys::rd_kafka_AdminOptions_set_request_timeout(
            options.0,
            millis,
            error_text.as_mut_ptr(),
            error_text.len(),
        );
        let queue = Guard(sys::rd_kafka_queue_new(rk), sys::rd_kafka_queue_destroy);
        sys::rd_kafka_DescribeTopics(rk, collection.0, options.0, queue.0);
        let deadline = Instant::now() + timeout + Duration::from_millis(500);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let event = Guard(
                sys::rd_kafka_queue_poll(queue.0, i32::try_from(left.as_millis()).unwrap_or(0)),
                sys::rd_kafka_event_destroy,
            );
            if event.0.is_null() {
                return Err(DescribeError::Timeout(timeout));
            }
            let result = sys::rd_kafka_event_DescribeTopics_result(event.0);
            if result.is_null() {
                continue;
            }
            let code: RDKafkaErrorCode = sys::rd_kafka_event_error(event.0).into();
            return match code {
                RDKafkaErrorCode::NoError => read_result(result),
                RDKafkaErrorCode::OperationTimedOut | RDKafkaErrorCode::RequestTimedOut => {
                    Err(DescribeError::Timeout(timeout))
                }
                code => Err(DescribeError::Refused(code)),
            };
        }
    }
}

unsafe fn read_result(
    result: *const sys::rd_kafka_DescribeTopics_result_t,
) -> Result<BTreeMap<String, TopicDescription>, DescribeError> {
    let mut topics = BTreeMap::new();
    // SAFETY: the caller keeps the event that owns `result`, and so all it points to, alive.
    unsafe {
        let mut count = 0;
        let descriptions = sys::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        for index in 0..count {
            let topic = *descriptions.add(index);
            let name = text(sys::rd_kafka_TopicDescription_name(topic));
            let error = sys::rd_kafka_error_code(sys::rd_kafka_TopicDescription_error(topic));
            match RDKafkaErrorCode::from(error) {
                RDKafkaErrorCode::NoError => {}
                RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic => {
                    continue;
                }
                code => return Err(DescribeError::Topic(name, code)),
            }
            let mut partition_count = 0;
            let partitions =
                sys::rd_kafka_TopicDescription_partitions(topic, &raw mut partition_count);
            let mut replication_factor = 0;
            let mut leaderless = Vec::new();
            for index in 0..partition_count {
                let partition = *partitions.add(index);
                let number = sys::rd_kafka_TopicPartitionInfo_partition(partition);
                let mut replicas = 0;
                sys::rd_kafka_TopicPartitionInfo_replicas(partition, &raw mut replicas);
                if number == 0 {
                    replication_factor = i32::try_from(replicas).unwrap_or(i32::MAX);
                }
                let leader = sys::rd_kafka_TopicPartitionInfo_leader(partition);
                if leader.is_null() || sys::rd_kafka_Node_id(leader) < 0 {
                    leaderless.push(number);
                }
            }
            let id = text(sys::rd_kafka_Uuid_base64str(
                sys::rd_kafka_TopicDescription_topic_id(topic),
            ));
            topics.insert(
                name,
                TopicDescription {
                    id,
                    partitions: i32::try_from(partition_count).unwrap_or(i32::MAX),
                    replication_factor,
                    leaderless,
                },
            );
        }
    }
    Ok(topics)
}

unsafe fn text(pointer: *const std::ffi::c_char) -> String {
    if pointer.is_null() {
        return String::new();
    }
    // SAFETY: librdkafka's strings end in NUL and live as long as the event.
    unsafe { CStr::from_ptr(pointer) }
        .to_string_lossy()
        .into_owned()
}

/// Owns an object of the C interface.
struct Guard<T>(*mut T, unsafe extern "C" fn(*mut T));

impl<T> Drop for Guard<T> {
    fn drop(&mut self) {
        if !ptr::eq(self.0, ptr::null()) {
            // SAFETY: the pointer came from the constructor that pairs with this destructor.
            unsafe { (self.1)(self.0) }
        }
    }
}
