//! The messages of a link, as bytes.
//!
//! ```text
//! version · source · series · from · to · watermark · windows (digest, begins at, length, body)…
//! ```

use crate::{
    image::{ImageError, Reader, Writer},
    key::Key,
};

/// The version of the encoding that is written.
const VERSION: u16 = 1;

/// From where to where a shard of the first stage sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The shard's partition of the input topic.
    pub source: i32,
    /// How many partitions the link topic has. Groups live in them by their hash, so it never changes.
    pub partitions: u16,
}

/// A range of a shard's log, as its messages name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Grows when ranges do not follow from those before, such as after records were lost.
    pub series: i64,
    /// The range before ended here.
    pub from: i64,
    /// The first offset beyond. The same as `from` if there is only a watermark to tell.
    pub to: i64,
}

/// Why a message can't be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It is none, or of another release.
    #[error("a message of the link topic can't be read")]
    Unreadable(#[from] ImageError),
    /// Another release wrote it.
    #[error("a message of the link topic is in format {0}; this release reads format {VERSION}")]
    Version(u16),
    /// Messages before it are missing.
    #[error(
        "messages of partition {from_partition} of the input are missing from the link topic: \
         expected those from offset {expected} on, found {found}"
    )]
    Gap {
        /// The partition of the input topic.
        from_partition: i32,
        /// Where the range had to begin.
        expected: i64,
        /// Where it begins.
        found: i64,
    },
}

/// What precedes the parts in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) source: i32,
    pub(crate) range: Range,
    /// The source's watermark after the range.
    pub(crate) watermark: Option<i64>,
}

/// Begins a message.
pub(crate) fn write_header(header: Header, writer: &mut Writer) {
    writer.u16(VERSION);
    writer.count(u64::from(header.source.unsigned_abs()));
    writer.i64(header.range.series);
    writer.i64(header.range.from);
    writer.i64(header.range.to);
    writer.optional_i64(header.watermark);
}

/// Reads the beginning of a message.
pub(crate) fn header(reader: &mut Reader<'_>) -> Result<Header, LinkError> {
    let version = reader.u16()?;
    if version != VERSION {
        return Err(LinkError::Version(version));
    }
    let source = reader.count()?;
    let header = Header {
        source: i32::try_from(source).map_err(|_| ImageError::Damaged("no such partition"))?,
        range: Range {
            series: reader.i64()?,
            from: reader.i64()?,
            to: reader.i64()?,
        },
        watermark: reader.optional_i64()?,
    };
    if header.range.from > header.range.to {
        return Err(ImageError::Damaged("a range that ends before it begins").into());
    }
    Ok(header)
}

/// The partition of the link topic in which a group lives: by bits of its hash that the buckets do not
/// go by. It never changes.
pub(crate) fn place_of(key: Key<'_>, partitions: usize) -> usize {
    (key.hash >> 40) as usize % partitions
}
