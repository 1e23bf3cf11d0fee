//! `sensorstream status` on a real cluster: what is said of pipelines that are well and of one that is not.

use std::{
    path::Path,
    process::{Command, Output},
};

use k8s_openapi::api::core::v1::Secret;
use kube::api::{ObjectMeta, PostParams};
use sensorstream_e2e::{
    pipeline::environment,
    scope::Scope,
    wait::{secs, until},
};
use serde_json::{Value, json};

/// Runs the program in a scope's namespace.
fn sensorstream(scope: &Scope, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sensorstream"));
    command.args(arguments).args(["-n", &scope.namespace]);
    command.output().expect("the program runs")
}

/// Its exit status and everything that it wrote.
fn said(output: &Output) -> (Option<i32>, String) {
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), text)
}

/// Waits until the program ends with a status and has written something.
async fn until_said(scope: &Scope, arguments: &[&str], code: i32, part: &str) -> String {
    let what = format!(
        "`{}` to end with {code} and say {part}",
        arguments.join(" ")
    );
    until(&what, secs(90), || async {
        let (ended, text) = said(&sensorstream(scope, arguments));
        if ended == Some(code) && text.contains(part) {
            return Ok(text);
        }
        Err(format!("{ended:?}: {text}"))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_explained_and_the_advice_helps() {
    let scope = Scope::new("status").await;
    scope.apply(&environment(&scope, "env", |_| {})).await;
    let broken = environment(&scope, "broken", |spec| {
        spec["postgres"]["secretKeyRef"]["name"] = json!("nowhere");
        spec["postgres"]["schema"] = json!(sensorstream_e2e::pipeline::schema(&scope.namespace));
    });
    scope.apply(&broken).await;
    scope.until_flowing("env").await;

    // The one that is well.
    let text = until_said(&scope, &["status", "env"], 0, "is healthy").await;
    for part in [
        "✓ Ready: Ready",
        "✓ DataFlowing: Flowing",
        "✓ Operator: Leads",
        "accepted",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(
        !text.contains('\u{1b}'),
        "no colours where there is no terminal"
    );
    let (_, json) = said(&sensorstream(
        &scope,
        &["status", "env", "--output", "json"],
    ));
    let explanation: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(explanation["health"], "healthy");

    // The one that is not.
    let text = until_said(
        &scope,
        &["status", "broken"],
        2,
        "SpecValid: SecretNotFound",
    )
    .await;
    let command = format!(
        "kubectl create secret generic nowhere --from-literal=uri=postgres://USER:PASSWORD@HOST:5432/DATABASE -n {}",
        scope.namespace
    );
    assert!(
        text.contains("is not healthy: a Secret is missing"),
        "{text}"
    );
    assert!(text.contains(&command), "{text}");
    assert!(
        text.contains("docs/runbooks/SensorStreamSecretUnusable.md"),
        "{text}"
    );
    assert!(text.contains("Newest warnings"), "{text}");

    // Both in short, and one that there is not.
    let text = until_said(&scope, &["status"], 2, "a Secret is missing").await;
    assert!(text.contains("env") && text.contains("broken"), "{text}");
    let (code, text) = said(&sensorstream(&scope, &["status", "nobody"]));
    assert_eq!(code, Some(1));
    assert!(
        text.contains("there is no SensorPipeline nobody")
            && text.contains("there are: broken, env"),
        "{text}"
    );

    // What it says to do helps.
    let secrets = scope.api::<Secret>();
    let own = secrets
        .get("sensorstream-db")
        .await
        .expect("the database's Secret");
    let named = Secret {
        metadata: ObjectMeta {
            name: Some("nowhere".into()),
            ..ObjectMeta::default()
        },
        data: own.data,
        ..Secret::default()
    };
    secrets
        .create(&PostParams::default(), &named)
        .await
        .expect("the Secret is made");
    until_said(&scope, &["status", "broken"], 0, "is healthy").await;
    until_said(&scope, &["status"], 0, "is healthy").await;

    // Stopped as asked is well, too.
    scope.edit("env", json!({ "state": "Paused" })).await;
    let text = until_said(&scope, &["status", "env"], 0, "is stopped, as asked").await;
    assert!(text.contains("\"state\":\"Running\""), "{text}");
    scope.close().await;
}

#[test]
fn without_a_cluster_the_error_says_what_is_missing() {
    let output = Command::new(env!("CARGO_BIN_EXE_sensorstream"))
        .args(["status", "x"])
        .env("KUBECONFIG", "/nowhere")
        .output()
        .expect("the program runs");
    let (code, text) = said(&output);
    assert_eq!(code, Some(1));
    assert!(text.contains("error: reading the kubeconfig"), "{text}");
}

#[test]
fn kubectl_runs_it_as_a_plugin() {
    let plugin = Path::new(env!("CARGO_BIN_EXE_kubectl-sensorstream"));
    let output = Command::new(plugin)
        .args(["status", "--help"])
        .output()
        .expect("the plugin runs");
    let (code, text) = said(&output);
    assert_eq!(code, Some(0));
    assert!(text.contains("Exit status: 0 if all is well"), "{text}");
}
