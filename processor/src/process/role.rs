//! What every part of one stage of the role shares: the compiled pipeline, the connections, the metrics.

use std::{sync::Arc, time::Duration};

use rdkafka::{ClientConfig, consumer::BaseConsumer, error::KafkaResult};
use sensorstream_broker::connection::{Credentials, client_config};
use sensorstream_crds::{
    PipelineId, Reason,
    input::OnDataLoss,
    outputs::Outputs,
    runtime::{KafkaEndpoint, POD_NAME_ENV, ProcessConfig},
    windows::{EmitMode, Stage},
};
use sensorstream_engine::{Plan, PlanError, WindowPlan};
use sensorstream_ledger::shard::{FIRST_STAGE, SECOND_STAGE};
use tokio::{runtime::Handle, sync::mpsc};

use crate::telemetry::traces;

use super::{
    alert::AlertWriter,
    copy_binary,
    decide::Products,
    decode::Decoder,
    lake::{self, Lake, LakeError},
    lanes::Lanes,
    metrics::{Metrics, OUTPUTS, Series},
    window_table::WindowTable,
};

/// How long a batch waits for more records at most. Who asks for rows more often than that gets commits as often.
const LINGER: Duration = Duration::from_millis(50);

/// What every part of one stage of the role shares.
#[derive(Debug)]
pub struct Role {
    /// Whose pod this is.
    pub pipeline: PipelineId,
    /// Which stage this is.
    pub stage: Stage,
    /// The pod's name, for people who read shard rows.
    pub owner: String,
    /// What the pod is called in the consumer group, if it is a pod: a container that comes back after a crash is
    /// the same member, and gets its partitions at once.
    pub instance: Option<String>,
    /// Which revision of the plan it runs.
    pub revision: i64,
    /// The topic that the stage reads.
    pub topic: String,
    /// The topic at the other end of the link, if there is one: of the first stage the link topic, of the
    /// second the input.
    pub other_topic: Option<String>,
    /// Where records are sent.
    pub output_topics: OutputTopics,
    /// What to do about records that vanished.
    pub on_data_loss: OnDataLoss,
    /// The fields, ready to decode with.
    pub decoder: Arc<Decoder>,
    /// Windows and rules, ready to compute with.
    pub plan: Arc<Plan>,
    /// What readings come to besides windows.
    pub products: Arc<Products>,
    /// The statement that takes the readings, if there is a table for them.
    pub copy: Option<String>,
    /// The windows' tables, in the order of the plan.
    pub window_tables: Vec<WindowTable>,
    /// How often rows of open windows are written, if they are at all.
    pub emit_every: Option<Duration>,
    /// How long a batch waits for more records after its first one.
    pub linger: Duration,
    /// How far the watermark trails the newest reading, in microseconds.
    pub max_delay_us: i64,
    /// How long a partition has nothing to read until it counts as idle.
    pub idle_after: Duration,
    /// The lake, if there is one.
    pub lake: Option<Arc<Lake>>,
    /// Connections to PostgreSQL.
    pub lanes: Lanes,
    /// The metrics.
    pub metrics: Metrics,
    /// Whether anybody wants traces.
    pub traces: bool,
    /// The runtime that threads wait on.
    pub runtime: Handle,
    kafka: KafkaEndpoint,
    credentials: Credentials,
    fatal: mpsc::UnboundedSender<String>,
}

/// Why a role can't be made of a configuration.
#[derive(Debug, thiserror::Error)]
pub enum RoleError {
    /// The windows or rules can't be computed.
    #[error("compiling the windows and rules of the spec")]
    Plan(#[from] PlanError),
    /// There is no way to the lake.
    #[error("making the way to the lake")]
    Lake(#[from] LakeError),
}

/// The topics that a pipeline sends records to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputTopics {
    /// For records that can't be used.
    pub dead_letter: String,
    /// For every accepted reading again.
    pub enriched: Option<String>,
    /// For alerts.
    pub alerts: Option<String>,
    /// For the second stage.
    pub link: Option<String>,
}

impl OutputTopics {
    fn of(outputs: &Outputs, link: Option<String>) -> Self {
        let enriched = outputs.enriched.as_ref();
        let alerts = outputs.alerts.as_ref();
        Self {
            dead_letter: outputs.dead_letter.topic.name.clone(),
            enriched: enriched.map(|enriched| enriched.topic.name.clone()),
            alerts: alerts.map(|alerts| alerts.topic.name.clone()),
            link,
        }
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let others = self.enriched.iter().chain(&self.alerts).chain(&self.link);
        std::iter::once(self.dead_letter.as_str()).chain(others.map(String::as_str))
    }
}

impl Role {
    /// Compiles a configuration for a stage. What kills a thread or task is told to `fatal`.
    pub fn new(
        config: &ProcessConfig,
        stage: Stage,
        lanes: Lanes,
        metrics: Metrics,
        fatal: mpsc::UnboundedSender<String>,
    ) -> Result<Self, RoleError> {
        let decoder = Decoder::new(&config.input);
        let plan = Plan::compile(&config.input, &config.windows, &config.rules)?;
        let outputs = &config.outputs;
        let first = stage == Stage::First;
        let input = config.input.topic.name.clone();
        let link = plan.is_linked().then(|| config.pipeline.link_topic());
        let (topic, other_topic) = match stage {
            Stage::First => (input, link.clone()),
            Stage::Second => (config.pipeline.link_topic(), Some(input)),
        };
        let table = outputs.table.as_ref().filter(|_| first);
        let copy = table
            .map(|table| copy_binary::statement(&config.schema, &table.name, decoder.columns()));
        let lake = outputs.lake.as_ref().filter(|_| first);
        let lake = lake.map(|lake| Lake::new(&config.input, lake));
        let windows = config.windows.iter();
        let emit_every = windows
            .filter(|window| window.stage(&config.input) == stage)
            .filter(|window| window.emit.mode == EmitMode::OnUpdate)
            .map(|window| window.emit.every.get())
            .min();
        let instance = std::env::var(POD_NAME_ENV).ok();
        let role = Self {
            pipeline: config.pipeline.clone(),
            stage,
            owner: instance.clone().unwrap_or_else(|| "local".into()),
            instance,
            revision: config.revision,
            topic,
            other_topic,
            output_topics: OutputTopics::of(outputs, link.clone()),
            on_data_loss: config.input.on_data_loss,
            decoder: Arc::new(decoder),
            products: Arc::new(Products {
                table: table.is_some(),
                enriched: first && outputs.enriched.is_some(),
                alerts: (first && outputs.alerts.is_some())
                    .then(|| AlertWriter::new(&config.input, &plan)),
                linked: first && link.is_some(),
            }),
            window_tables: plan
                .windows()
                .iter()
                .map(|window| WindowTable::new(&config.schema, window))
                .collect(),
            plan: Arc::new(plan),
            copy,
            emit_every,
            linger: emit_every.map_or(LINGER, |every| every.min(LINGER)),
            max_delay_us: i64::try_from(config.input.event_time.max_delay.get().as_micros())
                .unwrap_or(i64::MAX),
            idle_after: config.input.event_time.idle_after.get(),
            lake: lake.transpose()?.map(Arc::new),
            lanes,
            metrics,
            traces: traces::are_on(),
            runtime: Handle::current(),
            kafka: config.kafka.clone(),
            credentials: Credentials::of_pod(&config.kafka),
            fatal,
        };
        role.begin_metrics();
        Ok(role)
    }

