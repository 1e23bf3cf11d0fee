//! Dead letters are sent once, whatever happens between deciding and sending.

use std::collections::BTreeMap;

use sensorstream_ledger::shard::{
    self, FIRST_STAGE, Owner, ShardKey, ShardState,
    dead_letters::{self, PendingDeadLetter},
};
use sensorstream_oracle::Record;

use crate::world::{World, good, scenario};

const BAD: &[u8] = b"no JSON";

fn key(world: &World) -> ShardKey {
    ShardKey {
        pipeline: world.config.pipeline.to_string(),
        stage: FIRST_STAGE,
        incarnation: world.incarnation(),
        partition: 0,
    }
}

fn pending(offset: i64) -> PendingDeadLetter {
    PendingDeadLetter {
        offset,
        reason: "not_json".into(),
        detail: "as decided".into(),
    }
}

/// What an owner leaves behind that dies between the commit in PostgreSQL and sending.
async fn decided_and_not_sent(world: &World, count: i64, offsets: &[i64]) {
    let mut connection = world.pool.acquire().await.unwrap();
    let taken = shard::take_over(
        &mut connection,
        &key(world),
        &world.topic(),
        Owner {
            pod: "dead",
            revision: 0,
        },
        0,
    )
    .await
    .unwrap()
    .expect("no later revision has it");
    let to = ShardState {
        next_offset: count,
        records_read: count,
        dead_lettered: BTreeMap::from([("not_json".into(), count)]),
        ..ShardState::default()
    };
    assert!(
        shard::swap(
            &mut connection,
            &key(world),
            taken.epoch,
            0,
            &to,
            true,
            None
        )
        .await
        .unwrap()
    );
    let letters: Vec<_> = offsets.iter().copied().map(pending).collect();
    dead_letters::insert(&mut connection, &key(world), &letters)
        .await
        .unwrap();
}

#[test]
fn what_a_dead_owner_decided_is_sent_by_the_next() {
    scenario("decided", 1, async |world| {
        world.send(0, vec![BAD; 1_200]);
        decided_and_not_sent(&world, 1_200, &(0..1_200).collect::<Vec<_>>()).await;
        world.send(0, [good(0)]);
        let running = world.start();
        world.caught_up().await;
        running.stop().await;
        assert_eq!(
            world
                .assert_exactly_once(&BTreeMap::from([(0, 1_201)]))
                .await,
            (1, 1_200)
        );
        assert!(world.letters().iter().all(|letter| {
            letter.header("sensorstream-detail") == Some("as decided")
                && letter.value.as_deref() == Some(BAD)
        }));
        world
    });
}

#[test]
fn what_a_dead_owner_sent_is_not_sent_again() {
    scenario("sent", 1, async |world| {
        world.send(0, vec![BAD; 20]);
        let running = world.start();
        world.caught_up().await;
        running.stop().await;
        // As if the owner had died after Kafka's commit, before it forgot the decisions.
        let mut connection = world.pool.acquire().await.unwrap();
        let letters: Vec<_> = (10..20).map(pending).collect();
        dead_letters::insert(&mut connection, &key(&world), &letters)
            .await
            .unwrap();
        drop(connection);
        let running = world.start();
        world.caught_up().await;
        world.send(0, [BAD]);
        world.caught_up().await;
        running.stop().await;
        assert_eq!(
            world.assert_exactly_once(&BTreeMap::from([(0, 21)])).await,
            (0, 21)
        );
        world
    });
}

#[test]
fn a_record_that_is_gone_leaves_a_dead_letter_that_says_so() {
    scenario("gone", 1, async |world| {
        world.send(0, vec![BAD; 10]);
        decided_and_not_sent(&world, 10, &[2, 7]).await;
        world.delete_records(0, 5).await;
        let running = world.start();
        world.caught_up().await;
        running.stop().await;
        let letters = world.letters();
        let lost = |index: usize| letters[index].header("sensorstream-record-lost");
        assert_eq!((letters.len(), lost(0), lost(1)), (2, Some("true"), None));
        assert_eq!((letters[0].source(), letters[1].source()), ((0, 2), (0, 7)));
        assert_eq!(
            (letters[0].value.as_deref(), letters[1].value.as_deref()),
            (None, Some(BAD))
        );
        world
    });
}

#[test]
fn a_missing_dead_letter_topic_is_shown_and_waited_for() {
    scenario("blocked", 1, async |world| {
        world.delete_topic(&world.letters_topic()).await;
        world.send(0, [good(0), BAD.to_vec()]);
        let running = world.start();
        world
            .wait("the sink shows as blocked", async |world| {
                let figures = world.figures().await;
                figures
                    .iter()
                    .flat_map(|shard| &shard.blocked)
                    .any(|blocked| {
                        blocked.sink == "dead-letter" && blocked.error.contains("does not exist")
                    })
            })
            .await;
        // Readings go on as far as memory allows.
        assert_eq!(world.rows().await, [(0, 0)]);
        world.make_topic(&world.letters_topic(), 1, &[]).await;
        world.caught_up().await;
        world
            .wait("the sink no longer shows as blocked", async |world| {
                world
                    .figures()
                    .await
                    .iter()
                    .all(|shard| shard.blocked.is_empty())
            })
            .await;
        running.stop().await;
        assert_eq!(world.letters().len(), 1);
        world
    });
}

#[test]
fn a_dead_letter_too_large_for_its_topic_is_cut() {
    scenario("cut", 1, async |world| {
        world.delete_topic(&world.letters_topic()).await;
        world
            .make_topic(&world.letters_topic(), 1, &[("max.message.bytes", "2000")])
            .await;
        world.send(0, [vec![b'x'; 5_000]]);
        let running = world.start();
        world.caught_up().await;
        running.stop().await;
        let letter = world.letters().remove(0);
        assert_eq!(letter.header("sensorstream-truncated-from"), Some("5000"));
        let length = letter.value.unwrap().len();
        assert!((500..2_000).contains(&length), "{length}");
        world
    });
}

#[test]
fn what_the_table_refuses_is_a_dead_letter_and_holds_nothing_up() {
    scenario("refused", 1, async |world| {
        sqlx::raw_sql(
            "ALTER TABLE readings.sensor_data ADD CHECK (count % 100 <> 17);
             ALTER TABLE readings.sensor_data
               ADD CONSTRAINT once UNIQUE (count) DEFERRABLE INITIALLY DEFERRED",
        )
        .execute(&world.pool)
        .await
        .unwrap();
        world.send(
            0,
            (0..3_000).map(good).chain([b"no JSON".to_vec(), good(5)]),
        );
        let running = world.start();
        world.caught_up().await;
        running.stop().await;
        let (_, letters) = world
            .assert_exactly_once(&BTreeMap::from([(0, 3_002)]))
            .await;
        // Thirty by the check, one by the deferred constraint, one that is no JSON.
        assert_eq!(letters, 32);
        let count_of = |reason| {
            let is = move |letter: &&Record| letter.header("sensorstream-reason") == Some(reason);
            world.letters().iter().filter(is).count()
        };
        assert_eq!(
            (count_of("rejected_by_sink"), count_of("not_json")),
            (31, 1)
        );
        world
    });
}
