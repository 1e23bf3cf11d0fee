//! How the operator is installed, as the objects that it made tell: for whoever may not see the operator. Pure.

use std::collections::BTreeMap;

use sensorstream_operator::{
    observe::objects::{ObjectKey, Objects},
    plan::kubernetes::{
        DIGEST, Kind,
        installation::{DashboardMarks, Image, Installation, Tracing},
        labels,
    },
    role::Role,
};
use serde_json::Value;

/// How the operator is installed that made the objects of the pipeline `name`, if its processor is there.
pub fn installed(objects: &Objects, name: &str) -> Option<Installation> {
    let find = |kind, name: String| objects.live.get(&ObjectKey { kind, name });
    let deployment = find(Kind::Deployment, Role::Processor.object_name(name))?;
    let template = &deployment["spec"]["template"];
    let container = &template["spec"]["containers"][0];
    let variable = |name: &str| {
        let variables = container["env"].as_array()?.iter();
        let mut values = variables.filter(|variable| variable["name"] == name);
        Some(values.next()?["value"].as_str()?.to_owned())
    };
    let dashboard = find(Kind::ConfigMap, format!("{name}-dashboard"));
    Some(Installation {
        image: Image {
            name: container["image"].as_str()?.to_owned(),
            pull_policy: container["imagePullPolicy"].as_str()?.to_owned(),
        },
        scrape_annotations: template["metadata"]["annotations"]["prometheus.io/scrape"] == "true",
        dashboards: dashboard.and_then(|dashboard| marks(dashboard, name)),
        tracing: variable("OTEL_EXPORTER_OTLP_ENDPOINT").map(|endpoint| Tracing {
            endpoint,
            sampling_ratio: variable("OTEL_TRACES_SAMPLER_ARG").unwrap_or_default(),
        }),
    })
}

/// What of a dashboard's labels and annotations is not on every object.
fn marks(dashboard: &Value, name: &str) -> Option<DashboardMarks> {
    let own = labels::of(name, None);
    let texts = |member: &str| -> BTreeMap<String, String> {
        let texts = dashboard["metadata"][member]
            .as_object()
            .into_iter()
            .flatten();
        texts
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect()
    };
    let label = texts("labels")
        .into_iter()
        .find(|(key, _)| !own.contains_key(key))?;
    let mut annotations = texts("annotations");
    annotations.remove(DIGEST);
    Some(DashboardMarks { label, annotations })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_shows_in_the_objects_is_read_from_them() {
        let key = |kind, name: &str| ObjectKey {
            kind,
            name: name.to_owned(),
        };
        let deployment = json!({ "spec": { "template": {
            "metadata": { "annotations": { "prometheus.io/scrape": "true" } },
            "spec": { "containers": [{
                "image": "example/processor:2",
                "imagePullPolicy": "Never",
                "env": [
                    { "name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://collector:4318" },
                    { "name": "OTEL_TRACES_SAMPLER_ARG", "value": "0.5" },
                ],
            }] },
        } } });
        let mut labels = labels::of("plant", None);
        labels.insert("grafana_dashboard".to_owned(), "1".to_owned());
        let dashboard = json!({ "metadata": {
            "labels": labels,
            "annotations": { DIGEST: "0", "folder": "Plants" },
        } });
        let objects = Objects::of(
            "plant",
            [
                (key(Kind::Deployment, "plant-processor"), deployment),
                (key(Kind::ConfigMap, "plant-dashboard"), dashboard),
            ]
            .into(),
            [],
        );
        let expected = Installation {
            image: Image {
                name: "example/processor:2".to_owned(),
                pull_policy: "Never".to_owned(),
            },
            scrape_annotations: true,
            dashboards: Some(DashboardMarks {
                label: ("grafana_dashboard".to_owned(), "1".to_owned()),
                annotations: [("folder".to_owned(), "Plants".to_owned())].into(),
            }),
            tracing: Some(Tracing {
                endpoint: "http://collector:4318".to_owned(),
                sampling_ratio: "0.5".to_owned(),
            }),
        };
        assert_eq!(installed(&objects, "plant"), Some(expected));
        assert_eq!(installed(&Objects::default(), "plant"), None);
    }
}
