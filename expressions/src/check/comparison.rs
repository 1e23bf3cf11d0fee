//! `==`, `!=`, `<`, `<=`, `>` and `>=`.

use super::{Checker, typed::Typed};
use crate::{
    CompileError,
    condition::{Condition, Nullable},
    number::{self, Double, Whole},
    operand::Relation,
    text::Text,
    tree::{Node, Sign},
};

impl Checker<'_> {
    pub(super) fn comparison(
        &self,
        node: &Node,
        sign: Sign<Relation>,
        sides: &[Node; 2],
    ) -> Result<Typed, CompileError> {
        let Sign {
            text: sign,
            does: relation,
        } = sign;
        let [left, right] = sides;
        let (left, right) = (self.expression(left)?, self.expression(right)?);
        let (left, right) = (self.signed(node, left)?, self.signed(node, right)?);
        let condition = match (left, right) {
            (Typed::Null, Typed::Null) if relation.is_equality() => {
                Condition::Constant(relation == Relation::Equal)
            }
            (Typed::Null, other) | (other, Typed::Null) => {
                return match nullable(other) {
                    Some(nullable) if relation.is_equality() => {
                        let null = Condition::Null(Box::new(nullable));
                        Ok(Typed::Truth(match relation {
                            Relation::Equal => null,
                            _ => Condition::Not(Box::new(null)),
                        }))
                    }
                    _ => Err(self.error(
                        node,
                        format!("null has no order for `{sign}`; write `== null` or `!= null`"),
                    )),
                };
            }
            (Typed::Double(left), Typed::Double(right)) => doubles(relation, left, right),
            (Typed::Double(left), Typed::Whole(right)) => mixed(relation.mirrored(), right, left),
            (Typed::Whole(left), Typed::Double(right)) => mixed(relation, left, right),
            (Typed::Whole(left), Typed::Whole(right))
            | (Typed::Time(left), Typed::Time(right))
            | (Typed::Span(left), Typed::Span(right)) => wholes(relation, left, right),
            (Typed::Text(left), Typed::Text(right)) => texts(relation, left, right),
            (Typed::Truth(left), Typed::Truth(right)) => {
                Condition::Truths(relation, Box::new((left, right)))
            }
            (left, right) => return Err(self.error(node, mismatch(sign, &left, &right))),
        };
        Ok(Typed::Truth(condition))
    }

    /// An operand, with `5u` as the whole number it is compared as.
    pub(super) fn signed(&self, node: &Node, operand: Typed) -> Result<Typed, CompileError> {
        match operand {
            Typed::Unsigned(number) => i64::try_from(number)
                .map(|number| Typed::Whole(Whole::Constant(number)))
                .map_err(|_| {
                    let message =
                        format!("{number}u is greater than every whole number of a field");
                    self.error(node, message)
                }),
            other => Ok(other),
        }
    }
}

fn nullable(operand: Typed) -> Option<Nullable> {
    match operand {
        Typed::Truth(condition) => Some(Nullable::Truth(condition)),
        Typed::Whole(whole) | Typed::Time(whole) | Typed::Span(whole) => {
            Some(Nullable::Whole(whole))
        }
        Typed::Double(double) => Some(Nullable::Double(double)),
        Typed::Text(text) => Some(Nullable::Text(text)),
        Typed::Null | Typed::Unsigned(_) => None,
    }
}

fn doubles(relation: Relation, left: Double, right: Double) -> Condition {
    match (left, right) {
        (Double::Field(field), Double::Constant(constant)) => Condition::DoubleField {
            field,
            relation,
            constant,
        },
        (Double::Constant(constant), Double::Field(field)) => Condition::DoubleField {
            field,
            relation: relation.mirrored(),
            constant,
        },
        sides => Condition::Doubles(relation, Box::new(sides)),
    }
}

fn wholes(relation: Relation, left: Whole, right: Whole) -> Condition {
    match (left, right) {
        (Whole::Field(field), Whole::Constant(constant)) => Condition::WholeField {
            field,
            relation,
            constant,
        },
        (Whole::Constant(constant), Whole::Field(field)) => Condition::WholeField {
            field,
            relation: relation.mirrored(),
            constant,
        },
        sides => Condition::Wholes(relation, Box::new(sides)),
    }
}

fn mixed(relation: Relation, whole: Whole, double: Double) -> Condition {
    if let Whole::Constant(constant) = whole
        && let Some(constant) = number::exact(constant)
    {
        return doubles(relation, Double::Constant(constant), double);
    }
    Condition::Mixed(relation, Box::new((whole, double)))
}

fn texts(relation: Relation, left: Text, right: Text) -> Condition {
    match (left, right) {
        (Text::Field(field), Text::Constant(constant))
        | (Text::Constant(constant), Text::Field(field))
            if relation.is_equality() =>
        {
            Condition::TextField {
                field,
                equal: relation == Relation::Equal,
                constant,
            }
        }
        sides => Condition::Texts(relation, Box::new(sides)),
    }
}

/// Why two kinds can't be compared, and what to write.
fn mismatch(sign: &str, left: &Typed, right: &Typed) -> String {
    let what = format!(
        "`{sign}` can't compare {} with {}",
        left.kind(),
        right.kind()
    );
    let advice = match (left, right) {
        (Typed::Text(text), other) | (other, Typed::Text(text)) => match (text, other) {
            (Text::Constant(text), Typed::Time(_)) => format!("write timestamp(\"{text}\")"),
            (_, Typed::Time(_)) => "make the field a timestamp".to_owned(),
            (Text::Constant(text), Typed::Span(_)) => format!("write duration(\"{text}\")"),
            (Text::Constant(_), Typed::Whole(_) | Typed::Double(_) | Typed::Truth(_)) => {
                "remove the quotes".to_owned()
            }
            _ => "put the constant in quotes".to_owned(),
        },
        (Typed::Time(_), Typed::Span(_)) | (Typed::Span(_), Typed::Time(_)) => {
            "subtract two timestamps to get a duration".to_owned()
        }
        (Typed::Time(_), _) | (_, Typed::Time(_)) => {
            "write timestamp(\"2025-01-31T12:00:00Z\")".to_owned()
        }
        (Typed::Span(_), _) | (_, Typed::Span(_)) => "write duration(\"90s\")".to_owned(),
        _ => return what,
    };
    format!("{what}: {advice}")
}
