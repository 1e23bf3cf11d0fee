//! The chart on a cluster: its own test, an upgrade with other values, and removal, which leaves
//! pipelines running.

use std::process::Command;

use k8s_openapi::{
    api::{admissionregistration::v1::ValidatingWebhookConfiguration, apps::v1::Deployment},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{Api, api::ListParams};
use sensorstream_e2e::{
    cluster::OPERATOR_NAMESPACE,
    counts::table_count,
    pipeline::{condition, environment},
    scope::Scope,
    wait::{secs, until},
};
use serde_json::json;

/// Runs a program at the root of the repository.
fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(
        output.status.success(),
        "{program} {arguments:?}:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn helm(arguments: &[&str]) {
    run(
        "helm",
        &[arguments, &["--namespace", OPERATOR_NAMESPACE]].concat(),
    );
}

fn install() {
    run("e2e/install.sh", &[]);
}

/// Waits until more readings are in the table than now.
async fn until_more_readings(scope: &Scope) {
    let before = table_count(scope, "env").await.rows;
    until("more readings", secs(90), || async {
        let now = table_count(scope, "env").await.rows;
        if now > before + 20 {
            Ok(())
        } else {
            Err(format!("{now} readings, {before} before"))
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn upgrades_and_removal_leave_pipelines_running() {
    let scope = Scope::new("chart").await;
    let client = scope.cluster.client.clone();
    helm(&["test", "sensorstream", "--timeout", "3m"]);
    scope.apply(&environment(&scope, "env", |_| {})).await;
    scope.until_flowing("env").await;

    // An upgrade: one replica, no webhook.
    helm(&[
        "upgrade",
        "sensorstream",
        "charts/sensorstream",
        "--reuse-values",
        "--wait",
        "--timeout",
        "3m",
        "--set",
        "operator.replicas=1",
        "--set",
        "webhook.enabled=false",
    ]);
    let webhooks: Api<ValidatingWebhookConfiguration> = Api::all(client.clone());
    let ours = ListParams::default().labels("app.kubernetes.io/instance=sensorstream");
    assert!(
        webhooks.list(&ours).await.unwrap().items.is_empty(),
        "no webhook is left"
    );
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), OPERATOR_NAMESPACE);
    let replicas = deployments
        .list(&ours)
        .await
        .unwrap()
        .items
        .remove(0)
        .spec
        .unwrap()
        .replicas;
    assert_eq!(replicas, Some(1));

    // Without it a wrong spec gets in; it is refused in the status, and what ran runs on.
    scope
        .edit("env", json!({ "simulator": { "rate": 200_001 } }))
        .await;
    let refused = scope
        .until_pipeline("env", "refused", 90, |p| {
            condition(p, "SpecValid").is_some_and(|(status, _)| status == "False")
        })
        .await;
    let conditions = refused.status.unwrap().conditions;
    let message = &conditions
        .iter()
        .find(|c| c.type_ == "SpecValid")
        .unwrap()
        .message;
    assert!(message.contains("spec.simulator.rate"), "{message}");
    until_more_readings(&scope).await;
    scope
        .edit("env", json!({ "simulator": { "rate": 20 } }))
        .await;
    scope.until_flowing("env").await;

    // Removal: the definition and the pipelines stay, and data flows on.
    helm(&["uninstall", "sensorstream", "--wait"]);
    let definitions: Api<CustomResourceDefinition> = Api::all(client);
    definitions
        .get("sensorpipelines.sensorstream.dev")
        .await
        .expect("the definition stays");
    until_more_readings(&scope).await;
    install();
    scope
        .edit("env", json!({ "simulator": { "rate": 40 } }))
        .await;
    scope.until_flowing("env").await;
    scope.close().await;
}
