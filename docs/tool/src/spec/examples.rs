//! The examples, which are whole resources that are checked as they would be when applied.

use std::collections::BTreeSet;

use serde_yaml_ng::{Mapping, Value};

/// The resources, each with its file's name.
const SOURCES: [(&str, &str); 4] = [
    ("line.yaml", include_str!("../../examples/line.yaml")),
    ("trial.yaml", include_str!("../../examples/trial.yaml")),
    ("past.yaml", include_str!("../../examples/past.yaml")),
    ("quarter.yaml", include_str!("../../examples/quarter.yaml")),
];

/// All examples.
pub(super) struct Examples(Vec<(&'static str, Value)>);

/// A value somewhere in an example.
#[derive(Clone)]
pub(super) struct Found<'a> {
    /// The value.
    pub value: &'a Value,
    /// The members and entries that lead to it.
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    Entry,
}

impl Examples {
    /// Reads them.
    pub fn read() -> Self {
        let read = |(name, text)| {
            let resource = serde_yaml_ng::from_str(text);
            (name, resource.unwrap_or_else(|e| panic!("{name}: {e}")))
        };
        Self(SOURCES.into_iter().map(read).collect())
    }

    /// All values at a path, in which `[]` stands for every entry.
    pub fn at(&self, path: &str) -> Vec<Found<'_>> {
        let resources = self.0.iter().map(|(_, resource)| Found {
            value: resource,
            steps: Vec::new(),
        });
        path.split('.').fold(resources.collect(), |found, step| {
            found.iter().flat_map(|found| found.follow(step)).collect()
        })
    }

    /// As few of the values at the paths as have all these members, if there are any.
    pub fn with_all<'a>(&'a self, paths: &[&str], members: &[&str]) -> Vec<Found<'a>> {
        let all: Vec<Found<'_>> = paths.iter().flat_map(|path| self.at(path)).collect();
        let mut missing: BTreeSet<&str> = members.iter().copied().collect();
        let mut chosen = Vec::new();
        loop {
            let new = |found: &Found<'_>| missing.iter().filter(|name| found.has(name)).count();
            // The first of those that have most: `max_by_key` takes the last one.
            let Some(best) = all.iter().rev().max_by_key(|found| new(found)) else {
                return chosen;
            };
            if new(best) == 0 {
                return chosen;
            }
            missing.retain(|name| !best.has(name));
            chosen.push(best.clone());
        }
    }
}

impl Found<'_> {
    fn follow(&self, step: &str) -> Vec<Self> {
        let name = step.trim_end_matches("[]");
        let Some(value) = self.value.get(name) else {
            return Vec::new();
        };
        let mut steps = self.steps.clone();
        steps.push(Step::Member(name.to_owned()));
        if !step.ends_with("[]") {
            return vec![Self { value, steps }];
        }
        steps.push(Step::Entry);
        let entries = value.as_sequence().into_iter().flatten();
        entries
            .map(|value| Self {
                value,
                steps: steps.clone(),
            })
            .collect()
    }

    fn has(&self, member: &str) -> bool {
        self.value.get(member).is_some()
    }
}

/// Resources with nothing in them but these values: one for those of one list, and one for each other.
pub(super) fn alone(found: &[Found<'_>]) -> Vec<Mapping> {
    let mut lists: Vec<(&[Step], Vec<Value>)> = Vec::new();
    for Found { value, steps } in found {
        let list = lists.iter_mut().find(|(of, _)| of == steps);
        match (steps.last(), list) {
            (Some(Step::Entry), Some((_, entries))) => entries.push((*value).clone()),
            _ => lists.push((steps, vec![(*value).clone()])),
        }
    }
    lists
        .into_iter()
        .filter_map(|(steps, values)| whole(steps, values).as_mapping().cloned())
        .collect()
}

/// The resource with these values where the steps lead to.
fn whole(steps: &[Step], mut values: Vec<Value>) -> Value {
    let (inner, steps) = match steps {
        [steps @ .., Step::Entry] => (Value::Sequence(values), steps),
        _ => (values.pop().unwrap_or_default(), steps),
    };
    steps.iter().rev().fold(inner, |value, step| match step {
        Step::Member(name) => Value::Mapping(Mapping::from_iter([(name.as_str().into(), value)])),
        Step::Entry => Value::Sequence(vec![value]),
    })
}

#[cfg(test)]
mod tests {
    use sensorstream_crds::admission::violations;

    use super::*;

    #[test]
    fn every_example_may_be_applied() {
        for (name, resource) in Examples::read().0 {
            let resource = serde_json::to_value(resource).unwrap();
            assert_eq!(violations(&resource, None), [], "{name}");
        }
    }

    #[test]
    fn every_file_is_among_them() {
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/examples")).unwrap();
        assert_eq!(files.count(), SOURCES.len());
    }

    #[test]
    fn what_has_all_members_is_as_little_as_possible() {
        let examples = Examples::read();
        let members = ["tumbling", "sliding", "session", "name"];
        let found = examples.with_all(&["spec.windows[]"], &members);
        assert_eq!(found.len(), 3);
        let alone = alone(&found);
        assert_eq!(alone.len(), 1, "entries of one list are shown together");
        assert_eq!(alone[0]["spec"]["windows"].as_sequence().unwrap().len(), 3);
    }
}
