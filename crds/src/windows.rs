//! What to compute over event time: windows of readings, grouped, each a table.

use std::time::Duration as StdDuration;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    input::{Input, Partitioning},
    scalars::{Decimal, Duration},
};

/// Readings of a span of event time, grouped and aggregated into a table of its own: exactly one of
/// tumbling, sliding and session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.tumbling), has(self.sliding), has(self.session)].filter(x, x).size() == 1").message("a window is exactly one of tumbling, sliding or session"),
    validation = Rule::new("has(self.session) || (has(self.aggregates) && self.aggregates.size() > 0)").message("a tumbling or sliding window needs at least one of aggregates").field_path(".aggregates"),
    validation = Rule::new("!has(self.session) || (has(self.groupBy) && self.groupBy.size() > 0)").message("a session window needs groupBy: whose sessions are they?").field_path(".groupBy"),
    validation = Rule::new("has(self.tumbling) == has(oldSelf.tumbling) && has(self.sliding) == has(oldSelf.sliding) && has(self.session) == has(oldSelf.session)").message("a window's kind can't be changed in place: its table holds rows of the old kind; add a window with another name"),
    validation = Rule::new("(has(self.groupBy) ? self.groupBy : []) == (has(oldSelf.groupBy) ? oldSelf.groupBy : [])").message("groupBy can't be changed in place: it is the table's key; add a window with another name").field_path(".groupBy"),
    validation = Rule::new("has(self.where) == has(oldSelf.where) && (!has(self.where) || self.where == oldSelf.where)").message("where can't be changed in place: its table holds rows of other readings; add a window with another name").field_path(".where")
)]
pub struct Window {
    /// The window's name, and its table's. An existing table is used when its columns fit.
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z][a-z0-9_]*$"))]
    pub name: String,
    /// Windows of one length, one after the other. Columns `window_start` and `window_end`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tumbling: Option<Tumbling>,
    /// Windows of one length that begin more often than that, so that they overlap. Columns
    /// `window_start` and `window_end`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sliding: Option<Sliding>,
    /// Readings of a group with no longer pause between them than a gap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Session>,
    /// Which readings count, as a CEL expression over the fields: `event_type == "page_view"`. All
    /// of them when left out.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub where_: Option<String>,
    /// The required fields whose values make a group. All readings are one when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), inner(length(min = 1, max = 63)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub group_by: Vec<String>,
    /// What to compute, a column each. With one more or one less the window begins anew at its next
    /// boundary, and the rows of windows that are open then stay as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["as".into()]))]
    pub aggregates: Vec<Aggregate>,
    /// How long after its end, in event time, a window still takes readings and its row changes.
    /// With another one the window begins anew at its next boundary, and the rows of windows that
    /// are open then stay as they are.
    #[serde(default = "none")]
    pub allowed_lateness: Duration,
    /// What becomes of a reading that is too late for the window. It is accepted all the same, and
    /// counted as late.
    #[serde(default)]
    pub on_late: OnLate,
    /// When rows are written.
    #[serde(default)]
    pub emit: Emit,
    /// How long rows are kept, by the window's end. For ever when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Duration>,
}

impl Window {
    /// How far the watermark has to get beyond a reading until nothing can change any more what the
    /// window made of it.
    ///
    /// # Panics
    /// When a length is no duration: only resources that passed validation may get here.
    pub fn closes_after(&self) -> StdDuration {
        let tumbling = self.tumbling.as_ref().map(|tumbling| &tumbling.size);
        let sliding = self.sliding.as_ref().map(|sliding| &sliding.size);
        let gap = self.session.as_ref().map(|session| &session.gap);
        // A session stays open for another gap: readings that would belong to it may still come.
        let lengths = [tumbling, sliding, gap, gap].into_iter().flatten();
        lengths.map(Duration::get).sum::<StdDuration>() + self.allowed_lateness.get()
    }
}

fn none() -> Duration {
    "0s".into()
}

/// Which stage makes a window's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The shards of the input topic, each its own: all readings of a group are in one partition.
    First,
    /// The shards of the link topic, of what those of the input topic send there.
    Second,
}

impl Window {
    /// Which stage makes its rows.
    pub fn stage(&self, input: &Input) -> Stage {
        if input.partitioning == Partitioning::ByKey && self.group_by.contains(&input.key) {
            Stage::First
        } else {
            Stage::Second
        }
    }
}

/// Windows of one length, one after the other, from the epoch on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tumbling {
    /// Their length.
    #[x_kube(
        validation = Rule::new("self == oldSelf").message("the size of tumbling windows can't be changed in place: the table holds rows of the old one; add a window with another name")
    )]
    pub size: Duration,
}

/// Windows of one length that begin at every multiple of the slide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.size == oldSelf.size && self.slide == oldSelf.slide").message("size and slide of sliding windows can't be changed in place: the table holds rows of the old ones; add a window with another name")
)]
pub struct Sliding {
    /// Their length, a multiple of the slide.
    pub size: Duration,
    /// How often one begins.
    pub slide: Duration,
}

