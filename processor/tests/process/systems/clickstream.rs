//! The clickstream: page views and active visitors over all partitions, sessions of each visitor.

use std::collections::BTreeSet;

use rand::{SeedableRng, rngs::StdRng};
use serde_json::json;

use super::{
    clicks::{self, Visitors},
    oracle, send_through_kills,
};
use crate::world::{Found, LINK_PARTITIONS, Running, Spec, World, scenario_of};

const PARTITIONS: i32 = 3;

fn clickstream(topic: &str) -> Spec {
    Spec {
        // No partition is idle for an hour here.
        input: clicks::input(topic, "2m", "1h"),
        windows: json!([
            { "name": "page_view_counts", "tumbling": { "size": "1m" },
              "where": "event_type == \"page_view\"", "groupBy": ["page_url"],
              "onLate": "DeadLetter",
              "aggregates": [{ "as": "view_count", "count": {} }] },
            { "name": "active_users", "sliding": { "size": "5m", "slide": "1m" },
              "aggregates": [{ "as": "active_users_count", "countDistinct": { "field": "user_id" } },
                             { "as": "last_page", "last": { "field": "page_url" } }] },
            { "name": "user_sessions", "groupBy": ["user_id"],
              "session": { "gap": "5m", "columns": { "start": "session_start_time",
                "end": "session_end_time", "duration": "session_duration_seconds" } } },
            { "name": "page_sessions", "groupBy": ["page_url", "event_type"],
              "session": { "gap": "3s" }, "aggregates": [{ "as": "events", "count": {} }] },
            { "name": "closed_minutes", "tumbling": { "size": "1m" }, "emit": { "mode": "OnClose" },
              "allowedLateness": "1m", "aggregates": [{ "as": "events", "count": {} }] },
        ]),
        rules: json!([]),
        outputs: json!({
            "enriched": { "topic": { "name": format!("{topic}.enriched") } },
            "deadLetter": { "topic": { "name": format!("{topic}.dead-letter") } },
        }),
    }
}

/// Sessions of groups with a gap, in seconds: the readings that were not too late, in the order of their
/// times; a pause longer than the gap begins another.
fn sessions(groups: &str, gap: i64, columns: &str) -> String {
    format!(
        "WITH taken AS (
             SELECT * FROM oracle.readings
              WHERE watermark IS NULL OR ts + interval '{gap} seconds' > watermark
         ), begun AS (
             SELECT *, coalesce(ts - lag(ts) OVER w > interval '{gap} seconds', true)::integer AS begins
               FROM taken WINDOW w AS (PARTITION BY {groups} ORDER BY ts)
         ), numbered AS (
             SELECT *, sum(begins) OVER (PARTITION BY {groups} ORDER BY ts) AS session FROM begun
         )
         SELECT {columns} FROM numbered GROUP BY {groups}, session"
    )
}

