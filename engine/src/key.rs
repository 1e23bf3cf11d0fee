//! Values as bytes: the keys of groups, and which bucket a key is in.
//!
//! Each value is a byte for its kind and then its bytes, little-endian, a text with its length before
//! it. So two lists of values are the same bytes only if they are equal. Images hold these bytes
//! and buckets depend on them: the encoding never changes.

use sensorstream_expressions::{Kind, Value};

use crate::{
    hash::hash,
    image::{ImageError, Reader},
    rows::Cell,
};

/// How many parts the state of a shard is kept in.
pub const BUCKETS: u16 = 64;

const NULL: u8 = 0;
const TEXT: u8 = 1;
const DOUBLE: u8 = 2;
const INTEGER: u8 = 3;
const LONG: u8 = 4;
const BOOLEAN: u8 = 5;
const TIMESTAMP: u8 = 6;

/// The fields whose values make a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyPlan {
    /// Each field's place among the reading's values, and its kind.
    pub(crate) fields: Vec<(usize, Kind)>,
}

impl KeyPlan {
    /// Whether bytes are a key of these fields.
    pub(crate) fn accepts(&self, key: &[u8]) -> bool {
        let mut cells = Cells { rest: key };
        self.fields.iter().all(|(_, kind)| {
            cells
                .next()
                .is_some_and(|cell| cell.fits((*kind).into()) || cell == Cell::Null)
        }) && cells.rest.is_empty()
    }
}

/// A key, with its hash.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) hash: u64,
}

impl<'a> Key<'a> {
    /// The key that has these bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            hash: hash(bytes),
        }
    }

    /// Which bucket it is in.
    pub(crate) fn bucket(self) -> usize {
        bucket_of(self.hash)
    }
}

/// Reads a key of `plan`.
pub(crate) fn read_any<'a>(plan: &KeyPlan, reader: &mut Reader<'a>) -> Result<Key<'a>, ImageError> {
    let key = Key::new(reader.bytes()?);
    if !plan.accepts(key.bytes) {
        return Err(ImageError::Damaged("a key of other fields"));
    }
    Ok(key)
}

/// Reads a key of `plan` that is in `bucket` out of an image.
pub(crate) fn read<'a>(
    plan: &KeyPlan,
    bucket: usize,
    reader: &mut Reader<'a>,
) -> Result<Key<'a>, ImageError> {
    let key = read_any(plan, reader)?;
    if key.bucket() != bucket {
        return Err(ImageError::Damaged("a key of another bucket"));
    }
    Ok(key)
}

/// The bucket of a key with this hash: bits from its middle, because hash tables go by those at both
/// ends, and a bucket may have a table of its own.
pub(crate) fn bucket_of(hash: u64) -> usize {
    (hash >> 32) as usize % usize::from(BUCKETS)
}

/// Appends a value's bytes. Zero has one encoding, whatever its sign.
pub(crate) fn encode(value: &Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(NULL),
        Value::Text(text) => {
            out.push(TEXT);
            out.extend_from_slice(&(text.len() as u32).to_le_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        Value::Double(number) => {
            out.push(DOUBLE);
            out.extend_from_slice(&(number + 0.0).to_le_bytes());
        }
        Value::Integer(number) => {
            out.push(INTEGER);
            out.extend_from_slice(&number.to_le_bytes());
        }
        Value::Long(number) => {
            out.push(LONG);
            out.extend_from_slice(&number.to_le_bytes());
        }
        Value::Boolean(truth) => out.extend_from_slice(&[BOOLEAN, u8::from(*truth)]),
        Value::Timestamp(micros) => {
            out.push(TIMESTAMP);
            out.extend_from_slice(&micros.to_le_bytes());
        }
    }
}

/// The values of a key.
pub(crate) struct Cells<'a> {
    rest: &'a [u8],
}

/// The values of a key.
pub(crate) fn cells(key: &[u8]) -> Cells<'_> {
    Cells { rest: key }
}

impl Cells<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*bytes)
    }
}

impl<'a> Iterator for Cells<'a> {
    type Item = Cell<'a>;

