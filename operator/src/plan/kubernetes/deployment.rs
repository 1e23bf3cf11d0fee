//! The Deployments: how many pods of a role, and how a new version takes over.

use k8s_openapi::{
    api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment},
    apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString},
};
use sensorstream_crds::SensorPipelineSpec;

use super::{Site, labels, pod};
use crate::{plan::lifecycle::Lifecycle, role::Role};

/// The Deployment of a role, if the pipeline has the role.
pub fn deployment(site: &Site<'_>, role: Role) -> Option<Deployment> {
    let replicas = replicas(role, &site.pipeline().spec, site.lifecycle)?;
    Some(Deployment {
        metadata: site.metadata(role.object_name(site.name()), Some(role)),
        spec: Some(DeploymentSpec {
            replicas: Some(replicas),
            revision_history_limit: Some(2),
            selector: LabelSelector {
                match_labels: Some(labels::selector(site.name(), role)),
                ..LabelSelector::default()
            },
            strategy: Some(strategy(role)),
            template: pod::template(site, role)?,
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    })
}

/// How many pods a role should have now, if the pipeline has the role.
pub fn replicas(role: Role, spec: &SensorPipelineSpec, lifecycle: &Lifecycle) -> Option<i32> {
    match role {
        Role::Producer => spec
            .simulator
            .as_ref()
            .map(|_| i32::from(lifecycle.producer)),
        Role::Processor => Some(if lifecycle.processor {
            spec.processor.replicas
        } else {
            0
        }),
        Role::Api => spec.api.as_ref().map(|api| api.replicas),
    }
}

fn strategy(role: Role) -> DeploymentStrategy {
    // Two simulators at a time would send twice the rate, and count apart.
    if role == Role::Producer {
        return DeploymentStrategy {
            type_: Some("Recreate".into()),
            rolling_update: None,
        };
    }
    DeploymentStrategy {
        type_: Some("RollingUpdate".into()),
        rolling_update: Some(RollingUpdateDeployment {
            max_surge: Some(IntOrString::Int(1)),
            max_unavailable: Some(IntOrString::Int(0)),
        }),
    }
}
