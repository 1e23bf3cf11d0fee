//! `sensorstream validate`, as people and jobs run it.

mod command;

use std::{fmt::Write as _, fs};

use command::{Answer, run, run_with};
use sensorstream_crds::admission::refusals::Refusal;
use serde_json::Value;

fn examples() -> Vec<String> {
    let names = ["clickstream", "environment", "factory", "heartbeat"];
    names
        .map(|name| format!("{}/../examples/{name}.yaml", env!("CARGO_MANIFEST_DIR")))
        .to_vec()
}

fn example(name: &str) -> String {
    let path = format!("{}/../examples/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(path).unwrap()
}

/// The answer to a text at standard input.
fn of(text: &str) -> Answer {
    run_with(&["validate", "-"], text)
}

#[test]
fn the_examples_are_right() {
    let mut arguments = vec!["validate".to_owned()];
    arguments.extend(examples());
    let answer = run(&arguments);
    assert_eq!(answer.status, 0, "{answer:?}");
    assert_eq!(answer.stdout, "4 pipelines: nothing is wrong with any.\n");
}

#[test]
fn every_refusal_has_a_place_and_says_what_to_change() {
    let mut shown = String::new();
    for case in Refusal::all() {
        let (old, object) = case.resources();
        // Changes of a resource are for `plan --diff`.
        if old.is_some() {
            continue;
        }
        let text = serde_yaml_ng::to_string(&object).unwrap();
        let answer = of(&text);
        assert_eq!(answer.status, 1, "{}: {answer:?}", case.name);
        let _ = write!(shown, "# {}\n{}\n", case.name, answer.stdout);
    }
    insta::assert_snapshot!("refusals", shown);
}

#[test]
fn mistakes_that_people_make_are_explained() {
    let environment = example("environment");
    let cases = [
        (
            "a misspelt member",
            "    key: sensor_id",
            "    kye: sensor_id",
        ),
        (
            "a member in the wrong place",
            "spec:\n",
            "spec:\n  replicas: 2\n",
        ),
        (
            "a member that nobody knows",
            "spec:\n",
            "spec:\n  colour: blue\n",
        ),
        (
            "a number for a span of time",
            "retention: 30d",
            "retention: 30",
        ),
        ("a fraction without quotes", "step: \"0.4\"", "step: 0.4"),
        ("text for a number", "rate: 1", "rate: fast"),
        (
            "a number in quotes",
            "api:\n    replicas: 1",
            "api:\n    replicas: \"1\"",
        ),
        (
            "nothing where something is needed",
            "    key: sensor_id",
            "    key:",
        ),
        (
            "a mapping for a list",
            "allowedOrigins: [\"*\"]",
            "allowedOrigins: { all: true }",
        ),
        (
            "a type that is nearly right",
            "type: double, minimum: -60",
            "type: Double, minimum: -60",
        ),
        (
            "a type that is far off",
            "type: double, minimum: -60",
            "type: float64, minimum: -60",
        ),
        ("another version", "v1alpha1", "v1"),
        (
            "another kind",
            "kind: SensorPipeline",
            "kind: SensorPipelines",
        ),
        (
            "a name in capitals",
            "name: environment",
            "name: Environment",
        ),
        (
            "no name",
            "  name: environment\n",
            "  labels: { app: plant }\n",
        ),
        (
            "a label that is none",
            "  name: environment\n",
            "  name: environment\n  labels: { app: my plant }\n",
        ),
        (
            "an empty list of brokers",
            "bootstrapServers: kafka:9092",
            "bootstrapServers: \"\"",
        ),
    ];
    let mut shown = String::new();
    for (name, from, to) in cases {
        assert!(environment.contains(from), "{name}: {from}");
        let answer = of(&environment.replacen(from, to, 1));
        assert_eq!(answer.status, 1, "{name}: {answer:?}");
        let _ = write!(shown, "# {name}\n{}{}\n", answer.stderr, answer.stdout);
    }
    insta::assert_snapshot!("mistakes", shown);
}

#[test]
fn what_is_no_yaml_is_pointed_at() {
    let cases = [
        ("a tab", "spec:\n\tkafka: x\n"),
        ("an open bracket", "a: [1, 2\nb: 3\n"),
        ("an open quote", "a: \"b\n"),
        ("a wrong indent", "a: 1\n b: 2\n"),
        ("a template", "a: {{ .Values.a }}\n"),
        (
            "a member twice",
            "spec:\n  state: Running\n  kafka: {}\n  state: Paused\n",
        ),
        ("an anchor that is none", "a: *b\n"),
        ("a number that is none in JSON", "a: .nan\n"),
        ("nothing", ""),
        (
            "another kind alone",
            "kind: Secret\nmetadata: { name: db }\n",
        ),
        ("no kind", "spec: {}\n"),
    ];
    let mut shown = String::new();
    for (name, text) in cases {
        let answer = of(text);
        assert_eq!(answer.status, 1, "{name}: {answer:?}");
        let _ = write!(shown, "# {name}\n{}{}\n", answer.stderr, answer.stdout);
    }
    insta::assert_snapshot!("no_yaml", shown);
}

#[test]
fn several_documents_are_checked_and_other_kinds_skipped() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: { name: sensorstream-db }\n---\n";
    let wrong = example("factory").replace("key: device_id", "key: device");
    let answer = of(&format!("{secret}{}---\n{wrong}", example("environment")));
    assert_eq!(answer.status, 1);
    assert_eq!(
        answer.stderr,
        "note: -:1: Secret sensorstream-db is no SensorPipeline; skipped\n"
    );
    insta::assert_snapshot!("several", answer.stdout);
    let twice = of(&format!("{0}---\n{0}", example("environment")));
    assert_eq!(twice.status, 1);
    assert!(
        twice
            .stdout
            .contains("a pipeline `environment` is in -:5 already"),
        "{twice:?}"
    );
}

