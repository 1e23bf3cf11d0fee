//! Events as they come, by server-sent events.
//!
//! ```text
//! commit log, table ─► hub (a look a second) ─┐
//!                                             ├─► stream (from its position on) ─► client
//! alerts, dead letters ─► tail ───────────────┘
//! ```
//! A stream has a position, and sends what there is beyond it. A client that comes back with the id of
//! the last event is where it was; one that is slow gets what it can take, and is told so.

pub mod hub;
pub mod position;
pub mod stream;
