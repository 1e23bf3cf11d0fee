//! What the operator costs: nothing written at rest, little memory with many pipelines.

use std::{
    fs,
    io::{Read, Seek, SeekFrom},
};

use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt, api::ListParams};
use sensorstream_crds::SensorPipeline;
use sensorstream_e2e::{
    cluster::{OPERATOR_NAMESPACE, variable},
    faults::processes,
    pipeline::{environment, is_current},
    scope::Scope,
    wait::{secs, until},
};
use serde_json::{Value, json};

/// Pipelines at once.
const MANY: usize = 100;
/// The greatest resident memory allowed with that many, in bytes.
const MEMORY: u64 = 30 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_paused_pipelines_fit_and_rest() {
    let scope = Scope::new("many").await;
    let names: Vec<String> = (0..MANY).map(|n| format!("p{n:03}")).collect();
    stream::iter(&names)
        .for_each_concurrent(8, |name| async {
            scope
                .apply(&environment(&scope, name, |spec| {
                    spec["state"] = json!("Paused");
                }))
                .await;
        })
        .await;
    until("all to be paused", secs(240), || async {
        let all = scope
            .api::<SensorPipeline>()
            .list(&ListParams::default())
            .await;
        let all = all.map_err(|error| error.to_string())?.items;
        let waiting: Vec<_> = all
            .iter()
            .filter(|p| !is_current(p, "Stopped", "True"))
            .map(ResourceExt::name_any)
            .collect();
        if waiting.is_empty() && all.len() == MANY {
            Ok(())
        } else {
            Err(format!("{waiting:?}"))
        }
    })
    .await;

    // At rest: a minute of the API server's audit log without a write of the operator's. The first
    // figures of pipelines that have just come to rest are written in the minutes before it.
    let log = variable("SENSORSTREAM_AUDIT_LOG");
    let mut writes = Vec::new();
    for _ in 0..4 {
        let from = fs::metadata(&log).expect("the audit log").len();
        tokio::time::sleep(secs(60)).await;
        writes = operator_writes(&log, from, &scope.namespace);
        if writes.is_empty() {
            break;
        }
    }
    assert!(writes.is_empty(), "written at rest: {writes:#?}");

    let pods: Api<Pod> = Api::namespaced(scope.cluster.client.clone(), OPERATOR_NAMESPACE);
    let selector = ListParams::default().labels("app.kubernetes.io/name=sensorstream-operator");
    for pod in pods.list(&selector).await.expect("the operator's pods") {
        let Ok(running) = processes(&pod) else {
            continue;
        };
        let resident: u64 = running.iter().map(|pid| resident_bytes(*pid)).sum();
        println!(
            "{}: {:.1} MiB resident with {MANY} pipelines",
            pod.name_any(),
            resident as f64 / f64::from(1 << 20)
        );
        assert!(
            resident < MEMORY,
            "{} uses {resident} bytes",
            pod.name_any()
        );
    }
    scope.close().await;
}

/// What the operator wrote since the audit log had `from` bytes, but for pipelines elsewhere, whose
/// input may go on.
fn operator_writes(log: &str, from: u64, namespace: &str) -> Vec<String> {
    let mut file = fs::File::open(log).expect("the audit log");
    file.seek(SeekFrom::Start(from)).expect("seekable");
    let mut text = String::new();
    file.read_to_string(&mut text).expect("text");
    text.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|event| {
            let user = event["user"]["username"].as_str().unwrap_or_default();
            user.starts_with(&format!("system:serviceaccount:{OPERATOR_NAMESPACE}:"))
        })
        .filter(|event| {
            let elsewhere = event["objectRef"]["namespace"]
                .as_str()
                .unwrap_or(namespace);
            elsewhere == namespace || elsewhere == OPERATOR_NAMESPACE
        })
        .map(|event| format!("{} {}", event["verb"], event["requestURI"]))
        .collect()
}

/// A process's resident memory in bytes.
fn resident_bytes(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}