    /// Shows at zero what the stage may count.
    fn begin_metrics(&self) {
        let windows = self.plan.windows().iter();
        let windows: Vec<&str> = windows.map(|window| window.name.as_str()).collect();
        let rules: Vec<&str> = self.plan.rules().iter().map(|r| r.name.as_str()).collect();
        let second = Series {
            reasons: &[],
            sinks: &["table", "input"],
            outputs: &[],
            windows: &windows,
            rules: &[],
        };
        self.metrics.begin(&match self.stage {
            Stage::Second => second,
            Stage::First => Series {
                reasons: &Reason::ALL,
                outputs: &OUTPUTS,
                rules: &rules,
                ..second
            },
        });
        if self.stage == Stage::First {
            self.metrics.sink(self.outbox_name());
        }
        if self.lake.is_some() {
            self.metrics.sink(lake::SINK);
        }
    }

    /// The group that shares out the partitions of the stage's topic.
    pub fn group(&self) -> String {
        match self.stage {
            Stage::First => self.pipeline.consumer_group(),
            Stage::Second => self.pipeline.link_group(),
        }
    }

    /// The stage's number in the commit log.
    pub fn stage_number(&self) -> i16 {
        match self.stage {
            Stage::First => FIRST_STAGE,
            Stage::Second => SECOND_STAGE,
        }
    }

    /// Whether the stage makes a window's rows.
    pub fn makes(&self, window: &WindowPlan) -> bool {
        window.is_linked() == (self.stage == Stage::Second)
    }

    /// Whether a shard of the stage has anything to remember.
    pub fn has_state(&self) -> bool {
        match self.stage {
            Stage::First => !self.plan.is_stateless(),
            Stage::Second => true,
        }
    }

    /// The name of what sends records, in metrics and for the operator.
    pub fn outbox_name(&self) -> &'static str {
        if self.products.are_sent() {
            "output-topics"
        } else {
            "dead-letter"
        }
    }

    /// The settings that every Kafka client shares.
    pub fn client_config(&self) -> ClientConfig {
        client_config(&self.kafka, &self.credentials)
    }

    /// A client to ask questions with. It joins no group and reads nothing.
    pub fn inquirer(&self) -> KafkaResult<BaseConsumer> {
        self.client_config()
            // The end is that of the log, not that of the committed transactions: what is
            // compared with it was read below the latter.
            .set("isolation.level", "read_uncommitted")
            .create()
    }

    /// Runs `work` in a thread of its own. If it panics, the role stops.
    ///
    /// # Panics
    /// When the system has no thread left.
    pub fn thread(
        &self,
        name: String,
        work: impl FnOnce() + Send + 'static,
    ) -> std::thread::JoinHandle<()> {
        let alarm = self.alarm(&name);
        std::thread::Builder::new()
            .name(name)
            .spawn(move || {
                let _alarm = alarm;
                work();
            })
            .expect("the system has threads left")
    }

    /// Runs `work` as a task. If it panics, the role stops.
    pub fn task(
        &self,
        name: &str,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> tokio::task::JoinHandle<()> {
        let alarm = self.alarm(name);
        self.runtime.spawn(async move {
            let _alarm = alarm;
            work.await;
        })
    }

    fn alarm(&self, name: &str) -> Alarm {
        Alarm {
            name: name.to_owned(),
            fatal: self.fatal.clone(),
        }
    }
}

/// Tells when what it was given to panics.
struct Alarm {
    name: String,
    fatal: mpsc::UnboundedSender<String>,
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Nobody listens any more when the role is stopping already.
            let _ = self.fatal.send(std::mem::take(&mut self.name));
        }
    }
}
