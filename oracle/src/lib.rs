//! A batch oracle for tests: what a pipeline's outputs have to hold, as SQL over the raw records of its
//! input topic says it, and what they do hold.
//!
//! ```text
//! input topic ──► log::read ──► Oracle::load ──► SQL of a system ──┐
//! output topics, tables, lake ─────────────────► what was found ───┴─► assert_same
//! ```
//! It shares no code with the engine, the processor or the operator: where both are wrong in the same
//! way, nothing would show. Names of topics and schemas are arguments, so that it judges a process on
//! this machine and a pipeline on a cluster alike.
//!
//! It is made for tests: whatever fails, panics, and says what.

pub mod accounts;
pub mod compare;
pub mod input;
pub mod lake;
pub mod load;
pub mod log;
pub mod minio;
pub mod outputs;
pub mod systems;
pub mod windows;

pub use input::{Field, Input, Type};
pub use lake::Lake;
pub use load::Oracle;
pub use log::Record;
