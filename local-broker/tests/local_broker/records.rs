//! Records go in and come out.

use std::time::{Duration, Instant};

use rdkafka::{
    Message, Offset, Timestamp,
    consumer::{BaseConsumer, Consumer},
    error::RDKafkaErrorCode,
    producer::{BaseProducer, BaseRecord, Producer},
};
use sensorstream_broker::topics::describe;

use super::world::{
    Fates, PATIENCE, World, at_their_offsets, first_error, numbers, read_to_end, send, wait_until,
};

#[test]
fn what_is_produced_is_consumed_in_order_from_any_offset() {
    let world = World::new();
    world.make("t", 2);
    world.send("t", 1, numbers(0..5_000));
    assert_eq!(world.ends("t", 1), (0, 5_000));
    assert_eq!(world.ends("t", 0), (0, 0));
    // In the middle of batches, too.
    for from in [0, 1, 17, 2_500, 4_999, 5_000] {
        let found = world.read("t", 1, Offset::Offset(from));
        assert_eq!(found, at_their_offsets(from..5_000), "from {from}");
    }
    assert_eq!(world.read("t", 0, Offset::Beginning), []);
}

#[test]
fn compressed_batches_pass_through() {
    let world = World::new();
    world.make("t", 1);
    let producer: BaseProducer = world
        .config()
        .set("compression.codec", "zstd")
        .set("linger.ms", "50")
        .create()
        .unwrap();
    send(&producer, "t", 0, numbers(0..1_000));
    producer.flush(PATIENCE).unwrap();
    let found = world.read("t", 0, Offset::Offset(500));
    assert_eq!(found, at_their_offsets(500..1_000));
}

#[test]
fn a_waiting_consumer_gets_a_record_at_once() {
    let world = World::new();
    world.make("t", 1);
    let consumer: BaseConsumer = world
        .config()
        .set("group.id", "g")
        .set("fetch.wait.max.ms", "5000")
        .create()
        .unwrap();
    let mut list = rdkafka::TopicPartitionList::new();
    list.add_partition_offset("t", 0, Offset::Beginning)
        .unwrap();
    consumer.assign(&list).unwrap();
    assert!(consumer.poll(Duration::from_secs(1)).is_none());
    let producer: BaseProducer = world.config().set("linger.ms", "0").create().unwrap();
    send(&producer, "t", 0, numbers(0..1));
    producer.flush(PATIENCE).unwrap();
    let sent_at = Instant::now();
    consumer.poll(PATIENCE).unwrap().unwrap();
    assert!(
        sent_at.elapsed() < Duration::from_secs(2),
        "{:?}",
        sent_at.elapsed()
    );
}

#[test]
fn many_producers_of_one_partition_lose_nothing() {
    let world = World::new();
    world.make("t", 1);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let producer: BaseProducer = world
                    .config()
                    .set("enable.idempotence", "true")
                    .create()
                    .unwrap();
                send(&producer, "t", 0, numbers(0..2_000));
                producer.flush(PATIENCE).unwrap();
            });
        }
    });
    let found = world.read("t", 0, Offset::Beginning);
    let offsets: Vec<i64> = found.iter().map(|(offset, _)| *offset).collect();
    assert_eq!(offsets, (0..16_000).collect::<Vec<_>>());
    for number in 0..2_000 {
        let value = number.to_string();
        assert_eq!(found.iter().filter(|(_, one)| *one == value).count(), 8);
    }
}

#[test]
fn records_have_their_own_time_or_that_of_appending() {
    let world = World::new();
    world.make("own", 1);
    world.make_with(
        "appended",
        1,
        &[("message.timestamp.type", "LogAppendTime")],
    );
    let producer: BaseProducer = world.config().create().unwrap();
    for topic in ["own", "appended"] {
        let record = BaseRecord::<(), str>::to(topic)
            .payload("x")
            .timestamp(1_000);
        producer.send(record).unwrap();
    }
    producer.flush(PATIENCE).unwrap();
    let time_of = |topic| {
        let reader = world.reader(topic, 0, Offset::Beginning);
        loop {
            if let Some(Ok(message)) = reader.poll(PATIENCE) {
                return message.timestamp();
            }
        }
    };
    assert_eq!(time_of("own"), Timestamp::CreateTime(1_000));
    let Timestamp::LogAppendTime(time) = time_of("appended") else {
        panic!("{:?}", time_of("appended"))
    };
    assert!(time > 1_700_000_000_000);
    let reader = world.reader("own", 0, Offset::Beginning);
    let mut asked = rdkafka::TopicPartitionList::new();
    asked
        .add_partition_offset("own", 0, Offset::Offset(999))
        .unwrap();
    let found = reader.offsets_for_times(asked, PATIENCE).unwrap();
    assert_eq!(found.elements()[0].offset(), Offset::Offset(0));
}

#[test]
fn deleted_records_are_gone_and_those_who_want_them_are_told() {
    let world = World::new();
    world.make("t", 1);
    world.send("t", 0, numbers(0..100));
    world.delete_records("t", 0, Offset::Offset(42));
    assert_eq!(world.ends("t", 0), (42, 100));
    assert_eq!(
        world.read("t", 0, Offset::Beginning),
        at_their_offsets(42..100)
    );
    for beyond in [41, 101] {
        let reader = world.reader("t", 0, Offset::Offset(beyond));
        assert_eq!(
            first_error(&reader),
            Some(RDKafkaErrorCode::AutoOffsetReset),
            "{beyond}"
        );
    }
    world.delete_records("t", 0, Offset::End);
    assert_eq!(world.ends("t", 0), (100, 100));
}

#[test]
fn a_topic_made_anew_is_another_one() {
    let world = World::new();
    let client: BaseConsumer = world.config().create().unwrap();
    let id = || {
        describe(client.client(), &["t"], PATIENCE).unwrap()["t"]
            .id
            .clone()
    };
    world.make("t", 1);
    world.send("t", 0, numbers(0..100));
    let before = id();
    let reader = world.reader("t", 0, Offset::Beginning);
    assert_eq!(read_to_end(&reader).len(), 100);
    world.delete("t");
    assert!(
        describe(client.client(), &["t"], PATIENCE)
            .unwrap()
            .is_empty()
    );
    world.make("t", 1);
    assert_ne!(id(), before);
    world.send("t", 0, numbers(0..10));
    assert_eq!(
        world.read("t", 0, Offset::Beginning),
        at_their_offsets(0..10)
    );
    // Who goes on where it stood finds that there is no such offset.
    wait_until("the reader is told", || first_error(&reader).is_some());
}

#[test]
fn a_message_that_is_too_large_is_refused() {
    let world = World::new();
    world.make_with("t", 1, &[("max.message.bytes", "1000")]);
    let producer: BaseProducer<Fates> = world
        .config()
        .create_with_context(Fates::default())
        .unwrap();
    send(&producer, "t", 0, ["x".repeat(2_000)]);
    producer.flush(PATIENCE).unwrap();
    let fates = producer.context().0.lock().unwrap().clone();
    assert_eq!(fates, [Err(RDKafkaErrorCode::MessageSizeTooLarge)]);
    world.send("t", 0, ["x".repeat(500)]);
    assert_eq!(world.ends("t", 0), (0, 1));
}

#[test]
fn a_producer_that_wants_no_answer_gets_none() {
    let world = World::new();
    world.make("t", 1);
    let producer: BaseProducer = world.config().set("acks", "0").create().unwrap();
    send(&producer, "t", 0, numbers(0..100));
    producer.flush(PATIENCE).unwrap();
    wait_until("the records are there", || world.ends("t", 0) == (0, 100));
}
