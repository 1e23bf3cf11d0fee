//! The readings of one file, column by column.

use sensorstream_expressions::Value;

use crate::{Schema, column::Column};

/// How many rows a row group has. Readers work on row groups side by side, and leave out those whose
/// statistics rule them out. It also bounds what growing vectors have reserved in vain.
pub(crate) const ROW_GROUP: usize = 131_072;

/// Readings of one file, in the order of their offsets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    pub(crate) groups: Vec<RowGroup>,
    bytes: usize,
}

/// Some of a file's readings, by column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RowGroup {
    pub(crate) columns: Vec<Column>,
    pub(crate) offsets: Vec<i64>,
}

impl Rows {
    /// Adds a reading.
    pub(crate) fn push(&mut self, schema: &Schema, offset: i64, values: &[Value<'_>]) {
        debug_assert_eq!(values.len(), schema.fields.len());
        let group = match self.groups.last_mut() {
            Some(group) if group.offsets.len() < ROW_GROUP => group,
            _ => {
                self.groups.push(RowGroup {
                    columns: schema.fields.iter().map(Column::new).collect(),
                    offsets: Vec::new(),
                });
                self.groups.last_mut().expect("one was pushed")
            }
        };
        group.offsets.push(offset);
        let columns = group.columns.iter_mut().zip(values);
        let bytes: usize = columns.map(|(column, value)| column.push(value)).sum();
        self.bytes += bytes + size_of::<i64>();
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.groups.iter().map(|group| group.offsets.len()).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// How many bytes of memory they are.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Their offsets, in order.
    pub fn offsets(&self) -> impl Iterator<Item = i64> {
        self.groups
            .iter()
            .flat_map(|group| group.offsets.iter().copied())
    }
}
