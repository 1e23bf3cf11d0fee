//! Panels: how what a query answers is drawn.

use serde_json::{Value, json};

use super::Source;

/// A panel.
#[derive(Clone, Debug)]
pub struct Panel {
    kind: Kind,
    title: String,
    description: String,
    unit: String,
    size: (u32, u32),
    queries: Vec<Query>,
    /// From which values on it is drawn in which colour, besides green.
    steps: Vec<(f64, &'static str)>,
    stacked: bool,
    decimals: Option<u32>,
}

#[derive(Clone, Debug)]
struct Query {
    text: String,
    legend: String,
}

#[derive(Clone, Debug)]
enum Kind {
    Graph,
    Number,
    Bars,
    Timeline,
    Table(Vec<Column>),
}

/// A column of a table that Prometheus' answers are put together to: one a query.
#[derive(Clone, Debug)]
pub struct Column {
    /// What it is called.
    pub title: &'static str,
    /// The unit of its values.
    pub unit: &'static str,
    /// Where its values lead to, if they do.
    pub link: Option<&'static str>,
    /// From which values on they are drawn in which colour, besides green.
    pub steps: Vec<(f64, &'static str)>,
}

impl Panel {
    fn new(
        kind: Kind,
        size: (u32, u32),
        title: impl Into<String>,
        description: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            title: title.into(),
            description: description.into(),
            unit: "short".into(),
            size,
            queries: Vec::new(),
            steps: Vec::new(),
            stacked: false,
            decimals: None,
        }
    }

    /// Lines over time.
    pub fn graph(title: impl Into<String>, description: impl Into<String>) -> Self {
        Self::new(Kind::Graph, (8, 8), title, description)
    }

    /// The latest value.
    pub fn number(title: impl Into<String>, description: impl Into<String>) -> Self {
        Self::new(Kind::Number, (4, 4), title, description)
    }

    /// A bar for each series.
    pub fn bars(title: impl Into<String>, description: impl Into<String>) -> Self {
        Self::new(Kind::Bars, (8, 8), title, description)
    }

    /// A band for each series, coloured by its value.
    pub fn timeline(title: impl Into<String>, description: impl Into<String>) -> Self {
        Self::new(Kind::Timeline, (12, 8), title, description)
    }

    /// A table. With columns, one for each query, its rows are what the answers have in common.
    pub fn table(
        title: impl Into<String>,
        description: impl Into<String>,
        columns: Vec<Column>,
    ) -> Self {
        Self::new(Kind::Table(columns), (24, 9), title, description)
    }

    /// The unit of its values, by Grafana's name.
    #[must_use]
    pub fn unit(self, unit: impl Into<String>) -> Self {
        Self {
            unit: unit.into(),
            ..self
        }
    }

    /// How large it is, in columns and rows.
    #[must_use]
    pub fn size(self, width: u32, height: u32) -> Self {
        Self {
            size: (width, height),
            ..self
        }
    }

    /// One query more, and what its series are called: a text with `{{label}}` in it.
    #[must_use]
    pub fn query(mut self, text: impl Into<String>, legend: impl Into<String>) -> Self {
        self.queries.push(Query {
            text: text.into(),
            legend: legend.into(),
        });
        self
    }

    /// From which values on it is drawn in which colour; green below.
    #[must_use]
    pub fn steps(self, steps: impl IntoIterator<Item = (f64, &'static str)>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            ..self
        }
    }

    /// With its lines on top of one another.
    #[must_use]
    pub fn stacked(self) -> Self {
        Self {
            stacked: true,
            ..self
        }
    }

    /// So many digits behind the point.
    #[must_use]
    pub fn decimals(self, decimals: u32) -> Self {
        Self {
            decimals: Some(decimals),
            ..self
        }
    }

    pub(super) fn width(&self) -> u32 {
        self.size.0
    }

    pub(super) fn height(&self) -> u32 {
        self.size.1
    }

