//! Configurations for the unit tests.

use sensorstream_crds::runtime::ServeConfig;
use serde_json::json;

pub(super) fn config() -> ServeConfig {
    config_with_key("string")
}

pub(super) fn config_with_key(key_type: &str) -> ServeConfig {
    serde_json::from_value(json!({
        "pipeline": { "namespace": "plant", "name": "environment" },
        "kafka": { "bootstrapServers": "kafka:9092", "tls": false },
        "schema": "environment",
        // Numbers of rows are no part of readings: neither a query nor the description has them.
        "outputs": {
            "table": { "name": "sensor_data", "identityColumn": "row_number" },
            "deadLetter": { "topic": { "name": "bad" } },
        },
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

/// The same with a window of each kind, rules and every output.
pub(super) fn with_windows() -> ServeConfig {
    let mut config = serde_json::to_value(config()).unwrap();
    config["windows"] = json!([
        { "name": "minutes", "tumbling": { "size": "1m" }, "groupBy": ["sensor_id"],
          "aggregates": [{ "as": "readings", "count": {} }, { "as": "hottest", "max": { "field": "temperature" } }] },
        { "name": "trend", "sliding": { "size": "5m", "slide": "1m" }, "where": "charging",
          "aggregates": [{ "as": "uptime", "sum": { "field": "uptime" } }] },
        { "name": "visits", "session": { "gap": "4m", "columns": { "duration": "seconds" } }, "groupBy": ["sensor_id"] },
    ]);
    config["rules"] =
        json!([{ "name": "hot", "when": "temperature > 85.0", "severity": "Critical" }]);
    config["outputs"]["alerts"] = json!({ "topic": { "name": "alerts" } });
    config["outputs"]["enriched"] = json!({ "topic": { "name": "enriched" } });
    config["outputs"]["lake"] = json!({ "uri": "s3://lake/environment" });
    serde_json::from_value(config).unwrap()
}
