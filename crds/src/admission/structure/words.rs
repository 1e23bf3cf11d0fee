//! What the schema refuses, in words for somebody who has never seen one: what is wrong, and what to write.

use jsonschema::{
    JsonType, ValidationError,
    error::{TypeKind, ValidationErrorKind},
};
use serde_json::Value;

use super::{
    members::{elsewhere, nearest},
    of_member,
};
use crate::{
    admission::Violation,
    scalars::{BYTE_SIZE_PATTERN, DECIMAL_PATTERN, DURATION_PATTERN, PERCENT_PATTERN},
};

/// What text of a pattern is, and how to write it.
const PATTERNS: [(&str, &str, &str); 15] = [
    (
        DURATION_PATTERN,
        "a span of time",
        "write numbers with their units, such as `500ms`, `90s`, `1h30m` or `30d`",
    ),
    (
        BYTE_SIZE_PATTERN,
        "a size",
        "write a number with its unit, such as `512Ki`, `32Mi` or `1Gi`",
    ),
    (
        PERCENT_PATTERN,
        "a share",
        "write a percentage from `0%` to `100%`, such as `0.5%`",
    ),
    (
        DECIMAL_PATTERN,
        "a number",
        "write digits, a fraction in quotes, such as `20` or `\"20.5\"`",
    ),
    (
        "^[a-zA-Z0-9._-]+$",
        "the name of a topic",
        "write letters, digits, `.`, `_` and `-` only",
    ),
    (
        "^[a-z][a-z0-9_]*$",
        "a name for a column, table or schema",
        "begin with a lower-case letter, and go on with lower-case letters, digits and `_`",
    ),
    (
        "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$",
        "the name of a Kubernetes object",
        "write lower-case letters, digits, `-` and `.` only, with a letter or digit at both ends",
    ),
    (
        "^[-._a-zA-Z0-9]+$",
        "a key of a Secret",
        "write letters, digits, `-`, `_` and `.` only",
    ),
    (
        r"^(\*|https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?)$",
        "an origin",
        "write it without a path, such as `https://plant.example.com`, or `*` for every one",
    ),
    (
        "^[0-9A-Fa-f.:]+/[0-9]{1,3}$",
        "a network",
        "write an address and the length of its prefix, such as `10.244.0.0/16`",
    ),
    (
        "^[A-Za-z0-9._-]+:[0-9]{1,5}(,[A-Za-z0-9._-]+:[0-9]{1,5})*$",
        "a list of Kafka brokers",
        "write each as host:port, with a comma between two, such as `kafka:9092`",
    ),
    (
        "^[A-Za-z][A-Za-z0-9-]*$",
        "the name of a header",
        "write letters, digits and `-` only, such as `X-Forwarded-User`",
    ),
    (
        "^[A-Za-z][A-Za-z0-9_-]*$",
        "the name of a rule",
        "begin with a letter, and go on with letters, digits, `_` and `-`",
    ),
    ("^[^/]", "the name of a member", "it may not begin with `/`"),
    (
        "^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9][A-Za-z0-9._=-]*)*$",
        "a place in an object store",
        "write the bucket and a folder, without a `/` at the end, such as `s3://plant/readings`",
    ),
];

/// Puts an error of the validator into words.
pub(super) fn explain(schema: &Value, error: &ValidationError<'_>, found: &mut Vec<Violation>) {
    let pointer = error.instance_path().as_str();
    let (path, here) = (dotted(pointer), at(schema, pointer));
    let value = error.instance().as_ref();
    let message = match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            for name in unexpected {
                found.push(Violation {
                    path: member(&path, name),
                    message: unknown(schema, here, name),
                });
            }
            return;
        }
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            let sentence = description(of_member(here, name));
            found.push(Violation {
                path: member(&path, name),
                message: format!("it is missing; add it{sentence}"),
            });
            return;
        }
        ValidationErrorKind::Type { kind } => wrong_type(here, kind, value),
        ValidationErrorKind::Pattern { pattern } => {
            // Empty text is refused for its length already.
            if value.as_str() == Some("") && here["minLength"].is_number() {
                return;
            }
            let known = PATTERNS.iter().find(|(known, ..)| known == pattern);
            let (what, how) = known.map_or(("allowed here", pattern.as_str()), |known| {
                (known.1, known.2)
            });
            format!("{} is not {what}; {how}", shown(value))
        }
        ValidationErrorKind::Enum { options } => not_among(options, value),
        ValidationErrorKind::Minimum { limit } => {
            format!("must be at least {}, not {}", whole(limit), shown(value))
        }
        ValidationErrorKind::Maximum { limit } => {
            format!("must be at most {}, not {}", whole(limit), shown(value))
        }
        ValidationErrorKind::MinLength { limit: 1 } => {
            "must not be empty; write something, or remove it".into()
        }
        ValidationErrorKind::MaxLength { limit } => {
            let length = value.as_str().unwrap_or_default().chars().count();
            format!("has {length} characters; {limit} are allowed")
        }
        ValidationErrorKind::MinItems { limit } => {
            let length = value.as_array().map_or(0, Vec::len);
            format!("has {length} entries; at least {limit} are needed")
        }
        ValidationErrorKind::MaxItems { limit } => {
            let length = value.as_array().map_or(0, Vec::len);
            format!("has {length} entries; {limit} are allowed")
        }
        ValidationErrorKind::MaxProperties { limit } => {
            let length = value.as_object().map_or(0, serde_json::Map::len);
            format!("has {length} members; {limit} are allowed")
        }
        _ => error.to_string(),
    };
    found.push(Violation { path, message });
}

