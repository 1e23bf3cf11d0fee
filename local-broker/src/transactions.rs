//! The transaction coordinator: who may write under a transactional id, and what is in the transaction that is
//! open. Pure: time is an argument, and what an end means for partitions and groups is for the caller to do.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use crate::batch::Identity;

/// As Kafka's `transaction.max.timeout.ms`.
const LONGEST: Duration = Duration::from_mins(15);

/// All transactional ids, and the ids of all producers.
#[derive(Debug, Default)]
pub(crate) struct Transactions {
    by_id: BTreeMap<String, Transaction>,
    producers: i64,
}

#[derive(Debug)]
struct Transaction {
    current: Identity,
    /// Whom the current one succeeded on its own request: it may ask again.
    former: Option<Identity>,
    timeout: Duration,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    Fresh,
    Open {
        since: Instant,
        partitions: BTreeSet<Partition>,
        groups: BTreeSet<String>,
    },
    Ended {
        committed: bool,
    },
}

/// A partition of a topic.
pub(crate) type Partition = (String, i32);

/// What ended, and how: to be made known to the partitions and groups that were part of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// The producer, or who fenced it.
    pub(crate) producer: Identity,
    pub(crate) committed: bool,
    pub(crate) partitions: BTreeSet<Partition>,
    pub(crate) groups: BTreeSet<String>,
}

/// Why a producer's wish is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TransactionError {
    #[error("another producer has taken the transactional id over")]
    Fenced,
    #[error("the transactional id is not this producer's")]
    Unknown,
    #[error("the transaction is not in a state for this")]
    State,
    #[error("the transaction's timeout is out of range")]
    Timeout,
}

impl Transactions {
    /// An id for a producer without transactions.
    pub(crate) fn producer(&mut self) -> Identity {
        self.producers += 1;
        Identity {
            producer_id: self.producers,
            epoch: 0,
        }
    }

    /// Gives a transactional id to a producer, and takes it from who had it. A producer that goes on after an
    /// error says who it was.
    pub(crate) fn init(
        &mut self,
        id: &str,
        timeout: Duration,
        claimed: Option<Identity>,
    ) -> Result<(Identity, Option<Ending>), TransactionError> {
        if timeout.is_zero() || timeout > LONGEST {
            return Err(TransactionError::Timeout);
        }
        if !self.by_id.contains_key(id) {
            let current = self.producer();
            let transaction = Transaction {
                current,
                former: None,
                timeout,
                phase: Phase::Fresh,
            };
            self.by_id.insert(id.to_owned(), transaction);
            return Ok((current, None));
        }
        let fresh = self.producer();
        let transaction = self.get(id)?;
        if let Some(claimed) = claimed {
            if transaction.former == Some(claimed) {
                return Ok((transaction.current, None));
            }
            if transaction.current != claimed {
                return Err(TransactionError::Fenced);
            }
        }
        let ending = transaction.take_over(fresh);
        transaction.former = claimed;
        transaction.timeout = timeout;
        Ok((transaction.current, ending))
    }

    /// Makes partitions part of the transaction, which begins with the first.
    pub(crate) fn add_partitions(
        &mut self,
        id: &str,
        producer: Identity,
        added: impl IntoIterator<Item = Partition>,
        now: Instant,
    ) -> Result<(), TransactionError> {
        let (partitions, _) = self.of(id, producer)?.open(now);
        partitions.extend(added);
        Ok(())
    }

    /// Makes a group's offsets part of the transaction.
    pub(crate) fn add_group(
        &mut self,
        id: &str,
        producer: Identity,
        group: &str,
        now: Instant,
    ) -> Result<(), TransactionError> {
        let (_, groups) = self.of(id, producer)?.open(now);
        groups.insert(group.to_owned());
        Ok(())
    }

    /// Whether a producer may write to a partition now.
    pub(crate) fn may_write(
        &mut self,
        id: &str,
        producer: Identity,
        topic: &str,
        partition: i32,
    ) -> Result<(), TransactionError> {
        match &self.of(id, producer)?.phase {
            Phase::Open { partitions, .. }
                if partitions
                    .iter()
                    .any(|(name, number)| *number == partition && name == topic) =>
            {
                Ok(())
            }
            _ => Err(TransactionError::State),
        }
    }

    /// Whether a producer may write offsets of a group now.
    pub(crate) fn may_commit_offsets(
        &mut self,
        id: &str,
        producer: Identity,
        group: &str,
    ) -> Result<(), TransactionError> {
        match &self.of(id, producer)?.phase {
            Phase::Open { groups, .. } if groups.contains(group) => Ok(()),
            _ => Err(TransactionError::State),
        }
    }

    /// Ends the transaction. To end it the same way again is no error and no news.
    pub(crate) fn end(
        &mut self,
        id: &str,
        producer: Identity,
        committed: bool,
    ) -> Result<Option<Ending>, TransactionError> {
        let transaction = self.of(id, producer)?;
        match &transaction.phase {
            Phase::Open { .. } => Ok(transaction.close(producer, committed)),
            Phase::Ended { committed: before } if *before == committed => Ok(None),
            Phase::Ended { .. } | Phase::Fresh => Err(TransactionError::State),
        }
    }

