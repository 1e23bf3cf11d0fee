//! `--set spec.simulator.rate=1000`: changes to a resource from the command line, in Helm's syntax.
//!
//! Several at once are separated by commas; `\` takes a comma, a dot or a bracket for itself;
//! `{a,b}` is a list; `null` removes. A word is a number, true or false where YAML takes it for one;
//! in quotes it is text.

use std::{iter::Peekable, str::Chars};

use serde_json::{Map, Value};

use super::scalar;

/// Why a change can't be made.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// It is not of the form.
    #[error("--set {assignment}: {why}; write it as --set spec.simulator.rate=1000")]
    Form {
        /// The change.
        assignment: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// It leads nowhere.
    #[error("--set {assignment}: {path} is {found}, not {needed}")]
    Other {
        /// The change.
        assignment: String,
        /// Where it fails.
        path: String,
        /// What is there.
        found: &'static str,
        /// What would have to be.
        needed: &'static str,
    },
    /// It leaves entries of a list out.
    #[error("--set {assignment}: {path} has {length} entries, so the next one is [{length}]")]
    Beyond {
        /// The change.
        assignment: String,
        /// The list.
        path: String,
        /// How long it is.
        length: usize,
    },
}

/// A step on the way to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// To a member.
    Member(String),
    /// To an entry.
    Entry(usize),
}

/// A change: where, and to what.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// The way there.
    pub steps: Vec<Step>,
    /// The new value.
    pub value: Value,
}

/// A way, as Kubernetes writes it.
pub fn path(steps: &[Step]) -> String {
    steps.iter().fold(String::new(), |path, step| match step {
        Step::Member(name) if path.is_empty() => name.clone(),
        Step::Member(name) => format!("{path}.{name}"),
        Step::Entry(index) => format!("{path}[{index}]"),
    })
}

/// The changes that one `--set` asks for.
pub fn parse(text: &str) -> Result<Vec<Assignment>, SetError> {
    let form = |why| SetError::Form {
        assignment: text.to_owned(),
        why,
    };
    let mut rest = text.chars().peekable();
    let mut found = Vec::new();
    while rest.peek().is_some() {
        let steps = steps(&mut rest).map_err(form)?;
        let value = value(&mut rest).map_err(form)?;
        found.push(Assignment { steps, value });
    }
    if found.is_empty() {
        return Err(form("it is empty"));
    }
    Ok(found)
}

