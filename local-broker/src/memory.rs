//! How the memory is kept in bounds: what everybody has read goes first, and when that is not enough, producers
//! wait. Nothing that somebody is still to read is dropped.

use std::{collections::BTreeMap, time::Instant};

use crate::{groups::Group, topics::Topics};

/// So long a topic that no group reads keeps its records whatever happens: a reader may be on its way. As long as
/// there are no readers at all, it keeps them anyway.
const READER_MAY_COME_MS: i64 = 10_000;

/// The memory for records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// When all topics together take so much, those with more than their share of it get no more. Those with less
    /// do, so that a topic which is not read never holds up the others; together they take twice as much at most.
    shared: u64,
}

impl Memory {
    /// At most so many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        Self { shared: bytes / 2 }
    }

    /// Whether a topic may take so much more.
    pub(crate) fn has_room(self, topics: &Topics, topic: &str, more: u64) -> bool {
        if topics.bytes() + more <= self.shared {
            return true;
        }
        let share = self.shared / (topics.len() as u64).max(1);
        topics
            .get(topic)
            .is_some_and(|topic| topic.bytes() + more <= share)
    }

    /// Drops the oldest records of those that everybody has read, until there is some room.
    pub(crate) fn make_room<T>(
        self,
        topics: &mut Topics,
        groups: &BTreeMap<String, Group<T>>,
        now: Instant,
        now_ms: i64,
    ) {
        let groups: Vec<_> = groups
            .values()
            .filter(|group| group.is_reading(now))
            .collect();
        let has_readers = groups.iter().any(|group| !group.read_topics.is_empty());
        let enough = self.shared / 10 * 9;
        let mut bytes = topics.bytes();
        let mut logs = Vec::new();
        for (name, topic) in topics.iter_mut() {
            if topic.settings.keeps_everything() {
                continue;
            }
            let readers: Vec<_> = groups
                .iter()
                .filter_map(|group| Reader::of(group, name))
                .collect();
            for (number, partition) in (0..).zip(&mut topic.partitions) {
                let read = readers.iter().filter_map(|reader| reader.has_read(number));
                logs.push((&mut partition.log, read.min()));
            }
        }
        while bytes > enough {
            let oldest = logs
                .iter_mut()
                .filter_map(|(log, read)| {
                    let (appended_ms, after) = log.first_batch()?;
                    let may_go = match read {
                        Some(read) => after <= *read,
                        None => has_readers && appended_ms + READER_MAY_COME_MS <= now_ms,
                    };
                    may_go.then_some((appended_ms, log))
                })
                .min_by_key(|(appended_ms, _)| *appended_ms);
            let Some((_, log)) = oldest else { break };
            let before = log.bytes();
            log.delete_first();
            bytes -= before - log.bytes();
        }
    }
}

/// A group that reads a topic.
struct Reader {
    /// Whether it will read partitions of which it has committed nothing.
    is_subscribed: bool,
    committed: BTreeMap<i32, i64>,
}

impl Reader {
    fn of<T>(group: &Group<T>, topic: &str) -> Option<Self> {
        let committed: BTreeMap<i32, i64> = group
            .offsets
            .iter()
            .filter(|((name, _), committed)| name == topic && committed.is_position)
            .map(|((_, partition), committed)| (*partition, committed.offset))
            .collect();
        let is_subscribed = group.read_topics.contains(topic);
        (is_subscribed || !committed.is_empty()).then_some(Self {
            is_subscribed,
            committed,
        })
    }

    /// What is below is read; none if it does not read the partition.
    fn has_read(&self, partition: i32) -> Option<i64> {
        let committed = self.committed.get(&partition).copied();
        committed.or(self.is_subscribed.then_some(0))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        batch::{Incoming, tests::made},
        groups::{Committed, Join, MemberName, Sender},
        settings::Settings,
    };

    const LATE: i64 = 1_000_000;

    fn topics(names: &[(&str, bool)], batches: usize) -> Topics {
        let mut topics = Topics::default();
        for (name, keeps_everything) in names {
            let keep = keeps_everything.then(|| ("retention.ms".to_owned(), "-1".to_owned()));
            topics.make(name, 2, Settings::new(keep).unwrap());
            for number in 0..2 {
                let log = &mut topics.partition_mut(name, number).unwrap().log;
                for time in 0..batches as i64 {
                    let batch = Incoming::read(&made(None, -1, &[0; 3], false)).unwrap();
                    log.append(batch, None, time);
                }
            }
        }
        topics
    }

    fn group(committed: &[(&str, i32, i64)]) -> Group<()> {
        let mut group = Group::default();
        group
            .may_commit(
                Sender {
                    member: "",
                    instance: None,
                    generation: -1,
                },
                Instant::now(),
            )
            .unwrap();
        for (topic, partition, offset) in committed {
            let committed = Committed {
                offset: *offset,
                leader_epoch: 0,
                metadata: String::new(),
                is_position: true,
            };
            group
                .offsets
                .commit(((*topic).to_owned(), *partition), committed);
        }
        group
    }

