//! The memory is bounded: what is read goes, and what is not read makes producers wait.

use std::time::Duration;

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer},
    producer::{BaseProducer, Producer},
};

use super::world::{PATIENCE, World, read_to_end, send, wait_until};

const MEMORY: u64 = 8 << 20;
/// Of one kilobyte each: more than the memory takes.
const RECORDS: i64 = 20_000;

fn records(range: std::ops::Range<i64>) -> impl Iterator<Item = String> {
    range.map(|number| format!("{number:01000}"))
}

fn idempotent(world: &World) -> BaseProducer {
    world
        .config()
        .set("enable.idempotence", "true")
        .set("queue.buffering.max.messages", "1000000")
        .set("retry.backoff.ms", "10")
        .set("retry.backoff.max.ms", "50")
        .create()
        .unwrap()
}

#[test]
fn producers_wait_until_what_is_unread_is_read() {
    let world = World::with_memory(MEMORY);
    world.make("t", 1);
    let commit = |consumer: &BaseConsumer, offset| {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset("t", 0, Offset::Offset(offset))
            .unwrap();
        consumer.commit(&list, CommitMode::Sync).unwrap();
    };
    let reader = world.reader("t", 0, Offset::Beginning);
    commit(&reader, 0);
    let producer = idempotent(&world);
    send(&producer, "t", 0, records(0..RECORDS));
    // Nobody reads: no more than the memory takes.
    producer.poll(Duration::from_secs(2));
    let (start, end) = world.ends("t", 0);
    assert_eq!(start, 0);
    assert!(end * 1_000 <= MEMORY as i64, "{end} records");
    assert!(end * 1_000 >= MEMORY as i64 / 4, "{end} records");
    let mut found = Vec::new();
    wait_until("everything is read", || {
        producer.poll(Duration::ZERO);
        found.extend(read_to_end(&reader));
        commit(&reader, found.len() as i64);
        found.len() as i64 == RECORDS
    });
    let expected: Vec<(i64, String)> = (0..).zip(records(0..RECORDS)).collect();
    assert!(found == expected, "each once and in order");
    producer.flush(PATIENCE).unwrap();
}

#[test]
fn what_nobody_reads_holds_nobody_up() {
    let world = World::with_memory(MEMORY);
    world.make("read", 1);
    world.make("unread", 1);
    let producer = idempotent(&world);
    let reader = world.reader("unread", 0, Offset::Beginning);
    let mut list = TopicPartitionList::new();
    list.add_partition_offset("unread", 0, Offset::Offset(0))
        .unwrap();
    reader.commit(&list, CommitMode::Sync).unwrap();
    send(&producer, "unread", 0, records(0..RECORDS));
    producer.poll(Duration::from_secs(1));
    let other = idempotent(&world);
    send(&other, "read", 0, records(0..1_000));
    other.flush(Duration::from_secs(5)).unwrap();
    assert_eq!(world.ends("read", 0), (0, 1_000));
}

#[test]
fn a_topic_that_no_group_reads_makes_room_when_another_is_read() {
    let world = World::with_memory(MEMORY);
    world.make("output", 1);
    world.make("input", 1);
    let producer = idempotent(&world);
    send(&producer, "output", 0, records(0..6_000));
    producer.poll(Duration::from_secs(12));
    // The reader of both may still be on its way.
    assert_eq!(world.ends("output", 0).0, 0);
    let member = member(&world, "input");
    wait_until("there is a reader", || {
        drop(member.poll(Duration::from_millis(50)));
        member.assignment().unwrap().count() == 1
    });
    producer.flush(PATIENCE).unwrap();
    let (start, end) = world.ends("output", 0);
    assert_eq!(end, 6_000);
    assert!(start > 0 && (end - start) * 1_000 <= MEMORY as i64);
}

#[test]
fn a_reader_that_comes_late_finds_everything() {
    let world = World::with_memory(MEMORY);
    world.make("t", 1);
    let producer = idempotent(&world);
    send(&producer, "t", 0, records(0..RECORDS));
    producer.poll(Duration::from_secs(12));
    let member = member(&world, "t");
    let mut found = 0;
    wait_until("everything is read", || {
        producer.poll(Duration::ZERO);
        while let Some(message) = member.poll(Duration::from_millis(50)) {
            assert_eq!(message.unwrap().offset(), found, "none is missing");
            found += 1;
            if found % 1_000 == 0 {
                member.commit_consumer_state(CommitMode::Async).unwrap();
            }
        }
        found == RECORDS
    });
}

fn member(world: &World, topic: &str) -> BaseConsumer {
    let consumer: BaseConsumer = world
        .config()
        .set("group.id", "members")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .create()
        .unwrap();
    consumer.subscribe(&[topic]).unwrap();
    consumer
}

#[test]
fn a_topic_keeps_what_it_says() {
    let world = World::new();
    world.make_with("short", 1, &[("retention.ms", "500")]);
    world.make_with("small", 1, &[("retention.bytes", "100000")]);
    world.send("short", 0, records(0..10));
    for first in (0..1_000).step_by(100) {
        world.send("small", 0, records(first..first + 100));
    }
    wait_until("what is old goes", || world.ends("short", 0) == (10, 10));
    wait_until("what is too much goes", || world.ends("small", 0).0 >= 800);
    let (start, end) = world.ends("small", 0);
    assert!(end - start >= 90, "{start}..{end}");
}
