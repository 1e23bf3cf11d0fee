//! Exactly once, whatever is killed, frozen or taken away. Each test runs both systems of the examples at
//! once, and holds everything that comes of them against an oracle: tables, alerts, enriched readings, dead
//! letters and lake; and against what the simulators say. `SENSORSTREAM_TORTURE` runs them at full length.
//!
//! They break what others use, so they run one after the other.

use std::time::{Duration, Instant};

use futures::future::join_all;
use k8s_openapi::api::{coordination::v1::Lease, core::v1::Pod};
use kube::{Api, ResourceExt, api::ListParams};
use sensorstream_e2e::{
    cluster::{OPERATOR_NAMESPACE, torture},
    faults::{crash_backend, processes, random_moments, scale_backend, signal},
    pipeline::{environment, is_current},
    scope::Scope,
    systems::{System, owners},
    wait::{secs, until},
};
use serde_json::json;
use tokio::sync::{Mutex, MutexGuard};

/// The namespace of a test that has the cluster to itself, with every backend up, whatever a failed test before
/// has left.
async fn alone(name: &str) -> (MutexGuard<'static, ()>, Scope) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());
    let turn = ONE_AT_A_TIME.lock().await;
    let scope = Scope::new(name).await;
    for backend in ["postgres", "kafka", "minio"] {
        scale_backend(&scope.cluster, backend, 1).await;
    }
    (turn, scope)
}

/// Readings a second of each system while things break.
const RATE: i64 = 1_000;

/// Seconds of load: the subset that every run has, or the full length.
fn load_seconds() -> i64 {
    if torture() { 300 } else { 60 }
}

/// How long something stays away, at least.
fn away() -> Duration {
    secs(if torture() { 60 } else { 10 })
}

/// Both systems, busy, with faults, each by so many processors; they stop by themselves.
async fn busy(scope: &Scope, replicas: i32) {
    for system in System::ALL {
        let pipeline = system.pipeline(scope, RATE, load_seconds(), replicas);
        scope.apply(&pipeline).await;
    }
    for system in System::ALL {
        scope.until_flowing(system.name()).await;
    }
}

/// Waits until all is sent and processed, and compares everything.
async fn settle_and_compare(scope: &Scope) {
    let limit = u64::try_from(load_seconds()).unwrap() * 2 + 180;
    join_all(System::ALL.map(|system| system.settle_and_compare(scope, limit))).await;
    for system in System::ALL {
        scope
            .until_pipeline(system.name(), "ready", 120, |p| {
                is_current(p, "Ready", "True")
            })
            .await;
    }
}

