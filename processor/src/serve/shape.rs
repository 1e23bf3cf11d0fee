//! What the pipeline is, as `/pipeline` tells it: its spec in so far as readers of its results
//! need it.

use sensorstream_crds::{
    input::Field as SpecField, outputs::Outputs, rules::Severity as SpecSeverity,
    runtime::ServeConfig, scalars::Decimal, window_table::Holds as SpecHolds,
    windows::Window as SpecWindow,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    column::{Column, ColumnType},
    window_rows::WindowRows,
};

/// What the pipeline is.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pipeline {
    /// Its name.
    name: String,
    /// Its namespace.
    namespace: String,
    /// The version of the API's program.
    version: &'static str,
    /// Whether it makes its own readings.
    simulated: bool,
    /// What comes in.
    input: Input,
    /// What is computed over event time, a table each.
    windows: Vec<Window>,
    /// Which readings are worth an alert.
    rules: Vec<Rule>,
    /// The table with every accepted reading, if there is one.
    #[schema(required = true)]
    table: Option<String>,
    /// The topics that results go to.
    topics: Topics,
    /// Where the lake is, if there is one.
    #[schema(required = true)]
    lake: Option<String>,
    /// How much may be asked.
    limits: Limits,
}

/// What comes in.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Input {
    /// The topic that is read.
    topic: String,
    /// How many partitions the spec wants it to have.
    #[schema(minimum = 1)]
    partitions: i32,
    /// The field that tells senders apart.
    key: String,
    /// The field with the event time.
    event_time: String,
    /// How late by event time a reading may come and still be in time, such as `2m`.
    max_delay: String,
    /// The fields of a reading.
    fields: Vec<Field>,
}

/// A field of a reading.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Field {
    /// Its name.
    name: String,
    /// The type of its values.
    #[serde(rename = "type")]
    type_: ColumnType,
    /// Whether every reading has it.
    required: bool,
    /// The least value that is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum: Option<f64>,
    /// The greatest value that is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum: Option<f64>,
    /// How many characters are accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_length: Option<u32>,
    /// The values that are accepted.
    #[serde(rename = "enum", skip_serializing_if = "Vec::is_empty")]
    enum_: Vec<String>,
}

/// What is computed over spans of event time.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Window {
    /// Its name, and its table's.
    name: String,
    /// How readings are put together.
    kind: WindowKind,
    /// How long a tumbling or sliding window is, such as `1m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<String>,
    /// How often a sliding window begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    slide: Option<String>,
    /// The longest pause within a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    gap: Option<String>,
    /// Which readings count, in CEL; all of them when absent.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    where_: Option<String>,
    /// The fields that groups have in common.
    group_by: Vec<String>,
    /// Whether rows are of one key each, so that `key` can be asked for.
    keyed: bool,
    /// The columns of its rows, in order.
    columns: Vec<WindowColumn>,
}

/// How readings are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum WindowKind {
    /// Windows of one length, one after the other.
    Tumbling,
    /// Windows of one length that overlap.
    Sliding,
    /// Readings of a group with no longer pause than a gap.
    Session,
}

/// A column of a window's rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Column)]
struct WindowColumn {
    /// Its name.
    name: String,
    /// The type of its values.
    #[serde(rename = "type")]
    type_: ColumnType,
    /// What is in it.
    holds: Holds,
}

/// What is in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Holds {
    /// Where the window begins.
    Start,
    /// Where it ends.
    End,
    /// How long a session is, in seconds.
    Duration,
    /// A value that the group has in common.
    Group,
    /// An aggregate that is never null.
    Count,
    /// An aggregate that is null where no reading has the field.
    Value,
}

/// Which readings are worth an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
struct Rule {
    /// Its name.
    name: String,
    /// The condition, in CEL.
    when: String,
    /// How bad it is.
    severity: Severity,
}

/// How bad it is that a reading satisfies a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Worth a look.
    Warning,
    /// Somebody has to act.
    Critical,
}

impl From<SpecSeverity> for Severity {
    fn from(severity: SpecSeverity) -> Self {
        match severity {
            SpecSeverity::Info => Self::Info,
            SpecSeverity::Warning => Self::Warning,
            SpecSeverity::Critical => Self::Critical,
        }
    }
}

