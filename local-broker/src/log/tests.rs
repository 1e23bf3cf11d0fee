//! A log against a model of it: every record is read once from any offset, and what came to nothing never by who
//! reads what is committed.

use std::collections::BTreeMap;

use kafka_protocol::records::RecordBatchDecoder;
use proptest::prelude::*;

use super::*;
use crate::batch::tests::made;

/// What happens to a log.
#[derive(Clone, Debug)]
enum Step {
    /// A producer sends so many records, in a transaction or not.
    Send { producer: i64, records: usize },
    /// The last batch of a producer comes again.
    Repeat { producer: i64 },
    /// A producer's transaction ends.
    End { producer: i64, committed: bool },
    /// Records below a part of the log are deleted.
    Delete { percent: i64 },
}

/// Producers below are transactional.
const TRANSACTIONAL: i64 = 3;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0_i64..5, 1_usize..6).prop_map(|(producer, records)| Step::Send { producer, records }),
        1 => (0_i64..5).prop_map(|producer| Step::Repeat { producer }),
        3 => (0..TRANSACTIONAL, any::<bool>())
            .prop_map(|(producer, committed)| Step::End { producer, committed }),
        1 => (0_i64..100).prop_map(|percent| Step::Delete { percent }),
    ];
    prop::collection::vec(step, 1..60)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Open,
    Committed,
    Aborted,
}

/// What should be in a log: each record's value and fate, by offset.
#[derive(Default)]
struct Model {
    records: BTreeMap<i64, (String, i64, Fate)>,
    sequences: BTreeMap<i64, i32>,
    last: BTreeMap<i64, (Bytes, i64)>,
    start: i64,
    end: i64,
}

fn identity(producer: i64) -> Identity {
    Identity {
        producer_id: producer,
        epoch: 0,
    }
}

impl Model {
    fn apply(&mut self, log: &mut Log, step: &Step) {
        match *step {
            Step::Send { producer, records } => {
                let sequence = self.sequences.entry(producer).or_default();
                let is_transactional = producer < TRANSACTIONAL;
                let times = vec![0; records];
                let bytes = made(
                    Some(identity(producer)),
                    *sequence,
                    &times,
                    is_transactional,
                );
                let batch = Incoming::read(&bytes).unwrap();
                assert_eq!(log.admit(&batch), Ok(Admission::Append));
                let offset = log.append(batch, None, 0);
                assert_eq!(offset, self.end);
                let fate = if is_transactional {
                    Fate::Open
                } else {
                    Fate::Committed
                };
                for index in 0..records {
                    let value = format!("{sequence}+{index}");
                    self.records
                        .insert(offset + index as i64, (value, producer, fate));
                }
                *sequence += records as i32;
                self.end += records as i64;
                self.last.insert(producer, (bytes, offset));
            }
            Step::Repeat { producer } => {
                if let Some((bytes, offset)) = self.last.get(&producer) {
                    let batch = Incoming::read(bytes).unwrap();
                    let offset = *offset;
                    assert_eq!(log.admit(&batch), Ok(Admission::Repeated { offset }));
                }
            }
            Step::End {
                producer,
                committed,
            } => {
                log.end_transaction(identity(producer), committed, 0);
                for (_, sender, fate) in self.records.values_mut() {
                    if *sender == producer && *fate == Fate::Open {
                        *fate = if committed {
                            Fate::Committed
                        } else {
                            Fate::Aborted
                        };
                    }
                }
                self.end += 1;
            }
            Step::Delete { percent } => {
                let below = self.start + (self.end - self.start) * percent / 100;
                log.delete_before(below).unwrap();
                self.start = self.start.max(below);
            }
        }
    }

    fn expected(&self, from: i64, isolation: Isolation) -> Vec<(i64, String)> {
        let open = self
            .records
            .iter()
            .find(|(_, (_, _, fate))| *fate == Fate::Open)
            .map_or(i64::MAX, |(offset, _)| *offset);
        self.records
            .range(from.max(self.start)..)
            .filter(|(offset, (_, _, fate))| {
                isolation == Isolation::Uncommitted || (**offset < open && *fate == Fate::Committed)
            })
            .map(|(offset, (value, ..))| (*offset, value.clone()))
            .collect()
    }
}

