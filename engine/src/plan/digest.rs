//! Digests that tell whether two specs mean the same. State is kept under them.

use crate::hash::hash;

/// A digest in the making: a list of texts and numbers, none of which can pass for two.
#[derive(Debug, Default)]
pub(super) struct Digest {
    bytes: Vec<u8>,
}

impl Digest {
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.number(text.len() as i64);
        self.bytes.extend_from_slice(text.as_bytes());
        self
    }

    pub(super) fn number(&mut self, number: i64) -> &mut Self {
        self.bytes.extend_from_slice(&number.to_le_bytes());
        self
    }

    pub(super) fn get(&self) -> u64 {
        hash(&self.bytes)
    }
}
