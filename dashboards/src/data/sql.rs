//! SQL, with names quoted, and with Grafana's macros for what is chosen in the dashboard.

use std::fmt;

/// A name, quoted.
#[derive(Clone, Debug)]
pub(super) struct Name(String);

impl Name {
    /// A table of a schema.
    pub(super) fn of(schema: &str, table: &str) -> Self {
        Self(format!("{}.{}", Self::column(schema), Self::column(table)))
    }

    /// A column.
    pub(super) fn column(name: &str) -> Self {
        Self(format!("\"{}\"", name.replace('"', "\"\"")))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a time is within what the dashboard shows.
pub(super) fn shown(time: &Name) -> String {
    format!("$__timeFilter({time})")
}

/// Whether what lasts from one time to another has a part in what the dashboard shows.
pub(super) fn overlapping(from: &Name, to: &Name) -> String {
    format!("{to} >= $__timeFrom() AND {from} <= $__timeTo()")
}

/// Whether a sender is among those chosen. All of them are chosen with [`ALL`].
pub(super) fn chosen(key: &Name) -> String {
    format!("({ALL} IN ($key) OR {key}::text IN ($key))")
}

/// What stands for all senders. No sender is called so, or that one alone can't be chosen.
pub(super) const ALL: &str = "'*'";

/// The beginning of the interval of the graph that a time falls in, as the graph's time.
pub(super) fn interval(time: &Name) -> String {
    format!("$__timeGroupAlias({time}, $__interval)")
}

/// The same for counts: an interval without anything has none.
pub(super) fn counted_interval(time: &Name) -> String {
    format!("$__timeGroupAlias({time}, $__interval, 0)")
}
