//! The operator: turns each `SensorPipeline` into Kafka topics, `PostgreSQL` tables and
//! Kubernetes objects, keeps them so, and says how they are.
//!
//! One reconcile is five calls, each handing a type to the next:
//!
//! ```text
//! observe ─► validate ─► plan ─► apply ─► status
//! reads      refuses     pure    writes   pure
//! ```
//!
//! - [`observe`] does all the reading: Kubernetes from shared caches, Kafka and `PostgreSQL`
//!   through [`connections`].
//! - [`validate`] does all the refusing; what passes is a [`validate::ValidPipeline`].
//! - [`mod@plan`] decides what to change, without a client and without `async`.
//! - [`apply`] makes the changes.
//! - [`mod@status`] says what was seen and done; also pure, with the time as an argument.
//!
//! [`reconcile`] strings them together, [`controller`] decides when.

pub mod apply;
pub mod arguments;
pub mod backends;
pub mod backoff;
pub mod cache;
pub mod check;
pub mod connections;
pub mod context;
pub mod controller;
pub mod events;
#[cfg(test)]
mod fixtures;
pub mod leader;
pub mod memory;
pub mod metrics;
pub mod observe;
pub mod password;
pub mod plan;
pub mod reconcile;
pub mod role;
pub mod server;
pub mod status;
pub mod validate;
pub mod webhook;

use sensorstream_telemetry as telemetry;

/// The name under which the operator owns fields of objects.
pub const FIELD_MANAGER: &str = "sensorstream-operator";
/// Holds a pipeline's resource until what it made is dealt with.
pub const FINALIZER: &str = "sensorstream.dev/cleanup";
