//! Links: what the first stage sends to the second, for windows whose groups are spread over the shards.
//!
//! ```text
//! shard of the first stage ──message──► partition of the link topic ──► shard of the second
//!   parts of a range of its log,          by the hash of the group        merges parts of all shards,
//!   and its watermark                                                     closes by the least watermark
//! ```
//!
//! A message holds what the readings of one range of one shard's log came to in those groups that live in
//! one partition of the link topic. There is one for every partition, if only to bring the watermark.
//! Whether a reading is late, the first stage has decided by its own watermark; the second's is never
//! ahead of that, so nothing that arrives is too late for it, and the rows do not depend on which
//! shard's messages come first.

mod message;
mod sources;

pub(crate) use message::{Header, header, place_of, write_header};
pub use message::{Link, LinkError, Range};
pub(crate) use sources::{Admitted, Sources};
