//! Images: the state of one bucket as bytes, and what they hold.
//!
//! ```text
//! version · windows (digest, length, body)… · rate limits (digest, length, body)…
//! ```
//! A body begins with how far it may be ahead ([`crate::images`]); the rest is written by the module whose
//! state it is. A body whose digest the plan does
//! not know is passed over.

mod reader;
mod rows;
mod writer;

pub(crate) use reader::Reader;
pub(crate) use rows::{read_rows, write_rows};
pub(crate) use writer::Writer;

/// The version of the encoding that is written.
const VERSION: u16 = 2;

/// An image of this version, to be written on.
pub(crate) fn begin() -> Writer {
    let mut writer = Writer::default();
    writer.u16(VERSION);
    writer
}

/// An image of this version, to be read on.
pub(crate) fn open(image: &[u8]) -> Result<Reader<'_>, ImageError> {
    let mut reader = Reader::new(image);
    match reader.u16()? {
        VERSION => Ok(reader),
        version => Err(ImageError::Version(version)),
    }
}

/// Why an image can't be read. The engine it was read into is of no use then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// Another release wrote it.
    #[error("the state is in format {0}; this release reads format {VERSION}")]
    Version(u16),
    /// It is shorter than it says.
    #[error("the state is cut off")]
    Truncated,
    /// It holds what the engine never writes.
    #[error("the state is damaged: {0}")]
    Damaged(&'static str),
}
