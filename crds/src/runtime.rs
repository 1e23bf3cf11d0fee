//! What the operator hands to the pods: one JSON document a role, mounted as a file, with no
//! secret in it. Each holds only what the role acts on, so that an edit restarts no more
//! than it must.

use serde::{Deserialize, Serialize};

use crate::{
    api::{Auth, Cors, Limits},
    connections::{SaslMechanism, SecretRef},
    identity::PipelineId,
    input::Input,
    outputs::Outputs,
    pipeline::{SensorPipeline, SensorPipelineSpec},
    rules::Rule,
    simulator::Simulator,
    windows::Window,
};

/// Where a role finds its document.
pub const CONFIG_PATH: &str = "/etc/sensorstream/config.json";
/// Where the image has the web dashboard.
pub const DASHBOARD_PATH: &str = "/usr/share/sensorstream/dashboard";
/// Where the keys of the Kafka TLS Secret are mounted.
pub const KAFKA_TLS_DIR: &str = "/etc/sensorstream/kafka-tls";
/// The environment variable with the pod's name.
pub const POD_NAME_ENV: &str = "POD_NAME";
/// The environment variable with the PostgreSQL URI.
pub const DATABASE_URL_ENV: &str = "DATABASE_URL";
/// The environment variable of `serve` with the tokens that are good, a line each.
pub const API_TOKENS_ENV: &str = "API_TOKENS";
/// The environment variable with the SASL user name.
pub const KAFKA_USERNAME_ENV: &str = "KAFKA_USERNAME";
/// The environment variable with the SASL password.
pub const KAFKA_PASSWORD_ENV: &str = "KAFKA_PASSWORD";
/// The keys that the lake's Secret must have, and the environment variables of `process` with them.
pub const LAKE_KEYS: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
/// Those that it may have.
pub const LAKE_OPTIONAL_KEYS: [&str; 3] = ["AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL"];
/// The port every role listens on, for metrics, health and, with `serve`, the API.
pub const HTTP_PORT: u16 = 8080;

/// How to reach Kafka, but for the credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KafkaEndpoint {
    /// host:port pairs that resolve from any namespace.
    pub bootstrap_servers: String,
    /// Whether to encrypt.
    pub tls: bool,
    /// Whether a Secret is mounted with authorities or a client certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_secret: Option<SecretRef>,
    /// The SASL mechanism, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sasl_mechanism: Option<SaslMechanism>,
}

impl KafkaEndpoint {
    /// The endpoint that a pipeline's spec names, with Services qualified by its namespace.
    pub fn of(id: &PipelineId, spec: &SensorPipelineSpec) -> Self {
        Self {
            bootstrap_servers: spec
                .kafka
                .bootstrap_servers
                .split(',')
                .map(|pair| match pair.split_once(':') {
                    Some((host, port)) => format!("{}:{port}", qualified_host(host, &id.namespace)),
                    None => pair.to_owned(),
                })
                .collect::<Vec<_>>()
                .join(","),
            tls: spec.kafka.tls.is_some(),
            tls_secret: spec
                .kafka
                .tls
                .as_ref()
                .and_then(|tls| tls.secret_ref.clone()),
            sasl_mechanism: spec.kafka.sasl.as_ref().map(|sasl| sasl.mechanism),
        }
    }
}

/// A host name that resolves from any namespace: one without a dot is a Service in the
/// pipeline's own. `localhost` stays what it is.
pub fn qualified_host(host: &str, namespace: &str) -> String {
    if host.contains('.') || host.contains(':') || host == "localhost" {
        host.to_owned()
    } else {
        format!("{host}.{namespace}.svc")
    }
}

/// What `process` acts on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessConfig {
    /// Whose pod this is.
    pub pipeline: PipelineId,
    /// Where the topics are.
    pub kafka: KafkaEndpoint,
    /// The PostgreSQL schema of the tables.
    pub schema: String,
    /// What comes in.
    pub input: Input,
    /// What to compute over event time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
    /// Which readings are worth an alert.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// Where results and bad records go.
    pub outputs: Outputs,
    /// Which of all plans the pipeline ever had this is, counted up by the operator with each that differs:
    /// what a later one has taken up, an earlier one may not take back.
    #[serde(default)]
    pub revision: i64,
}

/// What `produce` acts on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProduceConfig {
    /// Whose pod this is.
    pub pipeline: PipelineId,
    /// Where the topic is.
    pub kafka: KafkaEndpoint,
    /// What readings look like.
    pub input: Input,
    /// How they are made.
    pub simulator: Simulator,
    /// How far the watermark has to get beyond the last reading until every window has closed, in
    /// milliseconds. Only where the simulator is to see to that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows_close_after_ms: Option<u64>,
}

