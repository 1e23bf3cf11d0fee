//! The fields that plans refer to.

use sensorstream_crds::input::{FieldType, Input};
use sensorstream_expressions::{Kind, Predicate, Symbol};

use super::Problem;

/// The fields of an input, in their order.
#[derive(Debug)]
pub(super) struct Fields {
    symbols: Vec<Symbol>,
}

impl Fields {
    pub(super) fn of(input: &Input) -> Self {
        Self {
            symbols: input
                .fields
                .iter()
                .map(|field| Symbol {
                    name: field.name.clone(),
                    kind: kind_of(field.type_),
                    optional: !field.required,
                })
                .collect(),
        }
    }

    /// A field's place and the kind of its values.
    pub(super) fn find(&self, name: &str) -> Result<(usize, Kind), Problem> {
        self.symbols
            .iter()
            .position(|symbol| symbol.name == name)
            .map(|place| (place, self.symbols[place].kind))
            .ok_or_else(|| Problem::NoField(name.to_owned()))
    }

    /// A condition over the fields.
    pub(super) fn condition(&self, source: &str) -> Result<Predicate, Problem> {
        Predicate::compile(source, &self.symbols)
            .map_err(|error| Problem::Condition(source.to_owned(), error))
    }
}

fn kind_of(type_: FieldType) -> Kind {
    match type_ {
        FieldType::String => Kind::Text,
        FieldType::Double => Kind::Double,
        FieldType::Integer => Kind::Integer,
        FieldType::Long => Kind::Long,
        FieldType::Boolean => Kind::Boolean,
        FieldType::Timestamp => Kind::Timestamp,
    }
}
