//! The reference of the spec: every field, with what the types say of it and an example.
//!
//! - [`schema`]: what the types say.
//! - [`examples`]: where the examples come from.
//! - [`yaml`]: how they are written.

mod examples;
mod schema;
mod yaml;

use std::fmt::Write;

use sensorstream_crds::admission;
use serde_yaml_ng::Value;

use self::{
    examples::Examples,
    schema::{Field, Rule, Struct, Type},
};

const INTRODUCTION: &str = "\
# The spec of a `SensorPipeline`

Every field, with what it says, what it may be, and an example. `kubectl explain sp.spec.input` says the same at the
command line. Where a field has neither a default nor the word *required*, it may be left out, and the description
says what that means.

`[]` in a path stands for every entry of a list. Besides strings, integers and booleans there are:

| type | how it is written |
|---|---|
| duration | one to four numbers, each with its unit, `d`, `h`, `m`, `s` or `ms`: `90s`, `1h30m`, `30d` |
| size | a whole number of `Ki`, `Mi` or `Gi`: `32Mi` |
| percentage | `0%` to `100%`, with up to four decimals: `0.5%` |
| decimal | a whole number, or one with a fraction in quotes: `20`, `\"20.5\"` |

What neither a schema nor a rule in CEL can say is checked too: how short or long a duration may be, whether an
expression fits the fields, whether what a simulator makes fits them. `sensorstream validate` finds all of it without a
cluster, and the refusal says what to change.

<!-- Written by scripts/generate.sh from the types and docs/tool/examples. -->
";

/// Structs of one type, wherever they are.
struct Section<'a> {
    places: Vec<&'a Struct>,
}

/// The document, in Markdown.
pub(crate) fn document() -> String {
    let spec = schema::spec();
    let examples = Examples::read();
    let sections = sections(&spec);
    let mut text = INTRODUCTION.to_owned();
    resource(&mut text);
    for section in &sections {
        section.write(&mut text, &sections, &examples);
    }
    text
}

/// What there is to say of the resource besides its spec.
fn resource(text: &mut String) {
    let schema = admission::openapi_schema();
    let rules = schema["x-kubernetes-validations"].as_array();
    text.push_str("\n## The resource\n\n");
    text.push_str(
        "`apiVersion: sensorstream.dev/v1alpha1`, `kind: SensorPipeline`, in a namespace.\n\n",
    );
    for rule in rules.into_iter().flatten() {
        let word = |member: &str| rule[member].as_str().unwrap_or_default().to_owned();
        let rule = Rule {
            message: word("message"),
            cel: word("rule"),
        };
        let _ = writeln!(text, "- {}", rule_text(&rule));
    }
}

/// One for each type, in the order of the fields.
fn sections(spec: &Struct) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    for place in spec.all() {
        let same = |section: &&mut Section<'_>| section.first().properties == place.properties;
        match sections.iter_mut().find(same) {
            Some(section) => section.places.push(place),
            None => sections.push(Section {
                places: vec![place],
            }),
        }
    }
    sections
}

impl<'a> Section<'a> {
    fn first(&self) -> &'a Struct {
        self.places[0]
    }

    /// The place of the heading on the page.
    fn anchor(&self) -> String {
        let letters = self.first().path.chars();
        letters
            .filter(char::is_ascii_alphanumeric)
            .map(|letter| letter.to_ascii_lowercase())
            .collect()
    }

    /// The rules that hold at all places.
    fn rules(&self) -> Vec<&'a Rule> {
        let rules = self.first().rules.iter();
        rules
            .filter(|rule| self.places.iter().all(|place| place.rules.contains(rule)))
            .collect()
    }

    fn write(&self, text: &mut String, all: &[Self], examples: &Examples) {
        let first = self.first();
        let _ = writeln!(text, "\n## `{}`\n", first.path);
        if let Some(description) = &first.description {
            let _ = writeln!(text, "{description}\n");
        }
        if let [_, others @ ..] = self.places.as_slice()
            && !others.is_empty()
        {
            let others: Vec<String> = others.iter().map(|at| format!("`{}`", at.path)).collect();
            let _ = writeln!(text, "The same at {}.\n", others.join(", "));
        }
        let rules = self.rules();
        for rule in &rules {
            let _ = writeln!(text, "- {}", rule_text(rule));
        }
        for place in &self.places {
            for rule in place.rules.iter().filter(|rule| !rules.contains(rule)) {
                let _ = writeln!(text, "- `{}`: {}", place.path, rule_text(rule));
            }
        }
        if self.places.iter().any(|place| !place.rules.is_empty()) {
            text.push('\n');
        }
        text.push_str("| field | type | default | what it says, and what it may be | example |\n");
        text.push_str("|---|---|---|---|---|\n");
        for field in &first.fields {
            self.row(text, field, all, examples);
        }
        let paths: Vec<&str> = self.places.iter().map(|at| at.path.as_str()).collect();
        let names: Vec<&str> = first.fields.iter().map(|f| f.name.as_str()).collect();
        for example in examples::alone(&examples.with_all(&paths, &names)) {
            let _ = write!(text, "\n```yaml\n{}```\n", yaml::block(&example));
        }
    }

    fn row(&self, text: &mut String, field: &Field, all: &[Self], examples: &Examples) {
        let anchor = |inner: &Struct| {
            let section = all
                .iter()
                .find(|s| s.first().properties == inner.properties);
            section.map(Section::anchor).unwrap_or_default()
        };
        let type_ = match &field.type_ {
            Type::Plain(name) => name.clone(),
            Type::Struct(inner) => format!("[object](#{})", anchor(inner)),
            Type::List(inner) => format!("list of [objects](#{})", anchor(inner)),
            Type::Kubernetes(url) => format!("[as Kubernetes has it]({url})"),
        };
        let example = match &field.type_ {
            Type::Struct(_) | Type::List(_) => "below".to_owned(),
            Type::Plain(_) | Type::Kubernetes(_) => {
                let at = |place: &&Struct| examples.at(&place.path_of(field));
                let found = self.places.iter().flat_map(at).next();
                found.map_or_else(String::new, |found| code(&yaml::flow(found.value)))
            }
        };
        let _ = writeln!(
            text,
            "| `{}` | {type_} | {} | {} | {} |",
            field.name,
            default(field),
            cell(&says(field)),
            cell(&example)
        );
    }
}