    pub(super) fn to_json(&self, id: usize, source: Source, place: &Value) -> Value {
        let mut defaults = json!({ "unit": self.unit, "thresholds": thresholds(&self.steps) });
        if let Some(decimals) = self.decimals {
            defaults["decimals"] = json!(decimals);
        }
        let mut panel = json!({
            "id": id,
            "title": self.title,
            "description": self.description,
            "datasource": source.reference(),
            "gridPos": place,
            "targets": self.targets(source),
        });
        match &self.kind {
            Kind::Graph => {
                panel["type"] = json!("timeseries");
                if source == Source::Postgres {
                    // How fine intervals may be; by default a minute.
                    panel["interval"] = json!("1s");
                }
                let stacking = if self.stacked { "normal" } else { "none" };
                defaults["custom"] = json!({
                    "drawStyle": "line", "lineWidth": 1, "fillOpacity": if self.stacked { 30 } else { 5 },
                    "showPoints": "auto", "spanNulls": false,
                    "stacking": { "mode": stacking, "group": "A" },
                    "thresholdsStyle": { "mode": if self.steps.is_empty() { "off" } else { "dashed" } },
                });
                panel["options"] = json!({
                    "legend": { "displayMode": "list", "placement": "bottom", "calcs": ["lastNotNull"] },
                    "tooltip": { "mode": "multi", "sort": "desc" },
                });
            }
            Kind::Number => {
                panel["type"] = json!("stat");
                panel["options"] = json!({
                    "colorMode": "value", "graphMode": "area", "textMode": "auto", "justifyMode": "auto",
                    "reduceOptions": { "calcs": ["lastNotNull"], "fields": "", "values": false },
                });
            }
            Kind::Bars => {
                panel["type"] = json!("bargauge");
                defaults["min"] = json!(0);
                panel["options"] = json!({
                    "orientation": "horizontal", "displayMode": "basic", "showUnfilled": true,
                    "reduceOptions": { "calcs": ["lastNotNull"], "fields": "", "values": false },
                });
            }
            Kind::Timeline => {
                panel["type"] = json!("state-timeline");
                defaults["custom"] = json!({ "fillOpacity": 70, "lineWidth": 0 });
                defaults["mappings"] = json!([{ "type": "value", "options": {
                    "0": { "text": "no", "color": "red", "index": 0 },
                    "1": { "text": "yes", "color": "green", "index": 1 },
                }}]);
                panel["options"] = json!({
                    "mergeValues": true, "showValue": "never", "rowHeight": 0.8,
                    "legend": { "showLegend": false },
                });
            }
            Kind::Table(columns) => {
                panel["type"] = json!("table");
                panel["options"] = json!({ "showHeader": true, "cellHeight": "sm" });
                if !columns.is_empty() {
                    panel["transformations"] = joined(columns);
                } else if source == Source::Prometheus {
                    panel["transformations"] = labels_alone();
                }
                panel["fieldConfig"] =
                    json!({ "defaults": defaults, "overrides": overrides(columns) });
                return panel;
            }
        }
        panel["fieldConfig"] = json!({ "defaults": defaults, "overrides": [] });
        panel
    }

    fn targets(&self, source: Source) -> Vec<Value> {
        let table = matches!(self.kind, Kind::Table(_));
        let instant = matches!(self.kind, Kind::Table(_) | Kind::Bars);
        let letters = ('A'..='Z').map(String::from);
        let targets = self.queries.iter().zip(letters);
        targets
            .map(|(query, letter)| match source {
                Source::Prometheus => json!({
                    "refId": letter, "datasource": source.reference(), "editorMode": "code",
                    "expr": query.text, "legendFormat": query.legend,
                    "instant": instant, "range": !instant,
                    "format": if table { "table" } else { "time_series" },
                }),
                Source::Postgres => json!({
                    "refId": letter, "datasource": source.reference(), "editorMode": "code", "rawQuery": true,
                    "rawSql": query.text,
                    "format": if matches!(self.kind, Kind::Graph) { "time_series" } else { "table" },
                }),
            })
            .collect()
    }
}

fn thresholds(steps: &[(f64, &'static str)]) -> Value {
    let base = json!({ "color": "green", "value": null });
    let steps = steps
        .iter()
        .map(|(value, color)| json!({ "color": color, "value": value }));
    let steps: Vec<Value> = std::iter::once(base).chain(steps).collect();
    json!({ "mode": "absolute", "steps": steps })
}

/// The labels of what one query answers: its values say nothing.
fn labels_alone() -> Value {
    let left_out = json!({ "Time": true, "Value": true });
    json!([{ "id": "organize", "options": { "excludeByName": left_out, "renameByName": {} } }])
}

/// What several queries answer, joined to rows, without what is not for people.
fn joined(columns: &[Column]) -> Value {
    let names = columns.iter().zip('A'..='Z');
    let titles: serde_json::Map<String, Value> = names
        .map(|(column, letter)| (format!("Value #{letter}"), json!(column.title)))
        .collect();
    json!([
        { "id": "merge", "options": {} },
        { "id": "organize", "options": { "excludeByName": { "Time": true }, "renameByName": titles } },
    ])
}

fn overrides(columns: &[Column]) -> Value {
    let overrides = columns.iter().map(|column| {
        let mut properties = vec![
            json!({ "id": "unit", "value": column.unit }),
            json!({ "id": "thresholds", "value": thresholds(&column.steps) }),
        ];
        if !column.steps.is_empty() {
            properties
                .push(json!({ "id": "custom.cellOptions", "value": { "type": "color-text" } }));
        }
        if column.unit == "bool_yes_no" {
            properties.push(
                json!({ "id": "mappings", "value": [{ "type": "value", "options": {
                    "0": { "text": "no", "color": "red", "index": 0 },
                    "1": { "text": "yes", "color": "green", "index": 1 },
                }}]}),
            );
            properties
                .push(json!({ "id": "custom.cellOptions", "value": { "type": "color-text" } }));
        }
        if let Some(url) = column.link {
            properties
                .push(json!({ "id": "links", "value": [{ "title": "in depth", "url": url }] }));
        }
        json!({ "matcher": { "id": "byName", "options": column.title }, "properties": properties })
    });
    Value::Array(overrides.collect())
}
