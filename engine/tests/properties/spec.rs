//! Plans, from specs as people write them.

use std::sync::Arc;

use sensorstream_crds::{input::Input, rules::Rule, windows::Window};
use sensorstream_engine::{Plan, WindowStart};
use serde_json::{Value as Json, json};

/// A plan, and the spec it is of.
#[derive(Clone, Debug)]
pub struct Spec {
    pub partitioning: &'static str,
    pub max_delay_ms: i64,
    pub windows: Vec<Window>,
    pub rules: Vec<Rule>,
    pub starts: Vec<WindowStart>,
}

/// The fields of a reading, in their order.
pub const FIELDS: [(&str, &str, bool); 8] = [
    ("device", "string", true),
    ("site", "string", true),
    ("temperature", "double", false),
    ("level", "integer", false),
    ("total", "long", false),
    ("on", "boolean", false),
    ("label", "string", false),
    ("seen", "timestamp", false),
];

/// The place of a field in [`FIELDS`].
pub fn place(name: &str) -> usize {
    FIELDS.iter().position(|field| field.0 == name).unwrap()
}

impl Spec {
    pub fn input(&self) -> Input {
        let mut fields: Vec<Json> = FIELDS
            .iter()
            .map(|(name, type_, required)| json!({ "name": name, "type": type_, "required": required }))
            .collect();
        fields.push(json!({ "name": "at", "type": "timestamp" }));
        serde_json::from_value(json!({
            "topic": { "name": "readings" },
            "key": "device",
            "partitioning": self.partitioning,
            "fields": fields,
            "eventTime": { "field": "at", "maxDelay": format!("{}ms", self.max_delay_ms) }
        }))
        .unwrap()
    }

    pub fn plan(&self) -> Arc<Plan> {
        Arc::new(Plan::compile(&self.input(), &self.windows, &self.rules).unwrap())
    }
}

/// Every aggregate there is.
pub fn all_aggregates() -> Json {
    json!([
        { "as": "readings", "count": {} },
        { "as": "temperatures", "countDistinct": { "field": "temperature" } },
        { "as": "labels", "countDistinct": { "field": "label" } },
        { "as": "about_labels", "countDistinct": { "field": "label", "approximate": true } },
        { "as": "about_totals", "countDistinct": { "field": "total", "approximate": true } },
        { "as": "warmth", "sum": { "field": "temperature" } },
        { "as": "levels", "sum": { "field": "level" } },
        { "as": "totals", "sum": { "field": "total" } },
        { "as": "mean_temperature", "avg": { "field": "temperature" } },
        { "as": "mean_total", "avg": { "field": "total" } },
        { "as": "coldest", "min": { "field": "temperature" } },
        { "as": "least_label", "min": { "field": "label" } },
        { "as": "earliest_seen", "min": { "field": "seen" } },
        { "as": "highest", "max": { "field": "level" } },
        { "as": "greatest_label", "max": { "field": "label" } },
        { "as": "first_temperature", "first": { "field": "temperature" } },
        { "as": "first_label", "first": { "field": "label" } },
        { "as": "last_on", "last": { "field": "on" } },
        { "as": "last_label", "last": { "field": "label" } },
        { "as": "spread", "stddev": { "field": "temperature" } },
        { "as": "level_spread", "stddev": { "field": "level" } },
        { "as": "median", "quantile": { "field": "temperature", "q": "0.5" } },
        { "as": "high", "quantile": { "field": "level", "q": "0.9" } }
    ])
}
