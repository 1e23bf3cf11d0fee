//! The windows' tables.

use sensorstream_crds::{
    input::Field,
    window_table::{Holds, WindowColumn, WindowTable},
    windows::Window,
};

use super::{SERIES, sql, unit};
use crate::grafana::{Panel, Row};

/// How many rows a table shows.
const ROWS: u32 = 100;
/// The types of columns that can be drawn.
const NUMBERS: [&str; 4] = ["double precision", "numeric", "bigint", "integer"];

/// What the queries of a window go by.
struct Queried<'a> {
    window: &'a Window,
    table: sql::Name,
    /// When a window begins.
    start: sql::Name,
    /// The time that there is an index for.
    indexed: sql::Name,
    /// Which of its rows are shown.
    shown: String,
}

/// A window: a graph for each number in it, and its latest rows. `key` is the field by which senders are chosen,
/// if the dashboard lets them be chosen.
pub(super) fn row(
    schema: &str,
    window: &Window,
    fields: &[Field],
    key: Option<&str>,
) -> Option<Row> {
    // Admission refuses windows without a table.
    let shape = WindowTable::of(window, fields).ok()?;
    let columns = &shape.columns;
    let named = |holds| {
        let column = columns.iter().find(|column| column.holds == holds)?;
        Some(sql::Name::column(&column.name))
    };
    let (start, end) = (named(Holds::Start)?, named(Holds::End)?);
    // Rows are found by an index: windows begin at fixed times, and their beginning comes first in the key; sessions
    // have one on their end, which of those that are open is yet to come.
    let (shown, indexed) = if window.session.is_some() {
        (sql::overlapping(&start, &end), end)
    } else {
        (sql::shown(&start), start.clone())
    };
    let key = key.filter(|key| window.group_by.iter().any(|field| field == key));
    let shown = match key {
        Some(key) => format!("{shown} AND {}", sql::chosen(&sql::Name::column(key))),
        None => shown,
    };
    let queried = Queried {
        window,
        table: sql::Name::of(schema, &window.name),
        start,
        indexed,
        shown,
    };
    let group = group(columns);
    let numbers = columns.iter().filter(|column| {
        matches!(column.holds, Holds::Count | Holds::Value | Holds::Duration)
            && NUMBERS.contains(&column.type_)
    });
    let mut panels: Vec<Panel> = numbers
        .map(|column| queried.graph(&group, column))
        .collect();
    panels.push(queried.latest(columns));
    Some(Row::new(format!("Window {}", window.name), panels))
}

/// What a row's group is called.
fn group(columns: &[WindowColumn]) -> String {
    let parts: Vec<String> = columns
        .iter()
        .filter(|column| column.holds == Holds::Group)
        .map(|column| format!("{}::text", sql::Name::column(&column.name)))
        .collect();
    if parts.is_empty() {
        "'all'".to_owned()
    } else {
        format!("concat_ws(' / ', {})", parts.join(", "))
    }
}

impl Queried<'_> {
    fn graph(&self, group: &str, column: &WindowColumn) -> Panel {
        let Self {
            window,
            table,
            start,
            shown,
            ..
        } = self;
        let value = sql::Name::column(&column.name);
        let groups =
            format!("SELECT DISTINCT {group} FROM {table} WHERE {shown} ORDER BY 1 LIMIT {SERIES}");
        let of_groups = format!("{shown} AND {group} IN ({groups})");
        let interval = sql::interval(start);
        let query = format!(
            "SELECT {interval}, {group} AS metric, avg({value})::double precision AS value FROM {table} WHERE {of_groups} GROUP BY 1, 2 ORDER BY 1"
        );
        Panel::graph(
            format!("{}: {}", window.name, column.name),
            format!(
                "{} of each window, of {SERIES} groups at most; the mean where an interval of the graph has several. Windows that are still open grow.",
                column.name
            ),
        )
        .unit(unit::of(&column.name))
        .size(12, 8)
        .query(query, "")
    }

    fn latest(&self, columns: &[WindowColumn]) -> Panel {
        let Self {
            window,
            table,
            indexed,
            shown,
            ..
        } = self;
        let named: Vec<String> = columns
            .iter()
            .filter(|column| column.holds != Holds::Partition)
            .map(|column| sql::Name::column(&column.name).to_string())
            .collect();
        let named = named.join(", ");
        Panel::table(
            format!("{}: latest", window.name),
            format!("The {ROWS} latest rows."),
            vec![],
        )
        .query(
            format!(
                "SELECT {named} FROM {table} WHERE {shown} ORDER BY {indexed} DESC LIMIT {ROWS}"
            ),
            "",
        )
    }
}
