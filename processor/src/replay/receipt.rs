//! Receipts: records of the dead letter topic that say which letters of their partition have been replayed.
//! They are sent in the transaction that sends the records again, so one is there if and only if they are. A
//! receipt is younger than its letters and in their partition, so Kafka's retention never takes it first. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use sensorstream_crds::reason::header;
use serde::{Deserialize, Serialize};

use super::letter::{Header, Position};

/// What a receipt holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Receipt {
    /// Ranges of offsets, both ends included.
    replayed: Vec<(i64, i64)>,
}

/// Which letters have been replayed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayed(BTreeMap<i32, BTreeSet<i64>>);

/// Why a receipt can't be read.
#[derive(Debug, thiserror::Error)]
#[error(
    "the receipt at {position} of the dead letter topic can't be read; was it written by a later version?"
)]
pub struct BadReceipt {
    position: Position,
    #[source]
    source: Option<serde_json::Error>,
}

/// Whether a record is a receipt.
pub fn is_receipt<'a>(names: impl IntoIterator<Item = &'a str>) -> bool {
    // A letter begins its own headers with its reason; a record that has one of ours itself is no receipt.
    let mut receipt = false;
    for name in names {
        receipt = receipt || name == header::RECEIPT;
        if name == header::REASON {
            return false;
        }
    }
    receipt
}

/// The header of a receipt.
pub fn headers() -> Vec<Header> {
    vec![(header::RECEIPT.to_owned(), Some(b"replayed".to_vec()))]
}

/// The values of the receipts for letters that are replayed together, a partition each.
///
/// # Panics
/// Never: a receipt is JSON.
pub fn receipts(letters: impl IntoIterator<Item = Position>) -> BTreeMap<i32, Vec<u8>> {
    let mut offsets: BTreeMap<i32, BTreeSet<i64>> = BTreeMap::new();
    for letter in letters {
        offsets
            .entry(letter.partition)
            .or_default()
            .insert(letter.offset);
    }
    let write = |offsets: BTreeSet<i64>| {
        let mut replayed: Vec<(i64, i64)> = Vec::new();
        for offset in offsets {
            match replayed.last_mut() {
                Some((_, last)) if *last + 1 == offset => *last = offset,
                _ => replayed.push((offset, offset)),
            }
        }
        serde_json::to_vec(&Receipt { replayed }).expect("a receipt is JSON")
    };
    offsets
        .into_iter()
        .map(|(partition, offsets)| (partition, write(offsets)))
        .collect()
}

impl Replayed {
    /// Takes a receipt in.
    pub fn take(&mut self, position: Position, value: Option<&[u8]>) -> Result<(), BadReceipt> {
        let bad = |source| BadReceipt { position, source };
        let receipt: Receipt = serde_json::from_slice(value.ok_or_else(|| bad(None))?)
            .map_err(|error| bad(Some(error)))?;
        let offsets = self.0.entry(position.partition).or_default();
        for (first, last) in receipt.replayed {
            // A receipt speaks of what is before it; anything else is none of ours.
            if first > last || last >= position.offset {
                return Err(bad(None));
            }
            let range: RangeInclusive<i64> = first..=last;
            offsets.extend(range);
        }
        Ok(())
    }

    /// Whether a letter has been replayed.
    pub fn contains(&self, letter: Position) -> bool {
        let offsets = self.0.get(&letter.partition);
        offsets.is_some_and(|offsets| offsets.contains(&letter.offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(partition: i32, offset: i64) -> Position {
        Position { partition, offset }
    }

    proptest! {
        #[test]
        fn receipts_say_of_each_letter_and_of_no_other(
            letters in prop::collection::btree_set((0..3_i32, 0..60_i64), 0..60)
        ) {
            let positions = letters.iter().map(|(partition, offset)| at(*partition, *offset));
            let mut replayed = Replayed::default();
            for (partition, value) in receipts(positions) {
                replayed.take(at(partition, 1_000), Some(&value)).unwrap();
            }
            for partition in 0..3 {
                for offset in 0..60 {
                    let sent = letters.contains(&(partition, offset));
                    prop_assert_eq!(replayed.contains(at(partition, offset)), sent);
                }
            }
        }
    }

    #[test]
    fn neighbours_take_one_range() {
        let receipts = receipts([at(1, 5), at(1, 7), at(1, 6), at(1, 9)]);
        assert_eq!(receipts[&1], br#"{"replayed":[[5,7],[9,9]]}"#);
    }

    #[test]
    fn what_is_no_receipt_is_not_passed_over() {
        let mut replayed = Replayed::default();
        for value in [None, Some(&b"{}"[..]), Some(br#"{"replayed":[[5,20]]}"#)] {
            assert!(replayed.take(at(0, 20), value).is_err(), "{value:?}");
        }
    }

    #[test]
    fn a_letter_whose_record_had_such_a_header_is_a_letter() {
        assert!(is_receipt([header::RECEIPT]));
        assert!(!is_receipt([header::RECEIPT, header::REASON]));
        assert!(!is_receipt(["a"]));
    }
}