fn default(field: &Field) -> String {
    match &field.default {
        _ if field.required => "*required*".to_owned(),
        None => String::new(),
        Some(serde_json::Value::Object(_)) => "that of its fields".to_owned(),
        Some(value) => {
            let value: Value = serde_yaml_ng::to_value(value).expect("JSON is YAML");
            code(&yaml::flow(&value))
        }
    }
}

fn says(field: &Field) -> String {
    let mut parts = vec![field.description.clone()];
    if !field.bounds.is_empty() {
        parts.push(format!("{}.", capitalised(&field.bounds.join(", "))));
    }
    for (choice, meaning) in &field.choices {
        parts.push(match meaning.as_str() {
            "" => format!("`{choice}`"),
            meaning => format!("`{choice}`: {meaning}"),
        });
    }
    parts.extend(field.rules.iter().map(rule_text));
    parts.join("<br>")
}

fn rule_text(rule: &Rule) -> String {
    format!("{} ({})", rule.message, code(&rule.cel))
}

/// A text with a capital letter.
fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

/// A text as code, also one with backticks in it.
fn code(text: &str) -> String {
    if text.contains('`') {
        format!("`` {text} ``")
    } else {
        format!("`{text}`")
    }
}

/// A text as it may stand in a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_document_is_up_to_date() {
        assert!(
            document() == include_str!("../../../spec.md"),
            "docs/spec.md is stale: run scripts/generate.sh"
        );
    }

    /// The paths of all fields of a schema of the resource's.
    fn paths(at: &str, schema: &serde_json::Value, found: &mut BTreeSet<String>) {
        for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{at}.{name}");
            let own = schema::KUBERNETES.iter().any(|(field, _)| field == name);
            if !own {
                paths(&path, schema, found);
                paths(&format!("{path}[]"), &schema["items"], found);
            }
            found.insert(path);
        }
    }

    #[test]
    fn every_field_of_the_resource_is_in_it_with_an_example() {
        let mut all = BTreeSet::new();
        let schema = admission::openapi_schema();
        paths("spec", &schema["properties"]["spec"], &mut all);
        let spec = schema::spec();
        let places = spec.all();
        let fields = || {
            places
                .iter()
                .flat_map(|at| at.fields.iter().map(|field| (*at, field)))
        };
        let described: BTreeSet<String> = fields().map(|(at, field)| at.path_of(field)).collect();
        assert_eq!(all, described);
        let examples = Examples::read();
        for section in sections(&spec) {
            for field in &section.first().fields {
                let mut places = section.places.iter();
                let shown = places.any(|at| !examples.at(&at.path_of(field)).is_empty());
                assert!(shown, "no example has {}", section.first().path_of(field));
            }
        }
        for (at, field) in fields() {
            assert!(!field.description.is_empty(), "{}", at.path_of(field));
        }
    }

    #[test]
    fn every_rule_of_the_resource_is_in_it() {
        fn rules(schema: &serde_json::Value, found: &mut Vec<String>) {
            let own = schema["x-kubernetes-validations"].as_array();
            for rule in own.into_iter().flatten() {
                found.push(rule["rule"].as_str().unwrap().to_owned());
            }
            let inner = schema.as_object().map(|members| members.values());
            inner
                .into_iter()
                .flatten()
                .for_each(|inner| rules(inner, found));
        }
        let mut all = Vec::new();
        rules(&admission::openapi_schema(), &mut all);
        let text = document();
        for rule in all {
            assert!(
                text.contains(&rule) || text.contains(&cell(&rule)),
                "{rule}"
            );
        }
    }

    #[test]
    fn headings_are_told_apart() {
        let spec = schema::spec();
        let sections = sections(&spec);
        let anchors: BTreeSet<String> = sections.iter().map(Section::anchor).collect();
        assert_eq!(anchors.len(), sections.len());
    }
}
