//! The value of the first or the last reading, by event time and, where that ties, by offset.

use crate::image::{ImageError, Reader, Writer};

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    First,
    Last,
}

impl End {
    fn prefers(self, at: (i64, i64), held: (i64, i64)) -> bool {
        match self {
            Self::First => at < held,
            Self::Last => at > held,
        }
    }
}

/// The value of a reading, by its rank.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    /// Event time and offset.
    pub(super) at: (i64, i64),
    pub(super) rank: i64,
}

impl Held {
    pub(super) fn write(&self, writer: &mut Writer) {
        write_place(self.at, writer);
        writer.i64(self.rank);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ImageError> {
        Ok(Self {
            at: read_place(reader)?,
            rank: reader.i64()?,
        })
    }
}

/// The text of a reading.
#[derive(Clone, Debug)]
pub(crate) struct HeldText {
    /// Event time and offset.
    pub(super) at: (i64, i64),
    pub(super) text: String,
}

impl HeldText {
    pub(super) fn write(&self, writer: &mut Writer) {
        write_place(self.at, writer);
        writer.bytes(self.text.as_bytes());
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ImageError> {
        Ok(Self {
            at: read_place(reader)?,
            text: reader.text()?.to_owned(),
        })
    }
}

fn write_place((time, offset): (i64, i64), writer: &mut Writer) {
    writer.i64(time);
    writer.i64(offset);
}

fn read_place(reader: &mut Reader<'_>) -> Result<(i64, i64), ImageError> {
    Ok((reader.i64()?, reader.i64()?))
}

/// Keeps the value that is nearer to the end.
pub(super) fn keep(held: &mut Option<Held>, end: End, other: Held) {
    if held.is_none_or(|held| end.prefers(other.at, held.at)) {
        *held = Some(other);
    }
}

/// Keeps the text that is nearer to the end.
pub(super) fn keep_text(held: &mut Option<Box<HeldText>>, end: End, at: (i64, i64), text: &str) {
    match held {
        None => {
            *held = Some(Box::new(HeldText {
                at,
                text: text.to_owned(),
            }));
        }
        Some(held) if end.prefers(at, held.at) => {
            held.at = at;
            held.text.clear();
            held.text.push_str(text);
        }
        Some(_) => {}
    }
}
