//! What one partition knows of its producers: which batches came last, so that a repeated one is not appended
//! again, and who has a transaction open.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::batch::{Header, Identity};

/// So many batches a producer may have under way at once.
const REMEMBERED: usize = 5;

/// The producers of a partition.
#[derive(Debug, Default)]
pub(crate) struct Producers {
    known: HashMap<i64, Producer>,
    /// The first offset of each transaction that is open, by its producer.
    open: BTreeMap<i64, i64>,
}

#[derive(Debug)]
struct Producer {
    epoch: i16,
    /// What its next batch begins with; any if it has sent none in this epoch.
    next: Option<i32>,
    recent: VecDeque<Appended>,
    seen_ms: i64,
}

#[derive(Clone, Copy, Debug)]
struct Appended {
    base_sequence: i32,
    records: i32,
    offset: i64,
}

/// What is to be done with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is the producer's next one, or of no such producer.
    Append,
    /// It is at this offset already.
    Repeated { offset: i64 },
}

/// Why a producer's batch is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SequenceError {
    #[error("another producer has taken over")]
    Fenced,
    #[error("batches are missing before this one")]
    Gap,
}

impl Producers {
    /// Whether a batch is to be appended.
    pub(crate) fn admit(&self, batch: &Header) -> Result<Admission, SequenceError> {
        let Some(sender) = batch.producer else {
            return Ok(Admission::Append);
        };
        let Some(known) = self.known.get(&sender.producer_id) else {
            return Ok(Admission::Append);
        };
        if sender.epoch < known.epoch {
            return Err(SequenceError::Fenced);
        }
        if sender.epoch > known.epoch {
            return if batch.base_sequence == 0 {
                Ok(Admission::Append)
            } else {
                Err(SequenceError::Gap)
            };
        }
        let repeated = known.recent.iter().find(|appended| {
            appended.base_sequence == batch.base_sequence && appended.records == batch.records
        });
        if let Some(repeated) = repeated {
            return Ok(Admission::Repeated {
                offset: repeated.offset,
            });
        }
        match known.next {
            Some(next) if next != batch.base_sequence => Err(SequenceError::Gap),
            _ => Ok(Admission::Append),
        }
    }

    /// A batch was appended.
    pub(crate) fn appended(&mut self, batch: &Header, offset: i64, now_ms: i64) {
        let Some(sender) = batch.producer else {
            return;
        };
        let known = self.at(sender, now_ms);
        known.next = Some(after(batch.base_sequence, batch.records));
        if known.recent.len() == REMEMBERED {
            known.recent.pop_front();
        }
        known.recent.push_back(Appended {
            base_sequence: batch.base_sequence,
            records: batch.records,
            offset,
        });
        if batch.is_transactional() {
            self.open.entry(sender.producer_id).or_insert(offset);
        }
    }

    /// There was no room for a batch that would have been appended. Those that were sent after it must not be
    /// taken for the producer's first ones.
    pub(crate) fn put_off(&mut self, batch: &Header, now_ms: i64) {
        if let Some(sender) = batch.producer {
            let known = self.at(sender, now_ms);
            known.next.get_or_insert(batch.base_sequence);
        }
    }

    /// A producer's transaction ended; the epoch may be that of who fenced it. Answers where it began, if it had
    /// anything here.
    pub(crate) fn ended(&mut self, producer: Identity, now_ms: i64) -> Option<i64> {
        self.at(producer, now_ms);
        self.open.remove(&producer.producer_id)
    }

    /// Where the oldest open transaction began.
    pub(crate) fn first_open(&self) -> Option<i64> {
        self.open.values().copied().min()
    }

    /// Forgets who has not been seen since a time.
    pub(crate) fn forget_before(&mut self, time_ms: i64) {
        let open = &self.open;
        self.known
            .retain(|id, producer| producer.seen_ms >= time_ms || open.contains_key(id));
    }

    fn at(&mut self, producer: Identity, now_ms: i64) -> &mut Producer {
        let fresh = || Producer {
            epoch: producer.epoch,
            next: None,
            recent: VecDeque::new(),
            seen_ms: now_ms,
        };
        let known = self.known.entry(producer.producer_id).or_insert_with(fresh);
        if known.epoch < producer.epoch {
            *known = fresh();
        }
        known.seen_ms = now_ms;
        known
    }
}

/// The sequence number after so many records: they wrap around.
fn after(base: i32, records: i32) -> i32 {
    base.wrapping_add(records) & i32::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(epoch: i16, base_sequence: i32, records: i32) -> Header {
        Header {
            attributes: 0,
            records,
            base_timestamp: 0,
            max_timestamp: 0,
            producer: Some(Identity {
                producer_id: 1,
                epoch,
            }),
            base_sequence,
        }
    }

    #[test]
    fn a_repeated_batch_is_where_it_was() {
        let mut producers = Producers::default();
        for (sequence, offset) in [(0, 10), (5, 15), (10, 20)] {
            let batch = batch(0, sequence, 5);
            assert_eq!(producers.admit(&batch), Ok(Admission::Append));
            producers.appended(&batch, offset, 0);
        }
        let repeated = |sequence, offset| {
            assert_eq!(
                producers.admit(&batch(0, sequence, 5)),
                Ok(Admission::Repeated { offset })
            );
        };
        repeated(0, 10);
        repeated(10, 20);
        assert_eq!(producers.admit(&batch(0, 16, 5)), Err(SequenceError::Gap));
    }

    #[test]
    fn sequence_numbers_wrap_around() {
        let mut producers = Producers::default();
        producers.appended(&batch(0, i32::MAX - 1, 4), 0, 0);
        assert_eq!(producers.admit(&batch(0, 2, 1)), Ok(Admission::Append));
        assert_eq!(producers.admit(&batch(0, 3, 1)), Err(SequenceError::Gap));
    }

    #[test]
    fn a_new_epoch_begins_anew_and_fences_the_former() {
        let mut producers = Producers::default();
        producers.appended(&batch(0, 0, 5), 0, 0);
        assert_eq!(producers.admit(&batch(1, 5, 1)), Err(SequenceError::Gap));
        assert_eq!(producers.admit(&batch(1, 0, 1)), Ok(Admission::Append));
        producers.ended(
            Identity {
                producer_id: 1,
                epoch: 1,
            },
            0,
        );
        assert_eq!(producers.admit(&batch(0, 5, 1)), Err(SequenceError::Fenced));
    }

    #[test]
    fn what_follows_a_batch_that_was_put_off_waits_for_it() {
        let mut producers = Producers::default();
        producers.put_off(&batch(0, 0, 5), 0);
        assert_eq!(producers.admit(&batch(0, 5, 5)), Err(SequenceError::Gap));
        assert_eq!(producers.admit(&batch(0, 0, 5)), Ok(Admission::Append));
    }
}
