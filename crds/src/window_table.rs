//! What a window's table looks like. Pure, and in one place: who makes the table and who writes
//! its rows go by the same columns.
//!
//! ```text
//! tumbling, sliding: window_start*, window_end, group…*, aggregate…, _partition
//! session:           group…*, start*, end, [duration], aggregate…, _partition      (* the key)
//! ```

use crate::{
    input::{Field, FieldType},
    windows::{Aggregate, Window},
};

/// Where a tumbling or sliding window begins.
pub const START_COLUMN: &str = "window_start";
/// Where a tumbling or sliding window ends.
pub const END_COLUMN: &str = "window_end";
/// The shard that writes the row: a system column, after those that are named.
pub const PARTITION_COLUMN: &str = "_partition";

/// A window's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowTable {
    /// Its columns, in order.
    pub columns: Vec<WindowColumn>,
}

/// A column of a window's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowColumn {
    /// Its name.
    pub name: String,
    /// Its type, as PostgreSQL writes it.
    pub type_: &'static str,
    /// What is in it.
    pub holds: Holds,
}

/// What is in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Where the window begins.
    Start,
    /// Where it ends.
    End,
    /// How long a session is, in seconds.
    Duration,
    /// A value that the group has in common; in the order of `groupBy`.
    Group,
    /// An aggregate that is never null.
    Count,
    /// An aggregate that is null where no reading has the field.
    Value,
    /// The shard that writes the row.
    Partition,
}

/// Why a window has no table. Admission refuses such windows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoTable {
    /// It names a field that readings do not have.
    #[error("window {window} names the field {field}, which input.fields does not have")]
    UnknownField {
        /// The window.
        window: String,
        /// The field.
        field: String,
    },
    /// An aggregate does not say what to compute.
    #[error("window {window} does not say how to compute {column}")]
    UnknownAggregate {
        /// The window.
        window: String,
        /// The aggregate's column.
        column: String,
    },
}

impl WindowTable {
    /// The table of a window over readings of these fields.
    ///
    /// # Errors
    /// When the window is not one that admission lets through.
    pub fn of(window: &Window, fields: &[Field]) -> Result<Self, NoTable> {
        let maker = Maker { window, fields };
        let time = |name: &str, holds| WindowColumn {
            name: name.to_owned(),
            type_: column_type(FieldType::Timestamp),
            holds,
        };
        let groups = maker.groups()?;
        let mut columns = Vec::new();
        if let Some(session) = &window.session {
            let names = &session.columns;
            columns.extend(groups);
            columns.push(time(&names.start, Holds::Start));
            columns.push(time(&names.end, Holds::End));
            columns.extend(names.duration.iter().map(|name| WindowColumn {
                name: name.clone(),
                type_: "bigint",
                holds: Holds::Duration,
            }));
        } else {
            columns.push(time(START_COLUMN, Holds::Start));
            columns.push(time(END_COLUMN, Holds::End));
            columns.extend(groups);
        }
        for aggregate in &window.aggregates {
            columns.push(maker.aggregate(aggregate)?);
        }
        columns.push(WindowColumn {
            name: PARTITION_COLUMN.to_owned(),
            type_: "integer",
            holds: Holds::Partition,
        });
        Ok(Self { columns })
    }

    /// The columns that tell one row from another, in the order of the primary key.
    pub fn key(&self) -> impl Iterator<Item = &str> {
        self.columns
            .iter()
            .filter(|column| column.holds.is_key())
            .map(|column| column.name.as_str())
    }

    /// The column by which rows are kept and queried: where their windows end.
    pub fn end(&self) -> &str {
        self.columns
            .iter()
            .find(|column| column.holds == Holds::End)
            .map_or(END_COLUMN, |column| &column.name)
    }
}

impl Holds {
    /// Whether the column is part of the primary key.
    pub fn is_key(self) -> bool {
        matches!(self, Self::Start | Self::Group)
    }

    /// Whether the column is made to refuse null.
    pub fn is_required(self) -> bool {
        self.is_key() || matches!(self, Self::End | Self::Partition)
    }
}

/// The type of a field's column, as PostgreSQL writes it.
pub fn column_type(type_: FieldType) -> &'static str {
    match type_ {
        FieldType::String => "text",
        FieldType::Double => "double precision",
        FieldType::Integer => "integer",
        FieldType::Long => "bigint",
        FieldType::Boolean => "boolean",
        FieldType::Timestamp => "timestamp with time zone",
    }
}

struct Maker<'a> {
    window: &'a Window,
    fields: &'a [Field],
}

impl Maker<'_> {
    fn field(&self, name: &str) -> Result<FieldType, NoTable> {
        let field = self.fields.iter().find(|field| field.name == name);
        field
            .map(|field| field.type_)
            .ok_or_else(|| NoTable::UnknownField {
                window: self.window.name.clone(),
                field: name.to_owned(),
            })
    }

    fn groups(&self) -> Result<Vec<WindowColumn>, NoTable> {
        let names = self.window.group_by.iter();
        names
            .map(|name| {
                Ok(WindowColumn {
                    name: name.clone(),
                    type_: column_type(self.field(name)?),
                    holds: Holds::Group,
                })
            })
            .collect()
    }

    fn aggregate(&self, aggregate: &Aggregate) -> Result<WindowColumn, NoTable> {
        let (type_, holds) = self.computed(aggregate)?;
        Ok(WindowColumn {
            name: aggregate.as_.clone(),
            type_,
            holds,
        })
    }

    fn computed(&self, aggregate: &Aggregate) -> Result<(&'static str, Holds), NoTable> {
        let Aggregate {
            as_,
            count,
            count_distinct,
            sum,
            avg,
            min,
            max,
            first,
            last,
            stddev,
            quantile,
        } = aggregate;
        if count.is_some() {
            return Ok(("bigint", Holds::Count));
        }
        if let Some(distinct) = count_distinct {
            self.field(&distinct.field)?;
            return Ok(("bigint", Holds::Count));
        }
        let type_ = if let Some(of) = sum {
            match self.field(&of.field)? {
                FieldType::Integer | FieldType::Long => "numeric",
                _ => "double precision",
            }
        } else if let Some(of) = avg.as_ref().or(stddev.as_ref()) {
            self.field(&of.field)?;
            "double precision"
        } else if let Some(of) = quantile {
            self.field(&of.field)?;
            "double precision"
        } else if let Some(of) = [min, max, first, last].into_iter().flatten().next() {
            column_type(self.field(&of.field)?)
        } else {
            return Err(NoTable::UnknownAggregate {
                window: self.window.name.clone(),
                column: as_.clone(),
            });
        };
        Ok((type_, Holds::Value))
    }
}

#[cfg(test)]
mod tests;
