//! Keeps a node's maintenance from taking all processor pods at once.

use k8s_openapi::{
    api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec},
    apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString},
};

use super::{Site, labels};
use crate::role::Role;

/// The processor's budget, if it has more than one pod.
pub fn disruption_budget(site: &Site<'_>) -> Option<PodDisruptionBudget> {
    if site.pipeline().spec.processor.replicas < 2 {
        return None;
    }
    let role = Role::Processor;
    Some(PodDisruptionBudget {
        metadata: site.metadata(role.object_name(site.name()), Some(role)),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(LabelSelector {
                match_labels: Some(labels::selector(site.name(), role)),
                ..LabelSelector::default()
            }),
            ..PodDisruptionBudgetSpec::default()
        }),
        ..PodDisruptionBudget::default()
    })
}
