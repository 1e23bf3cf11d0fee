//! `sensorstream plan`: what a resource would make, or change in a cluster. Nothing is changed.
//!
//! ```text
//! source ─► decide ◄── ground (stands in for what is not seen) ─► changes ─► text, JSON
//!             ▲
//!           live, with --diff: difference
//! ```

mod changes;
mod decide;
mod difference;
mod ground;
mod installed;
mod live;
mod text;

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use jiff::Timestamp;
use sensorstream_crds::{PipelineId, SensorPipeline, runtime::id_of};
use sensorstream_operator::{
    arguments::InstallationArguments,
    observe::{Observation, Observed, logins::secret_names, objects::Objects},
    plan::kubernetes::installation::Installation,
    validate::Refused,
};
use serde_json::json;

use crate::{
    cluster::{ClusterArguments, ClusterError},
    output::Output,
    source::{FindError, Found, Pipeline, Problem, find},
    validate::report::excerpt,
};
use changes::{Changes, summary};
use decide::{Situation, decide};
use ground::Secret;
use live::LiveError;

/// Status of `--detailed-exitcode` where something changes.
const CHANGED: u8 = 2;

/// Show what a resource would make or, with --diff, what it would change in a cluster
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sensorstream plan -f pipeline.yaml                 all that it makes: objects, topics, SQL
  sensorstream plan -f pipeline.yaml --manifests     with the Kubernetes objects in full
  sensorstream plan -f pipeline.yaml --diff          what it changes in the cluster of kubectl
  sensorstream plan -f deploy/ --diff --detailed-exitcode

Without --diff no cluster is asked. With it nothing is changed either: what the API server would make of the
resource is asked as a dry run, and Kafka and PostgreSQL are looked at if they answer from here within two
seconds; otherwise topics and tables are compared with what the resource in the cluster declares.
Secrets are read to log in, and never shown.

The exit status is 0, or 1 if the resource is refused; with --detailed-exitcode it is 2 if there are changes.")]
pub struct Arguments {
    /// Files, folders, or - for standard input
    #[arg(short = 'f', long = "file", required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Change a value first, in Helm's syntax; may be given more than once
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Compare with what is in the cluster
    #[arg(long)]
    diff: bool,
    /// Show Kubernetes objects that are added in full
    #[arg(long)]
    manifests: bool,
    /// How to show it
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
    /// Exit with 2 if there are changes
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// Why it failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing to plan.
    #[error(transparent)]
    Find(#[from] FindError),
    /// No cluster can be asked.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The cluster did not answer.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// A resource is for another namespace.
    #[error(
        "{file}: SensorPipeline {name} is for the namespace {own}, not for {asked}; leave --namespace out, or change the file"
    )]
    Namespace {
        /// The file.
        file: String,
        /// The pipeline.
        name: String,
        /// Its namespace.
        own: String,
        /// The one that was asked for.
        asked: String,
    },
    /// The API server would not take it.
    #[error("{file}: the API server refuses SensorPipeline {name}: {why}")]
    Refused {
        /// The file.
        file: String,
        /// The pipeline.
        name: String,
        /// What it says.
        why: String,
    },
    /// The operator would not carry it out.
    #[error("{file}: the operator can't carry out SensorPipeline {name}")]
    Impossible {
        /// The file.
        file: String,
        /// The pipeline.
        name: String,
        /// What is against it.
        #[source]
        why: Refused,
    },
}

/// Plans.
pub async fn run(arguments: &Arguments) -> Result<ExitCode, Error> {
    let found = find(&arguments.files, &arguments.set)?;
    for skipped in &found.skipped {
        anstream::eprintln!("note: {skipped}");
    }
    if !is_readable(&found) {
        return Ok(ExitCode::FAILURE);
    }
    let mut all = Vec::new();
    for pipeline in &found.pipelines {
        let file = &found.sources[pipeline.source].name;
        let planned = if arguments.diff {
            difference::difference(&arguments.cluster, &found, pipeline, file).await?
        } else {
            alone(&arguments.cluster, &found, pipeline, file)?
        };
        match planned {
            Some(changes) => all.push(changes),
            None => return Ok(ExitCode::FAILURE),
        }
    }
    show(arguments, &all);
    let changed = arguments.detailed_exitcode && all.iter().any(|changes| !changes.is_empty());
    Ok(if changed {
        ExitCode::from(CHANGED)
    } else {
        ExitCode::SUCCESS
    })
}

