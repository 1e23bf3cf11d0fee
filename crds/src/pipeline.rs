//! The `SensorPipeline` resource.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    api::Api,
    connections::{Kafka, Postgres},
    input::Input,
    outputs::Outputs,
    rules::Rule as AlertRule,
    scalars::Duration,
    simulator::Simulator,
    status::SensorPipelineStatus,
    windows::Window,
    workloads::Processor,
};

/// What readings look like, what to compute from them and where results go.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "sensorstream.dev",
    version = "v1alpha1",
    kind = "SensorPipeline",
    plural = "sensorpipelines",
    shortname = "sp",
    category = "sensorstream",
    category = "all",
    namespaced,
    status = "SensorPipelineStatus",
    derive = "PartialEq",
    doc = "One pipeline of sensor readings: from a Kafka topic, checked, to PostgreSQL, exactly once.",
    scale(
        spec_replicas_path = ".spec.processor.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#, description = "Everything the pipeline needs is in place and running."),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state", description = "What the pipeline is doing."),
    printcolumn(name = "Flowing", type_ = "string", json_path = r#".status.conditions[?(@.type=="DataFlowing")].status"#, description = "Readings have been committed lately."),
    printcolumn(name = "Lag", type_ = "integer", json_path = ".status.lag", description = "Records in the input topic that are not committed yet."),
    printcolumn(name = "Rate", type_ = "string", json_path = ".status.rate", description = "Records committed a second.", priority = 1),
    printcolumn(name = "Watermark", type_ = "string", json_path = ".status.watermark", description = "Event time up to which readings are complete.", priority = 1),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#, description = "Why it is or is not ready.", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.size() <= 50").message("the name may have 50 characters at most: the names of the objects made for it are longer"),
    validation = Rule::new("!self.metadata.name.contains('.')").message("the name may not contain '.': Services are named after it"),
    validation = Rule::new("!has(self.spec.api) || self.metadata.name.matches('^[a-z]')").message("the name of a pipeline with an api must begin with a letter: the API's Service is named after it")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.outputs.deadLetter.topic.name != self.input.topic.name").message("outputs.deadLetter.topic must be another topic than input.topic, or bad records would come round again").field_path(".outputs.deadLetter.topic.name"),
    validation = Rule::new("!has(self.outputs.enriched) || !(self.outputs.enriched.topic.name in [self.input.topic.name, self.outputs.deadLetter.topic.name])").message("outputs.enriched.topic must be another topic than input.topic and outputs.deadLetter.topic").field_path(".outputs.enriched.topic.name"),
    validation = Rule::new("!has(self.outputs.alerts) || !(self.outputs.alerts.topic.name in [self.input.topic.name, self.outputs.deadLetter.topic.name, has(self.outputs.enriched) ? self.outputs.enriched.topic.name : ''])").message("outputs.alerts.topic must be another topic than input.topic, outputs.enriched.topic and outputs.deadLetter.topic").field_path(".outputs.alerts.topic.name"),
    validation = Rule::new("!has(self.outputs.table) || !has(self.outputs.table.identityColumn) || self.input.fields.all(f, f.name != self.outputs.table.identityColumn)").message("outputs.table.identityColumn must have another name than every field: what is in a field's column comes from the readings").field_path(".outputs.table.identityColumn"),
    validation = Rule::new("!has(self.outputs.table) || !has(self.windows) || self.windows.all(w, w.name != self.outputs.table.name)").message("a window's table and outputs.table must have different names").field_path(".windows"),
    validation = Rule::new("!has(self.simulator) || self.simulator.fields.all(g, self.input.fields.exists(f, f.name == g.name))").message("simulator.fields names a field that input.fields does not have").field_path(".simulator.fields"),
    validation = Rule::new("!has(self.simulator) || self.input.fields.all(f, !f.required || self.simulator.fields.exists(g, g.name == f.name))").message("simulator.fields must make every required field of input.fields").field_path(".simulator.fields"),
    validation = Rule::new("has(self.outputs.table) || has(self.outputs.enriched) || has(self.outputs.alerts) || has(self.outputs.lake) || (has(self.windows) && self.windows.size() > 0)").message("the pipeline has no result; give it windows or one of outputs.table, outputs.enriched, outputs.alerts and outputs.lake").field_path(".outputs"),
    validation = Rule::new("(has(self.rules) && self.rules.size() > 0) == has(self.outputs.alerts)").message("rules and outputs.alerts go together: add the one that is missing, or remove the other").field_path(".outputs.alerts"),
    validation = Rule::new("!has(self.outputs.lake) || self.input.fields.all(f, !(f.name in ['date', 'hour']))").message("a pipeline with outputs.lake can't have fields named date or hour: the lake's folders have these names; rename them, and keep their members with from").field_path(".input.fields"),
    validation = Rule::new("has(self.postgres.schema) == has(oldSelf.postgres.schema) && (!has(self.postgres.schema) || self.postgres.schema == oldSelf.postgres.schema)").message("postgres.schema can't be changed in place: the tables so far would stay in the old one; make a new pipeline").field_path(".postgres.schema")
)]
pub struct SensorPipelineSpec {
    /// What the pipeline should be doing.
    #[serde(default)]
    pub state: DesiredState,
    /// How long Paused or Drained may take. After it the pods are stopped all the same, and a
    /// condition says what was left; it is processed when the pipeline runs again.
    #[serde(default = "default_stop_deadline")]
    pub stop_deadline: Duration,
    /// The Kafka cluster that holds the topics.
    pub kafka: Kafka,
    /// The PostgreSQL database that holds the tables and the commit log.
    pub postgres: Postgres,
    /// The topic with the readings and what a reading looks like.
    pub input: Input,
    /// What to compute over event time, a table each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub windows: Vec<Window>,
    /// Which readings are worth an alert.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub rules: Vec<AlertRule>,
    /// Where results go.
    pub outputs: Outputs,
    /// Makes readings, for trying a pipeline out. None when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulator: Option<Simulator>,
    /// The pods that read, validate, compute and write.
    #[serde(default)]
    pub processor: Processor,
    /// The query API with the web dashboard. None when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<Api>,
    /// What becomes of topics, tables and positions when the resource is deleted.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

fn default_stop_deadline() -> Duration {
    "5m".into()
}

/// What the pipeline should be doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DesiredState {
    /// Simulator, processor and API run.
    #[default]
    Running,
    /// Simulator and processor are stopped at once; the API stays.
    Paused,
    /// The simulator stops, what is in the topic by then is processed, then the processor
    /// stops; the API stays.
    Drained,
}

/// What becomes of topics, tables and positions when the resource is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// They stay. A pipeline of the same name goes on where this one stopped.
    #[default]
    Retain,
    /// Those that the pipeline made are deleted; adopted ones stay.
    Delete,
}
