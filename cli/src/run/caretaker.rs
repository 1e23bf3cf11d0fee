//! What the operator does in a cluster, done for one pipeline here: the same observe, validate, plan, apply and
//! status, on the same code, but for Kubernetes' objects. What the operator starts as pods are tasks here.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use sensorstream_broker::connection::Credentials;
use sensorstream_crds::{
    ConditionType, DesiredState, PipelineId, SensorPipeline, SensorPipelineStatus,
    runtime::{KafkaEndpoint, ProcessConfig, RoleConfigs, id_of},
};
use sensorstream_ledger::figures::ShardFigures;
use sensorstream_operator::{
    apply::{self, ApplyError, readers::let_in},
    backends::{Backends, KafkaLogin},
    connections::Connections,
    metrics::Metrics,
    observe::{
        self, Observation,
        logins::{self, reader},
        objects::{Objects, Workload},
        secrets::Contents,
    },
    plan::{
        self,
        kubernetes::{
            installation::{Image, Installation},
            revision,
        },
        lifecycle::{Lifecycle, Phase},
    },
    role::Role,
    status::{
        Account, Outcome,
        figures::{Figures, Meter},
        status,
    },
    validate::{Refused, validate},
};
use sensorstream_telemetry as telemetry;

use super::local::{DATABASE_KEY, DATABASE_SECRET};

/// How long what a pipeline stands on may take at the start.
const GROUND_WITHIN: Duration = Duration::from_secs(10);

/// Keeps one pipeline's ground, and says which of its roles should run.
pub struct Caretaker {
    backends: Connections,
    pipeline: SensorPipeline,
    id: PipelineId,
    secrets: BTreeMap<String, Contents>,
    installation: Installation,
    meter: Meter,
    since: Instant,
    /// What the processor runs with, once it is known.
    configs: Option<RoleConfigs>,
    reported: Option<SensorPipelineStatus>,
}

/// What one look came to.
pub struct Turn {
    /// Which roles should run.
    pub lifecycle: Lifecycle,
    /// What they run with. `None` until what they stand on is there.
    pub configs: Option<RoleConfigs>,
    /// The figures of it.
    pub figures: Figures,
    /// The shards; `None` if they could not be seen.
    pub shards: Option<Vec<ShardFigures>>,
    /// What does not answer, if something does not.
    pub unseen: Option<String>,
}

/// Why the pipeline can't go on.
#[derive(Debug, thiserror::Error)]
pub enum CaretakerError {
    /// It does not suit what is there.
    #[error("the pipeline can't be carried out here")]
    Refused(#[source] Refused),
    /// What it stands on is not to be had.
    #[error("the pipeline can't be started: {0}")]
    NoGround(String),
}

impl Caretaker {
    /// Takes a pipeline on that was made fit for this machine. `database` is the URI of its database.
    pub fn new(pipeline: SensorPipeline, database: &str) -> Self {
        let secrets = [(DATABASE_SECRET.to_owned(), contents(DATABASE_KEY, database))];
        Self {
            backends: Connections::new(Metrics::new().endpoint_up()).always_asking(),
            id: id_of(&pipeline),
            pipeline,
            secrets: secrets.into(),
            // Nothing of it shows where there are no pods.
            installation: Installation {
                image: Image {
                    name: String::new(),
                    pull_policy: String::new(),
                },
                scrape_annotations: false,
                dashboards: None,
                tracing: None,
            },
            meter: Meter::default(),
            since: Instant::now(),
            configs: None,
            reported: None,
        }
    }

    /// The pipeline's name.
    pub fn name(&self) -> &str {
        &self.id.name
    }

    /// Asks for the end: what is there is processed, then everything stops.
    pub fn drain(&mut self) {
        self.pipeline.spec.state = DesiredState::Drained;
        let generation = self.pipeline.metadata.generation.get_or_insert(1);
        *generation += 1;
    }

    /// The URI that the API logs in with, if it has a login of its own.
    pub fn reader(&self) -> Option<String> {
        let contents = self.secrets.get(&reader::secret_name(&self.id.name))?;
        let uri = contents.data.get(reader::KEY)?;
        String::from_utf8(uri.clone()).ok()
    }

