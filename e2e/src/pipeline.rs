//! Pipelines for tests, all made from the examples.

use sensorstream_crds::{SensorPipeline, admission::refusals::base};
use serde_json::{Value, json};

use crate::scope::Scope;

/// The PostgreSQL schema of a scope's pipelines.
pub fn schema(namespace: &str) -> String {
    namespace.replace('-', "_")
}

/// The environment example in a scope, with topics, schema and connections of its own. `change`
/// edits the JSON of its spec.
///
/// # Panics
/// When what comes out is no pipeline.
pub fn environment(scope: &Scope, name: &str, change: impl FnOnce(&mut Value)) -> SensorPipeline {
    let mut object = base();
    let namespace = &scope.namespace;
    object["metadata"] = json!({ "name": name, "namespace": namespace });
    let spec = &mut object["spec"];
    spec["kafka"]["bootstrapServers"] = json!("kafka.default.svc:9092");
    spec["postgres"]["schema"] = json!(schema(namespace));
    spec["input"]["topic"]["name"] = json!(input_topic(namespace, name));
    spec["outputs"]["deadLetter"]["topic"]["name"] = json!(dead_letter_topic(namespace, name));
    spec["outputs"]["table"] = json!({ "name": table(name) });
    spec["simulator"]["rate"] = json!(20);
    spec["api"] = Value::Null;
    change(spec);
    if let Some(members) = spec.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    serde_json::from_value(object).expect("a pipeline")
}

/// An example in a scope, with topics, schema, lake and connections of its own. `change` edits the JSON of
/// its spec.
///
/// # Panics
/// When there is no such example, or what comes out is no pipeline.
pub fn example(scope: &Scope, name: &str, change: impl FnOnce(&mut Value)) -> SensorPipeline {
    let path = format!("{}/../examples/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut object: Value = serde_yaml_ng::from_str(&text).expect("the example is YAML");
    let namespace = &scope.namespace;
    object["metadata"]["namespace"] = json!(namespace);
    let spec = &mut object["spec"];
    spec["kafka"]["bootstrapServers"] = json!("kafka.default.svc:9092");
    spec["postgres"]["schema"] = json!(schema(namespace));
    let own = |topic: &mut Value| {
        let shared = topic["name"].as_str().expect("a topic has a name");
        topic["name"] = json!(format!("{namespace}.{shared}"));
    };
    own(&mut spec["input"]["topic"]);
    let outputs = spec["outputs"]
        .as_object_mut()
        .expect("an example has outputs");
    outputs
        .values_mut()
        .filter_map(|output| output.get_mut("topic"))
        .for_each(own);
    if let Some(lake) = outputs.get_mut("lake") {
        lake["uri"] = json!(format!("s3://{LAKE_BUCKET}/{namespace}/{name}"));
    }
    if let Some(members) = spec.as_object_mut() {
        members.remove("api");
    }
    change(spec);
    serde_json::from_value(object).expect("a pipeline")
}

/// The bucket of the tests' lakes.
pub const LAKE_BUCKET: &str = "lake";

/// The input topic of a test's pipeline.
pub fn input_topic(namespace: &str, name: &str) -> String {
    format!("{namespace}.{name}")
}

/// The dead letter topic of a test's pipeline.
pub fn dead_letter_topic(namespace: &str, name: &str) -> String {
    format!("{namespace}.{name}.dead-letter")
}

/// The table of a test's pipeline.
pub fn table(name: &str) -> String {
    name.replace('-', "_")
}

/// Several devices instead of one, so that keys spread over partitions.
pub fn many_devices(spec: &mut Value, count: i64) {
    spec["simulator"]["fields"][0] = json!({
        "name": "sensor_id",
        "sequence": { "prefix": "sensor-", "count": count, "width": 3 }
    });
}

/// Whether a condition, observed of the pipeline as it is now, has a status.
pub fn is_current(pipeline: &SensorPipeline, type_: &str, status: &str) -> bool {
    condition(pipeline, type_).is_some_and(|(s, _)| s == status)
}

/// Status and reason of a condition, if it was observed of the pipeline as it is now.
pub fn condition(pipeline: &SensorPipeline, type_: &str) -> Option<(String, String)> {
    let generation = pipeline.metadata.generation;
    pipeline
        .status
        .as_ref()?
        .conditions
        .iter()
        .find(|c| c.type_ == type_ && c.observed_generation == generation)
        .map(|c| (c.status.clone(), c.reason.clone()))
}
