//! The fields of a reading: their bounds, and where they are read from.

use super::Check;
use crate::input::{Field, FieldType};

impl Check {
    pub(super) fn fields(&mut self, fields: &[Field]) {
        for (index, field) in fields.iter().enumerate() {
            self.field(&format!("spec.input.fields[{index}]"), field);
        }
        self.members(fields);
    }

    fn field(&mut self, path: &str, field: &Field) {
        if let (Some(minimum), Some(maximum)) = (&field.minimum, &field.maximum)
            && minimum.parse() > maximum.parse()
        {
            self.refuse(
                path,
                format!("minimum {minimum} is greater than maximum {maximum}"),
            );
        }
        for (name, bound) in [("minimum", &field.minimum), ("maximum", &field.maximum)] {
            let Some(bound) = bound else { continue };
            let whole = bound.parse().is_some_and(|b| b.fract() == 0.0);
            if field.type_ != FieldType::Double && !whole {
                self.refuse(
                    format!("{path}.{name}"),
                    format!("must be a whole number, not {bound}"),
                );
            }
            let fits = bound
                .parse()
                .is_some_and(|b| (-2_147_483_648.0..=2_147_483_647.0).contains(&b));
            if field.type_ == FieldType::Integer && !fits {
                let message = format!("{bound} does not fit the type integer (32 bits); use long");
                self.refuse(format!("{path}.{name}"), message);
            }
        }
        if let Some(longest) = field.max_length {
            for value in field
                .enum_
                .iter()
                .filter(|v| v.chars().count() > longest as usize)
            {
                let message = format!("`{value}` is longer than maxLength {longest}");
                self.refuse(format!("{path}.enum"), message);
            }
        }
    }

    fn members(&mut self, fields: &[Field]) {
        for (index, field) in fields.iter().enumerate() {
            if let Some(other) = fields[..index]
                .iter()
                .find(|f| f.member() == field.member())
            {
                let message = format!(
                    "`{}` is read from the member `{}` already by the field `{}`",
                    field.name,
                    field.member(),
                    other.name
                );
                self.refuse(format!("spec.input.fields[{index}].from"), message);
            }
        }
    }
}
