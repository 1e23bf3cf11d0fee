//! Breaking things: signals to the processes in pods, and backends taken away.

use std::{fs, process::Command, time::Duration};

use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::Pod};
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::json;

use crate::{
    cluster::{BACKENDS_NAMESPACE, Cluster},
    wait::{secs, until},
};

/// The process ids, on this machine, of a pod's first container. The cluster's containers are
/// this machine's processes, in a control group that carries the container's id.
///
/// # Errors
/// When the pod has no running container.
pub fn processes(pod: &Pod) -> Result<Vec<i32>, String> {
    let id = pod
        .status
        .as_ref()
        .and_then(|status| {
            status
                .container_statuses
                .as_ref()?
                .first()?
                .container_id
                .as_ref()
        })
        .and_then(|id| id.rsplit('/').next())
        .ok_or_else(|| format!("{} has no container", pod.name_any()))?;
    let mut found: Vec<i32> = fs::read_dir("/proc")
        .map_err(|error| error.to_string())?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid: &i32| {
            fs::read_to_string(format!("/proc/{pid}/cgroup"))
                .is_ok_and(|groups| groups.contains(id))
        })
        .collect();
    found.sort_unstable();
    if found.is_empty() {
        Err(format!("{} has no process", pod.name_any()))
    } else {
        Ok(found)
    }
}

/// Sends a signal to every process of a pod's first container.
///
/// # Errors
/// When it has none.
pub fn signal(pod: &Pod, signal: &str) -> Result<(), String> {
    for pid in processes(pod)? {
        // One that has just ended by itself is no failure.
        let _ = Command::new("kill")
            .args([format!("-{signal}"), pid.to_string()])
            .status();
    }
    Ok(())
}

/// Sets the replicas of one of the backends, `kafka`, `postgres` or `minio`, and waits until it is so.
///
/// # Panics
/// When it does not become so.
pub async fn scale_backend(cluster: &Cluster, name: &str, replicas: i32) {
    let sets: Api<StatefulSet> = Api::namespaced(cluster.client.clone(), BACKENDS_NAMESPACE);
    let patch = Patch::Merge(json!({ "spec": { "replicas": replicas } }));
    sets.patch(name, &PatchParams::default(), &patch)
        .await
        .expect("the backend is scaled");
    until(
        &format!("{name} to have {replicas} replicas"),
        secs(120),
        || async {
            let status = sets
                .get(name)
                .await
                .map_err(|e| e.to_string())?
                .status
                .unwrap_or_default();
            let ready = status.ready_replicas.unwrap_or(0);
            if ready == replicas && status.replicas == replicas {
                Ok(())
            } else {
                Err(format!("{status:?}"))
            }
        },
    )
    .await;
}

/// Kills the main process of a backend and waits until it is ready again.
///
/// # Panics
/// When it does not come back.
pub async fn crash_backend(cluster: &Cluster, name: &str) {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), BACKENDS_NAMESPACE);
    let pod_name = format!("{name}-0");
    let before = pods.get(&pod_name).await.expect("the backend's pod");
    let restarts = restart_count(&before);
    signal(&before, "KILL").expect("the backend runs");
    until(&format!("{name} to come back"), secs(120), || async {
        let pod = pods.get(&pod_name).await.map_err(|e| e.to_string())?;
        let ready = pod
            .status
            .as_ref()
            .and_then(|s| s.container_statuses.as_ref()?.first().map(|c| c.ready));
        if restart_count(&pod) > restarts && ready == Some(true) {
            Ok(())
        } else {
            Err(format!("{:?}", pod.status))
        }
    })
    .await;
}

/// How often a pod's first container was restarted.
pub fn restart_count(pod: &Pod) -> i32 {
    pod.status
        .as_ref()
        .and_then(|status| {
            status
                .container_statuses
                .as_ref()?
                .first()
                .map(|c| c.restart_count)
        })
        .unwrap_or(0)
}

/// Moments spread at random over a span, in order.
pub fn random_moments(count: u32, span: Duration, seed: u64) -> Vec<Duration> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut moments: Vec<_> = (0..count).map(|_| span.mul_f64(rng.f64())).collect();
    moments.sort();
    moments
}
