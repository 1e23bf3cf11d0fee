//! Why an existing table can't be used, each with what to do about it.

use super::wanted::{Presence, WantedColumn, WantedTable};
use crate::backends::{Column, Table};

/// The types of columns that can number the rows. A `smallint` soon runs out.
const NUMBERS: [&str; 2] = ["integer", "bigint"];

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
    let columns = wanted.columns.iter();
    columns
        .filter_map(|column| {
            let live = live.column(&column.name);
            if column.presence == Presence::Numbered {
                number(wanted, column, live)
            } else {
                value(wanted, column, live)
            }
        })
        .collect()
}

/// What is wrong with a column that the processor fills.
fn value(wanted: &WantedTable, column: &WantedColumn, live: Option<&Column>) -> Option<String> {
    let WantedTable { name, named_by, .. } = wanted;
    let (column_name, type_) = (&column.name, column.type_);
    match live {
        Some(live) if live.type_ != type_ => Some(format!(
            "column {column_name} of the existing table {name} is {}, the spec needs {type_}; \
             change the column, or choose another name for it or for the table",
            live.type_
        )),
        None if column.presence == Presence::Essential => Some(format!(
            "the existing table {name} has no column {column_name}; add it as {type_}, or \
             choose another {named_by}"
        )),
        _ => None,
    }
}

/// What is wrong with a column that numbers the rows. Which kind of default does so is all the same.
fn number(wanted: &WantedTable, column: &WantedColumn, live: Option<&Column>) -> Option<String> {
    let WantedTable { name, named_by, .. } = wanted;
    let (column_name, type_) = (&column.name, column.type_);
    match live {
        None => Some(format!(
            "the existing table {name} has no column {column_name} that numbers its rows; add it as \
             {type_} GENERATED ALWAYS AS IDENTITY, or choose another {named_by}"
        )),
        Some(live) if !NUMBERS.contains(&live.type_.as_str()) => Some(format!(
            "column {column_name} of the existing table {name} is {}, and numbers of rows are {}; \
             change the column, or choose another name for it or for the table",
            live.type_,
            NUMBERS.join(" or ")
        )),
        Some(live) if !live.has_default => Some(format!(
            "column {column_name} of the existing table {name} does not number the rows by itself; \
             make it GENERATED ALWAYS AS IDENTITY, or choose another name for it or for the table"
        )),
        Some(_) => None,
    }
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
