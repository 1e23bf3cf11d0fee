//! The values of one column, as Parquet wants them: those that are there one after the other, and
//! apart from them which rows have one.

use bytes::Bytes;
use parquet::{
    data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type},
    errors::Result,
    file::writer::SerializedColumnWriter,
};
use sensorstream_crds::input::FieldType;
use sensorstream_expressions::Value;

use crate::schema;

/// Some rows' values of a column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Column {
    values: Values,
    /// Of an optional column, for each row: 1 if it has a value, else 0.
    levels: Option<Vec<i16>>,
}

#[derive(Clone, Debug, PartialEq)]
enum Values {
    Text(Text),
    Double(Vec<f64>),
    Integer(Vec<i32>),
    /// Times too, in microseconds since 1970.
    Long(Vec<i64>),
    Boolean(Vec<bool>),
}

/// Texts without an allocation for each.
#[derive(Clone, Debug, Default, PartialEq)]
struct Text {
    bytes: Vec<u8>,
    lengths: Vec<u32>,
}

impl Column {
    pub(crate) fn new(column: &schema::Column) -> Self {
        Self {
            values: match column.type_ {
                FieldType::String => Values::Text(Text::default()),
                FieldType::Double => Values::Double(Vec::new()),
                FieldType::Integer => Values::Integer(Vec::new()),
                FieldType::Long | FieldType::Timestamp => Values::Long(Vec::new()),
                FieldType::Boolean => Values::Boolean(Vec::new()),
            },
            levels: column.optional.then(Vec::new),
        }
    }

    /// Adds a row, and says how many bytes of memory its value is.
    ///
    /// # Panics
    /// When the value is not of the field's type, or missing from a required field: decoding lets
    /// neither pass.
    pub(crate) fn push(&mut self, value: &Value<'_>) -> usize {
        let level = i16::from(*value != Value::Null);
        let level_size = self.levels.as_mut().map_or(0, |levels| {
            levels.push(level);
            size_of::<i16>()
        });
        let value_size = match (&mut self.values, value) {
            (Values::Text(texts), Value::Text(text)) => texts.push(text),
            (Values::Double(all), Value::Double(value)) => push(all, *value),
            (Values::Integer(all), Value::Integer(value)) => push(all, *value),
            (Values::Long(all), Value::Long(value) | Value::Timestamp(value)) => push(all, *value),
            (Values::Boolean(all), Value::Boolean(value)) => push(all, *value),
            (_, Value::Null) if self.levels.is_some() => 0,
            (values, value) => panic!("{value:?} in a column of {values:?}"),
        };
        level_size + value_size
    }

    pub(crate) fn write(&self, writer: &mut SerializedColumnWriter<'_>) -> Result<()> {
        let levels = self.levels.as_deref();
        match &self.values {
            Values::Text(text) => write::<ByteArrayType>(writer, &text.slices(), levels),
            Values::Double(values) => write::<DoubleType>(writer, values, levels),
            Values::Integer(values) => write::<Int32Type>(writer, values, levels),
            Values::Long(values) => write::<Int64Type>(writer, values, levels),
            Values::Boolean(values) => write::<BoolType>(writer, values, levels),
        }
    }
}

impl Text {
    fn push(&mut self, text: &str) -> usize {
        let length = u32::try_from(text.len()).expect("a record of Kafka has less than 2 GB");
        self.bytes.extend_from_slice(text.as_bytes());
        push(&mut self.lengths, length) + text.len()
    }

    fn slices(&self) -> Vec<ByteArray> {
        let mut rest = Bytes::copy_from_slice(&self.bytes);
        let slice = |length: &u32| rest.split_to(*length as usize).into();
        self.lengths.iter().map(slice).collect()
    }
}

fn push<T>(all: &mut Vec<T>, value: T) -> usize {
    all.push(value);
    size_of::<T>()
}

/// Writes a whole column: required ones have no levels.
pub(crate) fn write<T: DataType>(
    writer: &mut SerializedColumnWriter<'_>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<()> {
    writer
        .typed::<T>()
        .write_batch(values, levels, None)
        .map(drop)
}
