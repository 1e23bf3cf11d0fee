//! What pipelines look like.

use serde_json::{Value, json};

/// The parts of a spec that differ from test to test.
pub struct Spec {
    pub input: Value,
    pub windows: Value,
    pub rules: Value,
    pub outputs: Value,
}

/// Readings into a table, and nothing else.
pub fn readings(topic: &str) -> Spec {
    Spec {
        input: json!({
            "topic": { "name": topic },
            "key": "sensor_id",
            "fields": [
                { "name": "sensor_id", "type": "string", "maxLength": 20 },
                { "name": "timestamp", "type": "timestamp" },
                { "name": "temperature", "type": "double", "minimum": -60, "maximum": 250 },
                { "name": "count", "type": "long", "required": false },
            ],
            "eventTime": { "field": "timestamp" },
        }),
        windows: json!([]),
        rules: json!([]),
        outputs: json!({
            "table": { "name": "sensor_data" },
            "deadLetter": { "topic": { "name": format!("{topic}.dead-letter") } },
        }),
    }
}
