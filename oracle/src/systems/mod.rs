//! The systems of the examples: what their tables and topics have to hold.

pub mod clickstream;
pub mod factory;
