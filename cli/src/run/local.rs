//! A resource made fit for one machine: what a cluster would have to have for it is taken out, and said.
//! Pure.

use sensorstream_crds::{DesiredState, SensorPipeline, SensorPipelineSpec, api::Api, input::Topic};

/// The namespace of pipelines that run here. Never one of a cluster's: consumer groups are named after it,
/// and a pipeline here must not take readings from one there.
pub const NAMESPACE: &str = "local";
/// The Secret with the database's URI.
pub const DATABASE_SECRET: &str = "database";
/// Its key.
pub const DATABASE_KEY: &str = "uri";

/// The longest deadline that a stop can have.
const PATIENT: &str = "1d";

/// What a pipeline runs on here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where Kafka is.
    pub bootstrap_servers: String,
    /// Whether that is the broker of this process, which has one node and no logins.
    pub own_broker: bool,
    /// The folder that stands in for a lake in S3.
    pub lake: String,
    /// Whether readings come from a file in place of the simulator.
    pub fed: bool,
    /// Whether processing what is left may take as long as it takes.
    pub patient: bool,
}

/// Fits a resource to this machine. Answers what is other than declared, for people.
pub fn fit(pipeline: &mut SensorPipeline, place: &Place) -> Vec<String> {
    let mut told = Vec::new();
    pipeline.metadata.namespace = Some(NAMESPACE.to_owned());
    pipeline.metadata.generation = Some(1);
    pipeline.metadata.uid = None;
    pipeline.status = None;
    let spec = &mut pipeline.spec;
    if spec.state != DesiredState::Running {
        told.push(format!("it runs, though spec.state is {:?}", spec.state));
        spec.state = DesiredState::Running;
    }
    if place.patient {
        spec.stop_deadline = PATIENT.into();
    }
    spec.kafka
        .bootstrap_servers
        .clone_from(&place.bootstrap_servers);
    if place.own_broker {
        spec.kafka.sasl = None;
        spec.kafka.tls = None;
        for topic in topics(spec) {
            topic.replication_factor = Some(1);
        }
    }
    let database = &mut spec.postgres.secret_key_ref;
    DATABASE_SECRET.clone_into(&mut database.name);
    DATABASE_KEY.clone_into(&mut database.key);
    if place.fed && spec.simulator.take().is_some() {
        told.push("the simulator stays off: readings come from --input".to_owned());
    }
    if let Some(lake) = &mut spec.outputs.lake {
        lake.secret_ref = None;
        // Nothing is ever deleted from a lake: what is tried out has no place in a real one.
        told.push(format!(
            "the lake {} is the folder {}",
            lake.uri, place.lake
        ));
        lake.uri = format!("file://{}", place.lake);
    }
    let api = spec.api.get_or_insert_with(default_api);
    api.postgres = None;
    if api.auth.take().is_some() {
        told.push("the API asks for no login: only this machine reaches it".to_owned());
    }
    spec.processor.replicas = 1;
    api.replicas = 1;
    told
}

/// What `api: {}` is.
fn default_api() -> Api {
    serde_json::from_value(serde_json::json!({})).expect("every member has a default")
}

fn topics(spec: &mut SensorPipelineSpec) -> impl Iterator<Item = &mut Topic> {
    let outputs = &mut spec.outputs;
    [
        Some(&mut spec.input.topic),
        Some(&mut outputs.dead_letter.topic),
        outputs.enriched.as_mut().map(|output| &mut output.topic),
        outputs.alerts.as_mut().map(|output| &mut output.topic),
    ]
    .into_iter()
    .flatten()
}
