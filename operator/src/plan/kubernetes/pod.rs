//! The pods of a role, within the `restricted` Pod Security Standard.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{
        Capabilities, ConfigMapVolumeSource, Container, ContainerPort, EnvVar, EnvVarSource,
        HTTPGetAction, ObjectFieldSelector, PodSecurityContext, PodSpec, PodTemplateSpec, Probe,
        ResourceRequirements, SeccompProfile, SecretKeySelector, SecretVolumeSource,
        SecurityContext, TopologySpreadConstraint, Volume, VolumeMount,
    },
    apimachinery::pkg::{
        api::resource::Quantity,
        apis::meta::v1::{LabelSelector, ObjectMeta},
        util::intstr::IntOrString,
    },
};
use sensorstream_crds::{
    SensorPipelineSpec,
    connections::SecretKeyRef,
    runtime::{
        API_TOKENS_ENV, CONFIG_PATH, DATABASE_URL_ENV, HTTP_PORT, KAFKA_PASSWORD_ENV,
        KAFKA_TLS_DIR, KAFKA_USERNAME_ENV, LAKE_KEYS, LAKE_OPTIONAL_KEYS, POD_NAME_ENV,
    },
    workloads::PodSettings,
};

use super::{Site, config_map, installation::Tracing, labels, string_map};
use crate::{observe::logins::reader, role::Role};

/// Annotation of pods with the digest of what they are started with, so that a change of it
/// replaces them.
pub const START_DIGEST: &str = "sensorstream.dev/start-digest";
const USER: i64 = 65532;

/// The pods of a role, if the pipeline has the role.
pub(super) fn template(site: &Site<'_>, role: Role) -> Option<PodTemplateSpec> {
    let spec = &site.pipeline().spec;
    let default = PodSettings::default();
    let settings = match role {
        // The simulator is one small pod; it has no settings of its own.
        Role::Producer => &default,
        Role::Processor => &spec.processor.pods,
        Role::Api => &spec.api.as_ref()?.pods,
    };
    let port = HTTP_PORT.to_string();
    let mut annotations = if site.installation.scrape_annotations {
        string_map([
            ("prometheus.io/scrape", "true"),
            ("prometheus.io/port", &port),
            ("prometheus.io/path", "/metrics"),
        ])
    } else {
        BTreeMap::new()
    };
    annotations.insert(
        START_DIGEST.to_owned(),
        config_map::start_digest(site, role)?,
    );
    Some(PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(labels::of(site.name(), Some(role))),
            annotations: Some(annotations),
            ..ObjectMeta::default()
        }),
        spec: Some(PodSpec {
            service_account_name: Some(site.name().to_owned()),
            automount_service_account_token: Some(false),
            enable_service_links: Some(false),
            termination_grace_period_seconds: Some(30),
            security_context: Some(PodSecurityContext {
                run_as_non_root: Some(true),
                run_as_user: Some(USER),
                run_as_group: Some(USER),
                seccomp_profile: Some(SeccompProfile {
                    type_: "RuntimeDefault".into(),
                    localhost_profile: None,
                }),
                ..PodSecurityContext::default()
            }),
            containers: vec![container(site, role, settings)],
            volumes: Some(volumes(site, role)),
            node_selector: some_unless_empty(settings.node_selector.clone(), BTreeMap::is_empty),
            tolerations: some_unless_empty(settings.tolerations.clone(), Vec::is_empty),
            priority_class_name: settings.priority_class_name.clone(),
            topology_spread_constraints: (role == Role::Processor)
                .then(|| vec![spread(site.name(), role)]),
            ..PodSpec::default()
        }),
    })
}

/// The Secrets that the pods of a role of this pipeline read.
pub fn secrets_of(role: Role, pipeline: &str, spec: &SensorPipelineSpec) -> Vec<String> {
    let database = database_key(role, pipeline, spec).map(|(secret, _)| secret);
    let sasl = spec.kafka.sasl.as_ref();
    let kafka = [
        sasl.map(|sasl| sasl.secret_ref.name.as_str()),
        tls_secret(spec),
    ];
    let lake = lake_secret(spec).filter(|_| role == Role::Processor);
    let tokens = tokens(spec).filter(|_| role == Role::Api);
    let named = kafka
        .into_iter()
        .chain([lake, tokens.map(|t| t.name.as_str())]);
    database
        .into_iter()
        .chain(named.flatten().map(str::to_owned))
        .collect()
}

