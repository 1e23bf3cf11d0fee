//! How members join a group, and when they are assigned their parts anew.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Due, Group, GroupError, Member, MemberName, Phase};

/// So long the first member of an empty group waits for others, and anew for each that comes.
const SETTLING: Duration = Duration::from_millis(100);

/// A wish to join.
#[derive(Debug)]
pub(crate) struct Join<'a> {
    /// Empty for who has no name yet.
    pub(crate) member: &'a str,
    pub(crate) instance: Option<&'a str>,
    pub(crate) client_id: &'a str,
    pub(crate) session_timeout: Duration,
    pub(crate) rebalance_timeout: Duration,
    pub(crate) protocol_type: &'a str,
    pub(crate) protocols: Vec<(String, Bytes)>,
    /// Whether the client can be given a name and asked to join again under it.
    pub(crate) takes_names: bool,
    /// A number that no other member's name ends in.
    pub(crate) name: MemberName,
}

/// A member's place in the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Joined {
    pub(crate) generation: i32,
    pub(crate) protocol_type: Option<String>,
    pub(crate) protocol: Option<String>,
    pub(crate) leader: String,
    pub(crate) member: String,
    /// For the leader: who there is, of which instance, and what each one says.
    pub(crate) members: Vec<(String, Option<String>, Bytes)>,
}

impl Join<'_> {
    /// The name that a new member gets.
    pub(crate) fn full_name(&self) -> String {
        format!("{}-{}", self.instance.unwrap_or(self.client_id), self.name)
    }
}

impl<T> Group<T> {
    /// Takes a member in, or takes note that a member joins again.
    pub(crate) fn join(&mut self, wish: Join<'_>, token: T, now: Instant) -> Due<T> {
        let mut due = Due::default();
        self.seen_at = Some(now);
        match self.place_of(&wish, now) {
            Err(error) => due.joins.push((token, Err(error))),
            Ok(Place::New(name)) => {
                self.add(name, wish, token, now);
                self.begin_join(true, now, &mut due);
            }
            Ok(Place::Successor { of, name }) => {
                self.succeed(&of, &name, &mut due);
                self.rejoin(&name, Some(&of), wish, token, now, &mut due);
            }
            Ok(Place::Member(name)) => self.rejoin(&name, None, wish, token, now, &mut due),
        }
        due
    }

    fn place_of(&mut self, wish: &Join<'_>, now: Instant) -> Result<Place, GroupError> {
        if !self.speaks(wish) {
            return Err(GroupError::Protocol);
        }
        if let Some(instance) = wish.instance {
            let current = self.instances.get(instance);
            return match current {
                Some(current) if wish.member.is_empty() => Ok(Place::Successor {
                    of: current.clone(),
                    name: wish.full_name(),
                }),
                Some(current) if current == wish.member => Ok(Place::Member(current.clone())),
                Some(_) => Err(GroupError::Fenced),
                None if wish.member.is_empty() => Ok(Place::New(wish.full_name())),
                None => Err(GroupError::UnknownMember),
            };
        }
        if wish.member.is_empty() {
            let name = wish.full_name();
            if wish.takes_names {
                self.named.insert(name, now + wish.session_timeout);
                return Err(GroupError::NameGiven(wish.name));
            }
            return Ok(Place::New(name));
        }
        if self.named.remove(wish.member).is_some() {
            return Ok(Place::New(wish.member.to_owned()));
        }
        if self.members.contains_key(wish.member) {
            return Ok(Place::Member(wish.member.to_owned()));
        }
        Err(GroupError::UnknownMember)
    }

    /// Whether all other members know one of the ways of sharing.
    fn speaks(&self, wish: &Join<'_>) -> bool {
        if wish.protocol_type.is_empty() || wish.protocols.is_empty() {
            return false;
        }
        let mut others = self
            .members
            .iter()
            .filter(|(name, _)| *name != wish.member)
            .map(|(_, member)| member)
            .filter(|member| wish.instance.is_none() || member.instance.as_deref() != wish.instance)
            .peekable();
        if others.peek().is_none() {
            return true;
        }
        let others: Vec<_> = others.collect();
        self.protocol_type.as_deref() == Some(wish.protocol_type)
            && wish.protocols.iter().any(|(name, _)| {
                others
                    .iter()
                    .all(|member| member.protocols.iter().any(|(known, _)| known == name))
            })
    }

