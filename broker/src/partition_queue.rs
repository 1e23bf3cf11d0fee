//! One partition's records, taken many at a time and without a copy.
//!
//! The Rust binding hands out one message an event, each with its own allocations. This asks
//! librdkafka's C interface for a whole batch instead, lends each message to a closure, and
//! gives it back.
//!
//! Do not turn on `enable.partition.eof` for a consumer in a group. `rd_kafka_consume_batch_queue`
//! takes the event's offset for a record's and moves the consumer's position one beyond it; when
//! a rebalance then restarts fetching at that position, a record is skipped (librdkafka 2.12,
//! `rd_kafka_q_serve_rkmessages`). [`PartitionQueue::position`] tells what the event would.

use std::{
    ffi::{CStr, CString},
    marker::PhantomData,
    ptr, slice,
    sync::Arc,
    time::Duration,
};

use rdkafka::{
    Offset,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::RDKafkaErrorCode,
};
use rdkafka_sys as sys;

/// The queue of one partition of a consumer. What is fetched for the partition comes out here
/// instead of at the consumer's own `poll`, which has to go on for everything else.
pub struct PartitionQueue<C: ConsumerContext> {
    queue: *mut sys::rd_kafka_queue_t,
    buffer: Vec<*mut sys::rd_kafka_message_t>,
    /// The queue must not outlive its consumer.
    consumer: Arc<BaseConsumer<C>>,
    topic: String,
    partition: i32,
}

// SAFETY: librdkafka's queues may be used from any thread; the buffer is empty between calls.
unsafe impl<C: ConsumerContext> Send for PartitionQueue<C> {}

/// What comes out of a partition's queue.
#[derive(Debug)]
pub enum Polled<'a> {
    /// A record.
    Record(Record<'a>),
    /// Everything below this offset has been read, and there is no more at the moment. Only with
    /// `enable.partition.eof`, which is for consumers outside of groups.
    EndOfPartition(i64),
    /// Something is wrong with the partition.
    Error(RDKafkaErrorCode),
}

impl<C: ConsumerContext> PartitionQueue<C> {
    /// Splits a partition off a consumer. Do this before the partition is assigned.
    ///
    /// # Panics
    /// When the topic's name holds a NUL byte, which no valid name does.
    pub fn split(consumer: &Arc<BaseConsumer<C>>, topic: &str, partition: i32) -> Option<Self> {
        let name = CString::new(topic).expect("topic names hold no NUL");
        // SAFETY: the client lives as long as `consumer`; a null destination ends forwarding.
        let queue = unsafe {
            let queue = sys::rd_kafka_queue_get_partition(
                consumer.client().native_ptr(),
                name.as_ptr(),
                partition,
            );
            if queue.is_null() {
                return None;
            }
            sys::rd_kafka_queue_forward(queue, ptr::null_mut());
            queue
        };
        Some(Self {
            queue,
            buffer: Vec::new(),
            consumer: Arc::clone(consumer),
            topic: topic.to_owned(),
            partition,
        })
    }

    /// Everything below this offset has come out of the queue or is no record, such as the marker
    /// of a transaction. None before anything has come out.
    pub fn position(&self) -> Option<i64> {
        let positions = self.consumer.position().ok()?;
        match positions
            .find_partition(&self.topic, self.partition)?
            .offset()
        {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        }
    }

    /// Lends up to `limit` items to `each`: returns when there are as many, or after `timeout`.
    /// Answers how many there were.
    pub fn consume(
        &mut self,
        timeout: Duration,
        limit: usize,
        mut each: impl FnMut(Polled<'_>),
    ) -> usize {
        self.buffer.clear();
        self.buffer.reserve(limit);
        let millis = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the buffer has room for `limit` pointers, and as many as returned are set.
        unsafe {
            let taken = sys::rd_kafka_consume_batch_queue(
                self.queue,
                millis,
                self.buffer.as_mut_ptr(),
                limit,
            );
            self.buffer.set_len(usize::try_from(taken).unwrap_or(0));
        }
        let taken = self.buffer.len();
        for message in self.buffer.drain(..) {
            let message = Owned(message);
            // SAFETY: the message is valid until `Owned` gives it back.
            let raw = unsafe { &*message.0 };
            each(match RDKafkaErrorCode::from(raw.err) {
                RDKafkaErrorCode::NoError => Polled::Record(Record {
                    raw: message.0,
                    lent: PhantomData,
                }),
                RDKafkaErrorCode::PartitionEOF => Polled::EndOfPartition(raw.offset),
                code => Polled::Error(code),
            });
        }
        taken
    }
}

impl<C: ConsumerContext> Drop for PartitionQueue<C> {
    fn drop(&mut self) {
        // SAFETY: the queue came from `rd_kafka_queue_get_partition` and is given back once.
        unsafe { sys::rd_kafka_queue_destroy(self.queue) }
    }
}

/// Gives a message back to librdkafka, also when a closure panics.
struct Owned(*mut sys::rd_kafka_message_t);

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: the message came from the queue and is given back once.
        unsafe { sys::rd_kafka_message_destroy(self.0) }
    }
}

