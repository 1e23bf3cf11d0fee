use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn spec() -> Value {
    json!({
        "kafka": { "bootstrapServers": "kafka:9092" },
        "postgres": { "secretKeyRef": { "name": "sensorstream-db", "key": "uri" } },
        "input": {
            "topic": { "name": "sensor-data" },
            "key": "sensor_id",
            "fields": [
                { "name": "sensor_id", "type": "string", "maxLength": 255 },
                { "name": "timestamp", "type": "timestamp" },
            ],
            "eventTime": { "field": "timestamp" },
        },
        "outputs": {
            "table": { "name": "sensor_data" },
            "deadLetter": { "topic": { "name": "sensor-data.dead-letter" } },
        },
    })
}

/// A spec that only the webhook can refuse, on two counts.
fn wrong_spec() -> Value {
    let mut spec = spec();
    spec["stopDeadline"] = json!("1s");
    spec["kafka"]["bootstrapServers"] = json!("kafka:99999");
    spec
}

fn pipeline(spec: &Value) -> Value {
    json!({ "apiVersion": "sensorstream.dev/v1alpha1", "kind": "SensorPipeline",
            "metadata": { "name": "environment", "namespace": "default" }, "spec": spec })
}

fn request(operation: &str, object: &Value, old: &Value) -> Value {
    let kind =
        json!({ "group": "sensorstream.dev", "version": "v1alpha1", "kind": "SensorPipeline" });
    let resource = json!({ "group": "sensorstream.dev", "version": "v1alpha1", "resource": "sensorpipelines" });
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": { "uid": "705ab4f5", "kind": kind, "resource": resource,
                     "name": "environment", "namespace": "default", "operation": operation,
                     "userInfo": { "username": "someone" }, "object": object, "oldObject": old,
                     "dryRun": false },
    })
}

fn response(request: &Value) -> AdmissionResponse {
    let review = answer(&serde_json::to_vec(request).unwrap());
    // What travels is the JSON.
    let review = serde_json::to_value(&review).unwrap();
    assert_eq!(review["kind"], "AdmissionReview");
    assert_eq!(review["apiVersion"], "admission.k8s.io/v1");
    serde_json::from_value(review["response"].clone()).unwrap()
}

#[test]
fn a_right_spec_is_allowed() {
    let response = response(&request("CREATE", &pipeline(&spec()), &Value::Null));
    assert!(response.allowed, "{:?}", response.result);
    assert_eq!(response.uid, "705ab4f5");
}

#[test]
fn every_violation_is_named_with_its_path() {
    let response = response(&request("CREATE", &pipeline(&wrong_spec()), &Value::Null));
    assert!(!response.allowed);
    assert_eq!(
        (response.result.code, response.result.reason.as_str()),
        (422, "Invalid")
    );
    let details = response.result.details.unwrap();
    assert_eq!(
        (details.kind.as_str(), details.name.as_str()),
        ("SensorPipeline", "environment")
    );
    let fields: Vec<_> = details
        .causes
        .iter()
        .map(|cause| cause.field.as_str())
        .collect();
    assert_eq!(fields, ["spec.stopDeadline", "spec.kafka.bootstrapServers"]);
    let message = response.result.message;
    assert!(
        message.starts_with("spec.stopDeadline: must be between 5s and 1d, not 1s; "),
        "{message}"
    );
    assert!(
        message.contains("spec.kafka.bootstrapServers: the port of `kafka:99999`"),
        "{message}"
    );
}

#[test]
fn an_edit_to_a_wrong_spec_is_refused() {
    let response = response(&request(
        "UPDATE",
        &pipeline(&wrong_spec()),
        &pipeline(&spec()),
    ));
    assert!(!response.allowed);
}

#[test]
fn what_exists_may_keep_its_spec_under_stricter_rules() {
    let old = pipeline(&wrong_spec());
    let mut labelled = old.clone();
    labelled["metadata"]["labels"] = json!({ "team": "weather" });
    assert!(response(&request("UPDATE", &labelled, &old)).allowed);
    // Its spec can still only be changed to a right one.
    let mut edited = old.clone();
    edited["spec"]["state"] = json!("Paused");
    assert!(!response(&request("UPDATE", &edited, &old)).allowed);
}

#[test]
fn what_is_being_deleted_is_let_go() {
    let mut object = pipeline(&wrong_spec());
    object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    assert!(response(&request("UPDATE", &object, &pipeline(&spec()))).allowed);
    assert!(response(&request("DELETE", &Value::Null, &pipeline(&wrong_spec()))).allowed);
}

#[test]
fn subresources_are_left_alone() {
    let mut request = request("UPDATE", &pipeline(&wrong_spec()), &pipeline(&spec()));
    request["request"]["subResource"] = json!("status");
    assert!(response(&request).allowed);
}

#[test]
fn another_form_is_refused_with_the_place() {
    let mut wrong = spec();
    wrong["input"]["fields"] = json!("none");
    let response = response(&request("CREATE", &pipeline(&wrong), &Value::Null));
    assert!(!response.allowed);
    assert!(
        response.result.message.contains("does not have the form"),
        "{:?}",
        response.result
    );
}

#[test]
fn a_generated_name_is_no_obstacle() {
    let mut object = pipeline(&wrong_spec());
    object["metadata"] = json!({ "generateName": "environment-", "namespace": "default" });
    assert!(!response(&request("CREATE", &object, &Value::Null)).allowed);
}

proptest! {
    #[test]
    fn garbage_is_never_allowed_and_never_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let review = answer(&body);
        prop_assert!(!review.response.unwrap().allowed);
    }
}