#[test]
fn json_is_read_too_and_lists() {
    let environment: Value = serde_yaml_ng::from_str(&example("environment")).unwrap();
    let list = serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": [environment] });
    let text = serde_json::to_string_pretty(&list).unwrap();
    let right = of(&text);
    assert_eq!(
        (right.status, right.stdout.as_str()),
        (0, "1 pipeline: nothing is wrong.\n"),
        "{right:?}"
    );
    let wrong = of(&text
        .replace("\"sensor_id\"\n", "\"sensor\"\n")
        .replace("30d", "30y"));
    assert_eq!(wrong.status, 1);
    insta::assert_snapshot!("json", wrong.stdout);
}

#[test]
fn folders_are_their_yaml_and_json_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    file("a.yaml", &example("environment"));
    file("b.yml", "kind: Secret\n");
    file("c.json", "{ \"kind\": \"ConfigMap\" }");
    file("README.md", "no: [yaml");
    let path = folder.path().display().to_string();
    let answer = run(&["validate", &path]);
    assert_eq!(
        (answer.status, answer.stdout.as_str()),
        (0, "1 pipeline: nothing is wrong.\n"),
        "{answer:?}"
    );
    fs::remove_file(folder.path().join("a.yaml")).unwrap();
    let answer = run(&["validate", &path]);
    assert_eq!(answer.status, 1);
    assert_eq!(
        answer.stderr,
        format!("error: there is no SensorPipeline in {path}\n")
    );
    let answer = run(&["validate", "/nowhere/at-all.yaml"]);
    assert_eq!(answer.status, 1);
    assert!(
        answer
            .stderr
            .starts_with("error: reading /nowhere/at-all.yaml: "),
        "{answer:?}"
    );
}

#[test]
fn set_changes_what_is_checked_and_is_blamed_for_it() {
    let environment = example("environment");
    let set = |assignment: &str| run_with(&["validate", "--set", assignment, "-"], &environment);
    assert_eq!(set("spec.simulator.rate=1000").status, 0);
    assert_eq!(set("spec.api=null,spec.simulator=null").status, 0);
    let mut shown = String::new();
    for assignment in [
        "spec.simulator.rate=300000",
        "spec.windows[0].name=minutes",
        "spec.input.fields[9].name=x",
        "spec.input.key.name=x",
        "spec.input.key",
    ] {
        let answer = set(assignment);
        assert_eq!(answer.status, 1, "{assignment}: {answer:?}");
        let _ = write!(
            shown,
            "# {assignment}\n{}{}\n",
            answer.stderr, answer.stdout
        );
    }
    insta::assert_snapshot!("set", shown);
}

#[test]
fn programs_get_json() {
    let text = example("environment")
        .replace("key: sensor_id", "key: sensor")
        .replace("30d", "30y");
    let answer = run_with(&["validate", "--output", "json", "-"], &text);
    assert_eq!(answer.status, 1);
    let said: Value = serde_json::from_str(&answer.stdout).unwrap();
    insta::assert_json_snapshot!("programs", said);
}

#[test]
fn pull_requests_get_annotations() {
    let text = example("environment").replace("30d", "30y");
    let answer = run_with(&["validate", "--output", "github", "-"], &text);
    assert_eq!(answer.status, 1);
    insta::assert_snapshot!("annotations", answer.stdout);
}
