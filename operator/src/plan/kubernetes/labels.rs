//! Labels, by Kubernetes' recommendations.

use std::collections::BTreeMap;

use super::string_map;
use crate::{FIELD_MANAGER, role::Role};

/// Names the pipeline.
pub const INSTANCE: &str = "app.kubernetes.io/instance";
/// Names the role.
pub const COMPONENT: &str = "app.kubernetes.io/component";

/// The labels of an object of a role, or of the whole pipeline.
pub fn of(pipeline: &str, role: Option<Role>) -> BTreeMap<String, String> {
    let mut labels = string_map([
        ("app.kubernetes.io/name", "sensorstream"),
        (INSTANCE, pipeline),
        ("app.kubernetes.io/managed-by", FIELD_MANAGER),
        ("app.kubernetes.io/part-of", "sensorstream"),
    ]);
    if let Some(role) = role {
        labels.insert(COMPONENT.to_owned(), role.component().to_owned());
    }
    labels
}

/// The labels that the pods of a role are found by. They can't change while a Deployment
/// exists.
pub fn selector(pipeline: &str, role: Role) -> BTreeMap<String, String> {
    string_map([
        ("app.kubernetes.io/name", "sensorstream"),
        (INSTANCE, pipeline),
        (COMPONENT, role.component()),
    ])
}

/// The same as text, as the scale subresource has it.
pub fn selector_text(pipeline: &str, role: Role) -> String {
    let parts: Vec<String> = selector(pipeline, role)
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    parts.join(",")
}
