//! Steps that bring a table to where the spec wants it, and their SQL.

use super::wanted::{Presence, WantedColumn};
use crate::backends::{Column, Index, Table, TableName};

/// What is to be done to a table, in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableMigration {
    /// The table.
    pub table: TableName,
    /// The steps, in order.
    pub steps: Vec<Migration>,
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Migration {
    /// Make the schema.
    CreateSchema,
    /// Make the table.
    CreateTable {
        /// All its columns.
        columns: Vec<WantedColumn>,
        /// Its primary key; none where it is empty.
        key: Vec<String>,
    },
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

impl TableMigration {
    /// The statements, in order.
    pub fn sql(&self) -> impl Iterator<Item = String> {
        self.steps.iter().map(|step| step.sql(&self.table))
    }

    /// Whether the schema is made with it.
    pub fn makes_schema(&self) -> bool {
        self.steps.contains(&Migration::CreateSchema)
    }

    /// The table as it is after this, given what it was before.
    pub fn after(&self, before: Option<&Table>) -> Table {
        let mut table = before.cloned().unwrap_or_default();
        for step in &self.steps {
            step.take(&mut table);
        }
        table
    }
}

impl Migration {
    fn take(&self, table: &mut Table) {
        let column = |name: &str, type_: &str, not_null| Column {
            name: name.into(),
            type_: type_.into(),
            not_null,
            has_default: false,
        };
        match self {
            Self::CreateSchema => {}
            Self::CreateTable { columns, key } => {
                table.is_table = true;
                table.columns.extend(columns.iter().map(|c| Column {
                    has_default: c.presence == Presence::Numbered,
                    ..column(&c.name, c.type_, c.presence.refuses_null())
                }));
                let numbered = columns.iter().filter(|c| c.presence == Presence::Numbered);
                let primary = (!key.is_empty()).then(|| key.clone());
                let unique = numbered.map(|c| vec![c.name.clone()]).chain(primary);
                table.indexes.extend(unique.map(|columns| Index {
                    columns,
                    unique: true,
                }));
            }
            Self::AddColumn { name, type_ } => table.columns.push(column(name, type_, false)),
            Self::DropNotNull(relaxed) => {
                for column in table.columns.iter_mut().filter(|c| c.name == *relaxed) {
                    column.not_null = false;
                }
            }
            Self::CreateIndex(columns) => table.indexes.push(Index {
                columns: columns.clone(),
                unique: false,
            }),
        }
    }

    fn sql(&self, table: &TableName) -> String {
        let full = table.quoted();
        match self {
            Self::CreateSchema => format!("CREATE SCHEMA IF NOT EXISTS {}", quoted(&table.schema)),
            Self::CreateTable { columns, key } => {
                let mut lines: Vec<String> = columns
                    .iter()
                    .map(|column| {
                        let constraint = constraint(column.presence);
                        format!("{} {}{constraint}", quoted(&column.name), column.type_)
                    })
                    .collect();
                if !key.is_empty() {
                    lines.push(format!("PRIMARY KEY ({})", list(key)));
                }
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
                format!("CREATE INDEX ON {full} ({} DESC)", list(columns))
            }
        }
    }
}

/// What a column is made with, besides its name and type.
fn constraint(presence: Presence) -> &'static str {
    match presence {
        Presence::Numbered => " GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        presence if presence.refuses_null() => " NOT NULL",
        _ => "",
    }
}

impl TableName {
    /// The full name as SQL takes it.
    pub fn quoted(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.table))
    }
}

/// A name as SQL takes it, whatever is in it.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn list(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_whatever_is_in_them() {
        assert_eq!(
            quoted(r#"a"; DROP TABLE x; --"#),
            r#""a""; DROP TABLE x; --""#
        );
    }
}