    /// Aborts what has been open for too long, and fences its producers.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<Ending> {
        let mut endings = Vec::new();
        for transaction in self.by_id.values_mut() {
            let is_late = matches!(transaction.phase, Phase::Open { since, .. }
                if now.saturating_duration_since(since) > transaction.timeout);
            if is_late {
                self.producers += 1;
                let former = transaction.current;
                endings.extend(transaction.take_over(Identity {
                    producer_id: self.producers,
                    epoch: 0,
                }));
                // It is still the only one: it may go on when it has noticed.
                transaction.former = Some(former);
            }
        }
        endings
    }

    fn get(&mut self, id: &str) -> Result<&mut Transaction, TransactionError> {
        self.by_id.get_mut(id).ok_or(TransactionError::Unknown)
    }

    fn of(&mut self, id: &str, producer: Identity) -> Result<&mut Transaction, TransactionError> {
        let transaction = self.get(id)?;
        let current = transaction.current;
        if producer == current {
            Ok(transaction)
        } else if producer.producer_id == current.producer_id && producer.epoch < current.epoch {
            Err(TransactionError::Fenced)
        } else {
            Err(TransactionError::Unknown)
        }
    }
}

impl Transaction {
    fn open(&mut self, now: Instant) -> (&mut BTreeSet<Partition>, &mut BTreeSet<String>) {
        if !matches!(self.phase, Phase::Open { .. }) {
            self.phase = Phase::Open {
                since: now,
                partitions: BTreeSet::new(),
                groups: BTreeSet::new(),
            };
        }
        match &mut self.phase {
            Phase::Open {
                partitions, groups, ..
            } => (partitions, groups),
            Phase::Fresh | Phase::Ended { .. } => unreachable!("it was opened"),
        }
    }

    fn close(&mut self, producer: Identity, committed: bool) -> Option<Ending> {
        match std::mem::replace(&mut self.phase, Phase::Ended { committed }) {
            Phase::Open {
                partitions, groups, ..
            } => Some(Ending {
                producer,
                committed,
                partitions,
                groups,
            }),
            Phase::Fresh | Phase::Ended { .. } => None,
        }
    }

    /// Aborts what is open, in the name of the next epoch, so that the partitions refuse the former. Where epochs
    /// end, another producer goes on.
    fn take_over(&mut self, fresh: Identity) -> Option<Ending> {
        let next = Identity {
            epoch: self.current.epoch.saturating_add(1),
            ..self.current
        };
        let ending = self.close(next, false);
        self.phase = Phase::Fresh;
        self.current = if next.epoch == i16::MAX { fresh } else { next };
        ending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(30);

    fn opened(now: Instant) -> (Transactions, Identity) {
        let mut transactions = Transactions::default();
        let (producer, _) = transactions.init("id", TIMEOUT, None).unwrap();
        let partitions = [("t".to_owned(), 0), ("t".to_owned(), 1)];
        transactions
            .add_partitions("id", producer, partitions, now)
            .unwrap();
        transactions.add_group("id", producer, "g", now).unwrap();
        (transactions, producer)
    }

    #[test]
    fn a_transaction_ends_once_for_all_that_is_in_it() {
        let (mut transactions, producer) = opened(Instant::now());
        transactions.may_write("id", producer, "t", 1).unwrap();
        let beside = transactions.may_write("id", producer, "t", 2);
        assert_eq!(beside, Err(TransactionError::State));
        transactions
            .may_commit_offsets("id", producer, "g")
            .unwrap();
        let ending = transactions.end("id", producer, true).unwrap().unwrap();
        assert!(ending.committed);
        assert_eq!(ending.producer, producer);
        assert_eq!((ending.partitions.len(), ending.groups.len()), (2, 1));
        assert_eq!(transactions.end("id", producer, true), Ok(None));
        assert_eq!(
            transactions.end("id", producer, false),
            Err(TransactionError::State)
        );
        assert_eq!(
            transactions.may_write("id", producer, "t", 1),
            Err(TransactionError::State)
        );
    }

    #[test]
    fn who_takes_over_aborts_what_is_open_and_fences() {
        let (mut transactions, former) = opened(Instant::now());
        let (producer, ending) = transactions.init("id", TIMEOUT, None).unwrap();
        let ending = ending.unwrap();
        assert!(!ending.committed);
        assert_eq!(ending.producer, producer);
        assert_eq!(
            (producer.producer_id, producer.epoch),
            (former.producer_id, 1)
        );
        assert_eq!(
            transactions.end("id", former, true),
            Err(TransactionError::Fenced)
        );
        assert_eq!(
            transactions.init("id", TIMEOUT, Some(former)).unwrap_err(),
            TransactionError::Fenced
        );
    }

    #[test]
    fn a_producer_that_goes_on_after_an_error_may_ask_twice() {
        let (mut transactions, former) = opened(Instant::now());
        let (producer, ending) = transactions.init("id", TIMEOUT, Some(former)).unwrap();
        assert!(ending.is_some());
        let again = transactions.init("id", TIMEOUT, Some(former)).unwrap();
        assert_eq!(again, (producer, None));
    }

    #[test]
    fn what_is_open_for_too_long_is_aborted() {
        let now = Instant::now();
        let (mut transactions, producer) = opened(now);
        assert_eq!(transactions.expire(now + TIMEOUT), []);
        let endings = transactions.expire(now + TIMEOUT * 2);
        assert_eq!(endings.len(), 1);
        assert!(!endings[0].committed);
        assert_eq!(
            transactions.end("id", producer, true),
            Err(TransactionError::Fenced)
        );
        assert_eq!(transactions.expire(now + TIMEOUT * 4), []);
    }

    #[test]
    fn where_epochs_end_another_producer_goes_on() {
        let mut transactions = Transactions::default();
        let (first, _) = transactions.init("id", TIMEOUT, None).unwrap();
        let mut last = first;
        for _ in 0..i32::from(i16::MAX) + 10 {
            let (next, _) = transactions.init("id", TIMEOUT, None).unwrap();
            assert_ne!(next, last);
            last = next;
        }
        assert_ne!(last.producer_id, first.producer_id);
    }
}
