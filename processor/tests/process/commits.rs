//! One commit by itself: repeated, and under an epoch that has passed.

use std::{str::FromStr, sync::Arc, time::Duration};

use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};
use sensorstream_broker::partition_queue::{PartitionQueue, Polled};
use sensorstream_engine::{Engine, Plan};
use sensorstream_ledger::shard::{self, FIRST_STAGE, Owner, ShardKey};
use sensorstream_processor::process::{
    batch::Batch,
    commit::{self, CommitError, Outcome, Refused, Target},
    computation::Computation as _,
    copy_binary,
    decide::{Decider, Products},
    decode::Decoder,
    incarnation::{Incarnation, IncarnationError},
};
use sqlx::ConnectOptions;

use crate::world::{World, mixed, scenario};

/// A batch of the topic's first records.
fn batch(world: &World, decoder: &Arc<Decoder>, records: usize) -> Batch {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &world.config.kafka.bootstrap_servers)
        .set("group.id", "tests.batch")
        .create()
        .unwrap();
    let consumer = Arc::new(consumer);
    let mut queue = PartitionQueue::split(&consumer, &world.topic(), 0).unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&world.topic(), 0, Offset::Offset(0))
        .unwrap();
    consumer.assign(&list).unwrap();
    let plan = Arc::new(Plan::compile(&world.config.input, &[], &[]).unwrap());
    let products = Arc::new(Products {
        table: true,
        enriched: false,
        alerts: None,
        linked: false,
    });
    let engine = Engine::new(Arc::clone(&plan), None, &[], 0);
    let mut deciding = Decider::new(0, Arc::clone(decoder), plan, products, engine);
    let mut batch = Batch::starting_at(0);
    queue.consume(Duration::from_secs(30), records, |polled| match polled {
        Polled::Record(record) => deciding.decide(&record, &mut batch).unwrap(),
        other => panic!("{other:?}"),
    });
    assert_eq!(batch.records(), records);
    batch
}

#[test]
fn repeated_it_counts_once_and_of_a_former_owner_not_at_all() {
    scenario("commits", 1, async |world| {
        world.send(0, mixed(0..100));
        let decoder = Arc::new(Decoder::new(&world.config.input));
        let batch = batch(&world, &decoder, 100);
        let key = ShardKey {
            pipeline: world.config.pipeline.to_string(),
            stage: FIRST_STAGE,
            incarnation: world.incarnation(),
            partition: 0,
        };
        let kafka: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &world.config.kafka.bootstrap_servers)
            .create()
            .unwrap();
        let kafka = Arc::new(kafka);
        let topic = Incarnation::new(Arc::clone(&kafka), &world.topic(), &key.incarnation);
        let copy = copy_binary::statement("readings", "sensor_data", decoder.columns());
        let connect = || sqlx::postgres::PgConnectOptions::from_str(&world.uri).unwrap();
        let mut first = connect().connect().await.unwrap();
        let mut second = connect().connect().await.unwrap();

        let taken = shard::take_over(
            &mut first,
            &key,
            &world.topic(),
            Owner {
                pod: "first",
                revision: 1,
            },
            0,
        )
        .await
        .unwrap()
        .expect("no later revision has it");
        let to = commit::state_after(&taken.state, &batch, &Refused::new(), 0);
        let target = Target {
            key: &key,
            epoch: taken.epoch,
            copy: Some(&copy),
            windows: &[],
            sent_below: None,
        };
        let none = Refused::new();

        // The topic is no longer the one that was read: nothing is written.
        let other = Incarnation::new(kafka, &world.topic(), "another");
        let error = commit::attempt(&mut first, target, &batch, &none, &to, &other).await;
        assert!(matches!(
            error,
            Err(CommitError::Topic(IncarnationError::Replaced(_)))
        ));
        assert_eq!(world.rows().await.len(), 0);

        let mut attempt = async || {
            commit::attempt(&mut first, target, &batch, &none, &to, &topic)
                .await
                .unwrap()
        };
        assert_eq!(attempt().await, Outcome::Committed { rows_of_others: 0 });
        // As if the answer to the first attempt had been lost.
        assert_eq!(attempt().await, Outcome::Committed { rows_of_others: 0 });
        assert_eq!(world.rows().await.len(), 90);

        let taken = shard::take_over(
            &mut second,
            &key,
            &world.topic(),
            Owner {
                pod: "second",
                revision: 1,
            },
            0,
        )
        .await
        .unwrap()
        .expect("no later revision has it");
        assert_eq!(taken.state, to);
        assert_eq!(attempt().await, Outcome::Stale);
        assert_eq!(world.rows().await.len(), 90);

        // Nor does one that runs an earlier plan get it.
        let earlier = Owner {
            pod: "third",
            revision: 0,
        };
        let refused = shard::take_over(&mut first, &key, &world.topic(), earlier, 0)
            .await
            .unwrap();
        assert_eq!(refused, None);
        let letters = shard::dead_letters::page(&mut second, &key, 0, i64::MAX, 1_000)
            .await
            .unwrap();
        assert_eq!(letters.len(), 10);
        assert!(
            !shard::dead_letters::settle(&mut first, &key, taken.epoch - 1, 100)
                .await
                .unwrap()
        );
        world
    });
}
