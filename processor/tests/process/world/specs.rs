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

/// What an example under `examples/` has, with topics of its own; where its lake is, the world says.
pub fn example(name: &str, topic: &str) -> Spec {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");
    let text = std::fs::read_to_string(format!("{folder}/{name}.yaml")).unwrap();
    let object: Value = serde_yaml_ng::from_str(&text).unwrap();
    let part = |name: &str| object["spec"].get(name).cloned();
    let mut spec = Spec {
        input: part("input").unwrap(),
        windows: part("windows").unwrap_or(json!([])),
        rules: part("rules").unwrap_or(json!([])),
        outputs: part("outputs").unwrap(),
    };
    spec.input["topic"]["name"] = topic.into();
    for (output, settings) in spec.outputs.as_object_mut().unwrap() {
        if let Some(topic_settings) = settings.get_mut("topic") {
            topic_settings["name"] = format!("{topic}.{output}").into();
        }
        if output == "lake" {
            settings.as_object_mut().unwrap().remove("secretRef");
        }
    }
    spec
}
