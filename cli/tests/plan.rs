//! `sensorstream plan` without a cluster.

mod command;

use command::{run, run_with};
use serde_json::Value;

fn path(name: &str) -> String {
    format!("{}/../examples/{name}.yaml", env!("CARGO_MANIFEST_DIR"))
}

/// The plan of an example, with what is the same wherever the sources are.
fn plan(name: &str, more: &[&str]) -> String {
    let path = path(name);
    let mut arguments = vec!["plan", "-f", &path];
    arguments.extend(more);
    let answer = run(&arguments);
    assert_eq!(answer.status, 0, "{answer:?}");
    neutral(&answer.stdout, &path)
}

fn neutral(text: &str, path: &str) -> String {
    text.replace(path, path.rsplit('/').next().unwrap())
        .replace(
            &format!("processor:{}", env!("CARGO_PKG_VERSION")),
            "processor:VERSION",
        )
}

#[test]
fn the_environment_example() {
    insta::assert_snapshot!("environment", plan("environment", &[]));
}

#[test]
fn the_factory_example() {
    insta::assert_snapshot!("factory", plan("factory", &[]));
}

#[test]
fn the_clickstream_example() {
    insta::assert_snapshot!("clickstream", plan("clickstream", &[]));
}

#[test]
fn the_heartbeat_example() {
    insta::assert_snapshot!("heartbeat", plan("heartbeat", &[]));
}

#[test]
fn manifests_are_shown_in_full_if_so_wished() {
    let shown = plan("environment", &["--manifests", "--namespace", "plant"]);
    assert!(shown.contains("+ apiVersion: apps/v1"), "{shown}");
    assert!(shown.contains("+   namespace: plant"), "{shown}");
    // What only the cluster knows is not made up.
    assert!(shown.contains("(known after apply)"), "{shown}");
    insta::assert_snapshot!("manifests", shown);
}

#[test]
fn programs_get_json_without_anything_of_a_secret() {
    let shown = plan("factory", &["--output", "json"]);
    let said: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(said["changed"], true);
    let pipeline = &said["pipelines"][0];
    assert_eq!(pipeline["name"], "factory");
    let topics: Vec<&Value> = pipeline["topics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| &t["name"])
        .collect();
    assert_eq!(
        topics,
        [
            "sensor_events",
            "sensor_alerts",
            "sensor_events.dead-letter"
        ]
    );
    let objects = pipeline["objects"].as_array().unwrap();
    let secret = objects
        .iter()
        .find(|object| object["kind"] == "Secret")
        .unwrap();
    assert_eq!(
        *secret,
        serde_json::json!({ "action": "add", "kind": "Secret", "name": "factory-api-db" })
    );
    assert!(!shown.contains("postgres://"), "{shown}");
}

#[test]
fn set_and_standard_input_work_as_with_validate() {
    let text = std::fs::read_to_string(path("environment")).unwrap();
    let arguments = [
        "plan",
        "-f",
        "-",
        "--set",
        "spec.processor.replicas=3,spec.api=null",
    ];
    let answer = run_with(&arguments, &text);
    assert_eq!(answer.status, 0, "{answer:?}");
    assert!(answer.stdout.contains("3 pods of"), "{answer:?}");
    assert!(!answer.stdout.contains("environment-api"), "{answer:?}");
}

#[test]
fn the_exit_status_tells_if_so_wished() {
    let path = path("environment");
    assert_eq!(run(&["plan", "-f", &path]).status, 0);
    assert_eq!(run(&["plan", "-f", &path, "--detailed-exitcode"]).status, 2);
}

#[test]
fn what_is_wrong_is_pointed_at_and_nothing_planned() {
    let text = std::fs::read_to_string(path("environment")).unwrap();
    let answer = run_with(
        &["plan", "-f", "-"],
        &text.replace("key: sensor_id", "key: sensor"),
    );
    assert_eq!(
        (answer.status, answer.stdout.as_str()),
        (1, ""),
        "{answer:?}"
    );
    assert!(
        answer.stderr.starts_with("-:13:10: spec.input.key: "),
        "{answer:?}"
    );
    let own = text.replace("name: environment", "name: environment\n  namespace: plant");
    let answer = run_with(&["plan", "-f", "-", "--namespace", "mine"], &own);
    assert_eq!(answer.status, 1);
    assert!(
        answer
            .stderr
            .contains("is for the namespace plant, not for mine"),
        "{answer:?}"
    );
}

#[test]
fn a_reader_of_ones_own_and_every_kind_of_secret_are_taken_to_be_right() {
    let text = std::fs::read_to_string(path("environment")).unwrap();
    let set = "spec.api.postgres.secretKeyRef.name=reader,spec.api.postgres.secretKeyRef.key=uri,\
               spec.api.auth.bearerToken.secretKeyRef.name=tokens,spec.api.auth.bearerToken.secretKeyRef.key=token,\
               spec.kafka.sasl.mechanism=SCRAM-SHA-512,spec.kafka.sasl.secretRef.name=kafka,\
               spec.kafka.tls.secretRef.name=tls,\
               spec.outputs.lake.uri=s3://lake/environment,spec.outputs.lake.secretRef.name=lake";
    let answer = run_with(&["plan", "-f", "-", "--set", set], &text);
    assert_eq!(answer.status, 0, "{answer:?}");
    assert!(
        answer.stdout.contains("user-of-secret-reader"),
        "{answer:?}"
    );
    assert!(!answer.stdout.contains("CREATE ROLE"), "{answer:?}");
}
