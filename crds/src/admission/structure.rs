//! The schema's own demands: types, patterns, bounds, unknown members, and lists that are
//! maps or sets.

use serde_json::{Map, Value, json};

use super::Violation;

/// Everything in `object` that the structural schema refuses.
pub(super) fn violations(schema: &Value, object: &Value) -> Vec<Violation> {
    let mut found = Vec::new();
    let draft = as_json_schema(schema, true);
    match jsonschema::draft202012::new(&draft) {
        Ok(validator) => found.extend(validator.iter_errors(object).map(|error| {
            Violation::new(dotted(error.instance_path().as_str()), error.to_string())
        })),
        Err(error) => found.push(Violation::new(
            "",
            format!("the schema does not compile: {error}"),
        )),
    }
    repeated_entries(schema, object, "", &mut found);
    found
}

/// The Kubernetes dialect as plain JSON Schema: int-or-string and nullable spelled out, and
/// members that the schema does not name refused, as kubectl's strict validation does.
fn as_json_schema(schema: &Value, root: bool) -> Value {
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
                    .map(|(name, schema)| (name.clone(), as_json_schema(schema, false)))
                    .collect();
                plain.insert(key.clone(), properties.into());
                if !root {
                    plain.insert("additionalProperties".into(), false.into());
                }
            }
            "items" | "additionalProperties" => {
                plain.insert(key.clone(), as_json_schema(value, false));
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

/// Entries that occur twice in lists declared as maps or sets.
fn repeated_entries(schema: &Value, value: &Value, path: &str, found: &mut Vec<Violation>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let inner = match &schema["properties"][name] {
                    Value::Null => &schema["additionalProperties"],
                    inner => inner,
                };
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                repeated_entries(inner, member, &path, found);
            }
        }
        Value::Array(entries) => {
            let key_of = |entry: &Value| -> Option<Vec<Value>> {
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
            };
            let mut seen = Vec::new();
            for (index, entry) in entries.iter().enumerate() {
                let path = format!("{path}[{index}]");
                if let Some(key) = key_of(entry) {
                    if seen.contains(&key) {
                        let shown: Vec<_> = key.iter().map(Value::to_string).collect();
                        let message = format!("duplicate value: {}", shown.join(", "));
                        found.push(Violation::new(path.clone(), message));
                    }
                    seen.push(key);
                }
                repeated_entries(&schema["items"], entry, &path, found);
            }
        }
        _ => {}
    }
}

/// A JSON pointer as Kubernetes writes paths: `/spec/fields/0/name` as `spec.fields[0].name`.
fn dotted(pointer: &str) -> String {
    let mut path = String::new();
    for part in pointer.split('/').skip(1) {
        if part.bytes().all(|b| b.is_ascii_digit()) {
            path.push('[');
            path.push_str(part);
            path.push(']');
        } else {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(part);
        }
    }
    path
}
