//! Rows in the format of `COPY … FROM STDIN WITH (FORMAT binary)`.
//!
//! A row is written once, when its record is decoded, into the bytes that go to PostgreSQL. The
//! end of each row is kept, so that rows can be left out or tried alone when the database refuses
//! one.

use std::ops::Range;

use sensorstream_expressions::Value;

use crate::sql::{qualified, quoted};

use super::decode::{Column, POSTGRES_EPOCH_US};

/// What goes before the rows: signature, flags, length of the extension.
pub const HEADER: &[u8] = b"PGCOPY\n\xFF\r\n\0\0\0\0\0\0\0\0\0";
/// What goes after them.
pub const TRAILER: &[u8] = &(-1_i16).to_be_bytes();

/// The system columns that follow the readings' own: where a reading came from.
const SYSTEM_COLUMNS: [&str; 2] = ["_partition", "_offset"];

/// Encoded rows.
#[derive(Debug, Default)]
pub struct Rows {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Rows {
    /// Number of rows.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// Size of the rows.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Forgets the rows and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// The bytes of some rows.
    pub fn bytes(&self, rows: Range<usize>) -> &[u8] {
        let start = rows
            .start
            .checked_sub(1)
            .map_or(0, |before| self.ends[before]);
        let end = rows.end.checked_sub(1).map_or(0, |last| self.ends[last]);
        &self.bytes[start..end]
    }

    /// Adds a reading and where it came from.
    ///
    /// # Panics
    /// When it has more fields, or a longer text, than any decoder gives out.
    pub fn push(&mut self, values: &[Value<'_>], partition: i32, offset: i64) {
        let columns = i16::try_from(values.len() + SYSTEM_COLUMNS.len())
            .expect("a pipeline has at most 100 fields");
        self.bytes.extend_from_slice(&columns.to_be_bytes());
        for value in values {
            match value {
                Value::Null => self.bytes.extend_from_slice(&(-1_i32).to_be_bytes()),
                Value::Text(text) => {
                    let length = i32::try_from(text.len()).expect("values are at most 1 MiB");
                    self.bytes.extend_from_slice(&length.to_be_bytes());
                    self.bytes.extend_from_slice(text.as_bytes());
                }
                Value::Double(number) => self.put(number.to_be_bytes()),
                Value::Integer(number) => self.put(number.to_be_bytes()),
                Value::Long(number) => self.put(number.to_be_bytes()),
                Value::Boolean(value) => self.put([u8::from(*value)]),
                Value::Timestamp(micros) => self.put((micros - POSTGRES_EPOCH_US).to_be_bytes()),
            }
        }
        self.put(partition.to_be_bytes());
        self.put(offset.to_be_bytes());
        self.ends.push(self.bytes.len());
    }

    fn put<const N: usize>(&mut self, value: [u8; N]) {
        self.bytes.extend_from_slice(&(N as i32).to_be_bytes());
        self.bytes.extend_from_slice(&value);
    }
}

/// The statement that takes the rows.
pub fn statement<'a>(
    schema: &str,
    table: &str,
    columns: impl Iterator<Item = Column<'a>>,
) -> String {
    let names: Vec<String> = columns
        .map(|column| column.name)
        .chain(SYSTEM_COLUMNS)
        .map(quoted)
        .collect();
    format!(
        "COPY {} ({}) FROM STDIN WITH (FORMAT binary)",
        qualified(schema, table),
        names.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_row_is_counts_lengths_and_big_endian_values() {
        let mut rows = Rows::default();
        rows.push(
            &[
                Value::Text("ab".into()),
                Value::Null,
                Value::Boolean(true),
                Value::Timestamp(POSTGRES_EPOCH_US + 1),
            ],
            3,
            7,
        );
        let expected = [
            &[0, 6][..],
            &[0, 0, 0, 2, b'a', b'b'],
            &[255, 255, 255, 255],
            &[0, 0, 0, 1, 1],
            &[0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1],
            &[0, 0, 0, 4, 0, 0, 0, 3],
            &[0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 7],
        ]
        .concat();
        assert_eq!(rows.bytes(0..1), expected);
        assert_eq!(HEADER.len(), 19);
    }

    #[test]
    fn names_are_quoted() {
        let columns = [Column {
            name: "ts",
            kind: sensorstream_crds::input::FieldType::Timestamp,
        }];
        assert_eq!(
            statement("a\"b", "c", columns.into_iter()),
            r#"COPY "a""b"."c" ("ts", "_partition", "_offset") FROM STDIN WITH (FORMAT binary)"#
        );
    }

    proptest! {
        #[test]
        fn ranges_of_rows_join_to_the_whole(texts in proptest::collection::vec(".{0,8}", 0..20), cut in 0_usize..20) {
            let mut rows = Rows::default();
            for (offset, text) in texts.iter().enumerate() {
                rows.push(&[Value::Text(text.as_str().into())], 0, offset as i64);
            }
            let cut = cut.min(rows.count());
            let joined = [rows.bytes(0..cut), rows.bytes(cut..rows.count())].concat();
            prop_assert_eq!(joined, rows.bytes(0..rows.count()));
            prop_assert_eq!(rows.bytes(0..rows.count()).len(), rows.size());
        }
    }
}
