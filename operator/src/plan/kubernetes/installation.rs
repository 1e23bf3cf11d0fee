//! What of the operator's own settings shows in the objects of pipelines.

use std::collections::BTreeMap;

/// How the operator is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// The image of the data plane.
    pub image: Image,
    /// Whether pods ask to be scraped by annotations, for a Prometheus without its operator.
    pub scrape_annotations: bool,
    /// How dashboards are marked, if pipelines have any.
    pub dashboards: Option<DashboardMarks>,
    /// Where pods send traces, if they do.
    pub tracing: Option<Tracing>,
}

/// An image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its name.
    pub name: String,
    /// When to pull it: `Always`, `IfNotPresent` or `Never`.
    pub pull_policy: String,
}

/// What Grafana's sidecar finds a dashboard by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DashboardMarks {
    /// The label, and its value.
    pub label: (String, String),
    /// Annotations, for instance with the folder.
    pub annotations: BTreeMap<String, String>,
}

/// Where traces go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracing {
    /// The collector, as `OTEL_EXPORTER_OTLP_ENDPOINT` names it.
    pub endpoint: String,
    /// The share of traces that are kept, 0 to 1.
    pub sampling_ratio: String,
}