    fn next(&mut self) -> Option<Cell<'a>> {
        Some(match self.take::<1>()?[0] {
            NULL => Cell::Null,
            TEXT => {
                let length = u32::from_le_bytes(self.take()?) as usize;
                let (text, rest) = self.rest.split_at_checked(length)?;
                self.rest = rest;
                Cell::Text(std::str::from_utf8(text).ok()?)
            }
            DOUBLE => Cell::Double(f64::from_le_bytes(self.take()?)),
            INTEGER => Cell::Integer(i32::from_le_bytes(self.take()?)),
            LONG => Cell::Long(i64::from_le_bytes(self.take()?)),
            BOOLEAN => Cell::Boolean(match self.take::<1>()?[0] {
                0 => false,
                1 => true,
                _ => return None,
            }),
            TIMESTAMP => Cell::Timestamp(i64::from_le_bytes(self.take()?)),
            _ => return None,
        })
    }
}

/// The keys of one reading, each made when it is first asked for.
#[derive(Debug)]
pub(crate) struct ReadingKeys {
    keys: Vec<ReadingKey>,
}

#[derive(Debug, Default)]
struct ReadingKey {
    made: bool,
    hash: u64,
    bytes: Vec<u8>,
}

impl ReadingKeys {
    /// Room for so many keys.
    pub(crate) fn new(keys: usize) -> Self {
        Self {
            keys: std::iter::repeat_with(ReadingKey::default)
                .take(keys)
                .collect(),
        }
    }

    /// Forgets the keys of the reading before.
    pub(crate) fn clear(&mut self) {
        for key in &mut self.keys {
            key.made = false;
        }
    }

    /// The reading's key for `plan`, which is number `index` of the plans.
    pub(crate) fn get(&mut self, index: usize, plan: &KeyPlan, values: &[Value<'_>]) -> Key<'_> {
        let key = &mut self.keys[index];
        if !key.made {
            key.bytes.clear();
            for (field, _) in &plan.fields {
                encode(&values[*field], &mut key.bytes);
            }
            key.hash = hash(&key.bytes);
            key.made = true;
        }
        Key {
            bytes: &key.bytes,
            hash: key.hash,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = Value<'static>> {
        prop_oneof![
            Just(Value::Null),
            "[ab\u{1}\u{0}é]{0,4}".prop_map(|text| Value::Text(text.into())),
            any::<i32>().prop_map(Value::Integer),
            any::<i64>().prop_map(Value::Long),
            any::<bool>().prop_map(Value::Boolean),
            any::<i64>().prop_map(Value::Timestamp),
            prop::num::f64::NORMAL.prop_map(Value::Double),
        ]
    }

    fn bytes_of(values: &[Value<'_>]) -> Vec<u8> {
        let mut out = Vec::new();
        for value in values {
            encode(value, &mut out);
        }
        out
    }

    proptest! {
        #[test]
        fn different_values_have_different_bytes(
            one in prop::collection::vec(value(), 0..4),
            other in prop::collection::vec(value(), 0..4),
        ) {
            prop_assert_eq!(one == other, bytes_of(&one) == bytes_of(&other));
        }

        #[test]
        fn bytes_are_read_back(values in prop::collection::vec(value(), 0..4)) {
            let bytes = bytes_of(&values);
            let read: Vec<Cell<'_>> = cells(&bytes).collect();
            let expected: Vec<Cell<'_>> = values
                .iter()
                .map(|value| match value {
                    Value::Null => Cell::Null,
                    Value::Text(text) => Cell::Text(text),
                    Value::Double(number) => Cell::Double(*number),
                    Value::Integer(number) => Cell::Integer(*number),
                    Value::Long(number) => Cell::Long(*number),
                    Value::Boolean(truth) => Cell::Boolean(*truth),
                    Value::Timestamp(micros) => Cell::Timestamp(*micros),
                })
                .collect();
            prop_assert_eq!(read, expected);
        }

        #[test]
        fn any_bytes_can_be_looked_at(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let plan = KeyPlan { fields: vec![(0, Kind::Text), (1, Kind::Long)] };
            plan.accepts(&bytes);
        }
    }

    #[test]
    fn both_zeros_are_one_group() {
        assert_eq!(
            bytes_of(&[Value::Double(0.0)]),
            bytes_of(&[Value::Double(-0.0)])
        );
    }

    #[test]
    fn a_key_stays_in_its_bucket_for_ever() {
        let bucket = |text: &'static str| Key::new(&bytes_of(&[Value::Text(text.into())])).bucket();
        let placed = ["MTR-00001", "MTR-00002", "MTR-00003"].map(bucket);
        assert_eq!(placed, [47, 57, 6]);
    }
}
