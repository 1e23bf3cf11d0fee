//! `sensorstream validate`: files are held against the rules of the API server and the webhook, without either.

pub mod report;

use std::{path::PathBuf, process::ExitCode};

use crate::source::{FindError, find};
use report::{Checked, Finding, Report};

/// Check files without a cluster, by the rules of the API server and the operator's webhook
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sensorstream validate pipeline.yaml
  sensorstream validate deploy/                      all *.yaml, *.yml and *.json of a folder
  kustomize build . | sensorstream validate -
  sensorstream validate --set spec.simulator.rate=1000 pipeline.yaml
  sensorstream validate --output github deploy/      annotations of a pull request

The exit status is 0 if everything is right, and 1 if not.")]
pub struct Arguments {
    /// Files, folders, or - for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Change a value first, in Helm's syntax; may be given more than once
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// How to say what is wrong
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// How to say what is wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
    /// As annotations of GitHub's workflows
    Github,
}

/// Why it failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing to check.
    #[error(transparent)]
    Find(#[from] FindError),
}

/// Checks.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Error> {
    let found = find(&arguments.files, &arguments.set)?;
    let mut checked = Vec::new();
    let mut findings: Vec<Finding> = found
        .problems
        .iter()
        .map(|(source, problem)| Finding::new(*source, None, problem.clone()))
        .collect();
    for pipeline in &found.pipelines {
        let problems = pipeline.document.problems(None);
        let name = pipeline.document.name().map(str::to_owned);
        checked.push(Checked {
            source: pipeline.source,
            line: pipeline.document.start().line,
            is_right: problems.is_empty(),
            name: name.clone(),
        });
        let wrong = problems.into_iter();
        findings.extend(wrong.map(|problem| Finding::new(pipeline.source, name.clone(), problem)));
    }
    findings.sort();
    let report = Report {
        sources: &found.sources,
        checked,
        findings,
        skipped: &found.skipped,
    };
    match arguments.output {
        Output::Text => {
            for skipped in report.skipped {
                anstream::eprintln!("note: {skipped}");
            }
            anstream::print!("{}", report.text());
        }
        Output::Json => println!("{:#}", report.json()),
        Output::Github => print!("{}", report.github()),
    }
    Ok(if report.is_right() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
