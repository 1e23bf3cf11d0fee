//! The tables as a spec wants them: one with every reading, if it is declared, and one for each
//! window.

use sensorstream_crds::{
    PipelineId, SensorPipelineSpec,
    outputs::Table as Declared,
    runtime::schema_of,
    window_table::{Holds, NoTable, PARTITION_COLUMN, WindowTable, column_type},
    windows::Window,
};

use crate::backends::TableName;

/// The offset of a row's reading, a system column after the one for its partition.
const OFFSET_COLUMN: &str = "_offset";

/// A table as the spec wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedTable {
    /// Its name.
    pub name: TableName,
    /// What of the spec names it, for people.
    pub named_by: String,
    /// Its columns, in order.
    pub columns: Vec<WantedColumn>,
    /// The columns that tell one row from another; none where every reading is a row.
    pub key: Vec<String>,
    /// The columns that queries look by besides; the last one is the time, newest first.
    pub indexes: Vec<Vec<String>>,
}

/// A column as the spec wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedColumn {
    /// Its name.
    pub name: String,
    /// Its type, as `PostgreSQL` writes it.
    pub type_: &'static str,
    /// Whether rows have it.
    pub presence: Presence,
}

/// Whether rows have a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// All have, and are found by it: a table that lacks it can't be used.
    Essential,
    /// All have, but for those that were there before it was added.
    Required,
    /// All that the processor writes have; it may be null in those of others.
    Filled,
    /// Some have.
    Optional,
    /// All have a number in it, which `PostgreSQL` gives them; the processor leaves it out.
    Numbered,
}

impl Presence {
    /// Whether the column is made to refuse null.
    pub fn refuses_null(self) -> bool {
        matches!(self, Self::Essential | Self::Required | Self::Numbered)
    }
}

/// The names of the tables that a spec wants.
pub fn names(id: &PipelineId, spec: &SensorPipelineSpec) -> Vec<TableName> {
    let readings = spec.outputs.table.iter().map(|table| &table.name);
    let windows = spec.windows.iter().map(|window| &window.name);
    readings
        .chain(windows)
        .map(|table| TableName {
            schema: schema_of(id, spec),
            table: table.clone(),
        })
        .collect()
}

/// The tables that a spec wants, in the order of [`names`].
///
/// # Errors
/// When a window is not one that admission lets through.
pub fn tables(id: &PipelineId, spec: &SensorPipelineSpec) -> Result<Vec<WantedTable>, NoTable> {
    let schema = schema_of(id, spec);
    let readings = spec.outputs.table.iter();
    readings
        .map(|table| Ok(of_readings(&schema, table, spec)))
        .chain(
            spec.windows
                .iter()
                .map(|window| of_window(&schema, window, spec)),
        )
        .collect()
}

fn of_readings(schema: &str, table: &Declared, spec: &SensorPipelineSpec) -> WantedTable {
    let time = &spec.input.event_time.field;
    let mut indexes = vec![vec![time.clone()]];
    if spec.input.key != *time {
        indexes.push(vec![spec.input.key.clone(), time.clone()]);
    }
    let number = table.identity_column.iter().map(|name| WantedColumn {
        name: name.clone(),
        type_: "bigint",
        presence: Presence::Numbered,
    });
    let fields = spec.input.fields.iter().map(|field| WantedColumn {
        name: field.name.clone(),
        type_: column_type(field.type_),
        presence: if field.required {
            Presence::Required
        } else {
            Presence::Optional
        },
    });
    let system = [(PARTITION_COLUMN, "integer"), (OFFSET_COLUMN, "bigint")];
    let system = system.map(|(name, type_)| WantedColumn {
        name: name.to_owned(),
        type_,
        presence: Presence::Filled,
    });
    WantedTable {
        name: TableName {
            schema: schema.to_owned(),
            table: table.name.clone(),
        },
        named_by: "outputs.table.name".to_owned(),
        columns: number.chain(fields).chain(system).collect(),
        key: Vec::new(),
        indexes,
    }
}

fn of_window(
    schema: &str,
    window: &Window,
    spec: &SensorPipelineSpec,
) -> Result<WantedTable, NoTable> {
    let table = WindowTable::of(window, &spec.input.fields)?;
    let end = table.end().to_owned();
    let mut indexes = vec![vec![end.clone()]];
    // What became of one key lately is what is asked most.
    if window.group_by.contains(&spec.input.key) {
        indexes.push(vec![spec.input.key.clone(), end]);
    }
    Ok(WantedTable {
        name: TableName {
            schema: schema.to_owned(),
            table: window.name.clone(),
        },
        named_by: "name for the window".to_owned(),
        key: table.key().map(str::to_owned).collect(),
        indexes,
        columns: table
            .columns
            .into_iter()
            .map(|column| WantedColumn {
                name: column.name,
                type_: column.type_,
                presence: presence(column.holds),
            })
            .collect(),
    })
}

fn presence(holds: Holds) -> Presence {
    match holds {
        Holds::Start | Holds::End | Holds::Group => Presence::Essential,
        Holds::Partition => Presence::Required,
        Holds::Duration | Holds::Count => Presence::Filled,
        Holds::Value => Presence::Optional,
    }
}

impl WantedTable {
    /// The column of a name, if the spec wants one.
    pub fn column(&self, name: &str) -> Option<&WantedColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}