    fn add(&mut self, name: String, wish: Join<'_>, token: T, now: Instant) {
        if let Some(instance) = wish.instance {
            self.instances.insert(instance.to_owned(), name.clone());
        }
        if self.members.is_empty() {
            self.leader = None;
        }
        self.leader.get_or_insert_with(|| name.clone());
        self.protocol_type = Some(wish.protocol_type.to_owned());
        self.members.insert(
            name,
            Member {
                instance: wish.instance.map(str::to_owned),
                client_id: wish.client_id.to_owned(),
                session_timeout: wish.session_timeout,
                rebalance_timeout: wish.rebalance_timeout,
                protocols: wish.protocols,
                assignment: Bytes::new(),
                seen_at: now,
                joining: Some(token),
                syncing: None,
                has_synced: false,
            },
        );
    }

    /// A member of an instance takes the place of the former one, which is fenced.
    fn succeed(&mut self, former: &str, name: &str, due: &mut Due<T>) {
        let Some(mut member) = self.members.remove(former) else {
            return;
        };
        let fenced = GroupError::Fenced;
        due.joins
            .extend(member.joining.take().map(|token| (token, Err(fenced))));
        due.syncs
            .extend(member.syncing.take().map(|token| (token, Err(fenced))));
        if let Some(instance) = &member.instance {
            self.instances.insert(instance.clone(), name.to_owned());
        }
        if self.leader.as_deref() == Some(former) {
            self.leader = Some(name.to_owned());
        }
        self.members.insert(name.to_owned(), member);
    }

    /// A member joins again, or the successor of a former one: everybody has to, unless there is no news.
    fn rejoin(
        &mut self,
        name: &str,
        former: Option<&str>,
        wish: Join<'_>,
        token: T,
        now: Instant,
        due: &mut Due<T>,
    ) {
        let is_leader = self.leader.as_deref() == Some(name);
        let protocol = self.protocol.clone().unwrap_or_default();
        let member = self.member(name);
        let before = member.metadata(&protocol);
        member.seen_at = now;
        member.session_timeout = wish.session_timeout;
        member.rebalance_timeout = wish.rebalance_timeout;
        let is_same = member.protocols == wish.protocols;
        member.protocols = wish.protocols;
        let has_news = match self.phase {
            // An instance that comes back gets what it had at once, if it wants the same topics: what it says of
            // what it owns is another matter, as it owns nothing yet.
            Phase::Stable if former.is_some() => {
                let topics = super::subscribed_topics;
                let after = self.member(name).metadata(&protocol);
                topics(&before) != topics(&after) || self.chosen_protocol() != protocol
            }
            Phase::Stable => is_leader || !is_same,
            // The answer may have been lost.
            Phase::Completing { .. } => former.is_some() || !is_same,
            Phase::Empty | Phase::Preparing { .. } => true,
        };
        if !has_news {
            let mut joined = self.joined(name);
            if let Some(former) = former.filter(|_| is_leader) {
                // It must not lead now: nobody waits for its assignment.
                former.clone_into(&mut joined.leader);
                joined.members.clear();
            }
            due.joins.push((token, Ok(joined)));
            return;
        }
        let replaced = self.member(name).joining.replace(token);
        due.joins
            .extend(replaced.map(|token| (token, Err(GroupError::Rebalancing))));
        self.begin_join(false, now, due);
    }

    fn begin_join(&mut self, is_new: bool, now: Instant, due: &mut Due<T>) {
        match &mut self.phase {
            Phase::Preparing {
                since, settled_at, ..
            } => {
                // More may come, but the first must not wait for ever.
                if is_new && *settled_at > now {
                    *settled_at = (now + SETTLING).min(*since + 5 * SETTLING);
                }
                self.complete_join_if_possible(now, due);
            }
            Phase::Empty | Phase::Completing { .. } | Phase::Stable => self.prepare(now, due),
        }
    }

