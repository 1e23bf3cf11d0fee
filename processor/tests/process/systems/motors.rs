//! What a factory's motors send: readings out of order, late, twice, malformed and from a clock ahead.

use jiff::{SignedDuration, Timestamp};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use crate::world::World;

/// What they send, as a spec has it.
pub fn input(topic: &str, max_delay: &str) -> Value {
    json!({
        "topic": { "name": topic },
        "key": "device_id",
        "fields": [
            { "name": "device_id", "type": "string", "maxLength": 255 },
            { "name": "ts", "type": "timestamp" },
            { "name": "temperature_c", "type": "double", "minimum": -60, "maximum": 250 },
            { "name": "vibration_g", "type": "double", "minimum": 0, "maximum": 50 },
            { "name": "status", "type": "string", "required": false },
        ],
        "eventTime": { "field": "ts", "maxDelay": max_delay },
    })
}

/// What makes a record a reading of theirs, in SQL: null if it is malformed or too far ahead.
pub const READING: &str = r"
CREATE TYPE oracle.reading AS (device text, ts timestamptz, temperature double precision,
                               vibration double precision);
CREATE FUNCTION oracle.reading(value bytea, broker_ms bigint) RETURNS oracle.reading AS $$
DECLARE
    j jsonb;
    r oracle.reading;
BEGIN
    j := convert_from(value, 'UTF8')::jsonb;
    IF jsonb_typeof(j) <> 'object'
       OR jsonb_typeof(j->'device_id') IS DISTINCT FROM 'string' OR length(j->>'device_id') > 255
       OR jsonb_typeof(j->'ts') IS DISTINCT FROM 'string'
       OR j->>'ts' !~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$'
       OR jsonb_typeof(j->'temperature_c') IS DISTINCT FROM 'number'
       OR (j->>'temperature_c')::double precision NOT BETWEEN -60 AND 250
       OR jsonb_typeof(j->'vibration_g') IS DISTINCT FROM 'number'
       OR (j->>'vibration_g')::double precision NOT BETWEEN 0 AND 50
       OR jsonb_typeof(j->'status') NOT IN ('string', 'null')
    THEN RETURN NULL; END IF;
    r := (j->>'device_id', j->>'ts', j->>'temperature_c', j->>'vibration_g');
    IF r.ts > to_timestamp(broker_ms / 1000.0) + interval '5 minutes' THEN RETURN NULL; END IF;
    RETURN r;
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END $$ LANGUAGE plpgsql;
";

/// Makes the same records for the same seed and start.
pub struct Motors {
    chance: StdRng,
    start: Timestamp,
    number: i64,
    last: Vec<u8>,
}

impl Motors {
    /// Motors that begin to send two hours ago, so that event time is far behind the broker's.
    pub fn new(seed: u64) -> Self {
        Self {
            chance: StdRng::seed_from_u64(seed),
            start: Timestamp::now() - SignedDuration::from_hours(2),
            number: 0,
            last: Vec::new(),
        }
    }

    /// The next records: each second of event time has about forty.
    pub fn take(&mut self, count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|_| self.next()).collect()
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
            60..75 => chance.random_range(120_000..400_000),
            _ => chance.random_range(0..3_000),
        };
        let time = self.start + SignedDuration::from_millis(self.number * 25 - behind_ms);
        let time = if (75..77).contains(&kind) {
            // A clock that is a day ahead.
            Timestamp::now() + SignedDuration::from_hours(24)
        } else {
            time
        };
        let device = format!("MTR-{:03}", chance.random_range(0..40));
        let mut reading = json!({
            "device_id": device,
            "ts": format!("{time:.3}"),
            "temperature_c": f64::from(chance.random_range(600..900)) / 10.0,
            "vibration_g": f64::from(chance.random_range(0..520)) / 1_000.0,
            "status": "OK",
        });
        match kind {
            80 => reading["temperature_c"] = "hot".into(),
            81 => reading["temperature_c"] = json!(999),
            82 => reading["ts"] = "yesterday".into(),
            83 => {
                reading.as_object_mut().unwrap().remove("device_id");
            }
            84 => reading["status"] = json!(null),
            85 => return b"{\"device_id\": ".to_vec(),
            _ => {}
        }
        self.last = reading.to_string().into_bytes();
        self.last.clone()
    }
}

/// Sends to the partition, of two, that a motor belongs to.
pub fn send(world: &World, records: Vec<Vec<u8>>) {
    let mut parted = [Vec::new(), Vec::new()];
    for record in records {
        let text = String::from_utf8_lossy(&record);
        let partition = text
            .find("MTR-")
            .map_or(0, |at| usize::from(text.as_bytes()[at + 6] % 2));
        parted[partition].push(record);
    }
    for (partition, records) in parted.into_iter().enumerate() {
        world.send(partition as i32, records);
    }
}