/// The Secret and the key with a role's login to `PostgreSQL`, if it logs in there. The API's is its own.
fn database_key(role: Role, pipeline: &str, spec: &SensorPipelineSpec) -> Option<(String, String)> {
    let own = &spec.postgres.secret_key_ref;
    match role {
        Role::Producer => None,
        Role::Processor => Some((own.name.clone(), own.key.clone())),
        Role::Api => reader::secret_key(pipeline, spec),
    }
}

fn tokens(spec: &SensorPipelineSpec) -> Option<&SecretKeyRef> {
    let auth = spec.api.as_ref()?.auth.as_ref()?;
    Some(&auth.bearer_token.as_ref()?.secret_key_ref)
}

fn lake_secret(spec: &SensorPipelineSpec) -> Option<&str> {
    let reference = spec.outputs.lake.as_ref()?.secret_ref.as_ref()?;
    Some(&reference.name)
}

fn tls_secret(spec: &SensorPipelineSpec) -> Option<&str> {
    let reference = spec.kafka.tls.as_ref()?.secret_ref.as_ref()?;
    Some(&reference.name)
}

fn container(site: &Site<'_>, role: Role, settings: &PodSettings) -> Container {
    Container {
        name: role.component().to_owned(),
        image: Some(site.installation.image.name.clone()),
        image_pull_policy: Some(site.installation.image.pull_policy.clone()),
        args: Some(vec![role.argument().to_owned()]),
        env: Some(environment(site, role)),
        ports: Some(vec![ContainerPort {
            name: Some("http".into()),
            container_port: HTTP_PORT.into(),
            protocol: Some("TCP".into()),
            ..ContainerPort::default()
        }]),
        resources: Some(
            settings
                .resources
                .clone()
                .unwrap_or_else(|| default_resources(role)),
        ),
        volume_mounts: Some(mounts(site)),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities {
                drop: Some(vec!["ALL".into()]),
                add: None,
            }),
            ..SecurityContext::default()
        }),
        startup_probe: Some(Probe {
            failure_threshold: Some(30),
            ..probe("/healthz", 2)
        }),
        liveness_probe: Some(Probe {
            failure_threshold: Some(6),
            ..probe("/healthz", 5)
        }),
        readiness_probe: Some(Probe {
            failure_threshold: Some(2),
            ..probe("/readyz", 3)
        }),
        ..Container::default()
    }
}

fn environment(site: &Site<'_>, role: Role) -> Vec<EnvVar> {
    let spec = &site.pipeline().spec;
    let mut variables = vec![EnvVar {
        name: POD_NAME_ENV.into(),
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                api_version: Some("v1".into()),
                field_path: "metadata.name".into(),
            }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    }];
    if let Some((secret, key)) = database_key(role, site.name(), spec) {
        variables.push(from_secret(DATABASE_URL_ENV, &secret, &key));
    }
    if let Some(tokens) = tokens(spec)
        && role == Role::Api
    {
        variables.push(from_secret(API_TOKENS_ENV, &tokens.name, &tokens.key));
    }
    if let Some(sasl) = &spec.kafka.sasl {
        variables.push(from_secret(
            KAFKA_USERNAME_ENV,
            &sasl.secret_ref.name,
            "username",
        ));
        variables.push(from_secret(
            KAFKA_PASSWORD_ENV,
            &sasl.secret_ref.name,
            "password",
        ));
    }
    if let Some(secret) = lake_secret(spec)
        && role == Role::Processor
    {
        variables.extend(LAKE_KEYS.map(|key| from_secret(key, secret, key)));
        variables.extend(LAKE_OPTIONAL_KEYS.map(|key| from_key(key, secret, key, Some(true))));
    }
    if let Some(tracing) = &site.installation.tracing {
        variables.extend(traced(site, role, tracing));
    }
    variables
}

