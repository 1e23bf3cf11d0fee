//! `sensorstream status`: explains how pipelines of a cluster are.
//!
//! ```text
//! gather (pipeline, Events, Lease) ──► explain (pure) ──► text, list or JSON
//!                                        └─ advice, operator
//! ```

mod advice;
mod explain;
mod gather;
mod list;
mod operator;
mod secrets;
#[cfg(test)]
mod tests;
mod text;

use std::{process::ExitCode, time::Duration};

use jiff::Timestamp;

use crate::{
    cluster::{Cluster, ClusterArguments, ClusterError},
    output::Output,
    pipelines::{self, PipelineError},
    terminal::Paint,
};
use explain::{Explanation, Seen, explain};

/// How often `--watch` looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// The exit status for "not healthy", as opposed to "could not be found out".
const NOT_HEALTHY: u8 = 2;

const EXAMPLES: &str = "\
Examples:
  sensorstream status factory -n plant           How one pipeline is, and what to do
  sensorstream status factory --watch            The same, again whenever it changes
  sensorstream status -A                         All pipelines of the cluster, a line each
  sensorstream status factory -o json | jq -r '.findings[] | select(.level == \"wrong\") | .message'
  until sensorstream status factory >/dev/null; do sleep 2; done    Wait until it is healthy

Exit status: 0 if all is well (also: stopped, as asked), 2 if not, 1 if it could not be found out.";

/// Explain how a running pipeline is: what is well, what is not, since when, and what to do
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The pipeline; all of the namespace, in short, when left out
    name: Option<String>,
    /// The pipelines of all namespaces
    #[arg(short = 'A', long, conflicts_with_all = ["name", "namespace"])]
    all_namespaces: bool,
    /// Go on, and write it again whenever it changes
    #[arg(short, long)]
    watch: bool,
    /// How to write it
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// Why nothing could be found out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cluster can't be asked.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The pipeline can't be read.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
}

/// Explains.
pub async fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let cluster = arguments.cluster.connect().await?;
    let mut written = String::new();
    loop {
        let (text, well) = look(&cluster, &arguments).await?;
        // Ages alone are no news.
        let essence = without_ages(&text);
        if essence != written {
            if arguments.watch && arguments.output == Output::Text && !written.is_empty() {
                println!("\n--- {}", Timestamp::now().strftime("%FT%TZ"));
            }
            print!("{text}");
            written = essence;
        }
        let code = if well {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(NOT_HEALTHY)
        };
        if !arguments.watch {
            return Ok(code);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = tokio::signal::ctrl_c() => return Ok(code),
        }
    }
}

/// What there is to write, and whether all is well.
async fn look(cluster: &Cluster, arguments: &Arguments) -> Result<(String, bool), Error> {
    let context = arguments.cluster.context().map(str::to_owned);
    let now = Timestamp::now();
    if let Some(name) = &arguments.name {
        let seen = gather::one(cluster, name, context).await?;
        let explanation = explain(&seen, now);
        let text = match arguments.output {
            Output::Text => text::render(&explanation, now, Paint::for_stdout()),
            Output::Json => json(&explanation),
        };
        return Ok((text, explanation.health.is_well()));
    }
    let namespace = (!arguments.all_namespaces).then_some(cluster.namespace.as_str());
    let pipelines = pipelines::list(&cluster.client, namespace).await?;
    let operator = gather::operator(&cluster.client).await;
    let explanations: Vec<Explanation> = pipelines
        .into_iter()
        .map(|pipeline| {
            let seen = Seen {
                pipeline,
                warnings: Vec::new(),
                operator: operator.clone(),
                context: context.clone(),
            };
            explain(&seen, now)
        })
        .collect();
    let lines = list::lines(&explanations);
    let text = match arguments.output {
        Output::Json => json(&lines),
        Output::Text if lines.is_empty() => match namespace {
            Some(namespace) => format!("There are no pipelines in namespace {namespace}.\n"),
            None => "There are no pipelines.\n".to_owned(),
        },
        Output::Text => list::render(&lines, arguments.all_namespaces, now),
    };
    let well = explanations
        .iter()
        .all(|explanation| explanation.health.is_well());
    Ok((text, well))
}

fn json(value: &impl serde::Serialize) -> String {
    let text = serde_json::to_string_pretty(value).expect("an explanation is JSON");
    text + "\n"
}

/// A text without its numbers.
fn without_ages(text: &str) -> String {
    text.chars().filter(|char| !char.is_ascii_digit()).collect()
}
