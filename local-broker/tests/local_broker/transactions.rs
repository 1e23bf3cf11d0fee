//! Transactions, as producers put them together and readers see them.

use std::time::Duration;

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::RDKafkaErrorCode,
    producer::Producer,
};

use super::world::{PATIENCE, World, numbers, read_to_end, send, wait_until};

fn offset_at(partition: i32, offset: i64, metadata: &str) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    let mut element = list.add_partition("t", partition);
    element.set_offset(Offset::Offset(offset)).unwrap();
    element.set_metadata(metadata);
    list
}

/// A client named after a group that it is no member of.
fn beside(world: &World, group: &str) -> BaseConsumer {
    world
        .config()
        .set("group.id", group)
        .set("isolation.level", "read_committed")
        .create()
        .unwrap()
}

fn committed(consumer: &BaseConsumer, timeout: Duration) -> Option<(Offset, String)> {
    let mut asked = TopicPartitionList::new();
    asked.add_partition("t", 0);
    let answered = consumer.committed_offsets(asked, timeout).ok()?;
    let element = &answered.elements()[0];
    element.error().ok()?;
    Some((element.offset(), element.metadata().to_owned()))
}

fn values(found: Vec<(i64, String)>) -> Vec<String> {
    found.into_iter().map(|(_, value)| value).collect()
}

#[test]
fn what_is_committed_is_seen_and_what_is_aborted_is_not() {
    let world = World::new();
    world.make("t", 2);
    let producer = world.producer("id");
    for (round, commits) in [(0, true), (1, false), (2, true)] {
        producer.begin_transaction().unwrap();
        for partition in 0..2 {
            send(
                &producer,
                "t",
                partition,
                numbers(round * 10..round * 10 + 5),
            );
        }
        producer.flush(PATIENCE).unwrap();
        if commits {
            producer.commit_transaction(PATIENCE).unwrap();
        } else {
            producer.abort_transaction(PATIENCE).unwrap();
        }
    }
    for partition in 0..2 {
        let found = values(world.read("t", partition, Offset::Beginning));
        let expected: Vec<_> = numbers(0..5).chain(numbers(20..25)).collect();
        assert_eq!(found, expected);
        // Each transaction's end takes an offset.
        assert_eq!(world.ends("t", partition), (0, 18));
    }
    let all = world.reader_with("t", 0, Offset::Beginning, "read_uncommitted");
    assert_eq!(read_to_end(&all).len(), 15);
}

#[test]
fn readers_of_what_is_committed_wait_for_open_transactions() {
    let world = World::new();
    world.make("t", 1);
    let producer = world.producer("id");
    producer.begin_transaction().unwrap();
    send(&producer, "t", 0, ["open".to_owned()]);
    producer.flush(PATIENCE).unwrap();
    world.send("t", 0, ["beside".to_owned()]);
    let reader = world.reader("t", 0, Offset::Beginning);
    assert_eq!(read_to_end(&reader), []);
    producer.commit_transaction(PATIENCE).unwrap();
    let mut found = Vec::new();
    wait_until("both are seen", || {
        found.extend(values(read_to_end(&reader)));
        found == ["open", "beside"]
    });
}

#[test]
fn who_takes_over_fences_and_aborts() {
    let world = World::new();
    world.make("t", 1);
    let former = world.producer("id");
    former.begin_transaction().unwrap();
    send(&former, "t", 0, ["of the former".to_owned()]);
    former.flush(PATIENCE).unwrap();
    let producer = world.producer("id");
    let refused = former.commit_transaction(PATIENCE).unwrap_err();
    assert!(
        matches!(
            refused.rdkafka_error_code(),
            Some(RDKafkaErrorCode::Fenced | RDKafkaErrorCode::ProducerFenced)
        ),
        "{refused}"
    );
    producer.begin_transaction().unwrap();
    send(&producer, "t", 0, ["of the next".to_owned()]);
    producer.commit_transaction(PATIENCE).unwrap();
    assert_eq!(
        values(world.read("t", 0, Offset::Beginning)),
        ["of the next"]
    );
}

#[test]
fn a_transaction_that_takes_too_long_is_aborted() {
    let world = World::new();
    world.make("t", 1);
    let producer: rdkafka::producer::BaseProducer = world
        .config()
        .set("transactional.id", "id")
        .set("transaction.timeout.ms", "1000")
        .set("message.timeout.ms", "1000")
        .create()
        .unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    send(&producer, "t", 0, ["late".to_owned()]);
    producer.flush(PATIENCE).unwrap();
    wait_until("it is aborted", || world.ends("t", 0).1 == 2);
    producer.commit_transaction(PATIENCE).unwrap_err();
    assert_eq!(
        values(world.read("t", 0, Offset::Beginning)),
        <[&str; 0]>::default()
    );
}

#[test]
fn offsets_and_their_metadata_are_part_of_the_transaction() {
    let world = World::new();
    world.make("t", 1);
    let consumer = beside(&world, "cursors");
    let producer = world.producer("id");
    assert_eq!(
        committed(&consumer, PATIENCE),
        Some((Offset::Invalid, String::new()))
    );
    let group = consumer.group_metadata().unwrap();
    for (offset, commits) in [(7, true), (9, false)] {
        producer.begin_transaction().unwrap();
        send(&producer, "t", 0, ["x".to_owned()]);
        let cursor = offset_at(0, offset, &format!("cursor {offset}"));
        producer
            .send_offsets_to_transaction(&cursor, &group, PATIENCE)
            .unwrap();
        producer.flush(PATIENCE).unwrap();
        // Who wants what is stable waits for the end.
        assert_eq!(committed(&consumer, Duration::from_millis(300)), None);
        if commits {
            producer.commit_transaction(PATIENCE).unwrap();
        } else {
            producer.abort_transaction(PATIENCE).unwrap();
        }
        assert_eq!(
            committed(&consumer, PATIENCE),
            Some((Offset::Offset(7), "cursor 7".to_owned()))
        );
    }
}

#[test]
fn a_transaction_may_hold_offsets_only() {
    let world = World::new();
    world.make("t", 1);
    let consumer = beside(&world, "cursors");
    let producer = world.producer("id");
    producer.begin_transaction().unwrap();
    let group = consumer.group_metadata().unwrap();
    producer
        .send_offsets_to_transaction(&offset_at(0, 3, "three"), &group, PATIENCE)
        .unwrap();
    producer.commit_transaction(PATIENCE).unwrap();
    assert_eq!(
        committed(&consumer, PATIENCE),
        Some((Offset::Offset(3), "three".to_owned()))
    );
}

#[test]
fn many_transactions_on_one_partition_do_not_hold_readers_up() {
    let world = World::new();
    world.make("t", 1);
    std::thread::scope(|scope| {
        for writer in 0..4_i64 {
            let world = &world;
            scope.spawn(move || {
                let producer = world.producer(&format!("id-{writer}"));
                for round in 0..20 {
                    producer.begin_transaction().unwrap();
                    let first = writer * 1_000 + round * 10;
                    send(&producer, "t", 0, numbers(first..first + 10));
                    producer.commit_transaction(PATIENCE).unwrap();
                }
            });
        }
        let reader = world.reader("t", 0, Offset::Beginning);
        let mut found = 0;
        wait_until("all are seen", || {
            found += read_to_end(&reader).len();
            found == 800
        });
    });
}