    fn joining() -> Join<'static> {
        Join {
            member: "",
            instance: None,
            client_id: "client",
            session_timeout: Duration::from_secs(10),
            rebalance_timeout: Duration::from_mins(1),
            protocol_type: "consumer",
            protocols: vec![("range".to_owned(), bytes::Bytes::new())],
            takes_names: false,
            name: MemberName(1),
        }
    }

    /// A group that reads another topic.
    fn of_another() -> BTreeMap<String, Group<()>> {
        let mut group = group(&[]);
        group.read_topics.insert("another".to_owned());
        BTreeMap::from([("g".to_owned(), group)])
    }

    proptest! {
        #[test]
        fn only_what_all_have_read_goes(
            first in [0_i64..100, 0_i64..100],
            second in [0_i64..100, 0_i64..100],
            bytes in 0_u64..60_000,
        ) {
            let mut topics = topics(&[("t", false), ("kept", true)], 33);
            let before = topics.bytes();
            let groups: BTreeMap<_, _> = [(1, first), (2, second)]
                .into_iter()
                .map(|(name, read)| {
                    let read = [("t", 0, read[0]), ("t", 1, read[1]), ("kept", 0, 99)];
                    (name.to_string(), group(&read))
                })
                .collect();
            let memory = Memory::new(bytes);
            memory.make_room(&mut topics, &groups, Instant::now(), LATE);
            let mut may_go = false;
            for number in 0..2 {
                let read = first[number as usize].min(second[number as usize]);
                let log = &topics.partition("t", number).unwrap().log;
                prop_assert!(log.start() <= read);
                may_go |= log.start() + 3 <= read;
                prop_assert_eq!(topics.partition("kept", number).unwrap().log.start(), 0);
            }
            let enough = bytes / 2 / 10 * 9;
            // No more than need be, and as much as may.
            prop_assert!(topics.bytes() <= enough || !may_go);
            let one = before / (4 * 33);
            prop_assert!(topics.bytes() == before || topics.bytes() + one > enough);
        }
    }

    #[test]
    fn the_oldest_goes_first() {
        let mut topics = topics(&[("a", false), ("b", false)], 10);
        let all = topics.bytes();
        let memory = Memory::new(all);
        memory.make_room(&mut topics, &of_another(), Instant::now(), LATE);
        for name in ["a", "b"] {
            for number in 0..2 {
                let start = topics.partition(name, number).unwrap().log.start();
                assert!((15..=18).contains(&start), "{start}");
            }
        }
    }

    #[test]
    fn who_may_still_come_finds_everything() {
        let mut topics = topics(&[("t", false)], 10);
        let before = topics.bytes();
        let nobody = BTreeMap::<String, Group<()>>::new();
        Memory::new(0).make_room(&mut topics, &nobody, Instant::now(), LATE);
        assert_eq!(topics.bytes(), before);
        Memory::new(0).make_room(&mut topics, &of_another(), Instant::now(), 5_000);
        assert_eq!(topics.bytes(), before);
        Memory::new(0).make_room(&mut topics, &of_another(), Instant::now(), LATE);
        assert_eq!(topics.bytes(), 0);
    }

    #[test]
    fn a_group_that_does_not_come_back_is_not_waited_for() {
        let mut topics = topics(&[("t", false)], 10);
        let before = topics.bytes();
        let mut groups = BTreeMap::from([
            ("gone".to_owned(), group(&[("t", 0, 0), ("t", 1, 0)])),
            ("another".to_owned(), of_another().remove("g").unwrap()),
        ]);
        let now = Instant::now();
        Memory::new(0).make_room(&mut topics, &groups, now, LATE);
        assert_eq!(topics.bytes(), before);
        // Now the other one is gone as well.
        let later = now + Duration::from_mins(11);
        Memory::new(0).make_room(&mut topics, &groups, later, LATE);
        assert_eq!(topics.bytes(), before);
        groups
            .get_mut("another")
            .unwrap()
            .join(joining(), (), later);
        Memory::new(0).make_room(&mut topics, &groups, later, LATE);
        assert_eq!(topics.bytes(), 0);
    }

    #[test]
    fn a_topic_within_its_share_always_has_room() {
        let mut topics = topics(&[("full", false)], 100);
        topics.make("empty", 1, Settings::default());
        let memory = Memory::new(topics.bytes());
        assert!(!memory.has_room(&topics, "full", 1));
        assert!(memory.has_room(&topics, "empty", 1_000));
        assert!(!memory.has_room(&topics, "empty", topics.bytes()));
    }
}
