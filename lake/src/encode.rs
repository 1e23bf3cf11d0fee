//! From readings to the bytes of a Parquet file.

use bytes::Bytes;
use parquet::{
    data_type::{Int32Type, Int64Type},
    errors::{ParquetError, Result},
    file::writer::{SerializedColumnWriter, SerializedFileWriter, SerializedRowGroupWriter},
};

use crate::{ClosedFile, Schema, column::write, rows::RowGroup};

/// Why readings could not be encoded.
#[derive(Debug, thiserror::Error)]
#[error("the readings of {hour} can't be encoded as Parquet")]
pub struct EncodeError {
    hour: crate::Hour,
    #[source]
    source: ParquetError,
}

/// The bytes of a file with the readings of a shard's partition. They depend on nothing else than the
/// arguments. Takes about a second for 100 MB of readings: not for a thread that others wait for.
pub fn encode(
    schema: &Schema,
    partition: i32,
    file: &ClosedFile,
) -> std::result::Result<Bytes, EncodeError> {
    encoded(schema, partition, file).map_err(|source| EncodeError {
        hour: file.extent.hour,
        source,
    })
}

fn encoded(schema: &Schema, partition: i32, file: &ClosedFile) -> Result<Bytes> {
    let (shape, properties) = (schema.parquet.clone(), schema.properties.clone());
    let mut writer = SerializedFileWriter::new(Vec::new(), shape, properties)?;
    for group in &file.rows.groups {
        row_group(writer.next_row_group()?, partition, group)?;
    }
    Ok(writer.into_inner()?.into())
}

fn row_group(
    mut writer: SerializedRowGroupWriter<'_, Vec<u8>>,
    partition: i32,
    group: &RowGroup,
) -> Result<()> {
    for field in &group.columns {
        column(&mut writer, |writer| field.write(writer))?;
    }
    let partitions = vec![partition; group.offsets.len()];
    column(&mut writer, |writer| {
        write::<Int32Type>(writer, &partitions, None)
    })?;
    column(&mut writer, |writer| {
        write::<Int64Type>(writer, &group.offsets, None)
    })?;
    writer.close().map(drop)
}

fn column(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    write: impl FnOnce(&mut SerializedColumnWriter<'_>) -> Result<()>,
) -> Result<()> {
    let mut writer = group
        .next_column()?
        .expect("the schema has a column for each field, the partition and the offset");
    write(&mut writer)?;
    writer.close()
}

#[cfg(test)]
mod tests;
