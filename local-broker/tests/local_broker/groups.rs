//! Consumer groups share partitions, and take over from each other.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer},
    producer::{BaseProducer, Producer},
    topic_partition_list::TopicPartitionListElem,
};

use super::world::{PATIENCE, World, numbers, send, wait_until};

fn member(world: &World, instance: Option<&str>, strategy: &str) -> BaseConsumer {
    let mut config = world.config();
    if let Some(instance) = instance {
        config.set("group.instance.id", instance);
    }
    let consumer: BaseConsumer = config
        .set("group.id", "g")
        .set("partition.assignment.strategy", strategy)
        .set("session.timeout.ms", "6000")
        .set("heartbeat.interval.ms", "200")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .create()
        .unwrap();
    consumer.subscribe(&["t"]).unwrap();
    consumer
}

fn partitions(consumer: &BaseConsumer) -> BTreeSet<i32> {
    let assigned = consumer.assignment().unwrap();
    assigned
        .elements()
        .iter()
        .map(TopicPartitionListElem::partition)
        .collect()
}

/// Whether the members have all partitions, each one of them, as many as there are to each.
fn share(members: &[&BaseConsumer], all: i32) -> bool {
    for member in members {
        drop(member.poll(Duration::from_millis(20)));
    }
    let parts: Vec<_> = members.iter().map(|member| partitions(member)).collect();
    let count: usize = parts.iter().map(BTreeSet::len).sum();
    let together: BTreeSet<i32> = parts.iter().flatten().copied().collect();
    count == all as usize
        && together.len() == count
        && parts.iter().all(|part| part.len() >= count / members.len())
}

#[test]
fn members_share_the_partitions_anew_when_one_comes_or_goes() {
    for strategy in ["range", "cooperative-sticky"] {
        let world = World::new();
        world.make("t", 6);
        let started = Instant::now();
        let first = member(&world, None, strategy);
        wait_until("one has all", || share(&[&first], 6));
        assert!(
            started.elapsed() < Duration::from_secs(3),
            "{:?}",
            started.elapsed()
        );
        let second = member(&world, None, strategy);
        let third = member(&world, None, strategy);
        wait_until("three share", || share(&[&first, &second, &third], 6));
        drop(second);
        wait_until("two share", || share(&[&first, &third], 6));
    }
}

#[test]
fn a_static_member_that_comes_back_gets_its_part_at_once() {
    let world = World::new();
    world.make("t", 4);
    let first = member(&world, Some("one"), "cooperative-sticky");
    let second = member(&world, Some("two"), "cooperative-sticky");
    wait_until("two share", || share(&[&first, &second], 4));
    let before = partitions(&second);
    drop(second);
    let started = Instant::now();
    let second = member(&world, Some("two"), "cooperative-sticky");
    wait_until("it is back", || share(&[&first, &second], 4));
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(partitions(&second), before);
}

#[test]
fn a_static_member_whose_twin_appears_is_fenced() {
    let world = World::new();
    world.make("t", 1);
    let first = member(&world, Some("one"), "range");
    wait_until("it has all", || share(&[&first], 1));
    let second = member(&world, Some("one"), "range");
    wait_until("the twin has all", || share(&[&second], 1));
    wait_until("the first is told", || {
        drop(second.poll(Duration::ZERO));
        first
            .poll(Duration::from_millis(50))
            .is_some_and(|told| told.is_err())
    });
}

#[test]
fn a_group_goes_on_where_it_committed() {
    let world = World::new();
    world.make("t", 1);
    world.send("t", 0, numbers(0..100));
    let first = member(&world, None, "range");
    let mut seen = Vec::new();
    while seen.len() < 40 {
        if let Some(message) = first.poll(PATIENCE) {
            seen.push(message.unwrap().offset());
        }
    }
    let mut list = TopicPartitionList::new();
    {
        let mut element = list.add_partition("t", 0);
        element.set_offset(Offset::Offset(40)).unwrap();
        element.set_metadata("forty");
    }
    first.commit(&list, CommitMode::Sync).unwrap();
    let mut asked = TopicPartitionList::new();
    asked.add_partition("t", 0);
    let told = first.committed_offsets(asked, PATIENCE).unwrap();
    assert_eq!(told.elements()[0].offset(), Offset::Offset(40));
    assert_eq!(told.elements()[0].metadata(), "forty");
    drop(first);
    let second = member(&world, None, "range");
    let mut next = None;
    wait_until("there is a record", || {
        next = second.poll(Duration::from_millis(100));
        next.is_some()
    });
    assert_eq!(next.unwrap().unwrap().offset(), 40);
}

#[test]
fn fifty_consumers_share_a_hundred_partitions() {
    const MEMBERS: usize = 50;
    let world = World::new();
    world.make("t", 100);
    let stop = AtomicBool::new(false);
    let parts = Mutex::new(vec![BTreeSet::new(); MEMBERS]);
    let seen = Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        for number in 0..MEMBERS {
            let (world, stop, parts, seen) = (&world, &stop, &parts, &seen);
            scope.spawn(move || {
                let consumer = member(world, None, "range");
                while !stop.load(Ordering::Relaxed) {
                    if let Some(Ok(message)) = consumer.poll(Duration::from_millis(50)) {
                        seen.lock().unwrap().insert(message.partition());
                    }
                    parts.lock().unwrap()[number] = partitions(&consumer);
                }
            });
        }
        let outcome = std::panic::catch_unwind(|| {
            wait_until("each has two", || {
                let parts = parts.lock().unwrap();
                let together: BTreeSet<i32> = parts.iter().flatten().copied().collect();
                together.len() == 100 && parts.iter().all(|part| part.len() == 2)
            });
            let producer: BaseProducer = world.config().create().unwrap();
            for partition in 0..100 {
                send(&producer, "t", partition, numbers(0..1));
            }
            producer.flush(PATIENCE).unwrap();
            wait_until("all is read", || seen.lock().unwrap().len() == 100);
        });
        stop.store(true, Ordering::Relaxed);
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    });
}
