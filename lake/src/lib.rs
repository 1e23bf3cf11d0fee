//! The lake: every accepted reading as Parquet in an object store, exactly once.
//!
//! ```text
//! push ─► OpenFiles ─► ClosedFile ─► the commit records its extent ─► encode ─► Store::put_once
//!             ▲                                    │
//!             └──── after a crash: the log again ◄─┘
//! ```
//! The readings of a shard collect in open files, one for each hour of event time. A file that is
//! closed is only an intention until the commit of its offsets has recorded its [`Extent`]. Then it is
//! written, once, under a name and with bytes that follow from the extent, the readings and the schema
//! alone, so that whoever writes it, and however often, makes the same object.
//!
//! Who takes a shard over reads its log again from [`cursor`]: [`OpenFiles::resume`] puts readings of
//! extents that are not written into exactly these files, leaves out those of extents that are, and
//! goes on with the rest.
//!
//! Knows neither Kafka nor `PostgreSQL`; only [`Store`] does I/O.

mod column;
mod encode;
mod extent;
mod hour;
mod name;
mod open_files;
mod rows;
mod schema;
mod store;

pub use encode::{EncodeError, encode};
pub use extent::{Decided, Extent, cursor};
pub use hour::Hour;
pub use name::object_name;
pub use open_files::{ClosedFile, Limits, OpenFiles};
pub use rows::Rows;
pub use schema::Schema;
pub use store::{LakeUri, Put, Settings, Store, StoreError, UriError};
