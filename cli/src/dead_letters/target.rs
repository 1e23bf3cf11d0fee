//! Whose dead letters are meant, and how they are reached: by Kafka from here, or within the cluster.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use clap::ValueEnum;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt};
use sensorstream_broker::connection::Credentials;
use sensorstream_crds::{
    PipelineId, SensorPipeline, SensorPipelineSpec,
    runtime::{ProcessConfig, RoleConfigs},
};
use sensorstream_operator::observe::{
    logins::{self, SecretProblem},
    secrets::Contents,
};
use sensorstream_processor::replay::{ReplayError, topic::DeadLetterTopic};

use crate::{
    cluster::{Cluster, ClusterArguments, ClusterError},
    pipelines::{self, PipelineError},
    source::{OneError, SourceError, one},
};

/// How long the brokers may take to answer before they count as out of reach from here.
const REACH: Duration = Duration::from_secs(4);

/// Whose dead letters.
#[derive(clap::Args, Clone, Debug)]
pub struct TargetArguments {
    #[command(flatten)]
    pub cluster: ClusterArguments,
    /// The file with the pipeline, if it runs in no cluster; `-` for standard input
    #[arg(
        short,
        long,
        global = true,
        value_name = "FILE",
        help_heading = "Cluster"
    )]
    file: Option<PathBuf>,
    /// Where Kafka is reached from here, in place of the addresses in the spec
    #[arg(
        long,
        global = true,
        value_name = "HOST:PORT",
        help_heading = "Cluster"
    )]
    bootstrap_servers: Option<String>,
    /// How to get to the dead letters
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        help_heading = "Cluster"
    )]
    through: Through,
}

/// How to get to the dead letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Through {
    /// By Kafka if the brokers are reached from here, else within the cluster
    #[default]
    Auto,
    /// By Kafka
    Kafka,
    /// Within the cluster: by the pipeline's API, and for a replay by a Job
    Cluster,
}

/// Why the dead letters can't be reached.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The cluster can't be asked.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The pipeline can't be read.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// The file can't be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// There is something wrong in the file.
    #[error("{0}")]
    Problem(String),
    /// Nobody said which pipeline.
    #[error("name the pipeline, or its file with -f")]
    NoName,
    /// The file has no such pipeline, or several.
    #[error("{file} has {found}; {hint}")]
    Choice {
        /// The file.
        file: String,
        /// What it has.
        found: String,
        /// What to do.
        hint: &'static str,
    },
    /// A Secret can't be used.
    #[error("the pipeline's login to Kafka can't be read; --through cluster does without it")]
    Secret(#[source] SecretProblem),
    /// The API server refused a Secret.
    #[error("reading Secret {0}; --through cluster does without it")]
    Kubernetes(String, #[source] Box<kube::Error>),
    /// There is no cluster to go through.
    #[error("a pipeline of a file is reached by Kafka only; leave out --through cluster")]
    NoCluster,
    /// The brokers are out of reach.
    #[error(
        "the brokers at {servers} can't be reached from here; name others with --bootstrap-servers"
    )]
    OutOfReach {
        /// Where they should be.
        servers: String,
        /// What they did.
        #[source]
        source: Box<ReplayError>,
    },
}

/// A pipeline, and how it is reached.
pub struct Target {
    /// What its processor is told.
    pub config: ProcessConfig,
    /// Where it is, unless it is of a file.
    pub home: Option<Home>,
    /// The way there.
    pub way: Way,
}

/// A pipeline of a cluster.
pub struct Home {
    /// The cluster.
    pub cluster: Cluster,
    /// The pipeline as it was read.
    pub pipeline: SensorPipeline,
}

/// The way to dead letters.
pub enum Way {
    /// By Kafka, with these credentials.
    Kafka(Credentials),
    /// Within the cluster.
    Cluster,
}

impl TargetArguments {
    /// Finds the pipeline, and the way to it.
    pub async fn find(&self, name: Option<&str>) -> Result<Target, TargetError> {
        let mut target = match &self.file {
            Some(file) => self.of_file(file.clone(), name)?,
            None => self.of_cluster(name.ok_or(TargetError::NoName)?).await?,
        };
        if let Some(servers) = &self.bootstrap_servers {
            target.config.kafka.bootstrap_servers.clone_from(servers);
        }
        let way = match (&target.home, self.through) {
            (None, Through::Cluster) => return Err(TargetError::NoCluster),
            (_, Through::Kafka) | (None, Through::Auto) => self.by_kafka(&target).await?,
            (Some(_), Through::Cluster) => Way::Cluster,
            (Some(_), Through::Auto) if self.bootstrap_servers.is_some() => {
                self.by_kafka(&target).await?
            }
            (Some(_), Through::Auto) => match self.by_kafka(&target).await {
                Ok(way) => way,
                Err(TargetError::OutOfReach { servers, .. }) => {
                    eprintln!(
                        "The brokers at {servers} are not reached from here; going through the cluster."
                    );
                    Way::Cluster
                }
                Err(TargetError::Secret(_) | TargetError::Kubernetes(..)) => {
                    eprintln!(
                        "The pipeline's Secrets can't be read from here; going through the cluster."
                    );
                    Way::Cluster
                }
                Err(error) => return Err(error),
            },
        };
        target.way = way;
        Ok(target)
    }

