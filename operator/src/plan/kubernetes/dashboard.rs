//! A pipeline's dashboard of its data, as a ConfigMap that Grafana's sidecar finds.

use k8s_openapi::api::core::v1::ConfigMap;
use sensorstream_dashboards::data;

use super::{Site, string_map};

/// The ConfigMap, if the operator makes dashboards and the pipeline has tables.
pub fn config_map(site: &Site<'_>) -> Option<ConfigMap> {
    let marks = site.installation.dashboards.as_ref()?;
    let id = &site.valid.observation.id;
    let dashboard = data::dashboard(id, &site.pipeline().spec)?;
    let mut metadata = site.metadata(format!("{}-dashboard", id.name), None);
    let (label, value) = marks.label.clone();
    metadata.labels.get_or_insert_default().insert(label, value);
    if !marks.annotations.is_empty() {
        metadata.annotations = Some(marks.annotations.clone());
    }
    // The sidecar puts the files of all namespaces into one folder.
    let file = format!("sensorstream-{}-{}.json", id.namespace, id.name);
    Some(ConfigMap {
        metadata,
        data: Some(string_map([(&file, &dashboard.to_json().to_string())])),
        ..ConfigMap::default()
    })
}