/// A record on loan.
pub struct Record<'a> {
    raw: *const sys::rd_kafka_message_t,
    lent: PhantomData<&'a ()>,
}

impl std::fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record")
            .field("offset", &self.offset())
            .finish_non_exhaustive()
    }
}

impl<'a> Record<'a> {
    fn raw(&self) -> &'a sys::rd_kafka_message_t {
        // SAFETY: the message is given back only after the loan has ended.
        unsafe { &*self.raw }
    }

    /// Its offset.
    pub fn offset(&self) -> i64 {
        self.raw().offset
    }

    /// Its key.
    pub fn key(&self) -> Option<&'a [u8]> {
        // SAFETY: librdkafka gives pointer and length of memory that lives as long as the message.
        unsafe { bytes(self.raw().key, self.raw().key_len) }
    }

    /// Its value; none in a tombstone.
    pub fn payload(&self) -> Option<&'a [u8]> {
        // SAFETY: as for the key.
        unsafe { bytes(self.raw().payload, self.raw().len) }
    }

    /// Its time in milliseconds since 1970, by the broker's clock or the producer's, as the
    /// topic says.
    pub fn timestamp_ms(&self) -> Option<i64> {
        let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is valid for the whole loan.
        let millis = unsafe { sys::rd_kafka_message_timestamp(self.raw, &raw mut kind) };
        let known = kind != sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        (known && millis >= 0).then_some(millis)
    }

    /// The value of its last header of a name.
    pub fn header(&self, name: &CStr) -> Option<&'a [u8]> {
        let (mut value, mut size) = (ptr::null(), 0);
        // SAFETY: the headers belong to the message and live as long; the name ends in NUL.
        unsafe {
            let mut headers = ptr::null_mut();
            let answer = sys::rd_kafka_message_headers(self.raw, &raw mut headers);
            if RDKafkaErrorCode::from(answer) != RDKafkaErrorCode::NoError {
                return None;
            }
            let answer = sys::rd_kafka_header_get_last(
                headers,
                name.as_ptr(),
                &raw mut value,
                &raw mut size,
            );
            if RDKafkaErrorCode::from(answer) != RDKafkaErrorCode::NoError {
                return None;
            }
            bytes(value, size)
        }
    }

    /// Its headers, in order.
    pub fn headers(&self) -> Vec<(String, Option<Vec<u8>>)> {
        let mut found = Vec::new();
        // SAFETY: the headers belong to the message; names end in NUL; values have their length.
        unsafe {
            let mut headers = ptr::null_mut();
            let answer = sys::rd_kafka_message_headers(self.raw, &raw mut headers);
            if RDKafkaErrorCode::from(answer) != RDKafkaErrorCode::NoError {
                return found;
            }
            for index in 0..sys::rd_kafka_header_cnt(headers) {
                let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
                let answer = sys::rd_kafka_header_get_all(
                    headers,
                    index,
                    &raw mut name,
                    &raw mut value,
                    &raw mut size,
                );
                if RDKafkaErrorCode::from(answer) != RDKafkaErrorCode::NoError {
                    break;
                }
                let name = CStr::from_ptr(name).to_string_lossy().into_owned();
                found.push((name, bytes(value, size).map(<[u8]>::to_vec)));
            }
        }
        found
    }
}

/// # Safety
/// `pointer` is null or points to `length` bytes that live for `'a`.
unsafe fn bytes<'a>(pointer: *const std::ffi::c_void, length: usize) -> Option<&'a [u8]> {
    // SAFETY: by the contract of this function.
    (!pointer.is_null()).then(|| unsafe { slice::from_raw_parts(pointer.cast(), length) })
}
