//! Why an existing table can't be used, each with what to do about it.

use super::wanted::{Presence, WantedTable};
use crate::backends::Table;

/// Everything that keeps an existing table from being used. `ours` is whether the pipeline made it.
pub fn misfits(wanted: &WantedTable, live: &Table, ours: bool) -> Vec<String> {
    let WantedTable { name, named_by, .. } = wanted;
    if !live.is_table {
        return vec![format!(
            "{name} exists and is no table; choose another {named_by}"
        )];
    }
    let mut found = columns(wanted, live);
    found.extend(key(wanted, live));
    for column in &live.columns {
        let known = wanted.column(&column.name).is_some();
        if !known && column.not_null && !column.has_default && !ours {
            found.push(format!(
                "column {} of the existing table {name} may not be null, and nothing in the spec \
                 fills it; give it a default, or add it to the spec",
                column.name
            ));
        }
    }
    found
}

fn columns(wanted: &WantedTable, live: &Table) -> Vec<String> {
    let WantedTable { name, named_by, .. } = wanted;
    let mut found = Vec::new();
    for column in &wanted.columns {
        let (column_name, type_) = (&column.name, column.type_);
        match live.column(column_name) {
            Some(live) if live.type_ != type_ => found.push(format!(
                "column {column_name} of the existing table {name} is {}, the spec needs {type_}; \
                 change the column, or choose another name for it or for the table",
                live.type_
            )),
            None if column.presence == Presence::Essential => found.push(format!(
                "the existing table {name} has no column {column_name}; add it as {type_}, or \
                 choose another {named_by}"
            )),
            _ => {}
        }
    }
    found
}

/// Rows are written over by their key, for which `PostgreSQL` needs an index on exactly it.
fn key(wanted: &WantedTable, live: &Table) -> Option<String> {
    let key = sorted(&wanted.key);
    let held = |index: &crate::backends::Index| index.unique && sorted(&index.columns) == key;
    if key.is_empty() || live.indexes.iter().any(held) {
        return None;
    }
    Some(format!(
        "the existing table {} has no primary key or unique index on exactly ({}); add one, or \
         choose another {}",
        wanted.name,
        wanted.key.join(", "),
        wanted.named_by
    ))
}

fn sorted(columns: &[String]) -> Vec<&str> {
    let mut columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    columns.sort_unstable();
    columns
}
