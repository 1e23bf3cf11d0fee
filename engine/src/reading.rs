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

impl Reading<'_> {
    /// The same reading, with an offset that orders it among those of all partitions: by partition, then by
    /// offset.
    pub(crate) fn among_all(self, partition: i32) -> Self {
        /// Bits for the offset: at a million records a second they last for 285 years.
        const OFFSET: u32 = 53;
        Self {
            offset: i64::from(partition) << OFFSET | self.offset,
            ..self
        }
    }
}
