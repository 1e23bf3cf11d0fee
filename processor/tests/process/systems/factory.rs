//! The factory: minutes of each motor, alerts, every reading in a table and in the lake. Beside what its
//! example has: windows that close, sessions that move and merge, and every reading again in a topic.

use rand::{RngExt, rngs::StdRng};
use sensorstream_oracle::{
    Input, Oracle,
    systems::factory::{self, AGGREGATES, COLUMNS, MINUTES},
    windows::{Sliding, sessions},
};
use serde_json::{Value, json};

use super::{System, with_small_files};
use crate::world::{Spec, World, example};

/// Windows that close a minute late.
const HOT: Sliding = Sliding {
    size: "5 minutes",
    slide: "1 minute",
    lateness: "1 minute",
    condition: "temperature_c > 80",
};

/// The factory.
pub struct Factory;

impl System for Factory {
    const NAME: &str = "factory";
    const INPUT: &Input = &factory::INPUT;
    const PACE_MS: i64 = 25;
    const STRICT: (&str, Sliding) = ("device_minutes", MINUTES);

    fn spec(topic: &str) -> Spec {
        let mut spec = with_small_files(example(Self::NAME, topic));
        spec.windows[0]["onLate"] = "DeadLetter".into();
        let aggregates = spec.windows[0]["aggregates"].clone();
        spec.windows.as_array_mut().unwrap().extend([
            json!({ "name": "hot_minutes", "sliding": { "size": "5m", "slide": "1m" },
                    "where": "temperature_c > 80.0", "groupBy": ["device_id"],
                    "allowedLateness": "1m", "emit": { "mode": "OnClose" },
                    "aggregates": aggregates }),
            json!({ "name": "shifts", "session": { "gap": "2s" }, "groupBy": ["device_id"],
                    "aggregates": [{ "as": "readings", "count": {} }] }),
        ]);
        spec.outputs["enriched"] = json!({ "topic": { "name": format!("{topic}.enriched") } });
        spec
    }

    fn event(chance: &mut StdRng, time: &str) -> (usize, Value) {
        let motor = chance.random_range(0..40);
        let event = json!({
            "device_id": format!("MTR-{motor:05}"),
            "ts": time,
            "temperature_c": f64::from(chance.random_range(600..900)) / 10.0,
            "vibration_g": f64::from(chance.random_range(0..520)) / 1_000.0,
            "status": "OK",
            "line": format!("L{:02}", chance.random_range(1..4)),
        });
        (motor, event)
    }

    fn spoil(event: &mut Value, way: u32) {
        match way {
            0 => event["temperature_c"] = "hot".into(),
            1 => event["temperature_c"] = json!(999),
            2 => event["ts"] = "yesterday".into(),
            3 => event["device_id"] = "x".repeat(256).into(),
            // An optional field may be null, or absent, but not something else.
            4 => event["status"] = json!(null),
            5 => event["line"] = json!(1),
            6 => {
                event.as_object_mut().unwrap().remove("device_id");
            }
            _ => {}
        }
    }

    async fn assert_tables(oracle: &Oracle, tables: &str) {
        factory::assert_tables(oracle, tables).await;
        let readings = oracle.readings();
        // Only windows that the watermark at the end has passed.
        let expected = format!(
            "SELECT window_start, window_end, device_id, {AGGREGATES}, partition
               FROM ({}) x JOIN (SELECT incarnation, partition, max(at) - interval '2 minutes' AS final
                                   FROM {readings} GROUP BY 1, 2) w USING (incarnation, partition)
              WHERE window_end + interval '1 minute' <= final
              GROUP BY window_start, window_end, device_id, partition",
            HOT.taken(&readings)
        );
        let found = format!(
            "SELECT window_start, window_end, device_id, {COLUMNS}, _partition
               FROM {tables}.hot_minutes"
        );
        oracle.assert_same("hot_minutes", &expected, &found).await;

        let expected = format!(
            "SELECT device_id, min(at), max(at) + interval '2 seconds', count(*)
               FROM ({}) x GROUP BY device_id, session",
            sessions(&readings, "device_id", 2)
        );
        let found =
            format!("SELECT device_id, session_start, session_end, readings FROM {tables}.shifts");
        oracle.assert_same("shifts", &expected, &found).await;
    }

    async fn assert_topics(oracle: &Oracle, world: &World) {
        let outputs = &world.config.outputs;
        let alerts = world.read(&outputs.alerts.as_ref().unwrap().topic.name);
        factory::assert_alerts(oracle, &world.topic(), &alerts).await;
        let enriched = world.read(&outputs.enriched.as_ref().unwrap().topic.name);
        oracle.assert_enriched(&enriched).await;
    }
}
