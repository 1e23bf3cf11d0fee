use std::fmt::Write as _;

use serde_json::json;

use super::*;

fn source(text: &str) -> Source {
    Source {
        name: "test.yaml".to_owned(),
        text: text.to_owned(),
        named: true,
    }
}

fn only(text: &str) -> Document {
    documents(&source(text)).unwrap().remove(0)
}

fn problem(text: &str) -> (usize, usize, String) {
    let problem = documents(&source(text)).unwrap_err();
    (problem.line, problem.column, problem.to_string())
}

fn example() -> Document {
    only(include_str!("../../../examples/environment.yaml"))
}

#[test]
fn every_value_has_a_place() {
    let document = only("a:\n  b: 1\n  c.d:\n    - x\n    - { e: 'f' }\n");
    assert_eq!(
        document.value(),
        &json!({ "a": { "b": 1, "c.d": ["x", { "e": "f" }] } })
    );
    for (path, line, column, length) in [
        ("a", 1, 1, 1),
        ("a.b", 2, 6, 1),
        ("a.c.d", 3, 3, 3),
        ("a.c.d[0]", 4, 7, 1),
        ("a.c.d[1].e", 5, 12, 3),
        // The nearest one around what is not there.
        ("a.z", 1, 1, 1),
        ("a.c.d[7].e", 3, 3, 3),
    ] {
        let place = Place {
            line,
            column,
            length,
        };
        assert_eq!(document.place(path), place, "{path}");
    }
}

#[test]
fn documents_lists_and_json_are_read() {
    let text = "# nothing\n---\nkind: Secret\n---\n---\nkind: List\nitems:\n- { kind: A }\n- { kind: B }\n";
    let kinds: Vec<String> = documents(&source(text))
        .unwrap()
        .iter()
        .map(|document| document.kind().unwrap_or("none").to_owned())
        .collect();
    assert_eq!(kinds, ["Secret", "A", "B"]);
    let json = "{\n\t\"kind\": \"A\",\n\t\"l\": [1, -2.5, true, null, \"\\u00e9\\n\"]\n}\n";
    assert_eq!(
        only(json).value(),
        &json!({ "kind": "A", "l": [1, -2.5, true, null, "é\n"] })
    );
}

#[test]
fn a_member_that_is_there_twice_is_refused_as_kubectl_does() {
    let twice = problem("a:\n  b: 1\n  c: 2\n  b: 3\n");
    assert_eq!(
        twice,
        (
            4,
            3,
            "`b` is here twice; line 2 has it already. Remove one".to_owned()
        )
    );
}

#[test]
fn what_is_no_yaml_is_refused_with_its_place() {
    assert_eq!(problem("a: 1\nb: [1, 2\nc: 3\n").0, 3);
    assert_eq!(problem("a: *x\n").0, 1);
    assert_eq!(problem("a: {{ .Values.b }}\n").0, 1);
}

#[test]
fn anchors_and_merges_are_followed_and_bounded() {
    let text = "p: &p { a: 1, b: 2 }\nq: { <<: *p, b: 3 }\nr: *p\n";
    assert_eq!(
        only(text).value(),
        &json!({ "p": { "a": 1, "b": 2 }, "q": { "b": 3, "a": 1 }, "r": { "a": 1, "b": 2 } })
    );
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..9 {
        let entry = format!("*a{}, ", n - 1).repeat(10);
        let _ = writeln!(bomb, "a{n}: &a{n} [{}]", entry.trim_end_matches(", "));
    }
    assert_eq!(problem(&bomb).2, "this makes too much out of little");
}

#[test]
fn the_example_is_a_pipeline() {
    let pipeline = example().pipeline().unwrap();
    assert_eq!(pipeline.metadata.name.as_deref(), Some("environment"));
}

#[test]
fn what_set_gave_is_blamed_on_it() {
    let mut document = example();
    document.set("spec.simulator.rate=1000").unwrap();
    assert_eq!(
        document.pipeline().unwrap().spec.simulator.unwrap().rate,
        1000.into()
    );
    document
        .set("spec.input.key=device,spec.stopDeadline=1m")
        .unwrap();
    let problems = document.pipeline().unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert_eq!(problems[0].path, "spec.input.key");
    assert_eq!(
        problems[0].set.as_deref(),
        Some("spec.input.key=device,spec.stopDeadline=1m")
    );
}

#[test]
fn another_version_says_which_one_is_right() {
    let document = only("apiVersion: sensorstream.dev/v1\nkind: SensorPipeline\n");
    let problems = document.pipeline().unwrap_err();
    assert_eq!(problems.len(), 1);
    assert_eq!((problems[0].line, problems[0].column), (1, 13));
    assert_eq!(
        problems[0].to_string(),
        "apiVersion: `sensorstream.dev/v1` is not what a pipeline has; write sensorstream.dev/v1alpha1"
    );
}
