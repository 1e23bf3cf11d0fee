//! Kafka as the operator and the processor both need it: connections made from a pipeline's
//! settings, and the questions that librdkafka answers only through its C interface.

pub mod connection;
pub mod membership;
pub mod offsets;
pub mod partition_queue;
pub mod topics;
