//! Values as YAML that people like to read: what fits in a line is in one.

use serde_yaml_ng::{Mapping, Value};

/// How long a line may be.
const WIDTH: usize = 100;
/// How deep what is in one line may be.
const DEPTH: usize = 3;
/// Words that some readers of YAML take for true or false.
const WORDS: [&str; 6] = ["yes", "no", "on", "off", "y", "n"];

/// A mapping, a member a line or more.
pub(super) fn block(mapping: &Mapping) -> String {
    let mut lines = Vec::new();
    members(mapping, 0, &mut lines);
    lines.join("\n") + "\n"
}

/// A value in one line.
pub(super) fn flow(value: &Value) -> String {
    match value {
        Value::Mapping(members) if members.is_empty() => "{}".to_owned(),
        Value::Mapping(members) => {
            let members = members.iter();
            let members: Vec<String> = members
                .map(|(key, value)| format!("{}: {}", flow(key), flow(value)))
                .collect();
            format!("{{ {} }}", members.join(", "))
        }
        Value::Sequence(entries) => {
            let entries: Vec<String> = entries.iter().map(flow).collect();
            format!("[{}]", entries.join(", "))
        }
        Value::String(text) => scalar(text),
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) | Value::Tagged(_) => serde_yaml_ng::to_string(value)
            .expect("a scalar can be written")
            .trim_end()
            .to_owned(),
    }
}

fn members(mapping: &Mapping, indent: usize, lines: &mut Vec<String>) {
    for (key, value) in mapping {
        member(&flow(key), value, indent, lines);
    }
}

fn member(key: &str, value: &Value, indent: usize, lines: &mut Vec<String>) {
    let margin = " ".repeat(indent);
    let line = format!("{margin}{key}: {}", flow(value));
    match value {
        // What it is about has a line of its own.
        _ if indent > 0 && fits(value, &line) => lines.push(line),
        Value::Mapping(inner) => {
            lines.push(format!("{margin}{key}:"));
            members(inner, indent + 2, lines);
        }
        Value::Sequence(inner) => {
            lines.push(format!("{margin}{key}:"));
            for value in inner {
                entry(value, indent + 2, lines);
            }
        }
        _ => lines.push(line),
    }
}

fn entry(value: &Value, indent: usize, lines: &mut Vec<String>) {
    let margin = " ".repeat(indent);
    let line = format!("{margin}- {}", flow(value));
    match value {
        Value::Mapping(inner) if !fits(value, &line) => {
            let first = lines.len();
            members(inner, indent + 2, lines);
            lines[first].replace_range(indent..indent + 2, "- ");
        }
        _ => lines.push(line),
    }
}

/// Whether a value is best read in one line. A list of mappings is not: its entries are lines.
fn fits(value: &Value, line: &str) -> bool {
    line.len() <= WIDTH && depth(value) <= DEPTH && !lists_mappings(value)
}

fn lists_mappings(value: &Value) -> bool {
    match value {
        Value::Mapping(members) => members.values().any(lists_mappings),
        Value::Sequence(entries) => entries.iter().any(Value::is_mapping),
        _ => false,
    }
}

fn depth(value: &Value) -> usize {
    let inner = match value {
        Value::Mapping(members) => members.values().map(depth).max(),
        Value::Sequence(entries) => entries.iter().map(depth).max(),
        _ => return 0,
    };
    inner.unwrap_or(0) + 1
}

/// A text, in quotes where it would be read as anything else.
fn scalar(text: &str) -> String {
    let read: Option<Value> = serde_yaml_ng::from_str(&format!("{{ a: {text}, b: c }}")).ok();
    let same = read.is_some_and(|read| read["a"].as_str() == Some(text) && read["b"] == "c");
    if same && !WORDS.contains(&text.to_ascii_lowercase().as_str()) {
        text.to_owned()
    } else {
        serde_json::to_string(text).expect("a text can be written")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_in_a_line_is_in_one() {
        let text = "\
spec:
  postgres: { secretKeyRef: { name: db, key: uri } }
  fields:
    - { name: ts, type: timestamp }
    - name: status
      choice:
        values:
          - { value: OK, weight: 97 }
  users: [ann@example.com]
";
        assert_eq!(block(&serde_yaml_ng::from_str(text).unwrap()), text);
    }

    #[test]
    fn texts_are_in_quotes_where_they_would_be_read_as_something_else() {
        for (text, written) in [
            ("0.5", r#""0.5""#),
            ("no", r#""no""#),
            ("a, b", r#""a, b""#),
            ("", r#""""#),
            ("*", r#""*""#),
            ("kafka:9092", "kafka:9092"),
            ("a > 1.0 && b", "a > 1.0 && b"),
        ] {
            assert_eq!(scalar(text), written);
        }
    }
}
