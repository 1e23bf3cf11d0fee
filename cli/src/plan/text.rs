//! A plan for people. Pure.

use std::fmt::Write;

use anstyle::Style;
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::changes::{Action, Changes, Object, Statements, Topic};
use crate::colours::{ADDED, CHANGED, FAINT, REMOVED, STRONG, in_style};

/// Lines around a change.
const CONTEXT: usize = 3;

/// A plan, with the objects that are added in full if so wished.
pub fn text(changes: &Changes, manifests: bool) -> String {
    let mut text = String::new();
    let Changes {
        file,
        namespace,
        name,
        ..
    } = changes;
    let head = format!("SensorPipeline {name} in namespace {namespace}, from {file}");
    line(&mut text, format_args!("{}\n", in_style(STRONG, head)));
    section(
        &mut text,
        "Kubernetes objects",
        &changes.objects,
        |text, object| {
            self::object(text, object, manifests);
        },
    );
    let kafka = format!("Topics in Kafka at {}", changes.kafka);
    section(&mut text, &kafka, &changes.topics, topic);
    section(
        &mut text,
        "Tables in PostgreSQL",
        &changes.tables,
        statements,
    );
    section(&mut text, "Roles in PostgreSQL", &changes.roles, statements);
    let claims: Vec<_> = changes
        .claims
        .iter()
        .filter(|claim| claim.adopted && claim.kind != "lake")
        .collect();
    section(
        &mut text,
        "There already, and used from now on",
        &claims,
        |text, claim| {
            line(text, format_args!("    {} {}", claim.kind, claim.name));
        },
    );
    for note in &changes.notes {
        line(
            &mut text,
            format_args!("{} {note}", in_style(FAINT, "note:")),
        );
    }
    if !changes.notes.is_empty() {
        text.push('\n');
    }
    text
}

fn section<T>(text: &mut String, title: &str, things: &[T], each: impl Fn(&mut String, &T)) {
    if things.is_empty() {
        return;
    }
    line(text, in_style(STRONG, title));
    for thing in things {
        each(text, thing);
    }
    text.push('\n');
}

fn line(text: &mut String, content: impl std::fmt::Display) {
    writeln!(text, "{content}").expect("strings take everything");
}

fn mark(action: Action) -> (Style, char) {
    match action {
        Action::Add => (ADDED, '+'),
        Action::Change => (CHANGED, '~'),
        Action::Remove => (REMOVED, '-'),
    }
}

fn heading(text: &mut String, action: Action, what: &str, about: &str) {
    let (style, mark) = mark(action);
    let what = in_style(style, format!("{mark} {what}"));
    let gap = if about.is_empty() { "" } else { "  " };
    line(
        text,
        format_args!("  {what}{gap}{}", in_style(FAINT, about)),
    );
}

fn object(text: &mut String, object: &Object, manifests: bool) {
    let about = about(object);
    heading(
        text,
        object.action,
        &format!("{} {}", object.kind, object.name),
        &about,
    );
    let yaml = |value: &Option<Value>| {
        let yaml = value.as_ref().map(serde_yaml_ng::to_string);
        yaml.map_or_else(String::new, Result::unwrap_or_default)
    };
    let (before, after) = (yaml(&object.before), yaml(&object.after));
    match object.action {
        Action::Add if manifests => {
            for added in after.lines() {
                line(
                    text,
                    format_args!("      {}", in_style(ADDED, format_args!("+ {added}"))),
                );
            }
        }
        Action::Add | Action::Remove => {}
        Action::Change => difference(text, &before, &after),
    }
}

/// What there is to know of an object at a glance.
fn about(object: &Object) -> String {
    let of = |pointer: &str| {
        object
            .after
            .as_ref()
            .and_then(|after| after.pointer(pointer))
    };
    match (&*object.kind, object.action) {
        ("Deployment", Action::Add) => {
            let replicas = of("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
            let image = of("/spec/template/spec/containers/0/image");
            let image = image.and_then(Value::as_str).unwrap_or_default();
            let pods = if replicas == 1 { "pod" } else { "pods" };
            format!("{replicas} {pods} of {image}")
        }
        ("Service", Action::Add) => {
            let port = of("/spec/ports/0/port").and_then(Value::as_i64);
            port.map_or_else(String::new, |port| format!("port {port}"))
        }
        ("Secret", Action::Add) => "a login that only reads; its password is made then".to_owned(),
        ("Secret", Action::Change) => "with a new password".to_owned(),
        _ => String::new(),
    }
}

fn difference(text: &mut String, before: &str, after: &str) {
    let diff = TextDiff::from_lines(before, after);
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        line(
            text,
            format_args!("      {}", in_style(FAINT, hunk.header())),
        );
        for change in hunk.iter_changes() {
            let (style, mark) = match change.tag() {
                ChangeTag::Delete => (REMOVED, '-'),
                ChangeTag::Insert => (ADDED, '+'),
                ChangeTag::Equal => (FAINT, ' '),
            };
            let content = change.value().trim_end_matches('\n');
            line(
                text,
                format_args!(
                    "      {}",
                    in_style(style, format_args!("{mark} {content}"))
                ),
            );
        }
    }
}

fn topic(text: &mut String, topic: &Topic) {
    let copies = match (topic.action, topic.replication_factor) {
        (Action::Add, None) => Some("as many copies as Kafka makes by default".to_owned()),
        (_, Some(1)) => Some("1 copy".to_owned()),
        (_, Some(copies)) => Some(format!("{copies} copies")),
        (_, None) => None,
    };
    let partitions = topic.partitions.map(|partitions| match partitions {
        1 => "1 partition".to_owned(),
        partitions => format!("{partitions} partitions"),
    });
    let about: Vec<String> = partitions.into_iter().chain(copies).collect();
    heading(text, topic.action, &topic.name, &about.join(", "));
    for (name, value) in &topic.config {
        line(text, format_args!("      {name} = {value}"));
    }
}

fn statements(text: &mut String, statements: &Statements) {
    heading(text, statements.action, &statements.name, "");
    for statement in &statements.sql {
        for part in broken(statement).lines() {
            line(text, format_args!("      {part}"));
        }
    }
}

/// A statement over several lines, where it makes a table.
fn broken(statement: &str) -> String {
    if !statement.starts_with("CREATE TABLE") {
        return format!("{statement};");
    }
    let (mut depth, mut quoted, mut broken) = (0, false, String::new());
    let mut rest = statement.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        match c {
            '(' if !quoted && depth == 1 => broken += "(\n  ",
            ')' if !quoted && depth == 0 => broken += "\n)",
            ',' if !quoted && depth == 1 => {
                broken += ",\n  ";
                rest.next_if_eq(&' ');
            }
            c => broken.push(c),
        }
    }
    broken + ";"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_takes_a_line_a_column_and_other_statements_one() {
        assert_eq!(
            broken(
                r#"CREATE TABLE "s"."t" ("a, (b" text NOT NULL, "c" bigint, PRIMARY KEY ("a, (b", "c"))"#
            ),
            "CREATE TABLE \"s\".\"t\" (\n  \"a, (b\" text NOT NULL,\n  \"c\" bigint,\n  PRIMARY KEY (\"a, (b\", \"c\")\n);"
        );
        assert_eq!(
            broken("CREATE INDEX ON t (a, b)"),
            "CREATE INDEX ON t (a, b);"
        );
    }
}
