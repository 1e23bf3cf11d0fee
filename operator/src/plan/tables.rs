//! The tables of a pipeline: made when missing, widened when the spec asks for more, never
//! narrowed. A table that was there before is used when it fits.
//!
//! - [`wanted`]: the tables as the spec wants them.
//! - [`misfits`]: why an existing one can't be used.
//! - [`migration`]: the steps, and their SQL.

pub mod migration;
pub mod misfits;
pub mod wanted;

use super::claims;
use crate::backends::{Database, Table, TableName};
use migration::{Migration, TableMigration};
use wanted::{Presence, WantedTable};

/// Whether the pipeline made the table.
pub fn is_ours(database: &Database, name: &TableName, pipeline: &str) -> bool {
    claims::of_table(database, name).is_some_and(|c| !c.adopted && c.pipeline == pipeline)
}

/// What the tables lack. Only for tables that [`misfits::misfits`] finds nothing wrong with.
pub fn migrations(wanted: &[WantedTable], database: &Database) -> Vec<TableMigration> {
    // The first table to be made brings the schema, which they share.
    let mut without_schema = !database.schema_exists;
    wanted
        .iter()
        .map(|wanted| TableMigration {
            table: wanted.name.clone(),
            steps: match database.tables.get(&wanted.name) {
                Some(live) => widening(wanted, live),
                None => creation(wanted, std::mem::take(&mut without_schema)),
            },
        })
        .filter(|migration| !migration.steps.is_empty())
        .collect()
}

fn creation(wanted: &WantedTable, with_schema: bool) -> Vec<Migration> {
    with_schema
        .then_some(Migration::CreateSchema)
        .into_iter()
        .chain([Migration::CreateTable {
            columns: wanted.columns.clone(),
            key: wanted.key.clone(),
        }])
        .chain(wanted.indexes.iter().cloned().map(Migration::CreateIndex))
        .collect()
}

fn widening(wanted: &WantedTable, live: &Table) -> Vec<Migration> {
    let missing = wanted
        .columns
        .iter()
        .filter(|column| live.column(&column.name).is_none())
        .map(|column| Migration::AddColumn {
            name: column.name.clone(),
            type_: column.type_,
        });
    let too_strict = live
        .columns
        .iter()
        .filter(|column| column.not_null && !column.has_default)
        .filter(|column| {
            let wanted = wanted.column(&column.name);
            wanted.is_none_or(|wanted| wanted.presence == Presence::Optional)
        })
        .map(|column| Migration::DropNotNull(column.name.clone()));
    let unindexed = wanted
        .indexes
        .iter()
        .filter(|index| {
            !live
                .indexes
                .iter()
                .any(|live| live.columns.starts_with(index))
        })
        .cloned()
        .map(Migration::CreateIndex);
    missing.chain(too_strict).chain(unindexed).collect()
}

#[cfg(test)]
mod tests;
