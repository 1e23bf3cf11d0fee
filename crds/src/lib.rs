//! The `SensorPipeline` resource: its types, the rules it must satisfy, and what follows from
//! it by pure reasoning (identities, the pods' configuration). Knows no I/O.

pub mod admission;
pub mod api;
pub mod condition_reason;
pub mod connections;
pub mod identity;
pub mod input;
pub mod outputs;
pub mod pipeline;
pub mod reason;
pub mod rules;
pub mod runtime;
pub mod scalars;
pub mod simulator;
pub mod status;
pub mod timeline;
pub mod window_table;
pub mod windows;
pub mod workloads;

pub use condition_reason::ConditionReason;
pub use identity::PipelineId;
pub use pipeline::{DeletionPolicy, DesiredState, SensorPipeline, SensorPipelineSpec};
pub use reason::Reason;
pub use status::{ConditionType, SensorPipelineStatus};
