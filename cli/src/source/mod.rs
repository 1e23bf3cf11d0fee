//! Resources out of files, with where in them everything is.
//!
//! ```text
//! paths ──read──► Source ──documents──► Document ──pipeline──► SensorPipeline
//!                                        │  ▲ set                or Problems
//!                                        └──┘
//! ```

mod find;
mod one;
mod scalar;
mod set;
mod yaml;

use std::{
    fmt, fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use kube::Resource;
use sensorstream_crds::{
    SensorPipeline,
    admission::{Violation, violations},
};
use serde_json::Value;

pub use find::{FindError, Found, Pipeline, find};
pub use one::{OneError, one};
pub use set::SetError;
use yaml::{Content, Node};

/// A text with resources in it.
#[derive(Clone, Debug)]
pub struct Source {
    /// The file, or `-` for standard input.
    pub name: String,
    /// What is in it.
    pub text: String,
    /// Whether it was named itself, and not found in a folder.
    pub named: bool,
}

/// Where something is written. Lines and columns begin with 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
    /// How many characters it takes on that line.
    pub length: usize,
}

/// Something wrong with what is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
    /// How many characters it is about, on that line.
    pub length: usize,
    /// The path in the resource, such as `spec.input.key`; empty if it is about no one member.
    pub path: String,
    /// What is wrong, and what to do about it.
    pub message: String,
    /// The `--set` that gave the value, if one did.
    pub set: Option<String>,
}

impl Problem {
    fn at(place: Place, message: impl Into<String>) -> Self {
        Self {
            line: place.line,
            column: place.column,
            length: place.length,
            path: String::new(),
            message: message.into(),
            set: None,
        }
    }

    /// It, after the name of the text and the place in it.
    pub fn in_text(&self, name: &str) -> String {
        format!("{name}:{}:{}: {self}", self.line, self.column)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// Why there is nothing to read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It can't be read.
    #[error("reading {0}")]
    Read(String, #[source] io::Error),
    /// There is nothing of the kind in a folder.
    #[error("there is no *.yaml, *.yml or *.json in {0}")]
    Empty(String),
}

/// Reads files, folders (their `*.yaml`, `*.yml` and `*.json`) and, for `-`, standard input.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Source>, SourceError> {
    let mut sources = Vec::new();
    for path in paths {
        let name = path.display().to_string();
        let failed = |error| SourceError::Read(name.clone(), error);
        if path.as_os_str() == "-" {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text).map_err(failed)?;
            sources.push(Source {
                name,
                text,
                named: true,
            });
        } else if path.is_dir() {
            let files = files(path).map_err(failed)?;
            if files.is_empty() {
                return Err(SourceError::Empty(name));
            }
            for file in files {
                sources.push(file_source(&file, false)?);
            }
        } else {
            sources.push(file_source(path, true)?);
        }
    }
    Ok(sources)
}

fn file_source(path: &Path, named: bool) -> Result<Source, SourceError> {
    let name = path.display().to_string();
    match fs::read_to_string(path) {
        Ok(text) => Ok(Source { name, text, named }),
        Err(error) => Err(SourceError::Read(name, error)),
    }
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("yaml" | "yml" | "json")) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The documents of a text, of whatever kind; those in a `List` one by one.
pub fn documents(source: &Source) -> Result<Vec<Document>, Problem> {
    let mut found = Vec::new();
    for node in yaml::parse(&source.text)? {
        let is_list = node
            .member("kind")
            .is_some_and(|kind| kind.value() == "List");
        match node.member("items").map(|items| &items.content) {
            Some(Content::List(items)) if is_list => {
                found.extend(items.iter().cloned().map(Document::new));
            }
            _ => found.push(Document::new(node)),
        }
    }
    Ok(found)
}

/// A resource, and where in its source everything is.
#[derive(Clone, Debug)]
pub struct Document {
    node: Node,
    value: Value,
    set: Vec<(String, String)>,
}

impl Document {
    fn new(node: Node) -> Self {
        Self {
            value: node.value(),
            node,
            set: Vec::new(),
        }
    }

    /// The resource as JSON.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Where it begins.
    pub fn start(&self) -> Place {
        self.node.place
    }

    /// Its kind, if it says one.
    pub fn kind(&self) -> Option<&str> {
        self.value["kind"].as_str()
    }

    /// Its name, if it says one.
    pub fn name(&self) -> Option<&str> {
        self.value["metadata"]["name"].as_str()
    }

