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

#[test]
fn an_entry_that_moved_is_the_same_entry() {
    let old = base();
    let mut new = base();
    let fields = new["spec"]["input"]["fields"].as_array_mut().unwrap();
    fields.reverse();
    let added = serde_json::json!({ "name": "battery", "type": "double", "required": false });
    fields.insert(0, added);
    assert_eq!(violations(&new, Some(&old)), []);
    // Not at the same place, but of the same name.
    new["spec"]["input"]["fields"][4]["type"] = "integer".into();
    let found = violations(&new, Some(&old));
    assert!(
        found
            .iter()
            .any(|v| v.message.contains("a field's type can't be changed")),
        "{found:#?}"
    );
}

#[test]
fn no_rule_about_changes_is_of_a_whole_list_whose_old_entries_are_put_beside_the_new_ones() {
    fn search(schema: &Value, path: &str) {
        let Value::Object(members) = schema else {
            return;
        };
        if members.contains_key("x-kubernetes-list-type") {
            let rules = members
                .get("x-kubernetes-validations")
                .map(Value::to_string);
            assert!(
                !rules.is_some_and(|rules| rules.contains("oldSelf")),
                "{path}"
            );
        }
        for (name, member) in members {
            search(member, &format!("{path}.{name}"));
        }
    }
    search(&openapi_schema(), "");
}

#[test]
fn a_resource_without_a_name_or_without_metadata_is_told_so_and_nothing_else() {
    let mut object = base();
    object["metadata"] = serde_json::json!({});
    let told = |object: &Value| -> Vec<String> {
        violations(object, None)
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    assert_eq!(
        told(&object),
        ["metadata.name: it is missing; every pipeline needs a name"]
    );
    object.as_object_mut().unwrap().remove("metadata");
    assert_eq!(told(&object), ["metadata: it is missing; add it"]);
}

#[test]
fn what_every_resource_has_is_known_and_the_rest_is_not() {
    let mut object = base();
    object["metadata"]["creationTimestamp"] = Value::Null;
    object["metadata"]["labels"] = serde_json::json!({ "app": "plant" });
    object["status"] = serde_json::json!({});
    assert_eq!(violations(&object, None), []);
    object["metadata"]["lables"] = serde_json::json!({});
    object["specs"] = serde_json::json!({});
    let found: Vec<String> = violations(&object, None)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        found,
        [
            "metadata.lables: unknown field \"lables\"; did you mean labels?",
            "specs: unknown field \"specs\"; did you mean spec?",
        ]
    );
}
