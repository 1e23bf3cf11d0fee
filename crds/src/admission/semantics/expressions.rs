//! CEL expressions over the fields of a reading.

use sensorstream_expressions::{Kind, Predicate, Symbol};

use super::Check;
use crate::input::{Field, FieldType};

impl Check {
    /// A condition on a reading.
    pub(super) fn expression(&mut self, path: &str, source: &str, fields: &[Field]) {
        let symbols: Vec<_> = fields
            .iter()
            .map(|field| Symbol {
                name: field.name.clone(),
                kind: kind(field.type_),
                optional: !field.required,
            })
            .collect();
        if let Err(error) = Predicate::compile(source, &symbols) {
            self.refuse(path, error.to_string());
        }
    }
}

/// What the values of a field of this type are to an expression.
pub(super) fn kind(type_: FieldType) -> Kind {
    match type_ {
        FieldType::String => Kind::Text,
        FieldType::Double => Kind::Double,
        FieldType::Integer => Kind::Integer,
        FieldType::Long => Kind::Long,
        FieldType::Boolean => Kind::Boolean,
        FieldType::Timestamp => Kind::Timestamp,
    }
}
