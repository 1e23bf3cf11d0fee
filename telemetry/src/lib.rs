//! What both programs say about themselves, and in the same way.
//!
//! - [`logs`]: one JSON object a line.
//! - [`chain`]: an error with its causes, for a log or a status.
//! - [`metrics`]: each metric defined once, and listed.
//! - [`shutdown`]: asked to stop.

mod chain;
pub mod logs;
pub mod metrics;
pub mod shutdown;

pub use chain::chain;
