//! The schema's own demands: types, patterns, bounds, unknown members, and lists that are
//! maps or sets.

mod members;
mod words;

use serde_json::{Map, Value, json};

use super::{Violation, metadata};

/// Everything in `object` that the structural schema refuses.
pub(super) fn violations(schema: &Value, object: &Value) -> Vec<Violation> {
    let schema = &whole(schema);
    // What is null in the metadata is as good as absent: `creationTimestamp` often is.
    let mut object = object.clone();
    if let Some(Value::Object(members)) = object.get_mut("metadata") {
        members.retain(|_, member| !member.is_null());
    }
    let mut found = Vec::new();
    match jsonschema::draft202012::new(&as_json_schema(schema)) {
        Ok(validator) => {
            for error in validator.iter_errors(&object) {
                words::explain(schema, &error, &mut found);
            }
        }
        Err(error) => found.push(Violation::new(
            "",
            format!("the schema does not compile: {error}"),
        )),
    }
    repeated_entries(schema, &object, "", &mut found);
    found
}

/// The schema with what every resource has besides.
fn whole(schema: &Value) -> Value {
    let mut schema = schema.clone();
    schema["properties"]["apiVersion"] = json!({ "type": "string" });
    schema["properties"]["kind"] = json!({ "type": "string" });
    schema["properties"]["metadata"] = metadata::schema();
    schema["required"] = json!(["apiVersion", "kind", "metadata", "spec"]);
    schema
}

/// The Kubernetes dialect as plain JSON Schema: int-or-string and nullable spelled out, and
/// members that the schema does not name refused, as kubectl's strict validation does.
fn as_json_schema(schema: &Value) -> Value {
    let Value::Object(members) = schema else {
        return schema.clone();
    };
    let mut plain = Map::new();
    for (key, value) in members {
        match key.as_str() {
            "properties" => {
                let properties: Map<_, _> = value
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, schema)| (name.clone(), as_json_schema(schema)))
                    .collect();
                plain.insert(key.clone(), properties.into());
                plain.insert("additionalProperties".into(), false.into());
            }
            "items" | "additionalProperties" => {
                plain.insert(key.clone(), as_json_schema(value));
            }
            "x-kubernetes-int-or-string" => {
                plain.insert("type".into(), json!(["integer", "string"]));
            }
            "nullable" | "description" | "default" | "format" => {}
            key if key.starts_with("x-kubernetes") => {}
            _ => {
                plain.insert(key.clone(), value.clone());
            }
        }
    }
    if members.get("nullable") == Some(&Value::Bool(true)) {
        let types = match plain.get("type") {
            Some(Value::Array(types)) => types.clone(),
            Some(type_) => vec![type_.clone()],
            None => Vec::new(),
        };
        if !types.is_empty() {
            plain.insert(
                "type".into(),
                types.into_iter().chain([json!("null")]).collect(),
            );
        }
    }
    Value::Object(plain)
}

/// The schema of a member.
fn of_member<'s>(schema: &'s Value, name: &str) -> &'s Value {
    match &schema["properties"][name] {
        Value::Null => &schema["additionalProperties"],
        inner => inner,
    }
}

/// What tells an entry of a list from the others, if the list is a map or a set.
fn key_of(schema: &Value, entry: &Value) -> Option<Vec<Value>> {
    match schema["x-kubernetes-list-type"].as_str()? {
        "set" => Some(vec![entry.clone()]),
        "map" => Some(
            schema["x-kubernetes-list-map-keys"]
                .as_array()?
                .iter()
                .map(|key| entry[key.as_str().unwrap_or_default()].clone())
                .collect(),
        ),
        _ => None,
    }
}

/// Entries that occur twice in lists declared as maps or sets.
fn repeated_entries(schema: &Value, value: &Value, path: &str, found: &mut Vec<Violation>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                repeated_entries(of_member(schema, name), member, &path, found);
            }
        }
        Value::Array(entries) => {
            let mut seen = Vec::new();
            for (index, entry) in entries.iter().enumerate() {
                let entry_path = format!("{path}[{index}]");
                if let Some(key) = key_of(schema, entry) {
                    if let Some(first) = seen.iter().position(|seen| *seen == key) {
                        let shown: Vec<_> = key.iter().map(Value::to_string).collect();
                        let message = format!(
                            "duplicate value: {} is in {path}[{first}] already; remove one, or give it another name",
                            shown.join(", ")
                        );
                        found.push(Violation::new(entry_path.clone(), message));
                    }
                    seen.push(key);
                }
                repeated_entries(&schema["items"], entry, &entry_path, found);
            }
        }
        _ => {}
    }
}

/// An old value with the entries of its lists where those of the same key are in the new one, for rules
/// about changes look at the same place. Beside an entry that is new stands itself, which has not changed.
pub(super) fn aligned(schema: &Value, new: &Value, old: &Value) -> Value {
    match (new, old) {
        (Value::Object(news), Value::Object(olds)) => {
            let members = olds.iter().map(|(name, old)| {
                let old = news.get(name).map_or_else(
                    || old.clone(),
                    |new| aligned(of_member(schema, name), new, old),
                );
                (name.clone(), old)
            });
            Value::Object(members.collect())
        }
        (Value::Array(news), Value::Array(olds)) if schema["x-kubernetes-list-type"] == "map" => {
            let key = |entry: &Value| key_of(schema, entry);
            let beside = news.iter().map(|new| {
                let old = olds.iter().find(|old| key(old) == key(new)).unwrap_or(new);
                aligned(&schema["items"], new, old)
            });
            let gone = olds
                .iter()
                .filter(|old| !news.iter().any(|new| key(new) == key(old)));
            beside.chain(gone.cloned()).collect()
        }
        _ => old.clone(),
    }
}
