//! The clickstream: page views and active visitors over all partitions, sessions of each visitor, every
//! event again in a topic and in the lake. Beside what its example has: sessions over all partitions, and
//! windows that close.

use rand::{RngExt, rngs::StdRng};
use sensorstream_oracle::{
    Input, Oracle,
    systems::clickstream::{self, ACTIVE, VIEWS},
    windows::{Sliding, sessions},
};
use serde_json::{Value, json};

use super::{System, with_small_files};
use crate::world::{Spec, World, example};

/// Windows that close a minute late.
const CLOSED: Sliding = Sliding {
    lateness: "1 minute",
    ..Sliding::tumbling("1 minute")
};

/// The clickstream.
pub struct Clickstream;

impl System for Clickstream {
    const NAME: &str = "clickstream";
    const INPUT: &Input = &clickstream::INPUT;
    const PACE_MS: i64 = 50;
    const STRICT: (&str, Sliding) = ("page_view_counts", VIEWS);

    fn spec(topic: &str) -> Spec {
        let mut spec = with_small_files(example(Self::NAME, topic));
        // Whether a partition is idle, a clock has a part in.
        spec.input["eventTime"]["idleAfter"] = "1h".into();
        spec.windows[0]["onLate"] = "DeadLetter".into();
        spec.windows.as_array_mut().unwrap().extend([
            json!({ "name": "last_pages", "sliding": { "size": "5m", "slide": "1m" },
                    "aggregates": [{ "as": "last_page", "last": { "field": "page_url" } }] }),
            json!({ "name": "page_sessions", "groupBy": ["page_url", "event_type"],
                    "session": { "gap": "3s" }, "aggregates": [{ "as": "events", "count": {} }] }),
            json!({ "name": "closed_minutes", "tumbling": { "size": "1m" },
                    "emit": { "mode": "OnClose" }, "allowedLateness": "1m",
                    "aggregates": [{ "as": "events", "count": {} }] }),
        ]);
        spec
    }

    fn event(chance: &mut StdRng, time: &str) -> (usize, Value) {
        // Some visit often, most so rarely that their sessions end.
        let visitor = if chance.random_bool(0.5) {
            chance.random_range(0..20)
        } else {
            chance.random_range(20..900)
        };
        let types = ["page_view", "page_view", "click", "purchase"];
        let event = json!({
            "event_time": time,
            "user_id": format!("user-{visitor:03}"),
            "page_url": format!("/page/{}", chance.random_range(0..30)),
            "event_type": types[chance.random_range(0..4)],
        });
        (visitor, event)
    }

    fn spoil(event: &mut Value, way: u32) {
        match way {
            0 => event["page_url"] = json!(7),
            1 => event["page_url"] = "x".repeat(256).into(),
            2 => event["event_time"] = "yesterday".into(),
            3 => event["user_id"] = json!(null),
            4 => {
                event.as_object_mut().unwrap().remove("event_type");
            }
            _ => {}
        }
    }

    async fn assert_tables(oracle: &Oracle, tables: &str) {
        clickstream::assert_tables(oracle, tables).await;
        let readings = oracle.readings();
        let expected = format!(
            "SELECT window_start,
                    (array_agg(page_url ORDER BY at DESC, partition DESC, off DESC))[1]
               FROM ({}) x GROUP BY 1",
            ACTIVE.taken(&readings)
        );
        let found = format!("SELECT window_start, last_page FROM {tables}.last_pages");
        oracle.assert_same("last_pages", &expected, &found).await;

        let expected = format!(
            "SELECT page_url, event_type, min(at), max(at) + interval '3 seconds', count(*)
               FROM ({}) x GROUP BY page_url, event_type, session",
            sessions(&readings, "page_url, event_type", 3)
        );
        let found = format!(
            "SELECT page_url, event_type, session_start, session_end, events
               FROM {tables}.page_sessions"
        );
        oracle.assert_same("page_sessions", &expected, &found).await;

        // Only those that the least watermark of all partitions has passed.
        let expected = format!(
            "SELECT window_start, count(*) FROM ({}) x GROUP BY 1
             HAVING window_start + interval '2 minutes' <=
                    (SELECT min(final) FROM (SELECT max(at) - interval '2 minutes' AS final
                                               FROM {readings} GROUP BY partition) w)",
            CLOSED.taken(&readings)
        );
        let found = format!("SELECT window_start, events FROM {tables}.closed_minutes");
        oracle
            .assert_same("closed_minutes", &expected, &found)
            .await;
    }

    async fn assert_topics(oracle: &Oracle, world: &World) {
        let enriched = world.config.outputs.enriched.as_ref();
        let enriched = world.read(&enriched.unwrap().topic.name);
        oracle.assert_enriched(&enriched).await;
    }
}
