//! Logs of readings.

use sensorstream_expressions::Value;

pub const SECOND: i64 = 1_000_000;

/// A reading of a log.
#[derive(Clone, Debug)]
pub struct Entry {
    pub partition: i32,
    pub offset: i64,
    pub time: i64,
    /// In the order of the input's fields, the event time last.
    pub values: Vec<Value<'static>>,
}