    /// Asks all members to join again.
    pub(super) fn prepare(&mut self, now: Instant, due: &mut Due<T>) {
        for member in self.members.values_mut() {
            let waiting = member.syncing.take();
            due.syncs
                .extend(waiting.map(|token| (token, Err(GroupError::Rebalancing))));
        }
        let was_empty = self.phase == Phase::Empty;
        self.phase = Phase::Preparing {
            since: now,
            settled_at: if was_empty { now + SETTLING } else { now },
            until: now + self.rebalance_timeout(),
        };
        self.complete_join_if_possible(now, due);
    }

    /// Begins the next generation if everybody has joined or the time is up.
    pub(super) fn complete_join_if_possible(&mut self, now: Instant, due: &mut Due<T>) {
        let Phase::Preparing {
            settled_at, until, ..
        } = self.phase
        else {
            return;
        };
        let all_joined = self.members.values().all(|member| member.joining.is_some());
        let is_late = until <= now;
        let is_settled = all_joined && settled_at <= now;
        if !is_late && !is_settled {
            return;
        }
        if is_late {
            // An instance keeps its place until its session ends: it may be on its way back.
            let missing: Vec<String> = self
                .members
                .iter()
                .filter(|(_, member)| member.joining.is_none() && member.instance.is_none())
                .map(|(name, _)| name.clone())
                .collect();
            for name in missing {
                self.remove(&name, due);
            }
        }
        if self.members.is_empty() {
            self.phase = Phase::Empty;
            self.generation += 1;
            self.protocol = None;
            self.leader = None;
            return;
        }
        let present = |name: &String| self.members[name].joining.is_some();
        if !self.leader.as_ref().is_some_and(present) {
            let Some(leader) = self.members.keys().find(|name| present(name)) else {
                // Only instances that are away: wait on, until they come or their sessions end.
                self.phase = Phase::Preparing {
                    since: now,
                    settled_at: now,
                    until: now + self.rebalance_timeout(),
                };
                return;
            };
            self.leader = Some(leader.clone());
        }
        self.generation += 1;
        self.protocol = Some(self.chosen_protocol());
        self.phase = Phase::Completing {
            until: now + self.rebalance_timeout(),
        };
        let names: Vec<String> = self.members.keys().cloned().collect();
        self.read_topics.extend(self.topics());
        for name in names {
            let joined = self.joined(&name);
            let member = self.member(&name);
            member.has_synced = false;
            if let Some(token) = member.joining.take() {
                member.seen_at = now;
                due.joins.push((token, Ok(joined)));
            }
        }
    }

    fn joined(&self, name: &str) -> Joined {
        let leader = self.leader.clone().unwrap_or_default();
        let protocol = self.protocol.clone().unwrap_or_default();
        let members = if leader == name {
            self.members
                .iter()
                .map(|(name, member)| {
                    let metadata = member.metadata(&protocol);
                    (name.clone(), member.instance.clone(), metadata)
                })
                .collect()
        } else {
            Vec::new()
        };
        Joined {
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader,
            member: name.to_owned(),
            members,
        }
    }

    /// The way of sharing that all know and most like best.
    fn chosen_protocol(&self) -> String {
        let knows = |member: &Member<T>, name: &str| {
            member.protocols.iter().any(|(known, _)| known == name)
        };
        let candidates: Vec<&str> = self
            .members
            .values()
            .next()
            .into_iter()
            .flat_map(|member| member.protocols.iter().map(|(name, _)| name.as_str()))
            .filter(|name| self.members.values().all(|member| knows(member, name)))
            .collect();
        let votes = |candidate: &str| {
            let vote = |member: &&Member<T>| {
                let liked = member.protocols.iter().map(|(name, _)| name.as_str());
                liked.into_iter().find(|name| candidates.contains(name)) == Some(candidate)
            };
            self.members.values().filter(vote).count()
        };
        // The first of equals.
        candidates
            .iter()
            .rev()
            .max_by_key(|candidate| votes(candidate))
            .map(|chosen| (*chosen).to_owned())
            .unwrap_or_default()
    }
}

/// Who a wish to join is from.
enum Place {
    New(String),
    Successor { of: String, name: String },
    Member(String),
}
