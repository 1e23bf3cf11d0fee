//! What the parser makes of an expression.

use crate::{number::Operator, operand::Relation};

/// A part of an expression.
#[derive(Debug, PartialEq)]
pub(crate) struct Node {
    /// The byte of the source where its name, literal or operator is.
    pub(crate) offset: usize,
    /// How many parts are within one another, this one included.
    pub(crate) depth: usize,
    /// What it is.
    pub(crate) part: Part,
}

/// What a part of an expression is.
#[derive(Debug, PartialEq)]
pub(crate) enum Part {
    /// `null`
    Null,
    /// `true` or `false`
    Truth(bool),
    /// `5`
    Whole(i64),
    /// `5u`
    Unsigned(u64),
    /// `5.0`
    Double(f64),
    /// `"five"`
    Text(String),
    /// A field's name.
    Name(String),
    /// `!x`
    Not(Box<Node>),
    /// `-x`
    Negated(Box<Node>),
    /// `x && y && …`
    All(Vec<Node>),
    /// `x || y || …`
    Any(Vec<Node>),
    /// `condition ? x : y`
    Choice(Box<[Node; 3]>),
    /// `x < y` and its like.
    Comparison(Sign<Relation>, Box<[Node; 2]>),
    /// `x + y` and its like.
    Arithmetic(Sign<Operator>, Box<[Node; 2]>),
    /// `x in y`
    In(Box<[Node; 2]>),
    /// `[x, y, …]`
    List(Vec<Node>),
    /// `f(x, …)`, or `target.f(x, …)`
    Call {
        /// What stands before the dot.
        target: Option<Box<Node>>,
        /// The function.
        name: String,
        /// What stands between the brackets.
        arguments: Vec<Node>,
    },
}

/// An operator and how it is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sign<T> {
    /// How it is written.
    pub(crate) text: &'static str,
    /// What it does.
    pub(crate) does: T,
}
