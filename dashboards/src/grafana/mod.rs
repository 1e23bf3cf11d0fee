//! The building blocks of dashboards: what Grafana's JSON model calls dashboard, row, panel, target and variable,
//! as far as these dashboards need them.
//!
//! ```text
//! Dashboard ─► Row ─► Panel ─► query      (what it shows)
//!          ─► Variable, Link              (what it is about, where else to look)
//! ```
//! Panels are laid out from left to right, 24 columns wide, as they come.

mod panel;
mod variable;

use serde_json::{Value, json};

pub use panel::{Column, Panel};
pub use variable::Variable;

/// The version of the JSON model: that of Grafana 11. Later ones read it.
const SCHEMA_VERSION: u32 = 39;
/// How many columns a dashboard has.
const COLUMNS: u32 = 24;
/// Every dashboard that asks Prometheus.
pub const TAG: &str = "sensorstream";
/// Every dashboard of a pipeline's data.
pub const DATA_TAG: &str = "sensorstream-data";

/// Where a dashboard's panels get their data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Prometheus.
    Prometheus,
    /// PostgreSQL.
    Postgres,
}

impl Source {
    /// The plugin's name.
    pub fn plugin(self) -> &'static str {
        match self {
            Self::Prometheus => "prometheus",
            Self::Postgres => "grafana-postgresql-datasource",
        }
    }

    /// The variable that names the data source. Each kind has a name of its own: a link that hands variables on
    /// must not make one dashboard ask another's.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Prometheus => "datasource",
            Self::Postgres => "postgres",
        }
    }

    /// The data source that the dashboard's variable names.
    pub fn reference(self) -> Value {
        json!({ "type": self.plugin(), "uid": format!("${{{}}}", self.variable()) })
    }
}

/// A dashboard.
#[derive(Clone, Debug)]
pub struct Dashboard {
    /// What it is known by, in links too. It never changes.
    pub uid: String,
    /// Its title.
    pub title: String,
    /// What it shows, as a sentence.
    pub description: String,
    /// Where its data is.
    pub source: Source,
    /// What it is found by.
    pub tag: &'static str,
    /// What it is about, besides the data source.
    pub variables: Vec<Variable>,
    /// Where else to look.
    pub links: Vec<Link>,
    /// The time that it shows at first, such as `now-1h`.
    pub from: &'static str,
    /// Its panels.
    pub rows: Vec<Row>,
}

/// Panels that belong together.
#[derive(Clone, Debug)]
pub struct Row {
    /// What they have in common.
    pub title: String,
    /// The panels.
    pub panels: Vec<Panel>,
}

impl Row {
    /// A row.
    pub fn new(title: impl Into<String>, panels: impl IntoIterator<Item = Panel>) -> Self {
        Self {
            title: title.into(),
            panels: panels.into_iter().collect(),
        }
    }
}

/// A way to other dashboards.
#[derive(Clone, Debug)]
pub enum Link {
    /// To all with a tag, as a menu.
    Tag {
        /// What the menu is called.
        title: &'static str,
        /// The tag.
        tag: &'static str,
    },
    /// To one.
    Dashboard {
        /// What the link is called.
        title: &'static str,
        /// Its path and variables.
        url: String,
    },
}

impl Link {
    fn to_json(&self) -> Value {
        match self {
            Self::Tag { title, tag } => json!({
                "type": "dashboards", "title": title, "tags": [tag], "asDropdown": true,
                "includeVars": false, "keepTime": true, "icon": "external link", "targetBlank": false,
                "tooltip": "", "url": "",
            }),
            Self::Dashboard { title, url } => json!({
                "type": "link", "title": title, "url": url, "tags": [], "asDropdown": false,
                "includeVars": false, "keepTime": true, "icon": "dashboard", "targetBlank": false,
                "tooltip": "",
            }),
        }
    }
}

impl Dashboard {
    /// The document that Grafana reads.
    pub fn to_json(&self) -> Value {
        let mut variables = vec![variable::source(self.source)];
        variables.extend(
            self.variables
                .iter()
                .map(|variable| variable.to_json(self.source)),
        );
        json!({
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": [self.tag],
            "schemaVersion": SCHEMA_VERSION,
            "editable": false,
            "graphTooltip": 1,
            "refresh": self.refresh(),
            "time": { "from": self.from, "to": "now" },
            "timezone": "browser",
            "links": self.links.iter().map(Link::to_json).collect::<Vec<_>>(),
            "annotations": { "list": [] },
            "templating": { "list": variables },
            "panels": self.panels(),
        })
    }

    /// The same, as it is written to a file.
    ///
    /// # Panics
    /// Never: what is made of strings and numbers is JSON.
    pub fn to_text(&self) -> String {
        let text = serde_json::to_string_pretty(&self.to_json());
        text.expect("strings and numbers are JSON") + "\n"
    }

    /// How often it asks anew. Whoever looks at a pipeline's data is to be no burden to the database that the
    /// pipeline commits to.
    fn refresh(&self) -> &'static str {
        match self.source {
            Source::Prometheus => "30s",
            Source::Postgres => "1m",
        }
    }

    fn panels(&self) -> Vec<Value> {
        let mut laid_out = Vec::new();
        let mut y = 0;
        for row in &self.rows {
            laid_out.push(json!({
                "id": laid_out.len() + 1, "type": "row", "title": row.title, "collapsed": false, "panels": [],
                "gridPos": { "x": 0, "y": y, "w": COLUMNS, "h": 1 },
            }));
            y += 1;
            let (mut x, mut height) = (0, 0);
            for panel in &row.panels {
                if x + panel.width() > COLUMNS {
                    y += height;
                    (x, height) = (0, 0);
                }
                let place = json!({ "x": x, "y": y, "w": panel.width(), "h": panel.height() });
                laid_out.push(panel.to_json(laid_out.len() + 1, self.source, &place));
                x += panel.width();
                height = height.max(panel.height());
            }
            y += height;
        }
        laid_out
    }
}
