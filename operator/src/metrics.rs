//! What the operator counts, under the names that dashboards and alerts use.

use std::{sync::Arc, time::Duration};

use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TEXT_FORMAT, TextEncoder, process_collector::ProcessCollector,
};
use sensorstream_crds::{ConditionType, SensorPipeline};

/// The content type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = TEXT_FORMAT;

/// Every metric of the operator.
pub struct Metrics {
    registry: Registry,
    reconciles: IntCounterVec,
    steps: HistogramVec,
    active: IntGauge,
    leader: IntGauge,
    pipelines: IntGaugeVec,
    endpoint_up: IntGaugeVec,
}

impl Metrics {
    /// All at zero.
    ///
    /// # Panics
    /// Never: the names are valid and differ.
    pub fn new() -> Self {
        let counters = |name: &str, help: &str, labels: &[&str]| {
            IntCounterVec::new(Opts::new(name, help), labels).expect("the name is valid")
        };
        let gauges = |name: &str, help: &str, labels: &[&str]| {
            IntGaugeVec::new(Opts::new(name, help), labels).expect("the name is valid")
        };
        let gauge = |name: &str, help: &str| IntGauge::new(name, help).expect("the name is valid");
        let metrics = Self {
            registry: Registry::new(),
            reconciles: counters(
                "sensorstream_operator_reconciles_total",
                "Reconciles by outcome: settled, changed, refused, deleted or failed.",
                &["outcome"],
            ),
            steps: HistogramVec::new(
                HistogramOpts::new(
                    "sensorstream_operator_reconcile_step_duration_seconds",
                    "Time that the steps of a reconcile take.",
                )
                .buckets(vec![0.001, 0.01, 0.05, 0.25, 1.0, 5.0, 15.0]),
                &["step"],
            )
            .expect("the name is valid"),
            active: gauge(
                "sensorstream_operator_reconciles_active",
                "Reconciles under way or waiting for their turn.",
            ),
            leader: gauge(
                "sensorstream_operator_leader",
                "Whether this replica leads.",
            ),
            pipelines: gauges(
                "sensorstream_operator_pipelines",
                "Pipelines by the status of their conditions Ready and DataFlowing.",
                &["condition", "status"],
            ),
            endpoint_up: gauges(
                "sensorstream_operator_endpoint_up",
                "Whether Kafka or PostgreSQL answered when last asked.",
                &["kind", "endpoint"],
            ),
        };
        let all: [Box<dyn prometheus::core::Collector>; 7] = [
            Box::new(metrics.reconciles.clone()),
            Box::new(metrics.steps.clone()),
            Box::new(metrics.active.clone()),
            Box::new(metrics.leader.clone()),
            Box::new(metrics.pipelines.clone()),
            Box::new(metrics.endpoint_up.clone()),
            Box::new(ProcessCollector::for_self()),
        ];
        for collector in all {
            metrics
                .registry
                .register(collector)
                .expect("each is registered once");
        }
        metrics
    }

    /// Counts a reconcile that ended.
    pub fn reconciled(&self, outcome: &str) {
        self.reconciles.with_label_values(&[outcome]).inc();
    }

    /// Takes in how long a step took.
    pub fn step(&self, step: &str, took: Duration) {
        self.steps
            .with_label_values(&[step])
            .observe(took.as_secs_f64());
    }

    /// Counts a reconcile as under way until the answer is dropped.
    pub fn begin(self: &Arc<Self>) -> Active {
        self.active.inc();
        Active(Arc::clone(self))
    }

    /// Says whether this replica leads.
    pub fn lead(&self, leading: bool) {
        self.leader.set(leading.into());
    }

    /// Where connections say whether they are up.
    pub fn endpoint_up(&self) -> IntGaugeVec {
        self.endpoint_up.clone()
    }

    /// Everything as text, with the pipelines as they are now.
    ///
    /// # Panics
    /// Never: writing to memory does not fail.
    pub fn text(&self, pipelines: &[Arc<SensorPipeline>]) -> Vec<u8> {
        self.pipelines.reset();
        for type_ in [ConditionType::Ready, ConditionType::DataFlowing] {
            for pipeline in pipelines {
                let condition = pipeline
                    .status
                    .as_ref()
                    .and_then(|status| status.condition(type_));
                let status = condition.map_or("Unknown", |condition| condition.status.as_str());
                self.pipelines
                    .with_label_values(&[type_.as_str(), status])
                    .inc();
            }
        }
        let mut text = Vec::new();
        TextEncoder::new()
            .encode(&self.registry.gather(), &mut text)
            .expect("writing to memory does not fail");
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// A reconcile under way.
pub struct Active(Arc<Metrics>);

impl Drop for Active {
    fn drop(&mut self) {
        self.0.active.dec();
    }
}
