//! The configuration of a role, as a ConfigMap that its pods mount.

use k8s_openapi::api::core::v1::ConfigMap;
use sensorstream_crds::runtime::ProcessConfig;
use serde::Serialize;

use super::{Site, digest, string_map};
use crate::role::Role;

/// The key of the document.
pub const KEY: &str = "config.json";

/// The ConfigMap of a role, if the pipeline has the role.
pub fn config_map(site: &Site<'_>, role: Role) -> Option<ConfigMap> {
    let document = document(site, role)?;
    Some(ConfigMap {
        metadata: site.metadata(role.object_name(site.name()), Some(role)),
        data: Some(string_map([(KEY, &document)])),
        ..ConfigMap::default()
    })
}

/// The document that a role acts on, if the pipeline has the role.
pub fn document(site: &Site<'_>, role: Role) -> Option<String> {
    let configs = &site.valid.configs;
    match role {
        Role::Processor => Some(text(&process_config(site))),
        Role::Producer => configs.produce.as_ref().map(text),
        Role::Api => configs.serve.as_ref().map(text),
    }
}

/// What the processor acts on.
fn process_config(site: &Site<'_>) -> ProcessConfig {
    ProcessConfig {
        revision: site.revision,
        ..site.valid.configs.process.clone()
    }
}

/// Tells one state of what a role's pods are started with from another: the document, and the
/// versions of the Secrets, which pods read only when they start.
pub fn start_digest(site: &Site<'_>, role: Role) -> Option<String> {
    let mut text = document(site, role)?;
    for name in super::pod::secrets_of(role, site.name(), &site.pipeline().spec) {
        let version = site
            .valid
            .observation
            .logins
            .versions
            .get(&name)
            .map_or("", String::as_str);
        text.extend(["\n", &name, " ", version]);
    }
    Some(digest(text.as_bytes()))
}

fn text<T: Serialize>(document: &T) -> String {
    serde_json::to_string_pretty(document).expect("a role's configuration is JSON")
}