/// What OpenTelemetry goes by. The pod's name is filled in by the kubelet, from the variable above.
fn traced(site: &Site<'_>, role: Role, tracing: &Tracing) -> impl Iterator<Item = EnvVar> {
    let namespace = &site.valid.observation.id.namespace;
    let about = format!(
        "service.namespace={namespace},k8s.namespace.name={namespace},k8s.pod.name=$({POD_NAME_ENV})"
    );
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", tracing.endpoint.clone()),
        ("OTEL_SERVICE_NAME", role.object_name(site.name())),
        ("OTEL_RESOURCE_ATTRIBUTES", about),
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio".to_owned()),
        ("OTEL_TRACES_SAMPLER_ARG", tracing.sampling_ratio.clone()),
    ];
    variables.into_iter().map(|(name, value)| EnvVar {
        name: name.to_owned(),
        value: Some(value),
        ..EnvVar::default()
    })
}

fn from_secret(variable: &str, secret: &str, key: &str) -> EnvVar {
    from_key(variable, secret, key, None)
}

/// A variable with what a Secret has under a key; an optional one is not set if there is no such key.
fn from_key(variable: &str, secret: &str, key: &str, optional: Option<bool>) -> EnvVar {
    EnvVar {
        name: variable.to_owned(),
        value_from: Some(EnvVarSource {
            secret_key_ref: Some(SecretKeySelector {
                name: secret.to_owned(),
                key: key.to_owned(),
                optional,
            }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    }
}

fn volumes(site: &Site<'_>, role: Role) -> Vec<Volume> {
    let mut volumes = vec![Volume {
        name: "config".into(),
        config_map: Some(ConfigMapVolumeSource {
            name: role.object_name(site.name()),
            ..ConfigMapVolumeSource::default()
        }),
        ..Volume::default()
    }];
    if let Some(secret) = tls_secret(&site.pipeline().spec) {
        volumes.push(Volume {
            name: "kafka-tls".into(),
            secret: Some(SecretVolumeSource {
                secret_name: Some(secret.to_owned()),
                ..SecretVolumeSource::default()
            }),
            ..Volume::default()
        });
    }
    volumes
}

fn mounts(site: &Site<'_>) -> Vec<VolumeMount> {
    // The file alone, not its directory: the Kafka certificates are mounted beside it.
    let mut mounts = vec![VolumeMount {
        name: "config".into(),
        mount_path: CONFIG_PATH.into(),
        sub_path: Some(config_map::KEY.into()),
        read_only: Some(true),
        ..VolumeMount::default()
    }];
    if tls_secret(&site.pipeline().spec).is_some() {
        mounts.push(VolumeMount {
            name: "kafka-tls".into(),
            mount_path: KAFKA_TLS_DIR.into(),
            read_only: Some(true),
            ..VolumeMount::default()
        });
    }
    mounts
}

fn default_resources(role: Role) -> ResourceRequirements {
    let (cpu, memory, memory_limit) = match role {
        Role::Processor => ("100m", "64Mi", "512Mi"),
        Role::Producer | Role::Api => ("20m", "32Mi", "256Mi"),
    };
    let quantities = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), Quantity((*value).to_owned())))
            .collect()
    };
    ResourceRequirements {
        requests: Some(quantities(&[("cpu", cpu), ("memory", memory)])),
        limits: Some(quantities(&[("memory", memory_limit)])),
        claims: None,
    }
}

fn probe(path: &str, period_seconds: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String("http".into()),
            scheme: Some("HTTP".into()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period_seconds),
        timeout_seconds: Some(2),
        ..Probe::default()
    }
}

fn spread(pipeline: &str, role: Role) -> TopologySpreadConstraint {
    TopologySpreadConstraint {
        max_skew: 1,
        topology_key: "kubernetes.io/hostname".into(),
        when_unsatisfiable: "ScheduleAnyway".into(),
        label_selector: Some(LabelSelector {
            match_labels: Some(labels::selector(pipeline, role)),
            ..LabelSelector::default()
        }),
        ..TopologySpreadConstraint::default()
    }
}

fn some_unless_empty<T>(value: T, is_empty: impl Fn(&T) -> bool) -> Option<T> {
    (!is_empty(&value)).then_some(value)
}
