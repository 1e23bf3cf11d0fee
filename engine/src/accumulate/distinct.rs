//! How many different values there are, exactly.

use hashbrown::{HashTable, hash_table::Entry};
use sensorstream_expressions::Value;

use super::scalar;
use crate::{
    hash::hash,
    image::{ImageError, Reader, Writer},
    key::Key,
    key_set::KeySet,
};

/// Different values of one kind.
#[derive(Debug)]
pub(crate) enum Distinct {
    /// Of a kind of fixed size, by their ranks.
    Fixed(HashTable<i64>),
    /// Texts.
    Text(KeySet),
}

impl Distinct {
    /// No value of a kind of fixed size.
    pub(super) fn fixed() -> Self {
        Self::Fixed(HashTable::new())
    }

    /// No text.
    pub(super) fn text() -> Self {
        Self::Text(KeySet::default())
    }

    pub(super) fn add(&mut self, value: &Value<'_>) {
        match (self, value) {
            (Self::Text(texts), Value::Text(text)) => {
                texts.insert(Key::new(text.as_bytes()));
            }
            (Self::Fixed(ranks), _) => {
                if let Some(rank) = scalar::identity(value) {
                    put(ranks, rank);
                }
            }
            (Self::Text(_), _) => unreachable!("a text aggregate of a field that is none"),
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        match (self, other) {
            (Self::Fixed(ranks), Self::Fixed(others)) => {
                others.iter().for_each(|rank| put(ranks, *rank));
            }
            (Self::Text(texts), Self::Text(others)) => {
                for text in others.iter() {
                    texts.insert(text);
                }
            }
            _ => unreachable!("values of different kinds"),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Fixed(ranks) => ranks.len(),
            Self::Text(texts) => texts.len(),
        }
    }

    pub(super) fn heap(&self) -> usize {
        match self {
            Self::Fixed(ranks) => ranks.allocation_size(),
            Self::Text(texts) => texts.heap(),
        }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.count(self.len() as u64);
        match self {
            Self::Fixed(ranks) => ranks.iter().for_each(|rank| writer.i64(*rank)),
            Self::Text(texts) => texts.iter().for_each(|text| writer.bytes(text.bytes)),
        }
    }

    /// Reads values and adds them.
    pub(super) fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), ImageError> {
        for _ in 0..reader.count()? {
            match self {
                Self::Fixed(ranks) => put(ranks, reader.i64()?),
                Self::Text(texts) => {
                    texts.insert(Key::new(reader.bytes()?));
                }
            }
        }
        Ok(())
    }
}

impl Clone for Distinct {
    fn clone(&self) -> Self {
        let mut clone = match self {
            Self::Fixed(ranks) => Self::Fixed(HashTable::with_capacity(ranks.len())),
            Self::Text(_) => Self::text(),
        };
        clone.merge(self);
        clone
    }
}

fn put(ranks: &mut HashTable<i64>, rank: i64) {
    let hash_of = |rank: &i64| hash(&rank.to_le_bytes());
    if let Entry::Vacant(vacant) = ranks.entry(hash_of(&rank), |held| *held == rank, hash_of) {
        vacant.insert(rank);
    }
}
