//! What was found wrong, for people, for programs, and for pull requests. Pure.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::{
    colours::{FAINT, REMOVED, STRONG, in_style},
    source::{Problem, Source},
};

/// What was checked and what is wrong with it.
pub struct Report<'a> {
    /// The texts.
    pub sources: &'a [Source],
    /// The pipelines that were checked.
    pub checked: Vec<Checked>,
    /// What is wrong, in order of place.
    pub findings: Vec<Finding>,
    /// What was left out.
    pub skipped: &'a [String],
}

/// A pipeline that was checked.
pub struct Checked {
    /// The number of the text it is in.
    pub source: usize,
    /// Where it begins.
    pub line: usize,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Whether nothing is wrong with it.
    pub is_right: bool,
}

/// Something wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    source: usize,
    problem: Problem,
    pipeline: Option<String>,
}

impl Finding {
    /// A problem of a text, and of a pipeline in it.
    pub fn new(source: usize, pipeline: Option<String>, problem: Problem) -> Self {
        Self {
            source,
            problem,
            pipeline,
        }
    }
}

impl Report<'_> {
    /// Whether nothing is wrong.
    pub fn is_right(&self) -> bool {
        self.findings.is_empty()
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for finding in &self.findings {
            excerpt(&mut text, &self.sources[finding.source], &finding.problem);
            text.push('\n');
        }
        writeln!(text, "{}", self.summary()).expect("strings take everything");
        text
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let name = |source: usize| &self.sources[source].name;
        let pipelines = self.checked.iter().map(|checked| {
            json!({
                "file": name(checked.source),
                "line": checked.line,
                "name": checked.name,
                "valid": checked.is_right,
            })
        });
        let problems = self.findings.iter().map(|finding| {
            let Problem {
                line,
                column,
                path,
                message,
                set,
                ..
            } = &finding.problem;
            json!({
                "file": name(finding.source),
                "line": line,
                "column": column,
                "pipeline": finding.pipeline,
                "path": path,
                "message": message,
                "set": set,
            })
        });
        json!({
            "valid": self.is_right(),
            "pipelines": pipelines.collect::<Value>(),
            "problems": problems.collect::<Value>(),
            "skipped": self.skipped,
        })
    }

    /// As commands of GitHub's workflows, which become annotations of the lines of a pull request.
    pub fn github(&self) -> String {
        let mut text = String::new();
        for Finding {
            source,
            problem,
            pipeline,
        } in &self.findings
        {
            let file = property(&self.sources[*source].name);
            let title = pipeline.as_ref().map_or_else(
                || "SensorPipeline".to_owned(),
                |name| format!("SensorPipeline {name}"),
            );
            writeln!(
                text,
                "::error file={file},line={},col={},endColumn={},title={}::{}",
                problem.line,
                problem.column,
                problem.column + problem.length,
                property(&title),
                data(&problem.to_string())
            )
            .expect("strings take everything");
        }
        writeln!(text, "{}", self.summary()).expect("strings take everything");
        text
    }

    fn summary(&self) -> String {
        let pipelines = counted(self.checked.len(), "pipeline");
        if self.is_right() {
            return match self.checked.len() {
                1 => format!("{pipelines}: nothing is wrong."),
                _ => format!("{pipelines}: nothing is wrong with any."),
            };
        }
        let wrong = self
            .checked
            .iter()
            .filter(|checked| !checked.is_right)
            .count();
        let problems = counted(self.findings.len(), "problem");
        match (self.checked.len(), wrong) {
            (_, 0) => format!("{problems}."),
            (1, _) => format!("{problems} in 1 pipeline."),
            (all, wrong) => format!("{problems} in {wrong} of {all} pipelines."),
        }
    }
}

fn counted(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// A problem, and the line of the text that it is about.
pub fn excerpt(text: &mut String, source: &Source, problem: &Problem) {
    let Problem {
        line,
        column,
        length,
        ..
    } = *problem;
    let place = format!("{}:{line}:{column}:", source.name);
    writeln!(text, "{} {problem}", in_style(STRONG, place)).expect("strings take everything");
    let number = line.to_string();
    let margin = " ".repeat(number.len());
    let bar = in_style(FAINT, "|");
    if let Some(set) = &problem.set {
        // What it says there is not what is wrong.
        let set = in_style(REMOVED, format!("--set {set}"));
        writeln!(text, " {margin} {bar} {set}").expect("strings take everything");
        return;
    }
    let Some(shown) = source.text.lines().nth(line - 1) else {
        return;
    };
    // As wide as what is above, tabs too.
    let indent: String = shown
        .chars()
        .take(column - 1)
        .map(|c| if c == '\t' { '\t' } else { ' ' })
        .collect();
    let room = shown.chars().count().saturating_sub(column - 1).max(1);
    let caret = in_style(REMOVED, "^".repeat(length.clamp(1, room)));
    let number = in_style(FAINT, number);
    writeln!(
        text,
        " {number} {bar} {shown}\n {margin} {bar} {indent}{caret}"
    )
    .expect("strings take everything");
}

/// A message in a workflow command.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
