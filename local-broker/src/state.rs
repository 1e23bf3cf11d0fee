//! All that the broker knows, behind one lock: what one request changes, no other sees half of. Nothing is waited
//! for while the lock is held.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use kafka_protocol::protocol::StrBytes;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{
    groups::{Due, Group, GroupError, Joined, MemberName},
    memory::Memory,
    topics::Topics,
    transactions::{Ending, Transactions},
};

/// The broker: where it is, and what it knows.
#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) host: StrBytes,
    pub(crate) port: i32,
    pub(crate) cluster: StrBytes,
    state: Mutex<State>,
}

/// What the broker knows.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) topics: Topics,
    pub(crate) transactions: Transactions,
    pub(crate) groups: BTreeMap<String, Group<Waiting>>,
    pub(crate) memory: Memory,
    members: u64,
}

/// The number of the only broker there is.
pub(crate) const NODE: i32 = 1;

/// Who waits for an answer of a group.
pub(crate) type Waiting = oneshot::Sender<Answer>;

/// A group's answer that took its time.
#[derive(Debug)]
pub(crate) enum Answer {
    Join(Result<Joined, GroupError>),
    Sync(Result<Bytes, GroupError>),
}

impl Broker {
    pub(crate) fn new(address: SocketAddr, memory: u64) -> Self {
        // Who listens everywhere is found here.
        let host = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        Self {
            host: StrBytes::from_string(host.to_string()),
            port: i32::from(address.port()),
            cluster: StrBytes::from_string(Uuid::new_v4().simple().to_string()),
            state: Mutex::new(State {
                topics: Topics::default(),
                transactions: Transactions::default(),
                groups: BTreeMap::new(),
                memory: Memory::new(memory),
                members: 0,
            }),
        }
    }

    /// What the broker knows, for as long as the lock is held.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A group, made if there is none.
    pub(crate) fn group(&mut self, name: &str) -> &mut Group<Waiting> {
        self.groups.entry(name.to_owned()).or_default()
    }

    /// A number for a member's name.
    pub(crate) fn member_name(&mut self) -> MemberName {
        self.members += 1;
        MemberName(self.members)
    }

    /// Makes the end of a transaction known to all that were part of it.
    pub(crate) fn end_transaction(&mut self, ending: &Ending, now_ms: i64) {
        for (topic, number) in &ending.partitions {
            // A topic may have been deleted since.
            if let Some(partition) = self.topics.partition_mut(topic, *number) {
                let log = &mut partition.log;
                log.end_transaction(ending.producer, ending.committed, now_ms);
                partition.wake();
            }
        }
        for name in &ending.groups {
            if let Some(group) = self.groups.get_mut(name) {
                let offsets = &mut group.offsets;
                offsets.end_transaction(ending.producer.producer_id, ending.committed);
            }
        }
    }

    /// Deletes a topic, and what groups have committed of it.
    pub(crate) fn delete_topic(&mut self, name: &str) -> bool {
        for group in self.groups.values_mut() {
            group.offsets.remove_topic(name);
        }
        self.topics.delete(name).is_some()
    }

    /// Ends what has taken too long: transactions, members' silence, and members' waiting for each other.
    pub(crate) fn expire(&mut self, now: Instant, now_ms: i64) {
        for ending in self.transactions.expire(now) {
            self.end_transaction(&ending, now_ms);
        }
        for group in self.groups.values_mut() {
            answer(group.expire(now));
        }
        self.groups.retain(|_, group| !group.is_forgotten(now));
    }

    /// Deletes what topics are not to keep.
    pub(crate) fn delete_old(&mut self, now_ms: i64) {
        for (_, topic) in self.topics.iter_mut() {
            let (keep_ms, keep_bytes) = (topic.settings.keep_ms(), topic.settings.keep_bytes());
            for partition in &mut topic.partitions {
                partition.log.expire(keep_ms, keep_bytes, now_ms);
            }
        }
    }

    /// Whether a topic may take so much more, after some room was made if need be.
    pub(crate) fn has_room(&mut self, topic: &str, more: u64, now_ms: i64) -> bool {
        let memory = self.memory;
        if !memory.has_room(&self.topics, topic, more) {
            memory.make_room(&mut self.topics, &self.groups, Instant::now(), now_ms);
        }
        memory.has_room(&self.topics, topic, more)
    }
}

/// Gives those who wait their answers.
pub(crate) fn answer(due: Due<Waiting>) {
    // Who has gone away meanwhile needs none.
    for (waiting, joined) in due.joins {
        drop(waiting.send(Answer::Join(joined)));
    }
    for (waiting, assignment) in due.syncs {
        drop(waiting.send(Answer::Sync(assignment)));
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or(Duration::ZERO).as_millis() as i64
}
