//! Whether a consumer is a member of its group.

use std::ffi::CStr;

use rdkafka::{client::Client, consumer::ConsumerContext};
use rdkafka_sys as sys;

/// Whether the consumer has joined its group and has not left it. Asks the client's own thread, not Kafka.
pub fn is_member<C: ConsumerContext>(client: &Client<C>) -> bool {
    // SAFETY: the client lives as long as the borrow. The name is ours, ends in NUL, and is given back to the
    // allocator that it came from.
    unsafe {
        let member = sys::rd_kafka_memberid(client.native_ptr());
        if member.is_null() {
            return false;
        }
        let is_member = !CStr::from_ptr(member).is_empty();
        sys::rd_kafka_mem_free(client.native_ptr(), member.cast());
        is_member
    }
}