    /// Looks once, and changes what is to be changed. `workloads` are the roles as they are.
    pub async fn turn(
        &mut self,
        workloads: BTreeMap<Role, Workload>,
        now: Timestamp,
    ) -> Result<Turn, CaretakerError> {
        let observation = self.observe(workloads).await;
        let valid = validate(&observation).map_err(CaretakerError::Refused)?;
        let plan = plan::plan(&valid, &self.installation, now);
        let mut changes = 0;
        let laid = apply::lay_ground(&self.backends, &valid, &plan, &mut changes).await;
        let admitted = match laid {
            Ok(()) => let_in(&self.backends, &observation, &plan.readers, &mut changes).await,
            Err(error) => Err(error),
        };
        let failure = match admitted {
            Ok(uri) => {
                self.remember_reader(uri);
                None
            }
            Err(error) => Some(error),
        };
        // What was changed is there to be built upon once it was seen.
        let stands = changes == 0 && !matches!(&failure, Some(error) if error.ground().is_some());
        if let (None, true, Some(database)) = (&self.configs, stands, observation.database.seen()) {
            let process = ProcessConfig {
                revision: revision::of(&valid, database),
                ..valid.configs.process.clone()
            };
            self.configs = Some(RoleConfigs {
                process,
                ..valid.configs.clone()
            });
        }
        let rate = self.rate(&observation);
        let previous = self.pipeline.status.clone().unwrap_or_default();
        let outcome = Outcome::Planned {
            valid: &valid,
            plan: &plan,
            failure: failure.as_ref(),
        };
        let account = Account {
            observation: &observation,
            outcome,
            previous: &previous,
            rate,
        };
        let next = status(&account, now);
        let figures = Figures::of(observation.topics.seen(), observation.database.seen(), rate);
        let shards = observation
            .database
            .seen()
            .map(|database| database.shards.clone());
        let unseen = unseen(&observation);
        let failed = || failure.as_ref().map(|error| telemetry::chain(error));
        if self.configs.is_none()
            && self.since.elapsed() >= GROUND_WITHIN
            && let Some(missing) = unseen.clone().or_else(failed)
        {
            return Err(CaretakerError::NoGround(missing));
        }
        self.report(&observation, &next).await;
        tell(failure.as_ref(), &previous, &next);
        self.pipeline.status = Some(next);
        Ok(Turn {
            lifecycle: plan.lifecycle,
            configs: self.configs.clone(),
            figures,
            shards,
            unseen,
        })
    }

    async fn observe(&self, workloads: BTreeMap<Role, Workload>) -> Observation {
        let spec = &self.pipeline.spec;
        let mut logins = logins::read(&self.id, spec, |name| self.secrets.get(name));
        let endpoint = KafkaEndpoint::of(&self.id, spec);
        // As the roles log in: by the environment.
        let credentials = Credentials::of_pod(&endpoint);
        logins.kafka = Ok(KafkaLogin {
            endpoint,
            credentials,
        });
        let objects = Objects::new(BTreeMap::new(), workloads);
        let pipeline = Arc::new(self.pipeline.clone());
        observe::ask(&self.backends, pipeline, objects, logins).await
    }

    fn remember_reader(&mut self, uri: Option<String>) {
        let Some(uri) = uri else { return };
        let name = reader::secret_name(&self.id.name);
        self.secrets.insert(name, contents(reader::KEY, &uri));
    }

    fn rate(&mut self, observation: &Observation) -> Option<f64> {
        let database = observation.database.seen()?;
        let total = database.shards.iter().map(|shard| shard.records_read).sum();
        self.meter.take(total, database.read_at)
    }

    /// Writes the status where the API reads it.
    async fn report(&mut self, observation: &Observation, next: &SensorPipelineStatus) {
        if self.reported.as_ref() == Some(next) {
            return;
        }
        let (Ok(uri), Some(_)) = (&observation.logins.database, observation.database.seen()) else {
            return;
        };
        let value = serde_json::to_value(next).expect("a status is JSON");
        match self.backends.report_status(uri, &self.id, &value).await {
            Ok(()) => self.reported = Some(next.clone()),
            Err(error) => tracing::warn!(%error, "the API shows an older status for now"),
        }
    }
}

/// A Secret with one key, as the operator reads it. It never changes, so it has one version.
fn contents(key: &str, value: &str) -> Contents {
    Contents {
        version: "1".to_owned(),
        data: [(key.to_owned(), value.as_bytes().to_vec())].into(),
    }
}

/// What does not answer, and why.
fn unseen(observation: &Observation) -> Option<String> {
    let found = observation.topics.unseen();
    let found = found.or(observation.database.unseen());
    found.map(|unseen| unseen.message.clone())
}

/// Says what is wrong when it begins to be.
fn tell(
    failure: Option<&ApplyError>,
    previous: &SensorPipelineStatus,
    next: &SensorPipelineStatus,
) {
    let of = |status: &SensorPipelineStatus, type_| -> Option<(String, String)> {
        let condition: &Condition = status.condition(type_)?;
        Some((condition.status.clone(), condition.message.clone()))
    };
    for type_ in [
        ConditionType::TopicsReady,
        ConditionType::TablesReady,
        ConditionType::DataLoss,
        ConditionType::SinkBlocked,
    ] {
        let now = of(next, type_);
        let is_bad = matches!(type_, ConditionType::DataLoss | ConditionType::SinkBlocked);
        let wrong = if is_bad { "True" } else { "False" };
        if let Some((status, message)) = &now
            && status == wrong
            && of(previous, type_) != now
            && (is_bad || failure.is_some())
        {
            tracing::warn!(condition = type_.as_str(), "{message}");
        }
    }
}

/// Whether a pipeline that was asked to drain has.
pub fn has_drained(turn: &Turn) -> bool {
    turn.lifecycle.phase == Phase::Drained
}

/// What a drain left undone, if its deadline passed.
pub fn left_undone(turn: &Turn) -> Option<&str> {
    match &turn.lifecycle.phase {
        Phase::Overdue { left, .. } => Some(left),
        _ => None,
    }
}
