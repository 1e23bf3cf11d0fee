//! The JSON schema of a reading, from the spec's own fields, types and bounds.

use sensorstream_crds::{
    input::{Field, FieldType},
    scalars::Decimal,
};
use serde_json::Value;
use utoipa::{
    Number,
    openapi::{
        KnownFormat, ObjectBuilder, SchemaFormat,
        schema::{Object, SchemaType, Type},
    },
};

/// The schema of a reading as the API returns it: every field is there, an optional one perhaps
/// null.
pub(super) fn reading(fields: &[Field]) -> Object {
    let reading = ObjectBuilder::new().description(Some("One accepted reading."));
    let reading = fields.iter().fold(reading, |reading, field| {
        reading
            .property(&field.name, value(field))
            .required(&field.name)
    });
    reading.build()
}

/// The schema of one field's values.
pub(super) fn value(field: &Field) -> Object {
    let (type_, format) = match field.type_ {
        FieldType::String => (Type::String, None),
        FieldType::Double => (Type::Number, Some(KnownFormat::Double)),
        FieldType::Integer => (Type::Integer, Some(KnownFormat::Int32)),
        FieldType::Long => (Type::Integer, Some(KnownFormat::Int64)),
        FieldType::Boolean => (Type::Boolean, None),
        FieldType::Timestamp => (Type::String, Some(KnownFormat::DateTime)),
    };
    let type_ = if field.required {
        SchemaType::Type(type_)
    } else {
        SchemaType::Array(vec![type_, Type::Null])
    };
    let allowed = (!field.enum_.is_empty()).then(|| {
        let null = (!field.required).then_some(Value::Null);
        field
            .enum_
            .iter()
            .map(|text| Value::from(text.as_str()))
            .chain(null)
            .collect::<Vec<_>>()
    });
    ObjectBuilder::new()
        .schema_type(type_)
        .format(format.map(SchemaFormat::KnownFormat))
        .minimum(field.minimum.as_ref().map(number))
        .maximum(field.maximum.as_ref().map(number))
        .max_length(field.max_length.map(|longest| longest as usize))
        .enum_values(allowed)
        .build()
}

fn number(decimal: &Decimal) -> Number {
    match decimal {
        Decimal::Integer(whole) => Number::Int(*whole as isize),
        Decimal::Text(_) => Number::Float(decimal.get()),
    }
}
