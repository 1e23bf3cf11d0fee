//! Conditions on a reading, written in CEL: `temperature_c > 85.0 || vibration_g > 0.5`. Parsed and
//! checked against the reading's fields once, then evaluated without allocating.
//!
//! ```text
//! source ─► tokens ─► tree ─► check (kinds, literals) ─► Condition ─► holds
//! ```
//! It is the part of CEL that a flat reading can use. Everything else is refused with what to write
//! instead.

mod check;
mod condition;
mod error;
mod number;
mod operand;
mod parse;
mod predicate;
mod suggestion;
mod symbol;
mod text;
mod text_literal;
mod time_literal;
mod tokens;
mod tree;
mod value;

pub use error::{CompileError, Position};
pub use predicate::Predicate;
pub use symbol::{Kind, Symbol};
pub use value::Value;
