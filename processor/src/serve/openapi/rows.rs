//! The JSON schemas of rows: of readings from the spec's fields and bounds, of windows from the
//! columns of their tables.

use sensorstream_crds::{input::Field, scalars::Decimal, window_table::Holds};
use serde_json::Value;
use utoipa::{
    Number,
    openapi::{
        KnownFormat, ObjectBuilder, SchemaFormat,
        schema::{Object, SchemaType, Type},
    },
};

use crate::serve::{column::ColumnType, window_rows::WindowRows};

/// The schema of a reading as the API returns it: every field is there, an optional one perhaps
/// null.
pub(super) fn reading(fields: &[Field]) -> Object {
    let reading = ObjectBuilder::new().description(Some("One accepted reading."));
    let reading = fields.iter().fold(reading, |reading, field| {
        reading
            .property(&field.name, field_value(field))
            .required(&field.name)
    });
    reading.build()
}

/// The schema of a window's row.
pub(super) fn row(window: &WindowRows) -> Object {
    let description = format!("A row of the window `{}`.", window.name);
    let row = ObjectBuilder::new().description(Some(description));
    let row = window.columns.iter().fold(row, |row, (column, holds)| {
        // Tables that were there before the pipeline may have rows of others in them.
        let filled = holds.is_key() || *holds == Holds::End;
        row.property(&column.name, value(column.type_, filled).build())
            .required(&column.name)
    });
    row.build()
}

/// The schema of what may be asked for as a key: any value of its type.
pub(super) fn key(type_: ColumnType) -> Object {
    let bounds = match type_ {
        ColumnType::Integer => Some((i32::MIN as isize, i32::MAX as isize)),
        ColumnType::Long => Some((i64::MIN as isize, i64::MAX as isize)),
        _ => None,
    };
    value(type_, true)
        .minimum(bounds.map(|(least, _)| Number::Int(least)))
        .maximum(bounds.map(|(_, greatest)| Number::Int(greatest)))
        .build()
}

/// The schema of one field's values.
fn field_value(field: &Field) -> Object {
    let allowed = (!field.enum_.is_empty()).then(|| {
        let null = (!field.required).then_some(Value::Null);
        field
            .enum_
            .iter()
            .map(|text| Value::from(text.as_str()))
            .chain(null)
            .collect::<Vec<_>>()
    });
    value(field.type_.into(), field.required)
        .minimum(field.minimum.as_ref().map(number))
        .maximum(field.maximum.as_ref().map(number))
        .max_length(field.max_length.map(|longest| longest as usize))
        .enum_values(allowed)
        .build()
}

fn value(type_: ColumnType, filled: bool) -> ObjectBuilder {
    let (type_, format) = match type_ {
        ColumnType::String => (Type::String, None),
        ColumnType::Double => (Type::Number, Some(KnownFormat::Double)),
        ColumnType::Integer => (Type::Integer, Some(KnownFormat::Int32)),
        ColumnType::Long => (Type::Integer, Some(KnownFormat::Int64)),
        ColumnType::Boolean => (Type::Boolean, None),
        ColumnType::Timestamp => (Type::String, Some(KnownFormat::DateTime)),
        ColumnType::Decimal => {
            let decimal = SchemaFormat::Custom("decimal".to_owned());
            return typed(Type::String, filled).format(Some(decimal));
        }
    };
    typed(type_, filled).format(format.map(SchemaFormat::KnownFormat))
}

fn typed(type_: Type, filled: bool) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(if filled {
        SchemaType::Type(type_)
    } else {
        SchemaType::Array(vec![type_, Type::Null])
    })
}

fn number(decimal: &Decimal) -> Number {
    match decimal {
        Decimal::Integer(whole) => Number::Int(*whole as isize),
        Decimal::Text(_) => Number::Float(decimal.get()),
    }
}
