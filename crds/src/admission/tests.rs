use serde_json::Value;

use super::{
    openapi_schema,
    refusals::{Refusal, RefusedBy, base},
    violations,
};

#[test]
fn the_examples_are_accepted() {
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("clickstream.yaml") {
            // Its windows are over several partitions, which are not supported yet.
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let object: Value = serde_yaml_ng::from_str(&text).unwrap();
        assert_eq!(violations(&object, None), [], "{}", path.display());
        assert_eq!(
            violations(&object, Some(&object)),
            [],
            "{} unchanged",
            path.display()
        );
    }
}

#[test]
fn every_refusal_says_what_to_change() {
    for case in Refusal::all() {
        let (old, new) = case.resources();
        if let Some(old) = &old {
            assert_eq!(
                violations(old, None),
                [],
                "{}: what is replaced is valid",
                case.name
            );
        }
        let found = violations(&new, old.as_ref());
        let expected = case.in_rust.as_ref().unwrap_or(&case.message);
        assert!(
            found
                .iter()
                .any(|violation| violation.to_string().contains(expected)),
            "{}: expected `{expected}`, got {found:#?}",
            case.name
        );
    }
}

#[test]
fn every_cel_rule_has_a_case() {
    fn messages(schema: &Value, found: &mut Vec<String>) {
        match schema {
            Value::Object(members) => {
                for rule in members
                    .get("x-kubernetes-validations")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                {
                    found.push(
                        rule["message"]
                            .as_str()
                            .expect("every rule has a message")
                            .to_owned(),
                    );
                }
                members.values().for_each(|member| messages(member, found));
            }
            Value::Array(entries) => entries.iter().for_each(|entry| messages(entry, found)),
            _ => {}
        }
    }
    let mut rules = Vec::new();
    messages(&openapi_schema(), &mut rules);
    assert!(rules.len() > 15, "the rules are in the schema");
    let cases = Refusal::all();
    for message in rules {
        assert!(
            cases
                .iter()
                .any(|case| case.by == RefusedBy::Rule && message.contains(&case.message)),
            "no case shows the rule `{message}`"
        );
    }
}

#[test]
fn edits_that_lose_nothing_are_accepted() {
    let old = base();
    let mut new = base();
    *new.pointer_mut("/spec/simulator/rate").unwrap() = 10.into();
    new["spec"]["input"]["topic"]["partitions"] = 3.into();
    new["spec"]["input"]["fields"]
        .as_array_mut()
        .unwrap()
        .push(serde_json::json!({ "name": "battery", "type": "double", "required": false }));
    assert_eq!(violations(&new, Some(&old)), []);
}

#[test]
fn what_gives_a_windows_rows_no_other_meaning_can_be_edited() {
    let minutes = serde_json::json!({
        "name": "minutes",
        "tumbling": { "size": "1m" },
        "where": "temperature > 20.0 && sensor_id.startsWith('sensor')",
        "groupBy": ["sensor_id"],
        "aggregates": [{ "as": "mean", "avg": { "field": "temperature" } }],
    });
    let mut old = base();
    old["spec"]["windows"] = serde_json::json!([minutes]);
    let mut new = old.clone();
    let window = &mut new["spec"]["windows"][0];
    window["aggregates"] = serde_json::json!([
        { "as": "mean", "avg": { "field": "temperature" } },
        { "as": "p99", "quantile": { "field": "temperature", "q": "0.99" } },
    ]);
    window["emit"] = serde_json::json!({ "mode": "OnClose" });
    window["retention"] = "90d".into();
    window["onLate"] = "DeadLetter".into();
    let visits = serde_json::json!({
        "name": "visits",
        "session": { "gap": "5m" },
        "groupBy": ["sensor_id"],
    });
    new["spec"]["windows"].as_array_mut().unwrap().push(visits);
    assert_eq!(violations(&new, Some(&old)), []);
    assert_eq!(violations(&base(), Some(&new)), [], "all windows removed");
}
