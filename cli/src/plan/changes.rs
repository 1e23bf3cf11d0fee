//! What a plan comes to: what is added, changed and removed, and what there is to say about it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// What is to be done to a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is made.
    Add,
    /// It is made another.
    Change,
    /// It goes.
    Remove,
}

/// Everything that one resource changes.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Changes {
    /// The file that it is in.
    pub file: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Kubernetes objects, the resource itself first.
    pub objects: Vec<Object>,
    /// Where the topics are.
    pub kafka: String,
    /// Topics.
    pub topics: Vec<Topic>,
    /// Tables.
    pub tables: Vec<Statements>,
    /// Roles in the database.
    pub roles: Vec<Statements>,
    /// What becomes the pipeline's own.
    pub claims: Vec<Claim>,
    /// What else there is to know.
    pub notes: Vec<String>,
}

/// A Kubernetes object.
#[derive(Clone, Debug, Serialize)]
pub struct Object {
    /// What is done to it.
    pub action: Action,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What it is then; nothing is said of Secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// What is applied, for those that exist.
    #[serde(skip)]
    pub applied: Option<Value>,
}

/// A topic.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Topic {
    /// What is done to it.
    pub action: Action,
    /// Its name.
    pub name: String,
    /// How many partitions it gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partitions: Option<i32>,
    /// How many copies of each record it gets, if it is not the cluster's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replication_factor: Option<i32>,
    /// The settings it gets.
    pub config: BTreeMap<String, String>,
}

/// SQL about one thing.
#[derive(Clone, Debug, Serialize)]
pub struct Statements {
    /// What is done to it.
    pub action: Action,
    /// Its name.
    pub name: String,
    /// The statements, in order.
    pub sql: Vec<String>,
}

/// A thing that becomes the pipeline's own.
#[derive(Clone, Debug, Serialize)]
pub struct Claim {
    /// What it is.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Whether it was there before.
    pub adopted: bool,
}

impl Changes {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
            && self.topics.is_empty()
            && self.tables.is_empty()
            && self.roles.is_empty()
            && self.claims.is_empty()
    }
}

/// One line about all of them.
pub fn summary(all: &[Changes]) -> String {
    if all.iter().all(Changes::is_empty) {
        return "No changes. What is there is what is wanted.".to_owned();
    }
    let parts: Vec<String> = [
        (Action::Add, "to add"),
        (Action::Change, "to change"),
        (Action::Remove, "to remove"),
    ]
    .into_iter()
    .filter_map(|(action, words)| {
        let count = |of: &dyn Fn(&Changes) -> usize| all.iter().map(of).sum::<usize>();
        let counts = [
            (
                count(&|c| with(action, c.objects.iter().map(|o| o.action))),
                "object",
            ),
            (
                count(&|c| with(action, c.topics.iter().map(|t| t.action))),
                "topic",
            ),
            (
                count(&|c| with(action, c.tables.iter().map(|t| t.action))),
                "table",
            ),
            (
                count(&|c| with(action, c.roles.iter().map(|r| r.action))),
                "role",
            ),
        ];
        let counted: Vec<String> = counts
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, what)| format!("{number} {what}{}", if number == 1 { "" } else { "s" }))
            .collect();
        (!counted.is_empty()).then(|| format!("{} {words}", listed(&counted)))
    })
    .collect();
    if parts.is_empty() {
        // Only what the pipeline owns of what is there.
        return "Plan: nothing to add, change or remove, but to be claimed.".to_owned();
    }
    format!("Plan: {}.", parts.join(", "))
}

fn with(action: Action, actions: impl Iterator<Item = Action>) -> usize {
    actions.filter(|found| *found == action).count()
}

fn listed(words: &[String]) -> String {
    match words {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => words.join(""),
    }
}