    /// Whether it is meant to be a pipeline: it is of the kind, or of the API group.
    pub fn is_pipeline(&self) -> bool {
        let group = SensorPipeline::group(&());
        let version = self.value["apiVersion"].as_str().unwrap_or_default();
        let of_group = version.split_once('/').is_some_and(|(g, _)| g == group);
        self.kind() == Some(&*SensorPipeline::kind(&())) || of_group
    }

    /// Where a path leads: to the value, or to the name of a list or mapping; to the nearest thing around it
    /// if there is nothing.
    pub fn place(&self, path: &str) -> Place {
        let (node, _) = lookup(&self.node, path);
        match (&node.content, node.name) {
            (Content::List(_) | Content::Map(_), Some(name)) => name,
            // An entry begins with its first member.
            (Content::Map(members), None) => {
                match members.first().and_then(|(_, first)| first.name) {
                    Some(first) if first.line == node.place.line => first,
                    _ => node.place,
                }
            }
            _ => node.place,
        }
    }

    /// Where the name of the member is that a path leads to.
    fn name_place(&self, path: &str) -> Option<Place> {
        let (node, is_whole) = lookup(&self.node, path);
        node.name.filter(|_| is_whole)
    }

    /// Changes it by what `--set` gives, such as `spec.simulator.rate=1000`, in Helm's syntax.
    pub fn set(&mut self, assignment: &str) -> Result<(), SetError> {
        for change in set::parse(assignment)? {
            set::apply(&mut self.value, &change, assignment)?;
            self.set
                .push((set::path(&change.steps), assignment.to_owned()));
        }
        Ok(())
    }

    /// The pipeline that it is, if nothing is wrong with it.
    pub fn pipeline(&self) -> Result<SensorPipeline, Vec<Problem>> {
        let problems = self.problems(None);
        if !problems.is_empty() {
            return Err(problems);
        }
        serde_json::from_value(self.value.clone())
            .map_err(|error| vec![Problem::at(self.start(), error.to_string())])
    }

    /// Everything wrong with it, given the resource that it replaces if any; in order of place.
    pub fn problems(&self, old: Option<&Value>) -> Vec<Problem> {
        let mut found = self.type_problems();
        if found.is_empty() {
            let violations = violations(&self.value, old);
            found = violations
                .into_iter()
                .map(|violation| self.locate(violation))
                .collect();
        }
        found.sort();
        found
    }

    /// What is wrong with its kind and the version of it.
    fn type_problems(&self) -> Vec<Problem> {
        let right = [
            ("apiVersion", SensorPipeline::api_version(&())),
            ("kind", SensorPipeline::kind(&())),
        ];
        let wrong = right.into_iter().filter_map(|(member, right)| {
            let message = match &self.value[member] {
                Value::String(found) if *found == right => return None,
                Value::String(found) => {
                    format!("`{found}` is not what a pipeline has; write {right}")
                }
                Value::Null => format!("it is missing; add {member}: {right}"),
                other => format!("{other} is not what a pipeline has; write {right}"),
            };
            Some(self.locate(Violation {
                path: member.to_owned(),
                message,
            }))
        });
        wrong.collect()
    }

    fn locate(&self, violation: Violation) -> Problem {
        // What is wrong with an unknown member is its name, whatever its value.
        let is_unknown = violation.message.starts_with("unknown field");
        let name = is_unknown.then(|| self.name_place(&violation.path));
        let place = name
            .flatten()
            .unwrap_or_else(|| self.place(&violation.path));
        let set = self.set.iter().rev().find(|(path, _)| {
            let rest = violation.path.strip_prefix(&**path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        });
        Problem {
            path: violation.path,
            set: set.map(|(_, assignment)| assignment.clone()),
            ..Problem::at(place, violation.message)
        }
    }
}

/// The innermost node on a path, and whether the path ends there. Names of members may have dots in them.
fn lookup<'n>(root: &'n Node, path: &str) -> (&'n Node, bool) {
    let (mut node, mut rest) = (root, path.trim_start_matches('.'));
    loop {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        let next = match &node.content {
            _ if rest.is_empty() => return (node, true),
            Content::Map(members) => members
                .iter()
                .filter_map(|(name, member)| {
                    let after = rest.strip_prefix(&**name)?;
                    (after.is_empty() || after.starts_with(['.', '['])).then_some((member, after))
                })
                .min_by_key(|(_, after)| after.len()),
            Content::List(entries) => rest.strip_prefix('[').and_then(|rest| {
                let (index, after) = rest.split_once(']')?;
                Some((entries.get(index.parse::<usize>().ok()?)?, after))
            }),
            Content::Scalar(_) => None,
        };
        match next {
            Some((inner, after)) => (node, rest) = (inner, after),
            None => return (node, false),
        }
    }
}

#[cfg(test)]
mod tests;
