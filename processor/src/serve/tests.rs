//! Configurations for the unit tests.

use sensorstream_crds::runtime::ServeConfig;
use serde_json::json;

pub(super) fn config() -> ServeConfig {
    config_with_key("string")
}

pub(super) fn config_with_key(key_type: &str) -> ServeConfig {
    serde_json::from_value(json!({
        "pipeline": { "namespace": "plant", "name": "environment" },
        "schema": "environment",
        // Numbers of rows are no part of readings: neither a query nor the description has them.
        "kafka": { "bootstrapServers": "kafka:9092", "tls": false },
        "outputs": { "table": { "name": "sensor_data", "identityColumn": "row_number" }, "deadLetter": { "topic": { "name": "bad" } } },
        "input": {
            "topic": { "name": "sensor-data" },
            "key": "sensor_id",
            "fields": [
                { "name": "sensor_id", "type": key_type, "from": "id" },
                { "name": "timestamp", "type": "timestamp" },
                { "name": "temperature", "type": "double", "minimum": -60, "maximum": "250.5" },
                { "name": "battery", "type": "integer", "required": false },
                { "name": "uptime", "type": "long" },
                { "name": "charging", "type": "boolean" },
                { "name": "status", "type": "string", "required": false, "maxLength": 8, "enum": ["OK", "LOW"] },
            ],
            "eventTime": { "field": "timestamp" },
        },
    }))
    .unwrap()
}
