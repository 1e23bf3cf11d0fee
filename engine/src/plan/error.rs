//! Why windows and rules can't be compiled.

use sensorstream_expressions::CompileError;

/// What can't be compiled, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The input.
    #[error("input: {0}")]
    Input(Problem),
    /// A window.
    #[error("window {0}: {1}")]
    Window(String, Problem),
    /// A rule.
    #[error("rule {0}: {1}")]
    Rule(String, Problem),
}

/// Why something can't be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A name that no field has.
    #[error("there is no field {0}")]
    NoField(String),
    /// A condition that can't be compiled.
    #[error("`{0}` at {1}")]
    Condition(String, CompileError),
    /// A text that is no duration.
    #[error("`{0}` is no duration")]
    Duration(String),
    /// A length that must not be zero.
    #[error("a length of zero")]
    NoLength,
    /// A sliding window whose size is no multiple of its slide.
    #[error("the size is no multiple of the slide")]
    Slide,
    /// Not exactly one of tumbling, sliding and session.
    #[error("neither tumbling nor sliding nor session, or several of them")]
    Kind,
    /// Not exactly one function in an aggregate.
    #[error("{0} is not exactly one aggregate")]
    Function(String),
    /// An aggregate that has no meaning for values of its field.
    #[error("{0} can't be computed from {1}")]
    Unsuitable(String, String),
    /// A quantile that is not from 0 to 1.
    #[error("{0} is no quantile from 0 to 1")]
    Quantile(String),
}
