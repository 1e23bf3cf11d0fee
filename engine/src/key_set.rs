//! Keys, each once and numbered from 0 in the order they came.

use hashbrown::{HashTable, hash_table::Entry};

use crate::key::Key;

/// Keys, each once and numbered from 0 in the order they came. Their bytes lie one after the other.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    table: HashTable<u32>,
    keys: Vec<Stored>,
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct Stored {
    hash: u64,
    end: usize,
}

impl KeySet {
    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The key with a number.
    pub(crate) fn key(&self, number: u32) -> Key<'_> {
        key(&self.keys, &self.bytes, number)
    }

    /// All keys, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Key<'_>> {
        (0..self.keys.len()).map(|number| self.key(number as u32))
    }

    /// The number of a key, if it is there.
    pub(crate) fn find(&self, wanted: Key<'_>) -> Option<u32> {
        self.table
            .find(wanted.hash, |number| {
                let found = self.key(*number);
                found.hash == wanted.hash && found.bytes == wanted.bytes
            })
            .copied()
    }

    /// The number of a key, and whether it is new.
    pub(crate) fn insert(&mut self, wanted: Key<'_>) -> (u32, bool) {
        let Self { table, keys, bytes } = self;
        let entry = table.entry(
            wanted.hash,
            |number| {
                let found = key(keys, bytes, *number);
                found.hash == wanted.hash && found.bytes == wanted.bytes
            },
            |number| keys[*number as usize].hash,
        );
        match entry {
            Entry::Occupied(found) => (*found.get(), false),
            Entry::Vacant(vacant) => {
                let number = u32::try_from(keys.len()).expect("memory ends before numbers do");
                bytes.extend_from_slice(wanted.bytes);
                keys.push(Stored {
                    hash: wanted.hash,
                    end: bytes.len(),
                });
                vacant.insert(number);
                (number, true)
            }
        }
    }

    /// What it takes beside itself, in bytes.
    pub(crate) fn heap(&self) -> usize {
        self.table.allocation_size()
            + self.keys.capacity() * size_of::<Stored>()
            + self.bytes.capacity()
    }
}

fn key<'k>(keys: &[Stored], bytes: &'k [u8], number: u32) -> Key<'k> {
    let number = number as usize;
    let begin = if number == 0 { 0 } else { keys[number - 1].end };
    Key {
        bytes: &bytes[begin..keys[number].end],
        hash: keys[number].hash,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_key_is_there_once(texts in prop::collection::vec("[a-c]{0,3}", 0..100)) {
            let mut set = KeySet::default();
            let mut expected: Vec<&str> = Vec::new();
            for text in &texts {
                let (number, new) = set.insert(Key::new(text.as_bytes()));
                prop_assert_eq!(new, !expected.contains(&text.as_str()));
                if new {
                    expected.push(text);
                }
                prop_assert_eq!(expected[number as usize], text.as_str());
                prop_assert_eq!(set.find(Key::new(text.as_bytes())), Some(number));
            }
            prop_assert_eq!(set.find(Key::new(b"absent")), None);
            let held: Vec<&[u8]> = set.iter().map(|key| key.bytes).collect();
            prop_assert_eq!(held, expected.iter().map(|text| text.as_bytes()).collect::<Vec<_>>());
        }
    }
}
