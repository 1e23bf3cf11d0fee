//! What a file's columns are: the input's fields, then `_partition` and `_offset`.

use std::sync::Arc;

use parquet::{
    basic::{
        Compression, Encoding, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel,
    },
    file::properties::{WriterProperties, WriterPropertiesPtr},
    schema::types::{ColumnPath, Type, TypePtr},
};
use sensorstream_crds::input::{Field, FieldType, Input};

/// The column with the partition of the input topic.
pub(crate) const PARTITION: &str = "_partition";
/// The column with the offset in the partition.
pub(crate) const OFFSET: &str = "_offset";
/// Readers look into this: some distrust statistics without a program and a version. Never changed,
/// so that the same readings stay the same bytes.
const CREATED_BY: &str = "sensorstream version 1";
/// Compresses nearly as well as higher levels, at several times their speed.
const LEVEL: i32 = 3;

/// The columns of a pipeline's files.
#[derive(Debug)]
pub struct Schema {
    pub(crate) fields: Vec<Column>,
    pub(crate) parquet: TypePtr,
    pub(crate) properties: WriterPropertiesPtr,
}

/// A field of the input, as a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) type_: FieldType,
    pub(crate) optional: bool,
}

impl Schema {
    /// The columns for an input's fields.
    pub fn of(input: &Input) -> Self {
        let fields: Vec<Column> = input.fields.iter().map(Column::of).collect();
        Self {
            parquet: Arc::new(parquet_schema(&fields)),
            properties: Arc::new(properties(&fields)),
            fields,
        }
    }
}

impl Column {
    fn of(field: &Field) -> Self {
        Self {
            name: field.name.clone(),
            type_: field.type_,
            optional: !field.required,
        }
    }

    fn parquet(&self) -> Type {
        let (physical, logical) = match self.type_ {
            FieldType::String => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            FieldType::Double => (Physical::DOUBLE, None),
            FieldType::Integer => (Physical::INT32, None),
            FieldType::Long => (Physical::INT64, None),
            FieldType::Boolean => (Physical::BOOLEAN, None),
            FieldType::Timestamp => (
                Physical::INT64,
                Some(LogicalType::timestamp(true, TimeUnit::MICROS)),
            ),
        };
        let repetition = if self.optional {
            Repetition::OPTIONAL
        } else {
            Repetition::REQUIRED
        };
        column(&self.name, physical, logical, repetition)
    }
}

fn parquet_schema(fields: &[Column]) -> Type {
    let system = [(PARTITION, Physical::INT32), (OFFSET, Physical::INT64)]
        .map(|(name, physical)| column(name, physical, None, Repetition::REQUIRED));
    let columns = fields.iter().map(Column::parquet).chain(system);
    Type::group_type_builder("reading")
        .with_fields(columns.map(Arc::new).collect())
        .build()
        .expect("a group of columns is a schema")
}

fn column(
    name: &str,
    physical: Physical,
    logical: Option<LogicalType>,
    repetition: Repetition,
) -> Type {
    Type::primitive_type_builder(name, physical)
        .with_logical_type(logical)
        .with_repetition(repetition)
        .build()
        .expect("the logical types are for these physical ones")
}

fn properties(fields: &[Column]) -> WriterProperties {
    let level = ZstdLevel::try_new(LEVEL).expect("a level that zstd has");
    let mut builder = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_compression(Compression::ZSTD(level));
    // What mostly grows has no value twice, and small differences.
    let times = fields
        .iter()
        .filter(|field| field.type_ == FieldType::Timestamp)
        .map(|field| field.name.as_str());
    for name in times.chain([OFFSET]) {
        let path = ColumnPath::from(name);
        builder = builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
    }
    builder.build()
}