/// A member that the schema does not name, and what may have been meant.
fn unknown(schema: &Value, here: &Value, name: &str) -> String {
    let known = || {
        here["properties"]
            .as_object()
            .into_iter()
            .flat_map(|members| members.keys())
    };
    let unknown = format!("unknown field \"{name}\"");
    if let Some(near) = nearest(name, known().map(String::as_str)) {
        return format!("{unknown}; did you mean {near}?");
    }
    let others = elsewhere(schema, name);
    if !others.is_empty() {
        return format!("{unknown}; did you mean {}?", others.join(" or "));
    }
    let known: Vec<&str> = known().map(String::as_str).collect();
    if known.is_empty() {
        return format!("{unknown}; remove it: nothing is set here");
    }
    format!("{unknown}; remove it, or use one of {}", known.join(", "))
}

fn not_among(options: &Value, value: &Value) -> String {
    let options: Vec<&str> = options
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let message = format!("{} is not one of {}", shown(value), options.join(", "));
    let near = value
        .as_str()
        .and_then(|text| nearest(text, options.iter().copied()));
    near.map_or_else(
        || message.clone(),
        |near| format!("{message}; did you mean {near}?"),
    )
}

fn wrong_type(here: &Value, kind: &TypeKind, value: &Value) -> String {
    let types: Vec<JsonType> = match kind {
        TypeKind::Single(type_) => vec![*type_],
        TypeKind::Multiple(types) => types.iter().collect(),
    };
    let pattern = here["pattern"].as_str();
    let known = PATTERNS.iter().find(|(known, ..)| Some(*known) == pattern);
    let expected = known.map_or_else(
        || {
            let words: Vec<&str> = types.iter().filter_map(|type_| named(*type_)).collect();
            words.join(" or ")
        },
        |known| known.1.to_owned(),
    );
    let is_text = types.contains(&JsonType::String);
    let hint = match value {
        Value::Number(_) | Value::Bool(_)
            if known.is_some_and(|known| known.0 != DECIMAL_PATTERN) =>
        {
            format!("; {}", known.map_or("", |known| known.2))
        }
        Value::Number(_) | Value::Bool(_) if is_text => {
            format!("; write it in quotes: \"{value}\"")
        }
        Value::String(text)
            if text.parse::<f64>().is_ok() || matches!(&**text, "true" | "false") =>
        {
            format!("; write it without quotes: {text}")
        }
        Value::Object(_) if types.contains(&JsonType::Array) => {
            "; begin each entry with `- `".to_owned()
        }
        _ => String::new(),
    };
    if value.is_null() {
        return format!("must be {expected}, and is empty; write it after the colon");
    }
    format!("must be {expected}, not {}{hint}", shown(value))
}

fn named(type_: JsonType) -> Option<&'static str> {
    Some(match type_ {
        JsonType::Array => "a list",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Number => "a number",
        JsonType::Object => "a mapping",
        JsonType::String => "text",
        JsonType::Null => return None,
    })
}

/// A bound, which schemas write as a floating point number.
fn whole(limit: &Value) -> String {
    let text = limit.to_string();
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => format!("`{text}`"),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
    }
}

/// The first sentence about a member, after one that ends.
fn description(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    let sentence = text.split_inclusive(". ").next().unwrap_or_default();
    let sentence = sentence
        .split("\n\n")
        .next()
        .unwrap_or_default()
        .replace('\n', " ");
    let sentence = sentence.trim().trim_end_matches('.');
    if sentence.is_empty() {
        String::new()
    } else {
        format!(". {sentence}")
    }
}

/// The schema of what a JSON pointer leads to.
fn at<'s>(schema: &'s Value, pointer: &str) -> &'s Value {
    pointer.split('/').skip(1).fold(schema, |schema, part| {
        if schema["items"].is_object() {
            &schema["items"]
        } else {
            of_member(schema, &unescaped(part))
        }
    })
}

fn member(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// A JSON pointer as Kubernetes writes paths: `/spec/fields/0/name` as `spec.fields[0].name`.
fn dotted(pointer: &str) -> String {
    pointer
        .split('/')
        .skip(1)
        .fold(String::new(), |path, part| {
            if part.bytes().all(|b| b.is_ascii_digit()) {
                format!("{path}[{part}]")
            } else {
                member(&path, &unescaped(part))
            }
        })
}

fn unescaped(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::openapi_schema;

    #[test]
    fn every_pattern_has_words() {
        fn patterns(schema: &Value, found: &mut Vec<String>) {
            match schema {
                Value::Object(members) => {
                    found.extend(
                        members
                            .get("pattern")
                            .and_then(Value::as_str)
                            .map(str::to_owned),
                    );
                    members.values().for_each(|member| patterns(member, found));
                }
                Value::Array(entries) => entries.iter().for_each(|entry| patterns(entry, found)),
                _ => {}
            }
        }
        let mut found = Vec::new();
        patterns(&openapi_schema(), &mut found);
        for pattern in found {
            let known = PATTERNS.iter().any(|(known, ..)| *known == pattern);
            assert!(known, "{pattern} needs words");
        }
    }
}
