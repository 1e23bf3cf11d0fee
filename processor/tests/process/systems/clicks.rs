//! What a site's visitors send: events out of order, late, twice, malformed and from a clock ahead.

use jiff::{SignedDuration, Timestamp};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use crate::world::World;

/// What they send, as a spec has it.
pub fn input(topic: &str, max_delay: &str, idle_after: &str) -> Value {
    json!({
        "topic": { "name": topic },
        "key": "user_id",
        "fields": [
            { "name": "event_time", "type": "timestamp" },
            { "name": "user_id", "type": "string", "maxLength": 50 },
            { "name": "page_url", "type": "string", "maxLength": 255 },
            { "name": "event_type", "type": "string", "maxLength": 50 },
        ],
        "eventTime": { "field": "event_time", "maxDelay": max_delay, "idleAfter": idle_after },
    })
}

/// What makes a record a reading of theirs, in SQL: null if it is malformed or too far ahead.
pub const READING: &str = r"
CREATE TYPE oracle.reading AS (ts timestamptz, visitor text, page text, kind text);
CREATE FUNCTION oracle.reading(value bytea, broker_ms bigint) RETURNS oracle.reading AS $$
DECLARE
    j jsonb;
    r oracle.reading;
BEGIN
    j := convert_from(value, 'UTF8')::jsonb;
    IF jsonb_typeof(j) <> 'object'
       OR jsonb_typeof(j->'event_time') IS DISTINCT FROM 'string'
       OR j->>'event_time' !~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$'
       OR jsonb_typeof(j->'user_id') IS DISTINCT FROM 'string' OR length(j->>'user_id') > 50
       OR jsonb_typeof(j->'page_url') IS DISTINCT FROM 'string' OR length(j->>'page_url') > 255
       OR jsonb_typeof(j->'event_type') IS DISTINCT FROM 'string' OR length(j->>'event_type') > 50
    THEN RETURN NULL; END IF;
    r := (j->>'event_time', j->>'user_id', j->>'page_url', j->>'event_type');
    IF r.ts > to_timestamp(broker_ms / 1000.0) + interval '5 minutes' THEN RETURN NULL; END IF;
    RETURN r;
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END $$ LANGUAGE plpgsql;
";

/// Makes the same records for the same seed and start.
pub struct Visitors {
    chance: StdRng,
    start: Timestamp,
    number: i64,
    last: Vec<u8>,
}

impl Visitors {
    /// Visitors that begin to send two hours ago, so that event time is far behind the broker's.
    pub fn new(seed: u64) -> Self {
        Self {
            chance: StdRng::seed_from_u64(seed),
            start: Timestamp::now() - SignedDuration::from_hours(2),
            number: 0,
            last: Vec::new(),
        }
    }

    /// Sends the next records, each to the partition that its visitor belongs to. A second of event
    /// time has about twenty.
    pub fn send(&mut self, world: &World, count: usize) {
        let partitions = world.config.input.topic.partitions as usize;
        let mut parted = vec![Vec::new(); partitions];
        for _ in 0..count {
            let record = self.next();
            let text = String::from_utf8_lossy(&record);
            let place = text.find("user-").map_or(0, |at| {
                let digits = &text[at + 5..at + 8];
                digits.parse::<usize>().unwrap_or(0) % partitions
            });
            parted[place].push(record);
        }
        for (partition, records) in parted.into_iter().enumerate() {
            world.send(partition as i32, records);
        }
    }

    fn next(&mut self) -> Vec<u8> {
        self.number += 1;
        let chance = &mut self.chance;
        let kind = chance.random_range(0..1_000);
        if kind < 10 && !self.last.is_empty() {
            return self.last.clone();
        }
        let behind_ms = match kind {
            10..60 => chance.random_range(0..60_000),
            // Later than the watermark waits, some by whole windows.
            60..80 => chance.random_range(120_000..500_000),
            _ => chance.random_range(0..3_000),
        };
        let time = self.start + SignedDuration::from_millis(self.number * 50 - behind_ms);
        let time = if (80..82).contains(&kind) {
            // A clock that is a day ahead.
            Timestamp::now() + SignedDuration::from_hours(24)
        } else {
            time
        };
        // Some visit often, most so rarely that their sessions end.
        let visitor = if chance.random_bool(0.5) {
            chance.random_range(0..20)
        } else {
            chance.random_range(20..900)
        };
        let types = ["page_view", "page_view", "click", "purchase"];
        let mut event = json!({
            "event_time": format!("{time:.3}"),
            "user_id": format!("user-{visitor:03}"),
            "page_url": format!("/page/{}", chance.random_range(0..30)),
            "event_type": types[chance.random_range(0..4)],
        });
        match kind {
            90 => event["page_url"] = json!(7),
            91 => event["page_url"] = "x".repeat(256).into(),
            92 => event["event_time"] = "yesterday".into(),
            93 => {
                event.as_object_mut().unwrap().remove("event_type");
            }
            94 => event["user_id"] = json!(null),
            95 => return b"{\"user_id\": ".to_vec(),
            _ => {}
        }
        self.last = event.to_string().into_bytes();
        self.last.clone()
    }
}
