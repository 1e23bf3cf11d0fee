//! The Job that replays within the cluster: the processor's own image, Secrets and settings, for one errand. Pure.

use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        batch::v1::{Job, JobSpec},
        core::v1::{Container, PodSpec, PodTemplateSpec},
    },
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference},
};
use kube::{Resource, ResourceExt};
use sensorstream_crds::{
    SensorPipeline,
    runtime::{KAFKA_PASSWORD_ENV, KAFKA_USERNAME_ENV},
};
use sensorstream_operator::plan::kubernetes::labels;
use sensorstream_processor::replay::{arguments, select::Order};

/// The Job's component, beside those of the operator's workloads.
pub const COMPONENT: &str = "replay";
/// How long a Job that has ended is there to be looked at.
const KEPT_S: i32 = 600;
/// How long it may take.
const DEADLINE_S: i64 = 6 * 3_600;
/// How much of a pipeline's name is in the Job's, so that pods' names, which are longer, are not cut.
const NAME_LENGTH: usize = 40;

/// The Job for an order, made of what the operator runs the processor with. None where that has no container.
pub fn job(pipeline: &SensorPipeline, processor: &Deployment, order: &Order) -> Option<Job> {
    let name = pipeline.name_any();
    let pod = processor.spec.as_ref()?.template.spec.as_ref()?;
    let container = pod.containers.first()?;
    let short: String = name.chars().take(NAME_LENGTH).collect();
    let mut labels = labels::of(&name, None);
    labels.insert(labels::COMPONENT.to_owned(), COMPONENT.to_owned());
    labels.insert(
        "app.kubernetes.io/managed-by".to_owned(),
        "sensorstream-cli".to_owned(),
    );
    Some(Job {
        metadata: ObjectMeta {
            generate_name: Some(format!("{short}-replay-")),
            namespace: pipeline.namespace(),
            labels: Some(labels.clone()),
            owner_references: Some(vec![owner(pipeline)?]),
            ..ObjectMeta::default()
        },
        spec: Some(JobSpec {
            // Whoever asked hears why it failed; asking again repeats nothing.
            backoff_limit: Some(0),
            active_deadline_seconds: Some(DEADLINE_S),
            ttl_seconds_after_finished: Some(KEPT_S),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(labels),
                    ..ObjectMeta::default()
                }),
                spec: Some(PodSpec {
                    restart_policy: Some("Never".into()),
                    containers: vec![errand(container, order)],
                    topology_spread_constraints: None,
                    ..pod.clone()
                }),
            },
            ..JobSpec::default()
        }),
        ..Job::default()
    })
}

fn owner(pipeline: &SensorPipeline) -> Option<OwnerReference> {
    Some(OwnerReference {
        // The operator is the controller of what it makes; this goes with the pipeline, and holds up nothing.
        controller: None,
        block_owner_deletion: None,
        ..pipeline.owner_ref(&())?
    })
}

/// The processor's container with other work to do.
fn errand(processor: &Container, order: &Order) -> Container {
    let wanted = [KAFKA_USERNAME_ENV, KAFKA_PASSWORD_ENV];
    let variables = processor.env.iter().flatten();
    let variables = variables.filter(|variable| wanted.contains(&variable.name.as_str()));
    Container {
        name: COMPONENT.into(),
        args: Some(
            std::iter::once("replay".to_owned())
                .chain(arguments::of(order))
                .collect(),
        ),
        // It has no use for the database's login, nor for others.
        env: Some(variables.cloned().collect()),
        ports: None,
        startup_probe: None,
        liveness_probe: None,
        readiness_probe: None,
        ..processor.clone()
    }
}

/// What the Job's objects are found by.
pub fn selector(job: &str) -> String {
    format!("batch.kubernetes.io/job-name={job}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use sensorstream_processor::replay::select::Selection;

    fn processor() -> Deployment {
        serde_json::from_value(json!({
            "metadata": { "name": "line-processor" },
            "spec": { "selector": {}, "template": { "spec": {
                "serviceAccountName": "line",
                "automountServiceAccountToken": false,
                "securityContext": { "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": { "type": "RuntimeDefault" } },
                "topologySpreadConstraints": [{ "maxSkew": 1, "topologyKey": "a", "whenUnsatisfiable": "ScheduleAnyway" }],
                "volumes": [{ "name": "config", "configMap": { "name": "line-processor" } }],
                "containers": [{
                    "name": "processor", "image": "sensorstream-processor:1", "imagePullPolicy": "IfNotPresent", "args": ["process"],
                    "env": [
                        { "name": "DATABASE_URL", "valueFrom": { "secretKeyRef": { "name": "db", "key": "uri" } } },
                        { "name": "KAFKA_USERNAME", "valueFrom": { "secretKeyRef": { "name": "kafka", "key": "username" } } },
                        { "name": "OTEL_RESOURCE_ATTRIBUTES", "value": "k8s.pod.name=$(POD_NAME)" },
                    ],
                    "ports": [{ "name": "http", "containerPort": 8080 }],
                    "livenessProbe": { "httpGet": { "path": "/healthz", "port": "http" } },
                    "securityContext": { "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": { "drop": ["ALL"] } },
                    "volumeMounts": [{ "name": "config", "mountPath": "/etc/sensorstream/config.json", "subPath": "config.json" }],
                }],
            } } },
        }))
        .unwrap()
    }

    fn pipeline(name: &str) -> SensorPipeline {
        let text = include_str!("../../../examples/environment.yaml");
        let mut object: serde_json::Value = serde_yaml_ng::from_str(text).unwrap();
        object["metadata"] = json!({ "name": name, "namespace": "plant", "uid": "u-1" });
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn the_job_is_the_processors_pod_with_another_errand() {
        let order = Order {
            selection: Selection {
                positions: vec!["0/17".parse().unwrap()],
                ..Selection::default()
            },
            even_if_refused: true,
            dry_run: false,
        };
        insta::assert_yaml_snapshot!(job(&pipeline("line"), &processor(), &order).unwrap());
    }

    #[test]
    fn the_operator_takes_its_pods_for_none_of_its_own() {
        let job = job(&pipeline("line"), &processor(), &Order::default()).unwrap();
        let component = job.metadata.labels.unwrap()[labels::COMPONENT].clone();
        assert_eq!(
            sensorstream_operator::role::Role::from_component(&component),
            None
        );
    }

    #[test]
    fn a_long_name_leaves_room_for_what_is_appended() {
        let name = "a".repeat(50);
        let job = job(&pipeline(&name), &processor(), &Order::default()).unwrap();
        let base = job.metadata.generate_name.unwrap();
        // Five characters more for the Job, and six for its pod.
        assert!(base.len() + 5 + 6 <= 63, "{base}");
    }
}
