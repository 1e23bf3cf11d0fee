//! Standard output that somebody may stop reading, as `head` does.

use std::{
    fmt::Display,
    io::{self, Write},
};

/// Standard output.
#[derive(Debug, Default)]
pub struct Out {
    closed: bool,
    told: bool,
}

impl Out {
    /// Writes a line, if anybody still reads.
    pub(super) fn line(&mut self, line: impl Display) {
        self.write(format_args!("{line}\n"));
    }

    /// Writes a text, if anybody still reads.
    pub(super) fn write(&mut self, text: impl Display) {
        if !self.closed {
            let mut out = io::stdout().lock();
            let written = write!(out, "{text}").and_then(|()| out.flush());
            self.closed = written.is_err();
        }
    }

    /// Whether nobody reads any more, and this is the first to hear of it.
    pub(super) fn closes(&mut self) -> bool {
        self.closed && !std::mem::replace(&mut self.told, true)
    }
}