fn steps(rest: &mut Peekable<Chars<'_>>) -> Result<Vec<Step>, &'static str> {
    let mut steps = Vec::new();
    loop {
        let (word, end) = word(rest, &['.', '[', '=', ',']);
        let after_entry = matches!(steps.last(), Some(Step::Entry(_)));
        if !word.is_empty() {
            steps.push(Step::Member(word.trim().to_owned()));
        } else if !after_entry || end == Some(',') {
            return Err("a name is missing");
        }
        match end {
            Some('=') => return Ok(steps),
            Some('[') => {
                entry(rest, &mut steps)?;
            }
            Some('.') => {}
            _ => return Err("there is no = in it"),
        }
    }
}

/// What is in brackets, further brackets that follow, and the dot after them.
fn entry(rest: &mut Peekable<Chars<'_>>, steps: &mut Vec<Step>) -> Result<(), &'static str> {
    let (digits, end) = word(rest, &[']']);
    if end.is_none() {
        return Err("a ] is missing");
    }
    let index = digits.trim().parse();
    steps.push(Step::Entry(
        index.map_err(|_| "what is in [] must be a number")?,
    ));
    match rest.peek() {
        Some('.') => drop(rest.next()),
        Some('[' | '=') => {}
        _ => return Err("there is no = in it"),
    }
    // A bracket or = comes next, or a name.
    Ok(())
}

fn value(rest: &mut Peekable<Chars<'_>>) -> Result<Value, &'static str> {
    let Some(&first) = rest.peek() else {
        return Ok("".into());
    };
    match first {
        '{' => {
            rest.next();
            let mut entries = Vec::new();
            loop {
                let (entry, end) = scalar(rest, &[',', '}'])?;
                let is_empty = entries.is_empty() && entry == "";
                if !(end == Some('}') && is_empty) {
                    entries.push(entry);
                }
                match end {
                    Some('}') => break,
                    Some(_) => {}
                    None => return Err("a } is missing"),
                }
            }
            match rest.next() {
                None | Some(',') => Ok(entries.into()),
                Some(_) => Err("there is something after }"),
            }
        }
        _ => scalar(rest, &[',']).map(|(value, _)| value),
    }
}

fn scalar(
    rest: &mut Peekable<Chars<'_>>,
    ends: &[char],
) -> Result<(Value, Option<char>), &'static str> {
    if let Some(&quote @ ('"' | '\'')) = rest.peek() {
        rest.next();
        let (text, end) = word(rest, &[quote]);
        if end.is_none() {
            return Err("a quote is missing");
        }
        return match rest.next() {
            end if end.is_none_or(|end| ends.contains(&end)) => Ok((text.into(), end)),
            _ => Err("there is something after the quote"),
        };
    }
    let (text, end) = word(rest, ends);
    // Nothing after = is no text, as with Helm, where YAML would say null.
    let value = if text.is_empty() {
        "".into()
    } else {
        scalar::plain(&text)
    };
    Ok((value, end))
}

/// Reads up to one of the ends, and over it.
fn word(rest: &mut Peekable<Chars<'_>>, ends: &[char]) -> (String, Option<char>) {
    let mut word = String::new();
    while let Some(next) = rest.next() {
        if next == '\\' {
            word.extend(rest.next());
        } else if ends.contains(&next) {
            return (word, Some(next));
        } else {
            word.push(next);
        }
    }
    (word, None)
}

/// Makes a change.
pub fn apply(object: &mut Value, assignment: &Assignment, text: &str) -> Result<(), SetError> {
    let steps = &assignment.steps;
    let mut here = object;
    for (depth, step) in steps.iter().enumerate() {
        let last = depth + 1 == steps.len();
        let other = |found: &Value, needed| SetError::Other {
            assignment: text.to_owned(),
            path: path(&steps[..depth]),
            found: kind(found),
            needed,
        };
        match step {
            Step::Member(name) => {
                if here.is_null() {
                    *here = Value::Object(Map::new());
                }
                let Value::Object(members) = here else {
                    return Err(other(here, "a mapping"));
                };
                if last && assignment.value.is_null() {
                    members.remove(name);
                    return Ok(());
                }
                here = members.entry(name.clone()).or_insert(Value::Null);
            }
            Step::Entry(index) => {
                if here.is_null() {
                    *here = Value::Array(Vec::new());
                }
                let Value::Array(entries) = here else {
                    return Err(other(here, "a list"));
                };
                if *index > entries.len() {
                    return Err(SetError::Beyond {
                        assignment: text.to_owned(),
                        path: path(&steps[..depth]),
                        length: entries.len(),
                    });
                }
                if last && assignment.value.is_null() {
                    if *index < entries.len() {
                        entries.remove(*index);
                    }
                    return Ok(());
                }
                if *index == entries.len() {
                    entries.push(Value::Null);
                }
                here = &mut entries[*index];
            }
        }
    }
    *here = assignment.value.clone();
    Ok(())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(mut object: Value, text: &str) -> Result<Value, String> {
        let assignments = parse(text).map_err(|error| error.to_string())?;
        for assignment in &assignments {
            apply(&mut object, assignment, text).map_err(|error| error.to_string())?;
        }
        Ok(object)
    }

    #[test]
    fn values_are_set_where_they_are_and_made_where_they_are_not() {
        for (text, expected) in [
            ("a.b=2", json!({ "a": { "b": 2 }, "l": [{ "n": 1 }] })),
            (
                "a.c=x",
                json!({ "a": { "b": 1, "c": "x" }, "l": [{ "n": 1 }] }),
            ),
            (
                "l[0].n=true",
                json!({ "a": { "b": 1 }, "l": [{ "n": true }] }),
            ),
            (
                "l[1].n=2",
                json!({ "a": { "b": 1 }, "l": [{ "n": 1 }, { "n": 2 }] }),
            ),
            ("a=null", json!({ "l": [{ "n": 1 }] })),
            ("l[0]=null", json!({ "a": { "b": 1 }, "l": [] })),
            ("a.b=", json!({ "a": { "b": "" }, "l": [{ "n": 1 }] })),
            ("a.b=\"1\"", json!({ "a": { "b": "1" }, "l": [{ "n": 1 }] })),
            (
                "a.b={x,2}",
                json!({ "a": { "b": ["x", 2] }, "l": [{ "n": 1 }] }),
            ),
            ("a.b={}", json!({ "a": { "b": [] }, "l": [{ "n": 1 }] })),
            (
                "a.b=x\\,y",
                json!({ "a": { "b": "x,y" }, "l": [{ "n": 1 }] }),
            ),
            (
                "a.b=2,a.x\\.y=3",
                json!({ "a": { "b": 2, "x.y": 3 }, "l": [{ "n": 1 }] }),
            ),
            (
                "l={1,2},l[1]=0.5",
                json!({ "a": { "b": 1 }, "l": [1, 0.5] }),
            ),
            (
                "m[0][0]=1",
                json!({ "a": { "b": 1 }, "l": [{ "n": 1 }], "m": [[1]] }),
            ),
            (
                "a.b=x == 'y'",
                json!({ "a": { "b": "x == 'y'" }, "l": [{ "n": 1 }] }),
            ),
        ] {
            let object = json!({ "a": { "b": 1 }, "l": [{ "n": 1 }] });
            assert_eq!(set(object, text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_leads_nowhere_is_refused() {
        for (text, message) in [
            (
                "a",
                "--set a: there is no = in it; write it as --set spec.simulator.rate=1000",
            ),
            (
                "",
                "--set : it is empty; write it as --set spec.simulator.rate=1000",
            ),
            (
                "a..b=1",
                "--set a..b=1: a name is missing; write it as --set spec.simulator.rate=1000",
            ),
            (
                "l[x]=1",
                "--set l[x]=1: what is in [] must be a number; write it as --set spec.simulator.rate=1000",
            ),
            ("a.b.c=1", "--set a.b.c=1: a.b is a number, not a mapping"),
            ("a[0]=1", "--set a[0]=1: a is a mapping, not a list"),
            (
                "l[3]=1",
                "--set l[3]=1: l has 1 entries, so the next one is [1]",
            ),
            (
                "a.b={1",
                "--set a.b={1: a } is missing; write it as --set spec.simulator.rate=1000",
            ),
        ] {
            let object = json!({ "a": { "b": 1 }, "l": [{ "n": 1 }] });
            assert_eq!(set(object, text), Err(message.to_owned()), "{text}");
        }
    }
}
