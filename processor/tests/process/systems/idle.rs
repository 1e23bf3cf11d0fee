//! A partition that has nothing to say does not hold back windows over several partitions.

use jiff::{SignedDuration, Timestamp};
use sensorstream_crds::reason::header;
use sensorstream_oracle::Record;
use serde_json::json;

use crate::world::{Spec, World, example, scenario_of};

fn minutes(topic: &str) -> Spec {
    let mut input = example("clickstream", topic).input;
    input["eventTime"]["maxDelay"] = "0s".into();
    input["eventTime"]["idleAfter"] = "1s".into();
    Spec {
        input,
        windows: json!([
            { "name": "minutes", "tumbling": { "size": "1m" }, "emit": { "mode": "OnClose" },
              "onLate": "DeadLetter", "aggregates": [{ "as": "events", "count": {} }] },
        ]),
        rules: json!([]),
        outputs: json!({ "deadLetter": { "topic": { "name": format!("{topic}.dead-letter") } } }),
    }
}

fn event(time: Timestamp) -> Vec<u8> {
    let event = json!({
        "event_time": format!("{time:.3}"), "user_id": "u", "page_url": "/", "event_type": "click",
    });
    event.to_string().into_bytes()
}

async fn events(world: &World) -> Vec<i64> {
    sqlx::query_scalar("SELECT events FROM readings.minutes ORDER BY window_start")
        .fetch_all(&world.pool)
        .await
        .unwrap()
}

#[test]
fn windows_do_not_wait_for_an_idle_partition() {
    scenario_of(minutes, "idle", 2, async |world| {
        let hour = SignedDuration::from_hours(1).as_secs();
        let begin = (Timestamp::now().as_second() / hour - 1) * hour;
        let at = |second: i64| event(Timestamp::from_second(begin + second).unwrap());
        let running = world.start();
        world.send(0, vec![at(1), at(2), at(61), at(125)]);
        world
            .wait("the minutes before the last are closed", async |world| {
                events(world).await.len() == 2
            })
            .await;
        assert_eq!(events(&world).await, [2, 1]);

        // It speaks after all: of a minute that is over, and of one that is not.
        world.send(1, vec![at(30), at(130)]);
        world.send(0, vec![at(190), at(250)]);
        world
            .wait("the third minute is closed", async |world| {
                events(world).await.len() >= 3
            })
            .await;
        assert_eq!(events(&world).await[..3], [2, 1, 2]);
        world.caught_up().await;
        let letters = world.letters();
        assert_eq!(
            letters.iter().map(Record::source).collect::<Vec<_>>(),
            [(1, 0)]
        );
        assert_eq!(letters[0].header(header::REASON), Some("idle"));
        running.stop().await;
        world
    });
}
