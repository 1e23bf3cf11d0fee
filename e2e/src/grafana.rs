//! What Grafana does with a dashboard before it asks: variables and macros are replaced, by its documentation.

use jiff::Timestamp;
use serde_json::Value;

/// A query of a panel.
#[derive(Clone, Debug)]
pub struct Query {
    /// The panel's title.
    pub panel: String,
    /// What is asked, as it stands in the dashboard.
    pub text: String,
}

/// The queries of a dashboard's panels to Prometheus (`expr`) or to PostgreSQL (`rawSql`).
pub fn queries(dashboard: &Value, member: &str) -> Vec<Query> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let panels = list(&dashboard["panels"]);
    let of_panel = |panel: &Value| {
        let title = panel["title"].as_str().unwrap_or_default().to_owned();
        list(&panel["targets"])
            .into_iter()
            .filter_map(move |target| {
                Some(Query {
                    panel: title.clone(),
                    text: target[member].as_str()?.to_owned(),
                })
            })
            .collect::<Vec<_>>()
    };
    panels.iter().flat_map(of_panel).collect()
}

/// The queries behind a dashboard's variables to Prometheus, each as one that answers with a series a value.
///
/// # Panics
/// When one is not of the form `label_values(SELECTOR, LABEL)`.
pub fn variables(dashboard: &Value) -> Vec<Query> {
    let variables = dashboard["templating"]["list"]
        .as_array()
        .expect("variables");
    let asked = variables
        .iter()
        .filter(|variable| variable["type"] == "query");
    let queries = asked.map(|variable| {
        let text = variable["query"]["query"].as_str().expect("a query");
        let inner = text
            .strip_prefix("label_values(")
            .and_then(|t| t.strip_suffix(')'));
        let (selector, label) = inner
            .and_then(|t| t.rsplit_once(", "))
            .expect("label_values");
        Query {
            panel: format!("the variable {}", variable["name"]),
            text: format!("count by ({label}) ({selector})"),
        }
    });
    queries.collect()
}

/// A query to Prometheus with its variables replaced. Scraping is every five seconds.
pub fn promql(text: &str, namespace: &str, pipeline: &str) -> String {
    text.replace("$__rate_interval", "30s")
        .replace("$__range", "10m")
        .replace("$job", ".+")
        .replace("$namespace", namespace)
        .replace("$pipeline", pipeline)
        .replace("$pod", ".+")
}

/// A query to PostgreSQL over the last hour with macros and variables replaced; `keys` is a list of literals.
///
/// # Panics
/// When it has a macro that is not known here.
pub fn sql(text: &str, keys: &str, now: Timestamp) -> String {
    let from = now - jiff::SignedDuration::from_hours(1);
    let mut sql = text.replace("$__interval", "60").replace("$key", keys);
    while let Some(start) = sql.find("$__") {
        let open = start + sql[start..].find('(').expect("a macro has arguments");
        let close = open + sql[open..].find(')').expect("arguments end");
        let arguments = &sql[open + 1..close];
        let meaning = match &sql[start..open] {
            "$__timeFrom" => format!("'{from}'"),
            "$__timeTo" => format!("'{now}'"),
            "$__timeFilter" => format!("{arguments} BETWEEN '{from}' AND '{now}'"),
            "$__timeGroupAlias" => {
                // The third says what stands for nothing, which Grafana fills in itself.
                let mut parts = arguments.split(", ");
                let column = parts.next().expect("a column");
                let seconds = parts.next().expect("an interval");
                format!("floor(extract(epoch from {column})/{seconds})*{seconds} AS \"time\"")
            }
            other => panic!("{other} in {text}"),
        };
        sql.replace_range(start..=close, &meaning);
    }
    sql
}
