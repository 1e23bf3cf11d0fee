//! The newest records of a topic, in bounded memory. Pure.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

/// How many records are kept.
const RECORDS: usize = 1000;
/// How many bytes of them.
const BYTES: usize = 4 * 1024 * 1024;

/// Where a record stands among all, newest last: when it was sent, in milliseconds since 1970,
/// and its partition and offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place(pub i64, pub i32, pub i64);

/// The next offset of each partition that has not been seen.
pub type Offsets = BTreeMap<i32, i64>;

/// The newest records of a topic.
#[derive(Clone, Debug)]
pub struct Shelf<T> {
    records: VecDeque<(Place, usize, T)>,
    bytes: usize,
    /// What has been put here.
    seen: Offsets,
    /// Below it records may have been let go.
    complete_from: Offsets,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self {
            records: VecDeque::new(),
            bytes: 0,
            seen: Offsets::new(),
            complete_from: Offsets::new(),
        }
    }
}

impl<T: Clone> Shelf<T> {
    /// Says where reading a partition begins: what is below is not here.
    pub fn begin(&mut self, partition: i32, offset: i64) {
        self.seen.entry(partition).or_insert(offset);
        self.complete_from.entry(partition).or_insert(offset);
    }

    /// Puts a record of so many bytes here; the oldest make room.
    pub fn put(&mut self, place: Place, bytes: usize, record: T) {
        self.pass(place.1, place.2 + 1);
        // Records of several partitions come nearly in order of time.
        let at = self.records.partition_point(|(other, ..)| *other < place);
        self.records.insert(at, (place, bytes, record));
        self.bytes += bytes;
        while self.records.len() > RECORDS || self.bytes > BYTES {
            let Some((Place(_, partition, offset), bytes, _)) = self.records.pop_front() else {
                break;
            };
            self.bytes -= bytes;
            let from = self.complete_from.entry(partition).or_default();
            *from = (*from).max(offset + 1);
        }
    }

    /// Says that a partition has been read up to an offset.
    pub fn pass(&mut self, partition: i32, offset: i64) {
        let seen = self.seen.entry(partition).or_default();
        *seen = (*seen).max(offset);
    }

    /// The next offsets.
    pub fn seen(&self) -> &Offsets {
        &self.seen
    }

    /// The newest records before a place, newest first, and where they end if there are more.
    pub fn page(&self, limit: usize, before: Option<Place>) -> (Vec<T>, Option<Place>) {
        let end = before.map_or(self.records.len(), |before| {
            self.records.partition_point(|(place, ..)| *place < before)
        });
        let begin = end.saturating_sub(limit);
        let rows = self.records.range(begin..end).rev();
        let rows = rows.map(|(.., record)| record.clone()).collect();
        let last = (begin > 0 && begin < end).then(|| self.records[begin].0);
        (rows, last)
    }

    /// The records from these offsets on, oldest first, and whether they are all.
    pub fn since(&self, offsets: &Offsets) -> (Vec<T>, bool) {
        let new = self
            .records
            .iter()
            .filter(|(Place(_, partition, offset), ..)| {
                offsets.get(partition).is_none_or(|from| offset >= from)
            });
        let new = new.map(|(.., record)| record.clone()).collect();
        let complete = offsets.iter().all(|(partition, from)| {
            let complete = self.complete_from.get(partition);
            complete.is_none_or(|complete| complete <= from)
        });
        (new, complete)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf(records: i64) -> Shelf<i64> {
        let mut shelf = Shelf::default();
        shelf.begin(0, 0);
        for offset in 0..records {
            shelf.put(Place(offset * 10, 0, offset), 1, offset);
        }
        shelf
    }

    #[test]
    fn pages_go_back_in_time_and_end() {
        let shelf = shelf(5);
        let (first, last) = shelf.page(2, None);
        assert_eq!(first, [4, 3]);
        let (second, last) = shelf.page(2, last);
        assert_eq!(second, [2, 1]);
        assert_eq!(shelf.page(2, last), (vec![0], None));
    }

    #[test]
    fn records_of_several_partitions_are_in_the_order_of_time() {
        let mut shelf = shelf(3);
        shelf.put(Place(15, 1, 7), 1, 100);
        assert_eq!(shelf.page(9, None).0, [2, 100, 1, 0]);
        assert_eq!(shelf.seen(), &Offsets::from([(0, 3), (1, 8)]));
    }

    #[test]
    fn the_oldest_make_room_and_resuming_there_says_so() {
        let shelf = shelf(RECORDS as i64 + 10);
        assert_eq!(shelf.page(2000, None).0.len(), RECORDS);
        let (new, complete) = shelf.since(&Offsets::from([(0, 10)]));
        assert_eq!((new.len(), complete), (RECORDS, true));
        let (new, complete) = shelf.since(&Offsets::from([(0, 9)]));
        assert_eq!((new.len(), complete), (RECORDS, false));
        let (new, complete) = shelf.since(shelf.seen());
        assert_eq!((new.len(), complete), (0, true));
    }

    #[test]
    fn large_records_count_by_their_bytes() {
        let mut shelf = Shelf::default();
        for offset in 0..10 {
            shelf.put(Place(offset, 0, offset), BYTES / 2, offset);
        }
        assert_eq!(shelf.page(9, None).0, [9, 8]);
    }
}
