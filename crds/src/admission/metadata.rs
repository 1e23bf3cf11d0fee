//! What the API server demands of every resource's metadata, whatever its kind.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::Violation;

/// Where the name is.
pub(super) const NAME: &str = "metadata.name";
/// The longest part of a name.
const LABEL: usize = 63;
/// The longest name.
const SUBDOMAIN: usize = 253;

/// The schema of the metadata.
pub(super) fn schema() -> Value {
    let settings = SchemaSettings::openapi3().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<ObjectMeta>()
        .to_value();
    // Its words are for programmers of Kubernetes.
    let properties = schema["properties"].as_object_mut().into_iter();
    let members = properties.flat_map(serde_json::Map::values_mut);
    for member in members.filter_map(Value::as_object_mut) {
        member.remove("description");
    }
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("description");
    }
    schema
}

/// Everything wrong with the metadata of a resource whose structure is right.
pub(super) fn violations(object: &Value) -> Vec<Violation> {
    let metadata = &object["metadata"];
    let mut found = Vec::new();
    match metadata["name"].as_str() {
        None | Some("") => found.push(Violation::new(
            NAME,
            "it is missing; every pipeline needs a name",
        )),
        Some(name) if !is_subdomain(name) => {
            let proposal = proposal(name);
            let proposal = if is_subdomain(&proposal) {
                format!("; `{proposal}` would do")
            } else {
                String::new()
            };
            found.push(Violation::new(
                NAME,
                format!(
                    "`{name}` is no name for a resource: lower-case letters, digits and `-` are allowed, with a letter \
                     or digit at both ends{proposal}"
                ),
            ));
        }
        Some(_) => {}
    }
    if let Some(namespace) = metadata["namespace"].as_str()
        && !is_label(namespace)
    {
        found.push(Violation::new(
            "metadata.namespace",
            format!("`{namespace}` is no name for a namespace: lower-case letters, digits and `-` are allowed"),
        ));
    }
    for (list, has_values) in [("labels", true), ("annotations", false)] {
        for (key, value) in metadata[list].as_object().into_iter().flatten() {
            let path = format!("metadata.{list}.{key}");
            if !is_qualified(key) {
                let message = format!(
                    "`{key}` is no key: write letters, digits, `-`, `_` and `.`, with a prefix such as \
                     `example.com/` before it if you like"
                );
                found.push(Violation::new(path, message));
            } else if has_values
                && !value
                    .as_str()
                    .is_some_and(|value| value.is_empty() || is_word(value))
            {
                let message = format!(
                    "{value} is no value of a label: up to {LABEL} letters, digits, `-`, `_` and `.` are allowed, \
                     with a letter or digit at both ends; an annotation may hold anything"
                );
                found.push(Violation::new(path, message));
            }
        }
    }
    found
}

/// A name like the one given that may be.
fn proposal(name: &str) -> String {
    let allowed = |c: char| {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            c
        } else {
            '-'
        }
    };
    let name: String = name.to_lowercase().chars().map(allowed).collect();
    name.trim_matches('-').to_owned()
}

fn is_lower(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

fn is_label(text: &str) -> bool {
    text.len() <= LABEL
        && text.starts_with(is_lower)
        && text.ends_with(is_lower)
        && text.chars().all(|c| is_lower(c) || c == '-')
}

fn is_subdomain(text: &str) -> bool {
    text.len() <= SUBDOMAIN
        && text.split('.').all(|part| {
            part.starts_with(is_lower)
                && part.ends_with(is_lower)
                && part.chars().all(|c| is_lower(c) || c == '-')
        })
}

fn is_word(text: &str) -> bool {
    let end = |c: char| c.is_ascii_alphanumeric();
    text.len() <= LABEL
        && text.starts_with(end)
        && text.ends_with(end)
        && text.chars().all(|c| end(c) || matches!(c, '-' | '_' | '.'))
}

fn is_qualified(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => is_subdomain(prefix) && is_word(name),
        None => is_word(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(metadata: &Value) -> Vec<String> {
        let object = json!({ "metadata": metadata });
        violations(&object)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn names_are_those_that_kubernetes_takes() {
        for name in ["a", "plant-1", "plant.one", "1st", &"a".repeat(253)] {
            assert_eq!(found(&json!({ "name": name })), [""; 0], "{name}");
        }
        for name in [
            "",
            "Plant",
            "plant_one",
            "-a",
            "a-",
            "a..b",
            "a.-b",
            "plånt",
            &"a".repeat(254),
        ] {
            assert_eq!(found(&json!({ "name": name })).len(), 1, "{name}");
        }
        assert!(found(&json!({ "name": "Plant_One" }))[0].ends_with("; `plant-one` would do"));
    }

    #[test]
    fn labels_have_words_and_annotations_anything() {
        let right = json!({
            "name": "a", "labels": { "app": "x", "example.com/App_1": "" }, "annotations": { "a.b/c": "any thing" },
        });
        assert_eq!(found(&right), [""; 0]);
        let wrong = json!({ "name": "a", "namespace": "A.b", "labels": { "app": "a b", "/x": "", "-": "" } });
        assert_eq!(found(&wrong).len(), 4);
    }
}