/// The topics that results go to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Topics {
    /// That of the alerts, if there are rules.
    #[schema(required = true)]
    pub alerts: Option<String>,
    /// That with every accepted reading again, if there is one.
    #[schema(required = true)]
    pub enriched: Option<String>,
    /// That of the records that can't be used.
    pub dead_letters: String,
}

/// How much may be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Limits {
    /// Rows in one answer.
    #[schema(minimum = 1)]
    page_size: u32,
}

impl Pipeline {
    /// The shape of a pipeline whose windows' tables are these.
    pub fn of(config: &ServeConfig, windows: &[WindowRows]) -> Self {
        let input = &config.input;
        Self {
            name: config.pipeline.name.clone(),
            namespace: config.pipeline.namespace.clone(),
            version: env!("CARGO_PKG_VERSION"),
            simulated: config.simulated,
            input: Input {
                topic: input.topic.name.clone(),
                partitions: input.topic.partitions,
                key: input.key.clone(),
                event_time: input.event_time.field.clone(),
                max_delay: input.event_time.max_delay.to_string(),
                fields: input.fields.iter().map(Field::of).collect(),
            },
            windows: config
                .windows
                .iter()
                .zip(windows)
                .map(|(window, rows)| Window::of(window, rows))
                .collect(),
            rules: config
                .rules
                .iter()
                .map(|rule| Rule {
                    name: rule.name.clone(),
                    when: rule.when.clone(),
                    severity: rule.severity.into(),
                })
                .collect(),
            table: config
                .outputs
                .table
                .as_ref()
                .map(|table| table.name.clone()),
            topics: Topics::of(&config.outputs),
            lake: config.outputs.lake.as_ref().map(|lake| lake.uri.clone()),
            limits: Limits {
                page_size: config.limits.page_size,
            },
        }
    }
}

impl Topics {
    /// The topics of a pipeline.
    pub fn of(outputs: &Outputs) -> Self {
        Self {
            alerts: outputs
                .alerts
                .as_ref()
                .map(|alerts| alerts.topic.name.clone()),
            enriched: outputs
                .enriched
                .as_ref()
                .map(|enriched| enriched.topic.name.clone()),
            dead_letters: outputs.dead_letter.topic.name.clone(),
        }
    }
}

impl Field {
    fn of(field: &SpecField) -> Self {
        Self {
            name: field.name.clone(),
            type_: field.type_.into(),
            required: field.required,
            minimum: field.minimum.as_ref().map(Decimal::get),
            maximum: field.maximum.as_ref().map(Decimal::get),
            max_length: field.max_length,
            enum_: field.enum_.clone(),
        }
    }
}

impl Window {
    fn of(window: &SpecWindow, rows: &WindowRows) -> Self {
        let tumbling = window.tumbling.as_ref();
        let sliding = window.sliding.as_ref();
        let session = window.session.as_ref();
        let size = tumbling.map(|t| &t.size).or(sliding.map(|s| &s.size));
        Self {
            name: window.name.clone(),
            kind: match (tumbling, sliding) {
                (Some(_), _) => WindowKind::Tumbling,
                (_, Some(_)) => WindowKind::Sliding,
                _ => WindowKind::Session,
            },
            size: size.map(ToString::to_string),
            slide: sliding.map(|s| s.slide.to_string()),
            gap: session.map(|s| s.gap.to_string()),
            where_: window.where_.clone(),
            group_by: window.group_by.clone(),
            keyed: rows.keyed,
            columns: rows.columns.iter().filter_map(WindowColumn::of).collect(),
        }
    }
}

impl WindowColumn {
    fn of((column, holds): &(Column, SpecHolds)) -> Option<Self> {
        let holds = match holds {
            SpecHolds::Start => Holds::Start,
            SpecHolds::End => Holds::End,
            SpecHolds::Duration => Holds::Duration,
            SpecHolds::Group => Holds::Group,
            SpecHolds::Count => Holds::Count,
            SpecHolds::Value => Holds::Value,
            SpecHolds::Partition => return None,
        };
        Some(Self {
            name: column.name.clone(),
            type_: column.type_,
            holds,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::tests::with_windows;

    #[test]
    fn the_shape_follows_the_spec() {
        let config = with_windows();
        let windows = WindowRows::all(&config).unwrap();
        insta::assert_json_snapshot!(Pipeline::of(&config, &windows));
    }
}
