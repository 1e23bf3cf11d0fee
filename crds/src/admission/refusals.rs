//! The cases of `testdata/refusals.yaml`: what is refused at apply and with which words. One
//! list, for the rules in Rust and for a real API server.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

/// One edit that must be refused.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Refusal {
    /// What the case is about.
    pub name: String,
    /// Changes that give the resource being replaced; creation when absent.
    pub before: Option<BTreeMap<String, Value>>,
    /// Changes that give the refused resource: JSON pointer to value, null to remove.
    pub set: BTreeMap<String, Value>,
    /// A part of what the person reads.
    pub message: String,
    /// The same where the rules in Rust word it differently from the API server.
    pub in_rust: Option<String>,
    /// Who refuses.
    pub by: RefusedBy,
}

/// Who refuses a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RefusedBy {
    /// The structural schema.
    Schema,
    /// A CEL rule in the schema.
    Rule,
    /// The validating webhook.
    Webhook,
}

impl Refusal {
    /// Every case.
    ///
    /// # Panics
    /// When the file does not parse.
    pub fn all() -> Vec<Self> {
        serde_yaml_ng::from_str(include_str!("../../testdata/refusals.yaml")).expect("cases parse")
    }

    /// The resource that is replaced, if the case is an edit, and the refused one.
    pub fn resources(&self) -> (Option<Value>, Value) {
        let mut object = base();
        let old = self.before.as_ref().map(|changes| {
            change(&mut object, changes);
            object.clone()
        });
        change(&mut object, &self.set);
        (old, object)
    }
}

/// The valid resource that every case starts from.
///
/// # Panics
/// When the example does not parse.
pub fn base() -> Value {
    serde_yaml_ng::from_str(include_str!("../../../examples/environment.yaml"))
        .expect("the example parses")
}

/// Sets each pointer to its value, making the last step where it does not exist.
fn change(object: &mut Value, changes: &BTreeMap<String, Value>) {
    for (pointer, value) in changes {
        let (parent, last) = pointer.rsplit_once('/').expect("a pointer starts with /");
        let parent = object
            .pointer_mut(parent)
            .unwrap_or_else(|| panic!("nothing at {parent}"));
        match (parent, value) {
            (Value::Object(members), Value::Null) => drop(members.remove(last)),
            (Value::Object(members), value) => drop(members.insert(last.into(), value.clone())),
            (Value::Array(entries), value) => {
                let index: usize = last.parse().expect("an index");
                match value {
                    Value::Null => drop(entries.remove(index)),
                    value if index < entries.len() => entries[index] = value.clone(),
                    value => entries.push(value.clone()),
                }
            }
            (other, _) => panic!("{pointer} leads into {}", json!(other)),
        }
    }
}
