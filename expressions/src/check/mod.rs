//! Whether an expression fits the fields: every name known, every operator between kinds it is for.
//! What fits comes out compiled.

mod arithmetic;
mod calls;
mod comparison;
mod membership;
mod typed;

use self::typed::Typed;
use crate::{
    CompileError, Kind, Symbol,
    condition::Condition,
    number::{Double, Whole},
    suggestion,
    text::Text,
    tree::{Node, Part},
};

/// The condition that a parsed expression states.
pub(crate) fn condition(
    source: &str,
    tree: &Node,
    fields: &[Symbol],
) -> Result<Condition, CompileError> {
    Checker { source, fields }.truth(tree, "the expression")
}

struct Checker<'a> {
    source: &'a str,
    fields: &'a [Symbol],
}

impl Checker<'_> {
    fn expression(&self, node: &Node) -> Result<Typed, CompileError> {
        Ok(match &node.part {
            Part::Null => Typed::Null,
            Part::Truth(truth) => Typed::Truth(Condition::Constant(*truth)),
            Part::Whole(number) => Typed::Whole(Whole::Constant(*number)),
            Part::Unsigned(number) => Typed::Unsigned(*number),
            Part::Double(number) => Typed::Double(Double::Constant(*number)),
            Part::Text(text) => Typed::Text(Text::Constant(text.as_str().into())),
            Part::Name(name) => self.field(node, name)?,
            Part::Not(operand) => {
                let operand = self.truth(operand, "what follows `!`")?;
                Typed::Truth(Condition::Not(Box::new(operand)))
            }
            Part::Negated(operand) => self.negated(operand)?,
            Part::All(parts) => {
                Typed::Truth(Condition::All(self.truths(parts, "each side of `&&`")?))
            }
            Part::Any(parts) => {
                Typed::Truth(Condition::Any(self.truths(parts, "each side of `||`")?))
            }
            Part::Choice(parts) => self.choice(node, parts)?,
            Part::Comparison(sign, sides) => self.comparison(node, *sign, sides)?,
            Part::Arithmetic(sign, sides) => self.arithmetic(node, *sign, sides)?,
            Part::In(sides) => self.membership(node, sides)?,
            Part::List(_) => {
                return Err(self.error(node, "a list can only stand on the right of `in`"));
            }
            Part::Call {
                target,
                name,
                arguments,
            } => self.call(node, target.as_deref(), name, arguments)?,
        })
    }

    /// An expression that has to be true or false.
    fn truth(&self, node: &Node, what: &str) -> Result<Condition, CompileError> {
        match self.expression(node)? {
            Typed::Truth(condition) => Ok(condition),
            other => {
                let message = format!("{what} must be true or false, and this is {}", other.kind());
                Err(self.error(node, message))
            }
        }
    }

    fn truths(&self, nodes: &[Node], what: &str) -> Result<Vec<Condition>, CompileError> {
        nodes.iter().map(|node| self.truth(node, what)).collect()
    }

    fn field(&self, node: &Node, name: &str) -> Result<Typed, CompileError> {
        let Some(index) = self.fields.iter().position(|field| field.name == name) else {
            return Err(self.error(node, self.unknown(name)));
        };
        Ok(match self.fields[index].kind {
            Kind::Text => Typed::Text(Text::Field(index)),
            Kind::Double => Typed::Double(Double::Field(index)),
            Kind::Integer | Kind::Long => Typed::Whole(Whole::Field(index)),
            Kind::Boolean => Typed::Truth(Condition::Field(index)),
            Kind::Timestamp => Typed::Time(Whole::Field(index)),
        })
    }

    fn unknown(&self, name: &str) -> String {
        let names = || self.fields.iter().map(|field| field.name.as_str());
        if let Some(nearest) = suggestion::nearest(name, names()) {
            return format!("there is no field `{name}`; did you mean `{nearest}`?");
        }
        let names: Vec<_> = names().collect();
        format!(
            "there is no field `{name}`; the fields are {}. A text is written in quotes",
            names.join(", ")
        )
    }

    fn choice(&self, node: &Node, parts: &[Node; 3]) -> Result<Typed, CompileError> {
        let [condition, yes, no] = parts;
        let condition = self.truth(condition, "what stands before `?`")?;
        let (yes, no) = (self.expression(yes)?, self.expression(no)?);
        let kinds = (yes.kind(), no.kind());
        Typed::choice(condition, yes, no).ok_or_else(|| {
            let message = format!(
                "both results of `? :` must be of one kind, and these are {} and {}",
                kinds.0, kinds.1
            );
            self.error(node, message)
        })
    }

    fn error(&self, node: &Node, message: impl Into<String>) -> CompileError {
        CompileError::at(self.source, node.offset, message)
    }
}
