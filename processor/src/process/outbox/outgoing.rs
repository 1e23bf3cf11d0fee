//! Records for the output topics that a batch came to: alerts, enriched readings and what goes to the
//! second stage, in one piece of memory.

use std::ops::Range;

/// Which of the output topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Every accepted reading again.
    Enriched,
    /// Alerts.
    Alerts,
    /// What a range came to in windows over several partitions: a partition of the link topic.
    Link(u16),
}

/// Records for the output topics, in the order of the readings that they come from.
#[derive(Debug, Default)]
pub struct Outgoing {
    bytes: Vec<u8>,
    items: Vec<Item>,
}

#[derive(Clone, Debug)]
struct Item {
    offset: i64,
    destination: Destination,
    key: Option<Range<usize>>,
    value: Range<usize>,
}

/// A record for an output topic, on loan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutgoingRecord<'a> {
    /// Where it goes.
    pub destination: Destination,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value.
    pub value: &'a [u8],
}

impl Outgoing {
    /// Adds a record that the reading at `offset` comes to. Offsets may repeat, and never fall.
    pub fn push(
        &mut self,
        offset: i64,
        destination: Destination,
        key: Option<&[u8]>,
        write_value: impl FnOnce(&mut Vec<u8>),
    ) {
        let key = key.map(|key| {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(key);
            start..self.bytes.len()
        });
        let start = self.bytes.len();
        write_value(&mut self.bytes);
        self.items.push(Item {
            offset,
            destination,
            key,
            value: start..self.bytes.len(),
        });
    }

    /// The records of readings at these offsets.
    pub fn of(&self, offsets: Range<i64>) -> impl ExactSizeIterator<Item = OutgoingRecord<'_>> {
        let position = |offset| self.items.partition_point(|item| item.offset < offset);
        let items = position(offsets.start)..position(offsets.end.max(offsets.start));
        self.items[items].iter().map(|item| OutgoingRecord {
            destination: item.destination,
            key: item.key.clone().map(|key| &self.bytes[key]),
            value: &self.bytes[item.value.clone()],
        })
    }

    /// Adds those of later readings.
    pub fn append(&mut self, later: &Self) {
        let shift = self.bytes.len();
        let shifted = |range: &Range<usize>| range.start + shift..range.end + shift;
        self.bytes.extend_from_slice(&later.bytes);
        self.items.extend(later.items.iter().map(|item| Item {
            key: item.key.as_ref().map(shifted),
            value: shifted(&item.value),
            ..*item
        }));
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How much memory they take.
    pub fn size(&self) -> usize {
        self.bytes.len() + self.items.len() * size_of::<Item>()
    }

    /// Forgets them and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.items.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(outgoing: &Outgoing, offsets: Range<i64>) -> Vec<(Option<&[u8]>, &[u8])> {
        let records = outgoing.of(offsets);
        records.map(|record| (record.key, record.value)).collect()
    }

    #[test]
    fn records_are_found_by_the_offsets_of_their_readings() {
        let mut outgoing = Outgoing::default();
        for (offset, key, value) in [(3, Some("k"), "a"), (3, None, "b"), (5, Some(""), "c")] {
            outgoing.push(offset, Destination::Alerts, key.map(str::as_bytes), |out| {
                out.extend_from_slice(value.as_bytes());
            });
        }
        assert_eq!(
            of(&outgoing, 0..4),
            [(Some(&b"k"[..]), &b"a"[..]), (None, &b"b"[..])]
        );
        assert_eq!(of(&outgoing, 4..6), [(Some(&b""[..]), &b"c"[..])]);
        assert_eq!(of(&outgoing, Range { start: 6, end: 2 }), []);
        let mut later = Outgoing::default();
        later.push(6, Destination::Link(2), Some(b"l"), |out| out.push(b'd'));
        outgoing.append(&later);
        assert_eq!(
            of(&outgoing, 5..7),
            [(Some(&b""[..]), &b"c"[..]), (Some(&b"l"[..]), &b"d"[..])]
        );
        outgoing.clear();
        assert!(outgoing.is_empty());
    }
}
