//! The group coordinator: who is a member of a consumer group, who leads it, and which offsets it has
//! committed. Pure: time is an argument. Who waits for an answer is named by a token, and given back with it.

mod join;
mod member;
mod offsets;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use bytes::Bytes;

pub(crate) use self::{
    join::{Join, Joined},
    member::{Member, subscribed_topics},
    offsets::{Committed, Offsets},
};

/// So long records are kept for a group that has no members any more.
const MAY_COME_BACK: Duration = Duration::from_mins(10);

/// Why a member's wish is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GroupError {
    #[error("there is no such member")]
    UnknownMember,
    #[error("the members have been assigned their parts anew since")]
    Generation,
    #[error("the members are about to be assigned their parts anew")]
    Rebalancing,
    #[error("another member has taken the instance over")]
    Fenced,
    #[error("the group's other members speak another protocol")]
    Protocol,
    #[error("join again under this name: {0}")]
    NameGiven(MemberName),
    #[error("the group has members")]
    NotEmpty,
    #[error("the group has no such thing")]
    NotFound,
    #[error("a transaction with this is open")]
    Unstable,
    #[error("the group's members read the topic")]
    Subscribed,
}

/// A member's name in a form that errors can hold: the number that it ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemberName(pub(crate) u64);

impl std::fmt::Display for MemberName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Answers that are due now.
#[derive(Debug)]
pub(crate) struct Due<T> {
    pub(crate) joins: Vec<(T, Result<Joined, GroupError>)>,
    pub(crate) syncs: Vec<(T, Result<Bytes, GroupError>)>,
}

impl<T> Default for Due<T> {
    fn default() -> Self {
        Self {
            joins: Vec::new(),
            syncs: Vec::new(),
        }
    }
}

/// What a group is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It has no members.
    Empty,
    /// Members are to join again, until all have or the time is up.
    Preparing {
        since: Instant,
        /// The first members of an empty group wait for others until then.
        settled_at: Instant,
        until: Instant,
    },
    /// The leader works out who reads what.
    Completing { until: Instant },
    /// Everybody knows what to read.
    Stable,
}

/// A consumer group.
#[derive(Debug)]
pub(crate) struct Group<T> {
    pub(crate) phase: Phase,
    pub(crate) generation: i32,
    pub(crate) protocol_type: Option<String>,
    pub(crate) protocol: Option<String>,
    leader: Option<String>,
    pub(crate) members: BTreeMap<String, Member<T>>,
    /// Members with a name of their own, by it.
    instances: BTreeMap<String, String>,
    /// Names given to those who have not joined under them yet.
    named: BTreeMap<String, Instant>,
    pub(crate) offsets: Offsets,
    /// What its members have ever subscribed to, as far as can be read.
    pub(crate) read_topics: BTreeSet<String>,
    /// When it had members or committed something last.
    seen_at: Option<Instant>,
}

impl<T> Default for Group<T> {
    fn default() -> Self {
        Self {
            phase: Phase::Empty,
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: BTreeMap::new(),
            instances: BTreeMap::new(),
            named: BTreeMap::new(),
            offsets: Offsets::default(),
            read_topics: BTreeSet::new(),
            seen_at: None,
        }
    }
}

/// Who sends a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sender<'a> {
    pub(crate) member: &'a str,
    pub(crate) instance: Option<&'a str>,
    pub(crate) generation: i32,
}

impl Sender<'_> {
    /// Whether it does not say that it is a member.
    pub(crate) fn is_nobody(self) -> bool {
        self.generation < 0 && self.member.is_empty() && self.instance.is_none()
    }
}

impl<T> Group<T> {
    /// Takes what the leader has worked out, and answers with a member's part as soon as it is known.
    pub(crate) fn sync(
        &mut self,
        sender: Sender<'_>,
        assignments: Vec<(String, Bytes)>,
        token: T,
        now: Instant,
    ) -> Due<T> {
        let mut due = Due::default();
        if let Err(error) = self.check(sender) {
            due.syncs.push((token, Err(error)));
            return due;
        }
        let is_leader = self.leader.as_deref() == Some(sender.member);
        let phase = self.phase;
        let member = self.member(sender.member);
        member.seen_at = now;
        match phase {
            Phase::Empty | Phase::Preparing { .. } => {
                due.syncs.push((token, Err(GroupError::Rebalancing)));
            }
            Phase::Stable => {
                due.syncs.push((token, Ok(member.assignment.clone())));
            }
            Phase::Completing { .. } => {
                member.has_synced = true;
                if let Some(before) = member.syncing.replace(token) {
                    due.syncs.push((before, Err(GroupError::Rebalancing)));
                }
                if is_leader {
                    for member in self.members.values_mut() {
                        member.assignment = Bytes::new();
                    }
                    for (name, assignment) in assignments {
                        if let Some(member) = self.members.get_mut(&name) {
                            member.assignment = assignment;
                        }
                    }
                    self.phase = Phase::Stable;
                    for member in self.members.values_mut() {
                        member.seen_at = now;
                        let assignment = member.assignment.clone();
                        let waiting = member.syncing.take();
                        due.syncs
                            .extend(waiting.map(|token| (token, Ok(assignment))));
                    }
                }
            }
        }
        due
    }

    /// A member says that it is alive.
    pub(crate) fn heartbeat(&mut self, sender: Sender<'_>, now: Instant) -> Result<(), GroupError> {
        self.check(sender)?;
        self.member(sender.member).seen_at = now;
        match self.phase {
            Phase::Preparing { .. } => Err(GroupError::Rebalancing),
            Phase::Empty | Phase::Completing { .. } | Phase::Stable => Ok(()),
        }
    }

