//! One reading, as the engine computes with it.

use sensorstream_expressions::Value;

/// An accepted reading.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading<'a> {
    /// Where it stands in the shard's log.
    pub(crate) offset: i64,
    /// When it was taken, in microseconds since 1970.
    pub(crate) time: i64,
    /// Its values, in the order of the input's fields.
    pub(crate) values: &'a [Value<'a>],
}