fn show(arguments: &Arguments, all: &[Changes]) {
    let summary = summary(all);
    match arguments.output {
        Output::Json => {
            let changed = all.iter().any(|changes| !changes.is_empty());
            println!(
                "{:#}",
                json!({ "changed": changed, "pipelines": all, "summary": summary })
            );
        }
        Output::Text => {
            for changes in all {
                anstream::print!("{}", text::text(changes, arguments.manifests));
            }
            anstream::println!("{summary}");
        }
    }
}

/// Whether the files could be read; says what is wrong if not.
fn is_readable(found: &Found) -> bool {
    let problems: Vec<_> = found
        .problems
        .iter()
        .map(|(source, problem)| (*source, problem.clone()))
        .collect();
    complain(found, &problems);
    problems.is_empty()
}

fn complain(found: &Found, problems: &[(usize, Problem)]) {
    for (source, problem) in problems {
        let mut text = String::new();
        excerpt(&mut text, &found.sources[*source], problem);
        anstream::eprintln!("{text}");
    }
}

/// The pipeline of a document in its namespace; nothing, and what is wrong is said, if it is wrong.
fn pipeline_of(
    found: &Found,
    pipeline: &Pipeline,
    old: Option<&SensorPipeline>,
) -> Option<SensorPipeline> {
    let old =
        old.map(|old| serde_json::to_value(old).expect("a resource is representable as JSON"));
    let problems = pipeline.document.problems(old.as_ref());
    if problems.is_empty()
        && let Ok(pipeline) = pipeline.document.pipeline()
    {
        return Some(pipeline);
    }
    let problems: Vec<_> = problems
        .into_iter()
        .map(|problem| (pipeline.source, problem))
        .collect();
    complain(found, &problems);
    None
}

fn namespace(
    cluster: &ClusterArguments,
    pipeline: &Pipeline,
    file: &str,
    default: &str,
) -> Result<String, Error> {
    let own = pipeline.document.value()["metadata"]["namespace"].as_str();
    match (own, cluster.namespace()) {
        (Some(own), Some(asked)) if own != asked => Err(Error::Namespace {
            file: file.to_owned(),
            name: pipeline.document.name().unwrap_or_default().to_owned(),
            own: own.to_owned(),
            asked: asked.to_owned(),
        }),
        (Some(namespace), _) | (None, Some(namespace)) => Ok(namespace.to_owned()),
        (None, None) => Ok(default.to_owned()),
    }
}

/// What a pipeline makes where there is nothing.
fn alone(
    cluster: &ClusterArguments,
    found: &Found,
    document: &Pipeline,
    file: &str,
) -> Result<Option<Changes>, Error> {
    let Some(mut pipeline) = pipeline_of(found, document, None) else {
        return Ok(None);
    };
    pipeline.metadata.namespace = Some(namespace(cluster, document, file, "default")?);
    let id = id_of(&pipeline);
    let names = secret_names(&id.name, &pipeline.spec).into_iter();
    let secrets = names.map(|name| (name, Secret::Missing)).collect();
    let logins = ground::logins(&id, &pipeline.spec, &secrets);
    let (topics, database) = ground::empty(&id, &pipeline.spec, &logins);
    let observation = Observation {
        objects: Objects::default(),
        topics: Observed::Seen(topics),
        database: Observed::Seen(database),
        pipeline: pipeline.into(),
        logins,
        id,
    };
    let situation = Situation {
        observation: &observation,
        live: None,
        installation: &defaults(),
        secrets_read: false,
        now: Timestamp::now(),
    };
    let mut changes = decided(&situation, file)?;
    if changes.roles.iter().any(|role| role.name.ends_with('…')) {
        changes.notes.push(
            "the end of the role's name follows from the name of the database, which is in a Secret".to_owned(),
        );
    }
    Ok(Some(changes))
}

/// How the operator is installed if nothing is said.
fn defaults() -> Installation {
    InstallationArguments::of_container(&[], &BTreeMap::new())
        .expect("the operator starts without arguments")
        .installation()
}

fn decided(situation: &Situation<'_>, file: &str) -> Result<Changes, Error> {
    let changes =
        decide(situation).map_err(|why| impossible(&situation.observation.id, file, why))?;
    Ok(Changes {
        file: file.to_owned(),
        ..changes
    })
}

fn impossible(id: &PipelineId, file: &str, why: Refused) -> Error {
    Error::Impossible {
        file: file.to_owned(),
        name: id.name.clone(),
        why,
    }
}
