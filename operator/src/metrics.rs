//! What the operator counts, under the names that dashboards and alerts use.

use std::{sync::Arc, time::Duration};

use kube::ResourceExt;
use prometheus::{HistogramVec, IntCounterVec, IntGauge, IntGaugeVec};
use sensorstream_crds::SensorPipeline;
use sensorstream_telemetry::metrics::{Catalog, Listed};

/// Every metric of the operator.
pub struct Metrics {
    catalog: Catalog,
    reconciles: IntCounterVec,
    steps: HistogramVec,
    active: IntGauge,
    leader: IntGauge,
    pipelines: IntGaugeVec,
    conditions: Listed,
    endpoint_up: IntGaugeVec,
    certificate_expiry: IntGauge,
}

impl Metrics {
    /// All at zero, with the process's own.
    pub fn new() -> Self {
        Self::defined_in(Catalog::new([]))
    }

    fn defined_in(catalog: Catalog) -> Self {
        let define = catalog.group("sensorstream_operator");
        Self {
            reconciles: define.counters(
                "reconciles_total",
                "Reconciles by outcome: settled, changed, refused, deleted or failed.",
                &["outcome"],
            ),
            steps: define.histograms(
                "reconcile_step_duration_seconds",
                "Time that the steps of a reconcile take.",
                &[0.001, 0.01, 0.05, 0.25, 1.0, 5.0, 15.0],
                &["step"],
            ),
            active: define.gauge(
                "reconciles_active",
                "Reconciles under way or waiting for their turn.",
            ),
            leader: define.gauge("leader", "1 if this replica leads, else 0."),
            pipelines: define.gauges(
                "pipelines",
                "Pipelines by the status of each of their conditions.",
                &["condition", "status"],
            ),
            conditions: define.listed(
                "pipeline_condition",
                "1 for the status and the reason that each condition of each pipeline has.",
                &[
                    "pipeline_namespace",
                    "pipeline",
                    "condition",
                    "status",
                    "reason",
                ],
            ),
            endpoint_up: define.gauges(
                "endpoint_up",
                "1 if Kafka or PostgreSQL answered when last asked, else 0.",
                &["kind", "address"],
            ),
            certificate_expiry: define.gauge(
                "webhook_certificate_expiry_timestamp_seconds",
                "When the certificate ends that the webhook serves with, as a time since 1970; 0 while there is none.",
            ),
            catalog,
        }
    }

    /// What there is to be documented.
    pub fn catalog() -> Catalog {
        Self::defined_in(Catalog::default()).catalog
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

    /// Where the webhook says when its certificate ends.
    pub fn certificate_expiry(&self) -> IntGauge {
        self.certificate_expiry.clone()
    }

    /// Everything as text, with the pipelines as they are now.
    pub fn text(&self, pipelines: &[Arc<SensorPipeline>]) -> Vec<u8> {
        self.pipelines.reset();
        let mut conditions = String::new();
        self.conditions.begin(&mut conditions);
        for pipeline in pipelines {
            let namespace = pipeline.namespace().unwrap_or_default();
            let name = pipeline.name_any();
            let status = pipeline.status.as_ref();
            for condition in status.iter().flat_map(|status| &status.conditions) {
                let (type_, status) = (condition.type_.as_str(), condition.status.as_str());
                self.pipelines.with_label_values(&[type_, status]).inc();
                let labels = [&namespace, &name, type_, status, &condition.reason];
                self.conditions.series(&mut conditions, &labels, 1.0);
            }
        }
        let mut text = self.catalog.text();
        text.extend_from_slice(conditions.as_bytes());
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
