//! A pipeline's Kubernetes objects as they are, and how far its workloads have come.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{plan::kubernetes::Kind, role::Role};

/// The objects of one pipeline.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    /// Those that the pipeline owns.
    pub live: BTreeMap<ObjectKey, Value>,
    workloads: BTreeMap<Role, Workload>,
}

/// Which object of a pipeline's namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
}

impl std::fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// A Deployment and its pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workload {
    /// The Deployment, if there is one.
    pub rollout: Option<Rollout>,
    /// The pods that still exist, whatever they do.
    pub pods: Vec<PodState>,
}

/// How far a Deployment has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rollout {
    /// Whether its controller has seen the latest spec.
    pub observed: bool,
    /// Pods wanted.
    pub wanted: i32,
    /// Pods there are, terminating ones aside.
    pub existing: i32,
    /// Pods of the latest template.
    pub updated: i32,
    /// Pods that are ready.
    pub ready: i32,
}

/// A pod and what keeps it from working.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodState {
    /// Its name.
    pub name: String,
    /// Why a container waits, or the pod is not scheduled: reason and message.
    pub trouble: Option<(String, String)>,
}

static NO_WORKLOAD: Workload = Workload {
    rollout: None,
    pods: Vec::new(),
};

impl Objects {
    /// From owned objects and pods.
    pub fn new(live: BTreeMap<ObjectKey, Value>, workloads: BTreeMap<Role, Workload>) -> Self {
        Self { live, workloads }
    }

    /// From the objects that the pipeline `name` owns, and its pods.
    pub fn of(
        name: &str,
        live: BTreeMap<ObjectKey, Value>,
        pods: impl IntoIterator<Item = (Role, PodState)>,
    ) -> Self {
        let mut workloads: BTreeMap<Role, Workload> = BTreeMap::new();
        for role in Role::ALL {
            let key = ObjectKey {
                kind: Kind::Deployment,
                name: role.object_name(name),
            };
            workloads.entry(role).or_default().rollout = live.get(&key).map(rollout);
        }
        for (role, pod) in pods {
            workloads.entry(role).or_default().pods.push(pod);
        }
        Self::new(live, workloads)
    }

    /// The workload of a role; an empty one when there is nothing of it.
    pub fn workload(&self, role: Role) -> &Workload {
        self.workloads.get(&role).unwrap_or(&NO_WORKLOAD)
    }
}

impl Workload {
    /// Whether nothing of it runs and nothing will: scaled to zero or absent, and no pod left.
    pub fn is_gone(&self) -> bool {
        self.pods.is_empty()
            && self
                .rollout
                .is_none_or(|r| r.observed && r.wanted == 0 && r.existing == 0)
    }

    /// The most telling trouble of its pods.
    pub fn trouble(&self) -> Option<String> {
        self.pods.iter().find_map(|pod| {
            let (reason, message) = pod.trouble.as_ref()?;
            let name = &pod.name;
            Some(if message.is_empty() {
                format!("pod {name}: {reason}")
            } else {
                format!("pod {name}: {reason}: {message}")
            })
        })
    }
}

/// How far a Deployment has come.
pub fn rollout(deployment: &Value) -> Rollout {
    let number = |value: &Value| value.as_i64().and_then(|number| i32::try_from(number).ok());
    let status = &deployment["status"];
    let generation = deployment["metadata"]["generation"].as_i64();
    Rollout {
        observed: status["observedGeneration"].as_i64() >= generation,
        wanted: number(&deployment["spec"]["replicas"]).unwrap_or(1),
        existing: number(&status["replicas"]).unwrap_or(0),
        updated: number(&status["updatedReplicas"]).unwrap_or(0),
        ready: number(&status["readyReplicas"]).unwrap_or(0),
    }
}

/// How a pod is by its status, unless it has ended for good and only its record is left.
pub fn pod_state(name: &str, status: &Value) -> Option<PodState> {
    if matches!(status["phase"].as_str(), Some("Succeeded" | "Failed")) {
        return None;
    }
    let elements = |list: &'static str| status[list].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let waiting = elements("containerStatuses")
        .map(|container| &container["state"]["waiting"])
        .filter_map(|waiting| {
            Some((
                waiting["reason"].as_str()?.to_owned(),
                text(&waiting["message"]),
            ))
        })
        .find(|(reason, _)| !matches!(reason.as_str(), "ContainerCreating" | "PodInitializing"));
    let unscheduled = || {
        let condition = elements("conditions")
            .find(|c| c["type"] == "PodScheduled" && c["status"] == "False")?;
        Some((text(&condition["reason"]), text(&condition["message"])))
    };
    Some(PodState {
        name: name.to_owned(),
        trouble: waiting.or_else(unscheduled),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(status: &Value) -> Option<PodState> {
        pod_state("p", status)
    }

    fn waiting(reason: &str) -> Value {
        json!({ "phase": "Pending", "containerStatuses": [{
            "name": "c", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": { "waiting": { "reason": reason, "message": "why" } },
        }]})
    }

    #[test]
    fn a_pod_that_waits_for_something_wrong_is_in_trouble() {
        let trouble = |reason| pod(&waiting(reason)).unwrap().trouble;
        assert_eq!(
            trouble("CrashLoopBackOff"),
            Some(("CrashLoopBackOff".into(), "why".into()))
        );
        assert_eq!(trouble("ContainerCreating"), None);
    }

    #[test]
    fn a_pod_that_fits_nowhere_is_in_trouble() {
        let condition = json!({ "type": "PodScheduled", "status": "False",
            "reason": "Unschedulable", "message": "0/1 nodes" });
        let found = pod(&json!({ "phase": "Pending", "conditions": [condition] })).unwrap();
        assert_eq!(
            found.trouble,
            Some(("Unschedulable".into(), "0/1 nodes".into()))
        );
    }

    #[test]
    fn a_pod_that_ended_for_good_is_no_pod_any_more() {
        assert_eq!(pod(&json!({ "phase": "Failed" })), None);
        assert_eq!(pod(&json!({ "phase": "Succeeded" })), None);
        assert!(pod(&json!({ "phase": "Running" })).is_some());
    }

    #[test]
    fn a_workload_is_gone_only_when_its_controller_has_seen_the_zero() {
        let gone = Rollout {
            observed: true,
            ..Rollout::default()
        };
        let workload = |rollout| Workload {
            rollout,
            pods: Vec::new(),
        };
        assert!(workload(None).is_gone());
        assert!(workload(Some(gone)).is_gone());
        assert!(
            !workload(Some(Rollout {
                observed: false,
                ..gone
            }))
            .is_gone()
        );
        assert!(
            !workload(Some(Rollout {
                existing: 1,
                ..gone
            }))
            .is_gone()
        );
        assert!(!workload(Some(Rollout { wanted: 1, ..gone })).is_gone());
    }

    #[test]
    fn a_deployment_that_was_edited_since_its_controller_looked_is_not_observed() {
        let deployment = |observed: i64| {
            json!({
                "metadata": { "generation": 3 },
                "spec": { "replicas": 2 },
                "status": { "observedGeneration": observed, "replicas": 2, "readyReplicas": 1 },
            })
        };
        assert!(!rollout(&deployment(2)).observed);
        let expected = Rollout {
            observed: true,
            wanted: 2,
            existing: 2,
            updated: 0,
            ready: 1,
        };
        assert_eq!(rollout(&deployment(3)), expected);
    }
}