    /// A member leaves: under its name, or that of its instance.
    pub(crate) fn leave(
        &mut self,
        member: &str,
        instance: Option<&str>,
        now: Instant,
        due: &mut Due<T>,
    ) -> Result<(), GroupError> {
        if self.named.remove(member).is_some() {
            return Ok(());
        }
        let name = match instance {
            Some(instance) => {
                let current = self.instances.get(instance);
                let current = current.ok_or(GroupError::UnknownMember)?;
                if !member.is_empty() && member != current {
                    return Err(GroupError::Fenced);
                }
                current.clone()
            }
            None if self.members.contains_key(member) => member.to_owned(),
            None => return Err(GroupError::UnknownMember),
        };
        self.remove(&name, due);
        self.members_changed(now, due);
        Ok(())
    }

    /// Removes members that have not been heard of, and ends what has taken long enough.
    pub(crate) fn expire(&mut self, now: Instant) -> Due<T> {
        let mut due = Due::default();
        if !self.members.is_empty() {
            self.seen_at = Some(now);
        }
        self.named.retain(|_, until| *until > now);
        let late: Vec<String> = self
            .members
            .iter()
            .filter(|(_, member)| member.is_gone(now))
            .map(|(name, _)| name.clone())
            .collect();
        for name in &late {
            self.remove(name, &mut due);
        }
        if !late.is_empty() {
            self.members_changed(now, &mut due);
        }
        match self.phase {
            Phase::Preparing { .. } => self.complete_join_if_possible(now, &mut due),
            Phase::Completing { until } if until <= now => {
                let silent = |member: &Member<T>| !member.has_synced;
                let silent: Vec<String> = self
                    .members
                    .iter()
                    .filter(|(_, member)| silent(member))
                    .map(|(name, _)| name.clone())
                    .collect();
                for name in &silent {
                    self.remove(name, &mut due);
                }
                self.prepare(now, &mut due);
            }
            _ => {}
        }
        due
    }

    /// Whether there is nothing to remember of it.
    pub(crate) fn is_forgotten(&self, now: Instant) -> bool {
        self.phase == Phase::Empty
            && self.named.is_empty()
            && self.offsets.is_empty()
            && (self.read_topics.is_empty() || !self.is_reading(now))
    }

    /// Whether records are kept for it: while it has members, and for some time after.
    pub(crate) fn is_reading(&self, now: Instant) -> bool {
        !self.members.is_empty()
            || self
                .seen_at
                .is_some_and(|seen| now.saturating_duration_since(seen) < MAY_COME_BACK)
    }

    /// The topics that its members subscribe to.
    pub(crate) fn topics(&self) -> BTreeSet<String> {
        self.members
            .values()
            .filter_map(|member| member.protocols.first())
            .flat_map(|(_, metadata)| subscribed_topics(metadata))
            .collect()
    }

    /// Whether offsets may be committed: by members of the current generation, and by anybody if there are none.
    pub(crate) fn may_commit(
        &mut self,
        sender: Sender<'_>,
        now: Instant,
    ) -> Result<(), GroupError> {
        if sender.is_nobody() {
            return if self.phase == Phase::Empty {
                self.seen_at = Some(now);
                Ok(())
            } else {
                Err(GroupError::UnknownMember)
            };
        }
        self.check(sender)?;
        self.seen_at = Some(now);
        self.member(sender.member).seen_at = now;
        match self.phase {
            // What they read before is not theirs any more.
            Phase::Completing { .. } => Err(GroupError::Rebalancing),
            _ => Ok(()),
        }
    }

    /// As [`Self::may_commit`] for a transaction's producer, who need not be a member.
    pub(crate) fn may_commit_in_transaction(&self, sender: Sender<'_>) -> Result<(), GroupError> {
        if sender.is_nobody() {
            return Ok(());
        }
        self.check(sender)
    }

    /// Whether a member exists and is of the current generation.
    fn check(&self, sender: Sender<'_>) -> Result<(), GroupError> {
        if let Some(instance) = sender.instance {
            match self.instances.get(instance) {
                Some(current) if current == sender.member => {}
                Some(_) => return Err(GroupError::Fenced),
                None => return Err(GroupError::UnknownMember),
            }
        }
        if !self.members.contains_key(sender.member) {
            return Err(GroupError::UnknownMember);
        }
        if sender.generation != self.generation {
            return Err(GroupError::Generation);
        }
        Ok(())
    }

    /// # Panics
    /// When there is no such member.
    fn member(&mut self, name: &str) -> &mut Member<T> {
        self.members.get_mut(name).expect("the member was found")
    }

    fn remove(&mut self, name: &str, due: &mut Due<T>) {
        let Some(member) = self.members.remove(name) else {
            return;
        };
        if let Some(instance) = &member.instance {
            self.instances.remove(instance);
        }
        let error = GroupError::UnknownMember;
        due.joins
            .extend(member.joining.map(|token| (token, Err(error))));
        due.syncs
            .extend(member.syncing.map(|token| (token, Err(error))));
        if self.leader.as_deref() == Some(name) {
            self.leader = self.members.keys().next().cloned();
        }
    }

    fn members_changed(&mut self, now: Instant, due: &mut Due<T>) {
        match self.phase {
            Phase::Stable | Phase::Completing { .. } => self.prepare(now, due),
            Phase::Preparing { .. } => self.complete_join_if_possible(now, due),
            Phase::Empty => {}
        }
    }

    fn rebalance_timeout(&self) -> Duration {
        self.members
            .values()
            .map(|member| member.rebalance_timeout)
            .max()
            .unwrap_or_default()
    }
}