    fn of_file(&self, file: PathBuf, name: Option<&str>) -> Result<Target, TargetError> {
        let shown = file.display().to_string();
        let choice = |found, hint| TargetError::Choice {
            file: shown.clone(),
            found,
            hint,
        };
        let pipeline = one(file, name, &[]).map_err(|error| match error {
            OneError::Source(error) => TargetError::Source(error),
            OneError::Wrong(file, problems) => TargetError::Problem(problems[0].in_text(&file)),
            OneError::Set(_, error) => TargetError::Problem(error.to_string()),
            OneError::None => choice(
                "no such pipeline".into(),
                "name another file, or leave the name out",
            ),
            OneError::Several(names) => choice(
                format!("several pipelines: {}", names.join(", ")),
                "name one of them",
            ),
        })?;
        let namespace = pipeline.namespace().unwrap_or_else(|| "default".to_owned());
        let namespace = self.cluster.namespace().map_or(namespace, str::to_owned);
        let id = PipelineId::new(namespace, pipeline.name_any());
        Ok(Target {
            config: config(&id, &pipeline.spec),
            home: None,
            way: Way::Cluster,
        })
    }

    async fn of_cluster(&self, name: &str) -> Result<Target, TargetError> {
        let cluster = self.cluster.connect().await?;
        let pipeline = pipelines::get(&cluster, name).await?;
        let id = PipelineId::new(&cluster.namespace, name);
        Ok(Target {
            config: config(&id, &pipeline.spec),
            home: Some(Home { cluster, pipeline }),
            way: Way::Cluster,
        })
    }

    /// The way by Kafka, if the brokers answer.
    async fn by_kafka(&self, target: &Target) -> Result<Way, TargetError> {
        let credentials = match &target.home {
            Some(home) => credentials(home, &target.config.pipeline).await?,
            // As pods have them: variables, and files.
            None => Credentials::of_pod(&target.config.kafka),
        };
        let (config, with) = (target.config.clone(), credentials.clone());
        let reached =
            blocking(move || DeadLetterTopic::open(&config, &with, REACH)?.spans(None)).await;
        match reached {
            // That there is no topic, whoever asks for it is told.
            Ok(_) | Err(ReplayError::NoTopic(_)) => Ok(Way::Kafka(credentials)),
            Err(error) => Err(TargetError::OutOfReach {
                servers: target.config.kafka.bootstrap_servers.clone(),
                source: Box::new(error),
            }),
        }
    }
}

fn config(id: &PipelineId, spec: &SensorPipelineSpec) -> ProcessConfig {
    RoleConfigs::of(id, spec).process
}

/// The login of a pipeline's spec to Kafka.
async fn credentials(home: &Home, id: &PipelineId) -> Result<Credentials, TargetError> {
    let spec = &home.pipeline.spec;
    let tls = spec
        .kafka
        .tls
        .as_ref()
        .and_then(|tls| tls.secret_ref.as_ref());
    let sasl = spec.kafka.sasl.as_ref().map(|sasl| &sasl.secret_ref);
    let names = tls
        .map(|tls| &tls.name)
        .into_iter()
        .chain(sasl.map(|sasl| &sasl.name));
    let api: Api<Secret> = Api::namespaced(home.cluster.client.clone(), &home.cluster.namespace);
    let mut secrets: BTreeMap<String, Contents> = BTreeMap::new();
    for name in names {
        let found = api.get_opt(name).await;
        let found =
            found.map_err(|error| TargetError::Kubernetes(name.clone(), Box::new(error)))?;
        if let Some(secret) = found {
            let data = secret.data.unwrap_or_default();
            secrets.insert(
                name.clone(),
                Contents {
                    version: String::new(),
                    data: data
                        .into_iter()
                        .map(|(key, value)| (key, value.0))
                        .collect(),
                },
            );
        }
    }
    let login = logins::read(id, spec, |name| secrets.get(name)).kafka;
    Ok(login.map_err(TargetError::Secret)?.credentials)
}

/// What librdkafka is asked keeps a thread waiting.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
