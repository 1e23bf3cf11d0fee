//! What windows and rules come to, shard by shard. Pure and synchronous: no I/O, no clock, no
//! randomness. The outcome is a function of the plan and the shard's log, whatever the batches are and
//! wherever it is stopped and resumed.
//!
//! ```text
//!              ┌ panes (tumbling, sliding) ┐
//! reading ───► ┤ sessions                  ├ ─► rows to upsert and to delete
//!              └ rules, rate limits        ┘ ─► late? alert?
//!                     │        ▲
//!                     ▼        │
//!               images, a bucket each
//! ```
//!
//! - [`Plan`]: windows and rules, compiled once.
//! - [`Engine`]: takes readings, closes windows by the watermark, and gives the rows that changed. Its state
//!   is kept in [`BUCKETS`] parts by the hash of the group's key, so that it can be saved part by
//!   part.

mod accumulate;
mod counts;
mod engine;
mod groups;
mod hash;
mod image;
mod images;
mod key;
mod key_set;
mod limits;
mod link;
mod merger;
mod panes;
mod pending;
mod plan;
mod reading;
mod relay;
mod rows;
mod sessions;
mod share;
mod state;
mod watermark;

pub use counts::{Counts, RuleCounts, WindowCounts};
pub use engine::{Engine, Verdict, WindowStart};
pub use image::ImageError;
pub use key::BUCKETS;
pub use link::{Link, LinkError, Range};
pub use merger::Merger;
pub use plan::{ColumnRole, OutputColumn, Plan, PlanError, Problem, RulePlan, WindowPlan};
pub use rows::{Column, ColumnKind, Rows, WindowChanges};