/// Asserts that every table and topic holds what the oracle says, the topics once what runs has sent
/// everything and stopped.
async fn assert_as_the_oracle_says(world: &World, running: Running) {
    oracle::load(world, clicks::READING, "2 minutes").await;
    let pool = &world.pool;
    let expected = "
        SELECT date_bin('1 minute', ts, 'epoch') AS start,
               date_bin('1 minute', ts, 'epoch') + interval '1 minute', page, count(*)
          FROM oracle.readings
         WHERE kind = 'page_view'
           AND (watermark IS NULL OR date_bin('1 minute', ts, 'epoch') + interval '1 minute' > watermark)
         GROUP BY 1, 2, 3";
    let found = "SELECT window_start, window_end, page_url, view_count
                   FROM readings.page_view_counts";
    oracle::assert_same(pool, "page_view_counts", expected, found).await;

    let expected = "
        SELECT start, start + interval '5 minutes', count(DISTINCT visitor),
               (array_agg(page ORDER BY ts DESC, partition DESC, off DESC))[1]
          FROM oracle.readings r,
               LATERAL (SELECT date_bin('1 minute', r.ts, 'epoch') AS newest) n,
               LATERAL generate_series(n.newest - interval '4 minutes', n.newest,
                                       interval '1 minute') AS start
         WHERE watermark IS NULL OR start + interval '5 minutes' > watermark
         GROUP BY start";
    let found = "SELECT window_start, window_end, active_users_count, last_page
                   FROM readings.active_users";
    oracle::assert_same(pool, "active_users", expected, found).await;

    let expected = sessions(
        "visitor",
        300,
        "visitor, min(ts), max(ts) + interval '5 minutes',
         floor(extract(epoch FROM max(ts) + interval '5 minutes' - min(ts)))::bigint",
    );
    let found = "SELECT user_id, session_start_time, session_end_time, session_duration_seconds
                   FROM readings.user_sessions";
    oracle::assert_same(pool, "user_sessions", &expected, found).await;

    let columns = "page, kind, min(ts), max(ts) + interval '3 seconds', count(*)";
    let expected = sessions("page, kind", 3, columns);
    let found = "SELECT page_url, event_type, session_start, session_end, events
                   FROM readings.page_sessions";
    oracle::assert_same(pool, "page_sessions", &expected, found).await;

    // Those that the least watermark of all partitions has passed.
    let expected = "
        SELECT * FROM (
            SELECT date_bin('1 minute', ts, 'epoch') AS start, count(*) FROM oracle.readings
             WHERE watermark IS NULL
                OR date_bin('1 minute', ts, 'epoch') + interval '2 minutes' > watermark
             GROUP BY 1) x
         WHERE start + interval '2 minutes' <=
               (SELECT min(watermark) FROM (SELECT max(ts) - interval '2 minutes' AS watermark
                                              FROM oracle.readings GROUP BY partition) w)";
    let found = "SELECT window_start, events FROM readings.closed_minutes";
    oracle::assert_same(pool, "closed_minutes", expected, found).await;

    running.stop().await;
    let letters: Vec<(i32, i64)> = world.letters().iter().map(Found::source).collect();
    let unique: BTreeSet<(i32, i64)> = letters.iter().copied().collect();
    assert_eq!(letters.len(), unique.len(), "one dead letter an offset");
    let expected: Vec<(i32, i64)> = sqlx::query_as(
        "SELECT partition, off FROM oracle.raw r
          WHERE NOT EXISTS (SELECT FROM oracle.readings x
                             WHERE (x.partition, x.off) = (r.partition, r.off))
         UNION ALL
         SELECT partition, off FROM oracle.readings
          WHERE kind = 'page_view'
            AND date_bin('1 minute', ts, 'epoch') + interval '1 minute' <= watermark
         ORDER BY 1, 2",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert_eq!(unique.into_iter().collect::<Vec<_>>(), expected);

    assert_accounts(world).await;
}

/// Whatever is offered to a window is counted in its rows or late.
async fn assert_accounts(world: &World) {
    let (offered, late): (i64, i64) = sqlx::query_as(
        "SELECT sum((windows->'page_view_counts'->>'offered')::bigint)::bigint,
                sum((windows->'page_view_counts'->>'late')::bigint)::bigint
           FROM sensorstream.shards",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    let counted: i64 =
        sqlx::query_scalar("SELECT sum(view_count)::bigint FROM readings.page_view_counts")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    assert_eq!(offered, counted + late);
    assert!(late > 0, "some readings are late");
    for shard in world.figures().await {
        let dead: i64 = shard.dead_lettered.values().sum();
        assert_eq!(shard.records_read, shard.accepted + dead, "{shard:?}");
    }
}

#[test]
fn windows_over_partitions_are_as_the_oracle_says() {
    scenario_of(clickstream, "clicks", PARTITIONS, async |world| {
        let mut visitors = Visitors::new(1);
        let running = world.start();
        for _ in 0..10 {
            visitors.send(&world, 3_000);
        }
        world.caught_up().await;
        assert_as_the_oracle_says(&world, running).await;
        world
    });
}

#[test]
fn windows_over_partitions_survive_kills_at_random_moments() {
    scenario_of(clickstream, "clicks-killed", PARTITIONS, async |world| {
        let (mut visitors, mut chance) = (Visitors::new(2), StdRng::seed_from_u64(2));
        let send = |world: &World| visitors.send(world, 1_500);
        send_through_kills(&world, 1, &mut chance, send).await;
        let running = world.start();
        world.caught_up().await;
        assert_as_the_oracle_says(&world, running).await;
        world
    });
}

#[test]
fn windows_over_partitions_survive_kills_of_two_and_three() {
    for replicas in [2, 3] {
        let name = if replicas == 2 {
            "clicks-two"
        } else {
            "clicks-three"
        };
        scenario_of(clickstream, name, PARTITIONS, async |world| {
            let mut visitors = Visitors::new(replicas as u64);
            let mut chance = StdRng::seed_from_u64(replicas as u64);
            let send = |world: &World| visitors.send(world, 1_500);
            send_through_kills(&world, replicas, &mut chance, send).await;
            let running = world.start();
            world.caught_up().await;
            assert_as_the_oracle_says(&world, running).await;
            world
        });
    }
}

#[test]
fn three_that_come_and_go_give_what_one_gives() {
    scenario_of(clickstream, "clicks-moved", PARTITIONS, async |world| {
        let mut visitors = Visitors::new(3);
        let first = world.start();
        visitors.send(&world, 4_000);
        let moved = async |world: &World, epochs: i64| {
            let sql = "SELECT sum(epoch)::bigint FROM sensorstream.shards";
            let sum: Option<i64> = sqlx::query_scalar(sql)
                .fetch_one(&world.pool)
                .await
                .unwrap();
            sum.unwrap_or(0) > epochs
        };
        world
            .wait("the first has begun", async |world| moved(world, 0).await)
            .await;
        let second = world.start();
        let third = world.start();
        visitors.send(&world, 4_000);
        let shards = i64::from(PARTITIONS + LINK_PARTITIONS);
        world
            .wait("shards have moved", async |world| {
                moved(world, shards).await
            })
            .await;
        visitors.send(&world, 4_000);
        first.stop().await;
        visitors.send(&world, 4_000);
        world.caught_up().await;
        third.stop().await;
        assert_as_the_oracle_says(&world, second).await;
        world
    });
}
