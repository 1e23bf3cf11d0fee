//! Groups as their members see them.

mod crowd;

use super::*;

type Tokens = Group<&'static str>;

const SESSION: Duration = Duration::from_secs(10);
const REBALANCE: Duration = Duration::from_mins(1);
/// Longer than the first members wait for others.
const SETTLED: Duration = Duration::from_secs(1);

/// What a consumer of a topic says of itself.
fn subscription(topic: &str) -> Bytes {
    let mut bytes = vec![0, 1, 0, 0, 0, 1, 0, topic.len() as u8];
    bytes.extend_from_slice(topic.as_bytes());
    bytes.into()
}

fn wish<'a>(member: &'a str, instance: Option<&'a str>, number: u64) -> Join<'a> {
    Join {
        member,
        instance,
        client_id: "client",
        session_timeout: SESSION,
        rebalance_timeout: REBALANCE,
        protocol_type: "consumer",
        protocols: vec![("range".to_owned(), subscription("t"))],
        takes_names: false,
        name: MemberName(number),
    }
}

fn joined(due: &Due<&'static str>, token: &str) -> Joined {
    let found = due.joins.iter().find(|(one, _)| *one == token);
    found.expect("an answer").1.clone().expect("no error")
}

fn refused(due: &Due<&'static str>, token: &str) -> GroupError {
    let found = due.joins.iter().find(|(one, _)| *one == token);
    found.expect("an answer").1.clone().expect_err("an error")
}

fn synced(due: &Due<&'static str>, token: &str) -> Result<Bytes, GroupError> {
    let found = due.syncs.iter().find(|(one, _)| *one == token);
    found.expect("an answer").1.clone()
}

fn sender<'a>(joined: &'a Joined, instance: Option<&'a str>) -> Sender<'a> {
    Sender {
        member: &joined.member,
        instance,
        generation: joined.generation,
    }
}