/// Readings of a group with no longer pause between them than the gap. A pause of exactly the gap
/// stays in the session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.gap == oldSelf.gap && self.end == oldSelf.end").message("gap and end of sessions can't be changed in place: the table holds rows of the old ones; add a window with another name")
)]
pub struct Session {
    /// The longest pause.
    pub gap: Duration,
    /// What counts as a session's end.
    #[serde(default)]
    pub end: SessionEnd,
    /// The names of the session's own columns.
    #[serde(default)]
    #[x_kube(
        validation = Rule::new("self == oldSelf").message("a session's columns can't be renamed in place; add a window with another name")
    )]
    pub columns: SessionColumns,
}

/// What counts as a session's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SessionEnd {
    /// The last reading and the gap after it.
    #[default]
    GapEnd,
    /// The last reading.
    LastReading,
}

/// The names of a session's own columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionColumns {
    /// The first reading's time.
    #[serde(default = "session_start")]
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z][a-z0-9_]*$"))]
    pub start: String,
    /// The session's end.
    #[serde(default = "session_end")]
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z][a-z0-9_]*$"))]
    pub end: String,
    /// From start to end in whole seconds. No such column when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z][a-z0-9_]*$"))]
    pub duration: Option<String>,
}

impl Default for SessionColumns {
    fn default() -> Self {
        Self {
            start: session_start(),
            end: session_end(),
            duration: None,
        }
    }
}

fn session_start() -> String {
    "session_start".into()
}

fn session_end() -> String {
    "session_end".into()
}

/// One column of a window's table: exactly one of the members besides `as`. Readings that lack the
/// field are left out of it; where none is left the column is null (`count` and `countDistinct`: 0).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.count), has(self.countDistinct), has(self.sum), has(self.avg), has(self.min), has(self.max), has(self.first), has(self.last), has(self.stddev), has(self.quantile)].filter(x, x).size() == 1").message("an aggregate is exactly one of count, countDistinct, sum, avg, min, max, first, last, stddev or quantile"),
    validation = Rule::new("self == oldSelf").message("an aggregate can't be changed in place: its column holds values of the old one; add a column with another name")
)]
pub struct Aggregate {
    /// The column's name.
    #[serde(rename = "as")]
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z][a-z0-9_]*$"))]
    pub as_: String,
    /// How many readings; `bigint`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<Count>,
    /// How many different values; `bigint`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count_distinct: Option<CountDistinct>,
    /// The sum of a number; `numeric` for integer and long, `double precision` for double.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<OfField>,
    /// The mean of a number; `double precision`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avg: Option<OfField>,
    /// The least value; of the field's type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<OfField>,
    /// The greatest value; of the field's type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<OfField>,
    /// The value of the reading with the earliest event time; of the field's type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<OfField>,
    /// The value of the reading with the latest event time; of the field's type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<OfField>,
    /// The sample standard deviation of a number, null for fewer than two; `double precision`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stddev: Option<OfField>,
    /// A quantile of a number, off by at most 1 % of its value; `double precision`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantile: Option<Quantile>,
}

/// How many readings. It has no settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Count {}

/// How many different values a field has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CountDistinct {
    /// The field.
    #[schemars(length(min = 1, max = 63))]
    pub field: String,
    /// Whether an estimate (`HyperLogLog`, standard error 1.6 %) in 4 KiB will do. Otherwise the count is
    /// exact, and every value is kept until the window closes.
    #[serde(default)]
    pub approximate: bool,
}

/// The field that is aggregated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OfField {
    /// The field.
    #[schemars(length(min = 1, max = 63))]
    pub field: String,
}

/// A quantile of a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Quantile {
    /// The field.
    #[schemars(length(min = 1, max = 63))]
    pub field: String,
    /// Which one, 0 to 1: `"0.99"` has 99 % of the values below it.
    pub q: Decimal,
}

/// What becomes of a reading that is too late for a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnLate {
    /// The window leaves it out.
    #[default]
    Drop,
    /// The window leaves it out, and a copy goes to the dead letter topic with the reason `late`.
    DeadLetter,
}

/// When a window's rows are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Emit {
    /// While the window is open too, or only once it is closed.
    #[serde(default)]
    pub mode: EmitMode,
    /// How often a row of an open window is written at most; ten times less often while the pipeline catches up
    /// with its input. Batches are committed as often, if that is more than twenty times a second.
    #[serde(default = "one_second")]
    pub every: Duration,
}

impl Default for Emit {
    fn default() -> Self {
        Self {
            mode: EmitMode::default(),
            every: one_second(),
        }
    }
}

fn one_second() -> Duration {
    "1s".into()
}

/// Whether rows are written while their window is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EmitMode {
    /// A row is there from the first reading on, and is replaced as more come.
    #[default]
    OnUpdate,
    /// A row is written once, when its window takes no more readings.
    OnClose,
}