/// Reads as a client does: batches from an offset on until there are no more, without what is before the
/// offset, markers, and aborted records.
fn read_all(log: &Log, from: i64, isolation: Isolation, most: usize) -> Vec<(i64, String)> {
    let mut found = Vec::new();
    let mut next = from;
    loop {
        let read = log.read(next, isolation, most).unwrap();
        if read.batches.is_empty() {
            return found;
        }
        assert!(read.batches.len() == 1 || read.bytes <= most);
        let before = next;
        for mut batch in read.batches {
            for record in RecordBatchDecoder::decode(&mut batch).unwrap().records {
                let is_aborted = read.aborted.iter().any(|aborted| {
                    aborted.producer_id == record.producer_id
                        && (aborted.first..aborted.marker).contains(&record.offset)
                });
                let is_told = record.offset >= next && !record.control && !is_aborted;
                next = next.max(record.offset + 1);
                if is_told {
                    let value = String::from_utf8(record.value.unwrap().to_vec()).unwrap();
                    found.push((record.offset, value));
                }
            }
        }
        assert!(next > before, "a reader gets on");
    }
}

proptest! {
    #[test]
    fn every_record_is_read_once_from_any_offset(steps in steps(), most in 1_usize..2_000) {
        let (mut log, mut model) = (Log::default(), Model::default());
        for step in &steps {
            model.apply(&mut log, step);
        }
        prop_assert_eq!((log.start(), log.end()), (model.start, model.end));
        for from in model.start..=model.end {
            for isolation in [Isolation::Uncommitted, Isolation::Committed] {
                let found = read_all(&log, from, isolation, most);
                prop_assert_eq!(found, model.expected(from, isolation));
            }
        }
        prop_assert!(log.read(model.end + 1, Isolation::Uncommitted, most).is_err());
        prop_assert!(model.start == 0 || log.read(model.start - 1, Isolation::Committed, most).is_err());
        for producer in 0..TRANSACTIONAL {
            log.end_transaction(identity(producer), true, 0);
        }
        prop_assert_eq!(log.end_for(Isolation::Committed), log.end());
        log.delete_before(log.end()).unwrap();
        prop_assert_eq!(log.bytes(), 0);
    }
}

fn filled(times: &[i64]) -> Log {
    let mut log = Log::default();
    for time in times {
        let batch = Incoming::read(&made(None, -1, &[*time, *time], false)).unwrap();
        log.append(batch, None, *time);
    }
    log
}

#[test]
fn what_is_too_old_goes() {
    let mut log = filled(&[10, 20, 30]);
    log.expire(Some(15), None, 36);
    assert_eq!((log.start(), log.end()), (4, 6));
    log.expire(Some(15), None, 1_000);
    assert_eq!((log.start(), log.end()), (6, 6));
}

#[test]
fn a_record_s_time_may_be_long_past() {
    let mut log = Log::default();
    let batch = Incoming::read(&made(None, -1, &[10], false)).unwrap();
    log.append(batch, None, 1_000);
    log.expire(Some(15), None, 1_010);
    assert_eq!(log.start(), 0);
    log.expire(Some(15), None, 1_020);
    assert_eq!(log.start(), 1);
}

#[test]
fn what_is_too_much_goes() {
    let mut log = filled(&[10, 20, 30]);
    let one = log.bytes() / 3;
    log.expire(None, Some(one * 2 + 1), 0);
    assert_eq!(log.start(), 0);
    log.expire(None, Some(one), 0);
    assert_eq!(log.start(), 4);
}

#[test]
fn nothing_of_an_open_transaction_goes_by_itself() {
    let mut log = filled(&[10]);
    let bytes = made(Some(identity(1)), 0, &[20], true);
    log.append(Incoming::read(&bytes).unwrap(), None, 20);
    log.expire(Some(1), None, 1_000);
    assert_eq!((log.start(), log.end()), (2, 3));
    log.end_transaction(identity(1), true, 30);
    log.expire(Some(1), None, 1_000);
    assert_eq!(log.start(), 4);
}

#[test]
fn offsets_are_found_by_time() {
    let log = filled(&[10, 30, 20]);
    let find = |time| log.first_not_before(time, Isolation::Committed);
    assert_eq!(find(5), Some((0, 10)));
    assert_eq!(find(15), Some((2, 30)));
    assert_eq!(find(31), None);
    assert_eq!(log.latest(), Some((2, 30)));
}