/// A group of two members with their parts: the leader and the other.
fn pair(now: Instant, instances: [Option<&'static str>; 2]) -> (Tokens, Joined, Joined) {
    let mut group = Tokens::default();
    assert!(
        group
            .join(wish("", instances[0], 1), "a", now)
            .joins
            .is_empty()
    );
    assert!(
        group
            .join(wish("", instances[1], 2), "b", now)
            .joins
            .is_empty()
    );
    let due = group.expire(now + SETTLED);
    let (a, b) = (joined(&due, "a"), joined(&due, "b"));
    assert_eq!((&a.leader, a.generation), (&a.member, 1));
    assert_eq!((&b.leader, b.generation), (&a.member, 1));
    assert_eq!((a.members.len(), b.members.len()), (2, 0));
    let due = group.sync(sender(&b, instances[1]), Vec::new(), "b", now);
    assert!(due.syncs.is_empty());
    let parts = vec![
        (a.member.clone(), Bytes::from_static(b"for a")),
        (b.member.clone(), Bytes::from_static(b"for b")),
    ];
    let due = group.sync(sender(&a, instances[0]), parts, "a", now);
    assert_eq!(synced(&due, "a"), Ok(Bytes::from_static(b"for a")));
    assert_eq!(synced(&due, "b"), Ok(Bytes::from_static(b"for b")));
    assert_eq!(group.phase, Phase::Stable);
    (group, a, b)
}

#[test]
fn members_that_come_together_share_from_the_beginning() {
    let now = Instant::now();
    let (mut group, a, b) = pair(now, [None, None]);
    assert_eq!(group.heartbeat(sender(&a, None), now), Ok(()));
    assert_eq!(group.heartbeat(sender(&b, None), now), Ok(()));
    assert_eq!(group.topics().into_iter().collect::<Vec<_>>(), ["t"]);
}

#[test]
fn the_first_member_waits_for_a_moment_only() {
    let now = Instant::now();
    let mut group = Tokens::default();
    assert!(group.join(wish("", None, 1), "a", now).joins.is_empty());
    let due = group.expire(now + Duration::from_millis(101));
    assert_eq!(joined(&due, "a").generation, 1);
}

#[test]
fn a_new_member_makes_all_join_again() {
    let now = Instant::now();
    let (mut group, a, b) = pair(now, [None, None]);
    assert!(group.join(wish("", None, 3), "c", now).joins.is_empty());
    let told = group.heartbeat(sender(&a, None), now);
    assert_eq!(told, Err(GroupError::Rebalancing));
    assert!(
        group
            .join(wish(&b.member, None, 4), "b", now)
            .joins
            .is_empty()
    );
    let due = group.join(wish(&a.member, None, 5), "a", now);
    let again = joined(&due, "a");
    assert_eq!((again.generation, again.members.len()), (2, 3));
    assert_eq!(joined(&due, "c").leader, a.member);
    assert_eq!(
        group.heartbeat(sender(&b, None), now),
        Err(GroupError::Generation)
    );
}

#[test]
fn who_does_not_join_again_in_time_is_left_out() {
    let now = Instant::now();
    let (mut group, a, b) = pair(now, [None, None]);
    group.join(wish("", None, 3), "c", now);
    group.join(wish(&b.member, None, 4), "b", now);
    let mut later = now;
    // It is alive, and does nothing else.
    while later < now + REBALANCE {
        let due = group.expire(later);
        assert!(due.joins.is_empty());
        group.heartbeat(sender(&a, None), later).unwrap_err();
        later += SESSION / 2;
    }
    let due = group.expire(now + REBALANCE);
    assert_eq!(
        joined(&due, "b").members.len() + joined(&due, "c").members.len(),
        2
    );
    assert!(!group.members.contains_key(&a.member));
}

#[test]
fn who_is_silent_for_too_long_is_removed() {
    let now = Instant::now();
    let (mut group, a, b) = pair(now, [None, None]);
    let later = now + SESSION;
    group.heartbeat(sender(&b, None), later).unwrap();
    let later = later + Duration::from_millis(1);
    group.expire(later);
    assert!(!group.members.contains_key(&a.member));
    let due = group.join(wish(&b.member, None, 3), "b", later);
    assert_eq!(joined(&due, "b").leader, b.member);
}

#[test]
fn an_instance_that_comes_back_gets_its_part_at_once() {
    let now = Instant::now();
    let (mut group, a, b) = pair(now, [Some("one"), Some("two")]);
    for (instance, former, token, part) in [("two", &b, "b2", "for b"), ("one", &a, "a2", "for a")]
    {
        let due = group.join(
            wish("", Some(instance), former.generation as u64 + 7),
            token,
            now,
        );
        let back = joined(&due, token);
        assert_eq!(back.generation, 1);
        assert_ne!(back.member, former.member);
        assert_ne!(
            back.leader, back.member,
            "nobody waits for what it would assign"
        );
        let due = group.sync(sender(&back, Some(instance)), Vec::new(), "s", now);
        assert_eq!(synced(&due, "s"), Ok(Bytes::from(part)));
        assert_eq!(
            group.heartbeat(sender(former, Some(instance)), now),
            Err(GroupError::Fenced)
        );
    }
    assert_eq!(group.phase, Phase::Stable);
}

#[test]
fn an_instance_that_wants_other_topics_makes_all_join_again() {
    let now = Instant::now();
    let (mut group, _, _) = pair(now, [Some("one"), Some("two")]);
    let mut other = wish("", Some("two"), 3);
    other.protocols[0].1 = subscription("u");
    assert!(group.join(other, "b2", now).joins.is_empty());
    assert!(matches!(group.phase, Phase::Preparing { .. }));
}

#[test]
fn an_instance_keeps_its_place_while_others_join_again() {
    let now = Instant::now();
    let (mut group, a, b) = pair(now, [Some("one"), Some("two")]);
    // The first is away; a third comes.
    group.join(wish("", Some("three"), 3), "c", now);
    group.join(wish(&b.member, Some("two"), 4), "b", now);
    let due = group.join(wish("", Some("one"), 5), "a2", now);
    assert_eq!(joined(&due, "a2").generation, 2);
    assert_eq!(joined(&due, "a2").members.len(), 3);
    assert_ne!(joined(&due, "a2").member, a.member);
}

#[test]
fn the_same_instance_twice_fences_the_first() {
    let now = Instant::now();
    let mut group = Tokens::default();
    group.join(wish("", Some("one"), 1), "first", now);
    let due = group.join(wish("", Some("one"), 2), "second", now);
    assert_eq!(refused(&due, "first"), GroupError::Fenced);
    let due = group.expire(now + SETTLED);
    assert_eq!(joined(&due, "second").members.len(), 1);
}

#[test]
fn who_leaves_makes_room_at_once() {
    let now = Instant::now();
    let (mut group, a, b) = pair(now, [None, Some("two")]);
    let mut due = Due::default();
    group.leave("", Some("two"), now, &mut due).unwrap();
    assert!(!group.members.contains_key(&b.member));
    let due = group.join(wish(&a.member, None, 3), "a", now);
    assert_eq!(joined(&due, "a").members.len(), 1);
    let mut due = Due::default();
    group.leave(&a.member, None, now, &mut due).unwrap();
    assert_eq!(group.phase, Phase::Empty);
    assert!(!group.is_forgotten(now));
    assert!(group.is_forgotten(now + MAY_COME_BACK));
    assert_eq!(
        group.leave(&a.member, None, now, &mut due),
        Err(GroupError::UnknownMember)
    );
}

#[test]
fn who_has_no_name_is_given_one() {
    let now = Instant::now();
    let mut group = Tokens::default();
    let nameless = Join {
        takes_names: true,
        ..wish("", None, 1)
    };
    let name = nameless.full_name();
    let due = group.join(nameless, "a", now);
    assert_eq!(refused(&due, "a"), GroupError::NameGiven(MemberName(1)));
    group.join(wish(&name, None, 2), "a", now);
    let due = group.expire(now + SETTLED);
    assert_eq!(joined(&due, "a").member, name);
    let due = group.join(wish("somebody", None, 3), "b", now);
    assert_eq!(refused(&due, "b"), GroupError::UnknownMember);
}

#[test]
fn members_share_in_a_way_that_all_know() {
    let now = Instant::now();
    let mut group = Tokens::default();
    let knows = |names: &[&str], number| Join {
        protocols: names
            .iter()
            .map(|name| ((*name).to_owned(), subscription("t")))
            .collect(),
        ..wish("", None, number)
    };
    group.join(knows(&["cooperative", "range"], 1), "a", now);
    group.join(knows(&["sticky", "range"], 2), "b", now);
    let due = group.join(knows(&["sticky"], 3), "c", now);
    assert_eq!(refused(&due, "c"), GroupError::Protocol);
    let due = group.expire(now + SETTLED);
    assert_eq!(joined(&due, "a").protocol.as_deref(), Some("range"));
}

#[test]
fn a_leader_that_does_not_assign_is_replaced() {
    let now = Instant::now();
    let mut group = Tokens::default();
    group.join(wish("", None, 1), "a", now);
    group.join(wish("", None, 2), "b", now);
    let due = group.expire(now + SETTLED);
    let (a, b) = (joined(&due, "a"), joined(&due, "b"));
    group.sync(sender(&b, None), Vec::new(), "b", now);
    let mut later = now + SETTLED;
    while later < now + REBALANCE {
        group.heartbeat(sender(&a, None), later).unwrap();
        assert!(group.expire(later).syncs.is_empty());
        later += SESSION / 2;
    }
    let due = group.expire(now + SETTLED + REBALANCE);
    assert_eq!(synced(&due, "b"), Err(GroupError::Rebalancing));
    assert!(!group.members.contains_key(&a.member));
}

#[test]
fn offsets_are_committed_by_members_or_where_there_are_none() {
    let now = Instant::now();
    let nobody = Sender {
        member: "",
        instance: None,
        generation: -1,
    };
    let mut empty = Tokens::default();
    assert_eq!(empty.may_commit(nobody, now), Ok(()));
    let (mut group, a, _) = pair(now, [None, None]);
    assert_eq!(
        group.may_commit(nobody, now),
        Err(GroupError::UnknownMember)
    );
    assert_eq!(group.may_commit_in_transaction(nobody), Ok(()));
    assert_eq!(group.may_commit(sender(&a, None), now), Ok(()));
    let stale = Sender {
        generation: 0,
        ..sender(&a, None)
    };
    assert_eq!(group.may_commit(stale, now), Err(GroupError::Generation));
}

#[test]
fn offsets_in_a_transaction_count_when_it_is_committed() {
    let partition = ("t".to_owned(), 0);
    let at = |offset| Committed {
        offset,
        leader_epoch: -1,
        metadata: format!("at {offset}"),
        is_position: true,
    };
    let mut offsets = Offsets::default();
    offsets.commit_in_transaction(1, partition.clone(), at(5));
    offsets.commit_in_transaction(2, partition.clone(), at(7));
    assert_eq!(offsets.get(&partition), None);
    offsets.end_transaction(1, true);
    assert_eq!(offsets.get(&partition), Some(&at(5)));
    assert!(offsets.is_pending(&partition));
    offsets.end_transaction(2, false);
    assert_eq!(offsets.get(&partition), Some(&at(5)));
    assert!(!offsets.is_pending(&partition));
    offsets.remove_topic("t");
    assert!(offsets.is_empty());
}
