//! The commit log in PostgreSQL. PostgreSQL decides and everything outside it is a repeatable
//! effect of a decision: a shard's row says how far its partition is decided, under which
//! epoch, and what became of every record.
//!
//! - [`migrate`]: makes and upgrades the tables, once for a database.
//! - [`figures`]: what the operator reads: every shard of a pipeline, in one query.
//! - [`shard`]: what the processor writes: taking over, commits by compare and swap.
//! - [`claims`]: who owns which topic and table.
//! - [`readers`]: which logins may read of a pipeline, and what they read.

pub mod claims;
pub mod connect;
pub mod figures;
pub mod migrate;
pub mod readers;
pub mod shard;
