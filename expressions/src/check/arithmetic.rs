//! `+`, `-`, `*`, `/`, `%` and the sign.

use super::{Checker, typed::Typed};
use crate::{
    CompileError,
    number::{Double, Operator, Whole},
    tree::{Node, Sign},
};

impl Checker<'_> {
    pub(super) fn arithmetic(
        &self,
        node: &Node,
        sign: Sign<Operator>,
        sides: &[Node; 2],
    ) -> Result<Typed, CompileError> {
        use Operator::{Add, Remainder, Subtract};
        use Typed::{Span, Time};
        let operator = sign.does;
        let [left, right] = sides;
        let computed = |left, right| Whole::Computed(operator, Box::new((left, right)));
        let time = |left, right| Time(Whole::Time(Box::new(computed(left, right))));
        Ok(
            match (operator, self.expression(left)?, self.expression(right)?) {
                (_, Typed::Whole(left), Typed::Whole(right)) => Typed::Whole(computed(left, right)),
                (Add | Subtract, Time(left), Span(right)) | (Add, Span(left), Time(right)) => {
                    time(left, right)
                }
                (Subtract, Time(left), Time(right)) | (Add | Subtract, Span(left), Span(right)) => {
                    Span(computed(left, right))
                }
                (Remainder, Typed::Double(_), Typed::Double(_)) => {
                    return Err(self.error(node, "`%` is for whole numbers"));
                }
                (_, Typed::Double(left), Typed::Double(right)) => {
                    Typed::Double(Double::Computed(operator, Box::new((left, right))))
                }
                (_, left, right) => {
                    return Err(self.error(node, mismatch(sign.text, &left, &right)));
                }
            },
        )
    }

    pub(super) fn negated(&self, operand: &Node) -> Result<Typed, CompileError> {
        match self.expression(operand)? {
            Typed::Whole(number) => Ok(Typed::Whole(Whole::Negated(Box::new(number)))),
            Typed::Double(number) => Ok(Typed::Double(Double::Negated(Box::new(number)))),
            other => {
                let message = format!("`-` needs a number, and this is {}", other.kind());
                Err(self.error(operand, message))
            }
        }
    }
}

/// Why there is no result of two kinds, and what to write.
fn mismatch(sign: &str, left: &Typed, right: &Typed) -> String {
    match (left, right) {
        (Typed::Double(_), Typed::Whole(whole)) | (Typed::Whole(whole), Typed::Double(_)) => {
            let advice = match whole {
                Whole::Constant(number) => format!("{number}.0"),
                _ => "double(…) around the whole number".to_owned(),
            };
            format!("`{sign}` needs two numbers of one kind; write {advice}")
        }
        (Typed::Unsigned(number), _) | (_, Typed::Unsigned(number)) => {
            format!("fields have no unsigned numbers; write {number} for {number}u")
        }
        (Typed::Text(_), Typed::Text(_)) => {
            format!("`{sign}` of strings is not supported; compare the parts one by one")
        }
        (Typed::Time(_), Typed::Whole(_) | Typed::Double(_)) => {
            format!("`{sign}` needs a span of time after a timestamp; write duration(\"90s\")")
        }
        _ => format!(
            "there is no `{sign}` of {} and {}",
            left.kind(),
            right.kind()
        ),
    }
}
