//! The table of readings.

use sensorstream_crds::input::{Field, FieldType, Input};

use super::{SERIES, sql, unit};
use crate::grafana::{Panel, Row, Variable};

/// How many values of a text a graph tells apart.
const VALUES: u32 = 10;
/// How many readings, or senders, a table shows.
const ROWS: u32 = 100;

/// What the panels need to know.
pub(super) struct Readings<'a> {
    table: sql::Name,
    key: sql::Name,
    time: sql::Name,
    input: &'a Input,
}

impl<'a> Readings<'a> {
    pub(super) fn new(table: sql::Name, input: &'a Input) -> Self {
        Self {
            table,
            key: sql::Name::column(&input.key),
            time: sql::Name::column(&input.event_time.field),
            input,
        }
    }

    /// Who sent the readings.
    pub(super) fn variable(&self) -> Variable {
        let Self {
            table, key, time, ..
        } = self;
        let shown = sql::shown(time);
        let query =
            format!("SELECT DISTINCT {key}::text FROM {table} WHERE {shown} ORDER BY 1 LIMIT 1000");
        Variable::several("key", "Sender", query, sql::ALL)
    }

    /// Which readings are shown.
    fn chosen(&self) -> String {
        let Self { key, time, .. } = self;
        format!("{} AND {}", sql::shown(time), sql::chosen(key))
    }

    pub(super) fn rows(&self) -> Vec<Row> {
        let fields = || self.input.fields.iter();
        let numbers: Vec<&Field> = fields()
            .filter(|field| is_number(field.type_) && field.name != self.input.key)
            .collect();
        let texts = fields().filter(|field| {
            matches!(field.type_, FieldType::String | FieldType::Boolean)
                && field.name != self.input.key
        });
        let mut graphs: Vec<Panel> = numbers.iter().map(|field| self.graph(field)).collect();
        graphs.extend(texts.map(|field| self.shares(field)));
        let width = if graphs.len() == 1 { 24 } else { 12 };
        let graphs = graphs.into_iter().map(|panel| panel.size(width, 8));
        vec![
            Row::new("Readings", self.overview(&numbers)),
            Row::new("By sender", graphs),
            Row::new("Latest readings", [self.latest()]),
        ]
    }

    fn overview(&self, numbers: &[&Field]) -> Vec<Panel> {
        let Self {
            table, key, time, ..
        } = self;
        let chosen = self.chosen();
        let mut panels = vec![
            Panel::number("Readings", "Readings that were taken while the dashboard's time passed.")
                .query(format!("SELECT count(*) AS readings FROM {table} WHERE {chosen}"), ""),
            Panel::number("Senders", "How many senders took them.").query(
                format!("SELECT count(DISTINCT {key}) AS senders FROM {table} WHERE {chosen}"),
                "",
            ),
            Panel::number("Age of the newest", "Time since the newest of them was taken.")
                .unit("s")
                .query(
                    format!("SELECT extract(epoch FROM now() - max({time})) AS age FROM {table} WHERE {chosen}"),
                    "",
                ),
        ];
        panels.extend(numbers.iter().take(3).map(|field| {
            let name = sql::Name::column(&field.name);
            Panel::number(
                format!("{}, latest", field.name),
                format!("The newest {} of the senders chosen, on average.", field.name),
            )
            .unit(unit::of(&field.name))
            .decimals(1)
            .query(
                format!(
                    "SELECT avg({name}) AS {name} FROM (SELECT DISTINCT ON ({key}) {name} FROM {table} WHERE {chosen} ORDER BY {key}, {time} DESC) newest"
                ),
                "",
            )
        }));
        panels
    }

    /// The senders that a graph shows.
    fn senders(&self) -> String {
        let Self { table, key, .. } = self;
        let chosen = self.chosen();
        format!("SELECT DISTINCT {key} FROM {table} WHERE {chosen} ORDER BY 1 LIMIT {SERIES}")
    }

    fn graph(&self, field: &Field) -> Panel {
        let Self {
            table, key, time, ..
        } = self;
        let name = sql::Name::column(&field.name);
        let (interval, shown) = (sql::interval(time), sql::shown(time));
        let senders = self.senders();
        let query = format!(
            "SELECT {interval}, {key}::text AS metric, avg({name}) AS value FROM {table} WHERE {shown} AND {key} IN ({senders}) GROUP BY 1, 2 ORDER BY 1"
        );
        Panel::graph(
            &field.name,
            format!(
                "The mean {} of each sender in each interval, of {SERIES} senders at most.",
                field.name
            ),
        )
        .unit(unit::of(&field.name))
        .query(query, "")
    }

    fn shares(&self, field: &Field) -> Panel {
        let Self { table, time, .. } = self;
        let name = sql::Name::column(&field.name);
        let interval = sql::counted_interval(time);
        let chosen = self.chosen();
        // A reading without a value counts too, under a name that can be shown.
        let value = format!("coalesce({name}::text, 'none')");
        let common = format!(
            "SELECT {value} FROM {table} WHERE {chosen} GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT {VALUES}"
        );
        let query = format!(
            "SELECT {interval}, {value} AS metric, count(*) AS value FROM {table} WHERE {chosen} AND {value} IN ({common}) GROUP BY 1, 2 ORDER BY 1"
        );
        Panel::graph(
            &field.name,
            format!(
                "How many readings have each {} in each interval, of the {VALUES} most common.",
                field.name
            ),
        )
        .stacked()
        .query(query, "")
    }

    fn latest(&self) -> Panel {
        let Self { table, time, .. } = self;
        let chosen = self.chosen();
        let fields = self.input.fields.iter();
        let columns: Vec<String> = fields
            .map(|field| sql::Name::column(&field.name).to_string())
            .collect();
        let columns = columns.join(", ");
        Panel::table(
            "Latest readings",
            format!("The {ROWS} newest readings of the senders chosen."),
            vec![],
        )
        .query(
            format!(
                "SELECT {columns} FROM {table} WHERE {chosen} ORDER BY {time} DESC LIMIT {ROWS}"
            ),
            "",
        )
    }
}

/// Whether values of a type can be drawn.
fn is_number(type_: FieldType) -> bool {
    matches!(
        type_,
        FieldType::Double | FieldType::Integer | FieldType::Long
    )
}
