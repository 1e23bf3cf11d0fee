//! What is refused at apply, by a real API server, with the words a person reads.

use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams, PostParams},
    core::{ApiResource, GroupVersionKind},
};
use sensorstream_crds::{
    SensorPipeline,
    admission::refusals::{Refusal, RefusedBy},
};
use sensorstream_e2e::{pipeline::environment, scope::Scope};
use serde_json::{Value, json};

fn untyped(scope: &Scope) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("sensorstream.dev", "v1alpha1", "SensorPipeline");
    let resource = ApiResource::from_gvk(&kind);
    Api::namespaced_with(scope.cluster.client.clone(), &scope.namespace, &resource)
}

/// What the API server answers to creating the object, or to replacing the one of its name, with
/// strict validation as kubectl asks for it. Nothing is stored.
async fn answer(scope: &Scope, mut object: Value, replaces: bool) -> Result<(), String> {
    let mut path = format!(
        "/apis/sensorstream.dev/v1alpha1/namespaces/{}/sensorpipelines",
        scope.namespace
    );
    let mut method = "POST";
    if replaces {
        let name = object["metadata"]["name"]
            .as_str()
            .expect("a name")
            .to_owned();
        let now = untyped(scope)
            .get(&name)
            .await
            .map_err(|error| error.to_string())?;
        object["metadata"]["resourceVersion"] = json!(now.metadata.resource_version);
        path = format!("{path}/{name}");
        method = "PUT";
    }
    let request = http::Request::builder()
        .method(method)
        .uri(format!("{path}?dryRun=All&fieldValidation=Strict"))
        .header("content-type", "application/json")
        .body(object.to_string().into_bytes())
        .expect("a request");
    let answer = scope.cluster.client.request::<Value>(request).await;
    answer.map(drop).map_err(|error| error.to_string())
}

/// Every case of the shared list: refused by who should, in the words it promises.
#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_shows_its_message() {
    let scope = Scope::new("refuse").await;
    let pipelines = untyped(&scope);
    let mut wrong = Vec::new();
    for (index, case) in Refusal::all().into_iter().enumerate() {
        let (old, mut new) = case.resources();
        if let Some(mut old) = old {
            // An edit needs something to edit. Paused, so that nothing runs for it.
            let name = format!("case-{index}");
            for object in [&mut old, &mut new] {
                object["metadata"]["name"] = json!(name);
                object["spec"]["state"] = json!("Paused");
                object["spec"]["kafka"]["bootstrapServers"] = json!("nowhere.invalid:9092");
            }
            let object: DynamicObject = serde_json::from_value(old).unwrap();
            pipelines
                .create(&PostParams::default(), &object)
                .await
                .unwrap();
            check(&case, answer(&scope, new, true).await, &mut wrong);
            let release = json!({ "metadata": { "finalizers": null } });
            pipelines
                .delete(&name, &kube::api::DeleteParams::default())
                .await
                .unwrap();
            pipelines
                .patch(&name, &PatchParams::default(), &Patch::Merge(release))
                .await
                .ok();
        } else {
            check(&case, answer(&scope, new, false).await, &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    scope.close().await;
}

fn check(case: &Refusal, answer: Result<(), String>, wrong: &mut Vec<String>) {
    let by_webhook = |message: &str| message.contains("admission webhook");
    match answer {
        Ok(()) => wrong.push(format!("{}: accepted", case.name)),
        Err(message) if !message.contains(&case.message) => {
            wrong.push(format!(
                "{}: expected `{}`, got `{message}`",
                case.name, case.message
            ));
        }
        Err(message) if by_webhook(&message) != (case.by == RefusedBy::Webhook) => {
            wrong.push(format!(
                "{}: refused by another than {:?}: `{message}`",
                case.name, case.by
            ));
        }
        Err(_) => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scale_subresource_scales_the_processor() {
    let scope = Scope::new("scale").await;
    scope
        .apply(&environment(&scope, "scaled", |spec| {
            spec["state"] = json!("Paused");
        }))
        .await;
    let pipelines = scope.api::<SensorPipeline>();
    let patch = Patch::Merge(json!({ "spec": { "replicas": 2 } }));
    pipelines
        .patch_scale("scaled", &PatchParams::default(), &patch)
        .await
        .unwrap();
    assert_eq!(scope.pipeline("scaled").await.spec.processor.replicas, 2);
    scope.close().await;
}
