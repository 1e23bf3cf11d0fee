//! What a dashboard is about, to be chosen at its top.

use serde_json::{Value, json};

use super::Source;

/// A variable whose values are asked for.
#[derive(Clone, Debug)]
pub struct Variable {
    name: &'static str,
    label: &'static str,
    query: String,
    /// Whether several values may be chosen, and all of them.
    several: bool,
    /// What stands for all of them in a query.
    all: &'static str,
}

impl Variable {
    /// A variable of which one value is chosen.
    pub fn one(name: &'static str, label: &'static str, query: impl Into<String>) -> Self {
        Self {
            name,
            label,
            query: query.into(),
            several: false,
            all: "",
        }
    }

    /// A variable of which several values may be chosen, and at first all are; in queries `all` stands for that, or
    /// every value if it is empty.
    pub fn several(
        name: &'static str,
        label: &'static str,
        query: impl Into<String>,
        all: &'static str,
    ) -> Self {
        Self {
            several: true,
            all,
            ..Self::one(name, label, query)
        }
    }

    pub(super) fn to_json(&self, source: Source) -> Value {
        let query = match source {
            Source::Prometheus => json!({ "query": self.query, "refId": self.name }),
            Source::Postgres => json!(self.query),
        };
        let mut variable = json!({
            "type": "query",
            "name": self.name,
            "label": self.label,
            "datasource": source.reference(),
            "definition": self.query,
            "query": query,
            // When the time range changes: what has come or gone is to be seen. A database is asked once.
            "refresh": match source {
                Source::Prometheus => 2,
                Source::Postgres => 1,
            },
            "sort": 1,
            "multi": self.several,
            "includeAll": self.several,
            "options": [],
        });
        if !self.all.is_empty() {
            variable["allValue"] = json!(self.all);
        }
        if self.several {
            variable["current"] = json!({ "selected": true, "text": ["All"], "value": ["$__all"] });
        }
        variable
    }
}

/// The variable that names the data source.
pub(super) fn source(source: Source) -> Value {
    json!({
        "type": "datasource", "name": source.variable(), "label": "Data source", "query": source.plugin(),
        "refresh": 1, "multi": false, "includeAll": false, "options": [],
    })
}
