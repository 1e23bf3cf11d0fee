//! The web dashboard in a real browser, over pipelines at work; and their APIs, asked what nobody would ask. The
//! tests in the browser are ui/e2e.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use k8s_openapi::api::core::v1::Secret;
use kube::api::PostParams;
use sensorstream_crds::SensorPipeline;
use sensorstream_e2e::{
    pipeline::{environment, example},
    scope::Scope,
};
use serde_json::json;
use tokio::task::spawn_blocking;

/// Those with a page of their own kind: one sensor, many, and none but windows.
const EXAMPLES: [&str; 3] = ["environment", "factory", "clickstream"];

/// What the API of `guarded` wants; the others take no notice of it.
const TOKEN: &str = "only-for-this-test-1";

fn with_api(scope: &Scope, name: &str) -> SensorPipeline {
    // Browsers and other programs ask at once.
    let limits = json!({ "requestsPerSecond": 1000 });
    example(scope, name, |spec| {
        spec["api"] = json!({ "limits": limits });
    })
}

/// One whose API wants a token, as ui/e2e/login.spec.ts has it.
async fn guarded(scope: &Scope) -> SensorPipeline {
    let secret: Secret = serde_json::from_value(json!({
        "metadata": { "name": "api-token" },
        "stringData": { "token": format!("an-earlier-token-0\n{TOKEN}") },
    }))
    .expect("a Secret");
    let secrets = scope.api::<Secret>();
    let made = secrets.create(&PostParams::default(), &secret).await;
    made.expect("the Secret is made");
    environment(scope, "guarded", |spec| {
        spec["api"] = json!({
            "limits": { "requestsPerSecond": 1000 },
            "auth": { "bearerToken": { "secretKeyRef": { "name": "api-token", "key": "token" } } },
        });
    })
}

/// Runs a program of the repository to its end; what it prints is part of the test's output.
async fn run(program: &'static str, arguments: &'static [&'static str], scope: &Scope) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut command = Command::new(root.join(program));
    command
        .args(arguments)
        .current_dir(&root)
        .env("SENSORSTREAM_NAMESPACE", &scope.namespace)
        .env("SENSORSTREAM_TOKEN", TOKEN)
        .stdin(Stdio::null());
    let ended = spawn_blocking(move || command.output());
    let ended = ended
        .await
        .expect("it can be waited for")
        .expect("the program runs");
    println!("{}", String::from_utf8_lossy(&ended.stdout));
    println!("{}", String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "{program}: {}", ended.status);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_and_the_api_hold_what_they_promise() {
    let scope = Scope::new("dashboard").await;
    for name in EXAMPLES {
        scope.apply(&with_api(&scope, name)).await;
    }
    scope.apply(&guarded(&scope).await).await;
    for name in EXAMPLES.into_iter().chain(["guarded"]) {
        scope.until_flowing(name).await;
    }
    run("scripts/ui.sh", &["e2e"], &scope).await;
    run("scripts/schemathesis.sh", &EXAMPLES, &scope).await;
    run("scripts/schemathesis.sh", &["guarded"], &scope).await;
    scope.close().await;
}