/// What `serve` acts on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServeConfig {
    /// Whose pod this is.
    pub pipeline: PipelineId,
    /// Where the topics are.
    pub kafka: KafkaEndpoint,
    /// The PostgreSQL schema of the tables.
    pub schema: String,
    /// What comes in.
    pub input: Input,
    /// What is computed over event time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
    /// Which readings are worth an alert.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// Where results and bad records go.
    pub outputs: Outputs,
    /// Whether the pipeline makes its own readings.
    #[serde(default)]
    pub simulated: bool,
    /// Who may ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// How much may be asked.
    #[serde(default)]
    pub limits: Limits,
    /// Which web pages may call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cors: Option<Cors>,
}

/// The documents of one pipeline's roles; those it does not declare are absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleConfigs {
    /// For `process`.
    pub process: ProcessConfig,
    /// For `produce`.
    pub produce: Option<ProduceConfig>,
    /// For `serve`.
    pub serve: Option<ServeConfig>,
}

impl RoleConfigs {
    /// The documents for a pipeline.
    pub fn of(id: &PipelineId, spec: &SensorPipelineSpec) -> Self {
        let kafka = KafkaEndpoint::of(id, spec);
        let schema = schema_of(id, spec);
        Self {
            process: ProcessConfig {
                pipeline: id.clone(),
                kafka: kafka.clone(),
                schema: schema.clone(),
                input: spec.input.clone(),
                windows: spec.windows.clone(),
                rules: spec.rules.clone(),
                outputs: spec.outputs.clone(),
                revision: 0,
            },
            produce: spec.simulator.as_ref().map(|simulator| ProduceConfig {
                pipeline: id.clone(),
                kafka: kafka.clone(),
                input: spec.input.clone(),
                simulator: simulator.clone(),
                windows_close_after_ms: simulator
                    .finalize
                    .then(|| windows_close_after_ms(&spec.windows)),
            }),
            serve: spec.api.as_ref().map(|api| ServeConfig {
                pipeline: id.clone(),
                kafka,
                schema,
                input: spec.input.clone(),
                windows: spec.windows.clone(),
                rules: spec.rules.clone(),
                outputs: spec.outputs.clone(),
                simulated: spec.simulator.is_some(),
                auth: api.auth.clone(),
                limits: api.limits.clone(),
                cors: api.cors.clone(),
            }),
        }
    }
}

fn windows_close_after_ms(windows: &[Window]) -> u64 {
    let longest = windows.iter().map(Window::closes_after).max();
    longest.map_or(0, |longest| longest.as_millis() as u64)
}

/// The PostgreSQL schema of a pipeline's tables.
pub fn schema_of(id: &PipelineId, spec: &SensorPipelineSpec) -> String {
    spec.postgres
        .schema
        .clone()
        .unwrap_or_else(|| id.default_schema())
}

/// The identity of a resource read from the API server.
///
/// # Panics
/// When it has no namespace or name, which the API server always sets.
pub fn id_of(pipeline: &SensorPipeline) -> PipelineId {
    PipelineId::new(
        pipeline
            .metadata
            .namespace
            .clone()
            .expect("a SensorPipeline is namespaced"),
        pipeline
            .metadata
            .name
            .clone()
            .expect("an object read from the API server has a name"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::admission::refusals::base;

    fn configs(simulator: &Value) -> RoleConfigs {
        let mut object = base();
        for (name, value) in simulator.as_object().unwrap() {
            object["spec"]["simulator"][name] = value.clone();
        }
        object["spec"]["windows"] = json!([
            { "name": "minutes", "tumbling": { "size": "1m" }, "allowedLateness": "10s" },
            { "name": "trend", "sliding": { "size": "5m", "slide": "1m" } },
            { "name": "visits", "session": { "gap": "4m" }, "allowedLateness": "90s" },
        ]);
        let spec: SensorPipelineSpec = serde_json::from_value(object["spec"].clone()).unwrap();
        RoleConfigs::of(&PipelineId::new("default", "tests"), &spec)
    }

    #[test]
    fn a_simulator_that_finalizes_is_told_when_the_last_window_closes() {
        let spread = json!({ "spread": { "over": "15m", "readings": 900 } });
        let closes = |simulator| configs(&simulator).produce.unwrap().windows_close_after_ms;
        assert_eq!(
            closes(json!({ "timeline": spread, "finalize": true })),
            Some(570_000)
        );
        // One that does not is not restarted when windows are edited.
        assert_eq!(closes(json!({ "timeline": spread })), None);
    }
}
