//! The table of readings: made when missing, widened when the spec asks for more, never
//! narrowed. A table that was there before is used when its columns fit.

use sensorstream_crds::{PipelineId, SensorPipelineSpec, input::FieldType, runtime::schema_of};

use super::claims;
use crate::backends::{Database, Table, TableName};

/// Where a row's reading came from; written by the processor, first of the system columns.
pub const PARTITION_COLUMN: &str = "_partition";
/// The reading's offset.
pub const OFFSET_COLUMN: &str = "_offset";

/// The table as the spec wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedTable {
    /// Its name.
    pub name: TableName,
    /// A column for each field, in order.
    pub columns: Vec<WantedColumn>,
    /// The columns that queries look by: the newest readings, and the newest of one sender.
    pub indexes: Vec<Vec<String>>,
}

/// A column as the spec wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedColumn {
    /// Its name.
    pub name: String,
    /// Its type, as `PostgreSQL` writes it.
    pub type_: &'static str,
    /// Whether every reading has it.
    pub required: bool,
}

/// A change to the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Migration {
    /// Make the schema.
    CreateSchema,
    /// Make the table, with all its columns.
    CreateTable(Vec<WantedColumn>),
    /// Add a column that may be null.
    AddColumn {
        /// Its name.
        name: String,
        /// Its type.
        type_: &'static str,
    },
    /// Let a column be null.
    DropNotNull(String),
    /// Make an index; the last column is the time, newest first.
    CreateIndex(Vec<String>),
}

impl WantedTable {
    /// The table of a pipeline.
    pub fn of(id: &PipelineId, spec: &SensorPipelineSpec) -> Self {
        let time = &spec.input.event_time.field;
        let mut indexes = vec![vec![time.clone()]];
        if spec.input.key != *time {
            indexes.push(vec![spec.input.key.clone(), time.clone()]);
        }
        Self {
            name: TableName {
                schema: schema_of(id, spec),
                table: spec.outputs.table.name.clone(),
            },
            columns: spec
                .input
                .fields
                .iter()
                .map(|field| WantedColumn {
                    name: field.name.clone(),
                    type_: column_type(field.type_),
                    required: field.required,
                })
                .collect(),
            indexes,
        }
    }

    /// The columns of the fields and those of the system.
    fn all_columns(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.columns
            .iter()
            .map(|column| (column.name.as_str(), column.type_))
            .chain([(PARTITION_COLUMN, "integer"), (OFFSET_COLUMN, "bigint")])
    }
}

/// The type of a field's column.
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

impl Migration {
    /// The statement.
    pub fn sql(&self, table: &TableName) -> String {
        let full = format!("{}.{}", quoted(&table.schema), quoted(&table.table));
        match self {
            Self::CreateSchema => format!("CREATE SCHEMA IF NOT EXISTS {}", quoted(&table.schema)),
            Self::CreateTable(columns) => {
                let mut lines: Vec<String> = columns
                    .iter()
                    .map(|column| {
                        let null = if column.required { " NOT NULL" } else { "" };
                        format!("{} {}{null}", quoted(&column.name), column.type_)
                    })
                    .collect();
                lines.push(format!("{} integer", quoted(PARTITION_COLUMN)));
                lines.push(format!("{} bigint", quoted(OFFSET_COLUMN)));
                format!("CREATE TABLE {full} ({})", lines.join(", "))
            }
            Self::AddColumn { name, type_ } => {
                format!("ALTER TABLE {full} ADD COLUMN {} {type_}", quoted(name))
            }
            Self::DropNotNull(column) => {
                format!(
                    "ALTER TABLE {full} ALTER COLUMN {} DROP NOT NULL",
                    quoted(column)
                )
            }
            Self::CreateIndex(columns) => {
                let columns: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
                format!("CREATE INDEX ON {full} ({} DESC)", columns.join(", "))
            }
        }
    }
}

/// A name as SQL takes it, whatever is in it.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Whether the pipeline made the table.
pub fn is_ours(database: &Database, name: &TableName, pipeline: &str) -> bool {
    claims::of_table(database, name).is_some_and(|c| !c.adopted && c.pipeline == pipeline)
}

/// What the table lacks. Only for tables that [`misfits`] finds nothing wrong with.
pub fn migrations(wanted: &WantedTable, database: &Database) -> Vec<Migration> {
    let Some(table) = &database.table else {
        let schema = (!database.schema_exists).then_some(Migration::CreateSchema);
        return schema
            .into_iter()
            .chain([Migration::CreateTable(wanted.columns.clone())])
            .chain(wanted.indexes.iter().cloned().map(Migration::CreateIndex))
            .collect();
    };
    let missing = wanted
        .all_columns()
        .filter(|(name, _)| !table.columns.iter().any(|column| column.name == *name))
        .map(|(name, type_)| Migration::AddColumn {
            name: name.to_owned(),
            type_,
        });
    let required = |name: &str| {
        wanted
            .columns
            .iter()
            .any(|column| column.name == name && column.required)
    };
    let too_strict = table
        .columns
        .iter()
        .filter(|column| column.not_null && !column.has_default && !required(&column.name))
        // The processor always fills these in.
        .filter(|column| ![PARTITION_COLUMN, OFFSET_COLUMN].contains(&column.name.as_str()))
        .map(|column| Migration::DropNotNull(column.name.clone()));
    let unindexed = wanted
        .indexes
        .iter()
        .filter(|index| !table.indexes.iter().any(|live| live.starts_with(index)))
        .cloned()
        .map(Migration::CreateIndex);
    missing.chain(too_strict).chain(unindexed).collect()
}

/// Why an existing table can't be used, each with what to do about it.
pub fn misfits(wanted: &WantedTable, table: &Table, ours: bool) -> Vec<String> {
    let name = &wanted.name;
    if !table.is_table {
        return vec![format!(
            "{name} exists and is no table; choose another outputs.table.name"
        )];
    }
    let mut found = Vec::new();
    for (column, type_) in wanted.all_columns() {
        if let Some(live) = table.columns.iter().find(|live| live.name == column)
            && live.type_ != type_
        {
            found.push(format!(
                "column {column} of the existing table {name} is {}, the spec needs {type_}; \
                 change the column, or choose another field or table name",
                live.type_
            ));
        }
    }
    for live in &table.columns {
        let known = wanted.all_columns().any(|(column, _)| column == live.name);
        if !known && live.not_null && !live.has_default && !ours {
            found.push(format!(
                "column {} of the existing table {name} may not be null, and no field fills it; \
                 give it a default, or add the field",
                live.name
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests;
