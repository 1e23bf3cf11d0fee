//! What every part of the role shares: the compiled pipeline, the connections, the metrics.

use std::sync::Arc;

use rdkafka::{ClientConfig, consumer::BaseConsumer, error::KafkaResult};
use sensorstream_broker::connection::{Credentials, client_config};
use sensorstream_crds::{
    PipelineId,
    input::OnDataLoss,
    runtime::{KafkaEndpoint, ProcessConfig},
};
use tokio::{runtime::Handle, sync::mpsc};

use super::{copy_binary, decode::Decoder, lanes::Lanes, metrics::Metrics};

/// What every part of the role shares.
#[derive(Debug)]
pub struct Role {
    /// Whose pod this is.
    pub pipeline: PipelineId,
    /// The pod's name, for people who read shard rows.
    pub owner: String,
    /// The input topic.
    pub topic: String,
    /// The dead letter topic.
    pub dead_letter_topic: String,
    /// What to do about records that vanished.
    pub on_data_loss: OnDataLoss,
    /// The fields, ready to decode with.
    pub decoder: Arc<Decoder>,
    /// The statement that takes the readings.
    pub copy: String,
    /// How far the watermark trails the newest reading, in microseconds.
    pub max_delay_us: i64,
    /// Connections to PostgreSQL.
    pub lanes: Lanes,
    /// The metrics.
    pub metrics: Metrics,
    /// The runtime that threads wait on.
    pub runtime: Handle,
    kafka: KafkaEndpoint,
    credentials: Credentials,
    fatal: mpsc::UnboundedSender<String>,
}

impl Role {
    /// Compiles a configuration. What kills a thread or task is told to `fatal`.
    pub fn new(
        config: &ProcessConfig,
        lanes: Lanes,
        metrics: Metrics,
        fatal: mpsc::UnboundedSender<String>,
    ) -> Self {
        let decoder = Decoder::new(&config.input);
        let copy = copy_binary::statement(&config.schema, &config.table.name, decoder.columns());
        Self {
            pipeline: config.pipeline.clone(),
            owner: std::env::var("HOSTNAME").unwrap_or_else(|_| "local".into()),
            topic: config.input.topic.name.clone(),
            dead_letter_topic: config.dead_letter.topic.name.clone(),
            on_data_loss: config.input.on_data_loss,
            decoder: Arc::new(decoder),
            copy,
            max_delay_us: i64::try_from(config.input.event_time.max_delay.get().as_micros())
                .unwrap_or(i64::MAX),
            lanes,
            metrics,
            runtime: Handle::current(),
            kafka: config.kafka.clone(),
            credentials: Credentials::of_pod(&config.kafka),
            fatal,
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
