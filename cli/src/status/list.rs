//! All pipelines of a namespace, a line each. Pure.

use jiff::Timestamp;
use serde::Serialize;

use super::explain::{Explanation, Health};
use crate::terminal::{age, table};

/// A pipeline in short.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line<'a> {
    namespace: &'a str,
    name: &'a str,
    health: Health,
    summary: &'a str,
    state: String,
    lag: Option<i64>,
    rate: Option<&'a str>,
    last_commit: Option<Timestamp>,
}

/// The pipelines in short.
pub fn lines(explanations: &[Explanation]) -> Vec<Line<'_>> {
    explanations
        .iter()
        .map(|explanation| Line {
            namespace: &explanation.namespace,
            name: &explanation.name,
            health: explanation.health,
            summary: &explanation.summary,
            state: explanation
                .state
                .map_or("-".into(), |state| format!("{state:?}")),
            lag: explanation.figures.lag,
            rate: explanation.figures.rate.as_deref(),
            last_commit: explanation.figures.last_commit,
        })
        .collect()
}

/// The same as a table.
pub fn render(lines: &[Line<'_>], all_namespaces: bool, now: Timestamp) -> String {
    let mut rows = vec![
        [
            "NAMESPACE",
            "NAME",
            "STATE",
            "LAG",
            "RATE",
            "COMMITTED",
            "HOW IT IS",
        ]
        .map(str::to_owned),
    ];
    rows.extend(lines.iter().map(|line| {
        let or_none = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        [
            line.namespace.to_owned(),
            line.name.to_owned(),
            line.state.clone(),
            or_none(line.lag.map(|lag| lag.to_string())),
            or_none(line.rate.map(str::to_owned)),
            or_none(line.last_commit.map(|at| format!("{} ago", age(at, now)))),
            line.summary.to_owned(),
        ]
    }));
    let from = usize::from(!all_namespaces);
    let rows: Vec<Vec<String>> = rows.into_iter().map(|row| row[from..].to_vec()).collect();
    table(&rows)
}