/// Takes a backend away until a pipeline of each system says so, and for as long as it has to be, and brings
/// it back.
async fn take_away(scope: &Scope, backend: &str, condition: &str, status: &str) {
    let gone = Instant::now();
    scale_backend(&scope.cluster, backend, 0).await;
    let shown = join_all(System::ALL.map(|system| async move {
        scope
            .until_pipeline(system.name(), "waiting", 120, |p| {
                is_current(p, condition, status)
            })
            .await
    }));
    for pipeline in shown.await {
        let status = pipeline.status.expect("it has a status");
        let condition = status.conditions.iter().find(|c| c.type_ == condition);
        println!(
            "{}: {}",
            pipeline.metadata.name.unwrap_or_default(),
            condition.unwrap().message
        );
    }
    tokio::time::sleep(away().saturating_sub(gone.elapsed())).await;
    scale_backend(&scope.cluster, backend, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processors_killed_at_random_moments() {
    let (_turn, scope) = alone("kill").await;
    busy(&scope, 2).await;
    let kills = if torture() { 60 } else { 10 };
    let span = Duration::from_secs(u64::try_from(load_seconds()).unwrap()).mul_f64(0.9);
    let (start, systems) = (Instant::now(), System::ALL.len());
    for (number, moment) in random_moments(kills, span, 7).into_iter().enumerate() {
        tokio::time::sleep(moment.saturating_sub(start.elapsed())).await;
        let name = System::ALL[number % systems].name();
        // They may be down from earlier blows still: strike one that is up.
        until("a processor to kill", secs(90), || async {
            let pods = scope.pods(name, "processor").await;
            let alive = pods.iter().filter(|pod| processes(pod).is_ok());
            let alive: Vec<&Pod> = alive.collect();
            let victim = alive.get(number / systems % alive.len().max(1));
            signal(victim.ok_or("no pod")?, "KILL")
        })
        .await;
    }
    settle_and_compare(&scope).await;
    scope.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frozen_owners_that_wake_after_their_partitions_moved_change_nothing() {
    let (_turn, scope) = alone("freeze").await;
    busy(&scope, 2).await;
    join_all(System::ALL.map(|system| freeze_an_owner(&scope, system.name()))).await;
    settle_and_compare(&scope).await;
    scope.close().await;
}

async fn freeze_an_owner(scope: &Scope, name: &str) {
    let before = owners(scope, name).await;
    let pods = scope.pods(name, "processor").await;
    let frozen = pods
        .iter()
        .find(|pod| before.iter().any(|(_, owner)| *owner == pod.name_any()))
        .unwrap_or_else(|| panic!("an owner among {before:?}"));
    signal(frozen, "STOP").unwrap();
    until("its partitions to move", secs(90), || async {
        let now = owners(scope, name).await;
        if now.iter().all(|(_, owner)| *owner != frozen.name_any()) {
            Ok(())
        } else {
            Err(format!("{now:?}"))
        }
    })
    .await;
    // The kubelet may have ended it by now for not answering: then there is nobody to wake.
    if processes(frozen).is_ok() {
        signal(frozen, "CONT").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn backends_that_crash_and_backends_that_are_away() {
    let (_turn, scope) = alone("backends").await;
    // Longer than the first of them is away: what comes after meets those who have much to catch up with.
    busy(&scope, 3).await;
    take_away(&scope, "minio", "SinkBlocked", "True").await;
    crash_backend(&scope.cluster, "postgres").await;
    take_away(&scope, "kafka", "TopicsReady", "Unknown").await;
    crash_backend(&scope.cluster, "kafka").await;
    settle_and_compare(&scope).await;
    scope.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_with_kafka_down() {
    let (_turn, scope) = alone("kafkadown").await;
    let pipeline = environment(&scope, "env", |spec| {
        spec["deletionPolicy"] = json!("Delete");
    });
    scope.apply(&pipeline).await;
    scope.until_flowing("env").await;
    scale_backend(&scope.cluster, "kafka", 0).await;
    scope.delete("env", 120).await;
    let events = scope.events("env").await;
    scale_backend(&scope.cluster, "kafka", 1).await;
    let orphaned = events
        .iter()
        .find(|event| event.reason.as_deref() == Some("Orphaned"));
    let message = orphaned
        .and_then(|event| event.message.clone())
        .expect("an event about what was orphaned");
    assert!(
        message.contains(&scope.namespace),
        "the topics are named: {message}"
    );
    scope.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_leader_is_replaced() {
    let (_turn, scope) = alone("leader").await;
    let client = &scope.cluster.client;
    let leases: Api<Lease> = Api::namespaced(client.clone(), OPERATOR_NAMESPACE);
    let pods: Api<Pod> = Api::namespaced(client.clone(), OPERATOR_NAMESPACE);
    let holder = || async {
        let leases = leases
            .list(&ListParams::default())
            .await
            .map_err(|e| e.to_string())?;
        let lease = leases.items.into_iter().next().ok_or("no lease")?;
        let holder = lease
            .spec
            .and_then(|spec| spec.holder_identity)
            .unwrap_or_default();
        if holder.is_empty() {
            Err("nobody leads".to_owned())
        } else {
            Ok(holder)
        }
    };
    let leader = until("a leader", secs(60), holder).await;
    let pod = pods
        .list(&ListParams::default())
        .await
        .unwrap()
        .items
        .into_iter()
        .find(|pod| leader.contains(&pod.name_any()))
        .expect("the leader's pod");
    // Frozen first, so that it can't hand over; a kill alone restarts it within the lease.
    signal(&pod, "STOP").unwrap();
    let next = until("another leader", secs(60), || async {
        let holder = holder().await?;
        if holder == leader {
            Err(holder)
        } else {
            Ok(holder)
        }
    })
    .await;
    assert_ne!(next, leader);
    signal(&pod, "KILL").unwrap();
    let pipeline = environment(&scope, "env", |_| {});
    // The API server may ask the dead one about it until Kubernetes knows that it is dead.
    until("somebody to judge the pipeline", secs(60), || {
        scope.try_apply(&pipeline)
    })
    .await;
    scope.until_flowing("env").await;
    scope.close().await;
}
