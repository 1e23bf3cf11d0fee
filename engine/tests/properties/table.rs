//! A window's table, as PostgreSQL would hold it.

use std::collections::{BTreeMap, BTreeSet};

use sensorstream_engine::{Column, ColumnRole, Plan, Rows, WindowChanges, WindowPlan};

/// A value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Datum {
    Null,
    Text(String),
    Double(f64),
    Whole(i128),
    Boolean(bool),
    Time(i64),
}

/// Rows by their primary keys.
pub type Table = BTreeMap<String, Vec<Datum>>;

/// A primary key.
pub fn key_of(cells: &[Datum]) -> String {
    format!("{cells:?}")
}

fn datum(column: &Column, row: usize) -> Datum {
    match column {
        Column::Text(values) => values[row].clone().map_or(Datum::Null, Datum::Text),
        Column::Double(values) => values[row].map_or(Datum::Null, Datum::Double),
        Column::Integer(values) => {
            values[row].map_or(Datum::Null, |value| Datum::Whole(value.into()))
        }
        Column::Long(values) => values[row].map_or(Datum::Null, |value| Datum::Whole(value.into())),
        Column::Boolean(values) => values[row].map_or(Datum::Null, Datum::Boolean),
        Column::Timestamp(values) => values[row].map_or(Datum::Null, Datum::Time),
        Column::Numeric(values) => values[row].map_or(Datum::Null, Datum::Whole),
    }
}

fn row(rows: &Rows, number: usize) -> Vec<Datum> {
    rows.columns
        .iter()
        .map(|column| datum(column, number))
        .collect()
}

/// No rows of any window.
pub fn empty(plan: &Plan) -> Vec<Table> {
    plan.windows().iter().map(|_| Table::new()).collect()
}

/// Carries changes out.
pub fn apply(plan: &Plan, tables: &mut [Table], changes: &[WindowChanges]) {
    for ((window, table), changes) in plan.windows().iter().zip(tables).zip(changes) {
        // A statement must not touch a row twice.
        let mut touched = BTreeSet::new();
        for number in 0..changes.deletes.len() {
            let key = key_of(&row(&changes.deletes, number));
            table.remove(&key);
            assert!(touched.insert(key));
        }
        for number in 0..changes.upserts.len() {
            let cells = row(&changes.upserts, number);
            let key = key_of(&key_cells(window, &cells));
            table.insert(key.clone(), cells);
            assert!(touched.insert(key));
        }
    }
}

fn key_cells(window: &WindowPlan, cells: &[Datum]) -> Vec<Datum> {
    assert_eq!(window.columns.len(), cells.len());
    window
        .columns
        .iter()
        .zip(cells)
        .filter(|(column, _)| column.role == ColumnRole::Key)
        .map(|(_, cell)| cell.clone())
        .collect()
}

/// Whether two tables agree, doubles within 1e-9 of their values.
pub fn agree(one: &Table, two: &Table) -> bool {
    one.len() == two.len()
        && one.iter().zip(two).all(|((key, row), (other_key, other))| {
            key == other_key
                && row.len() == other.len()
                && row.iter().zip(other).all(|(one, two)| near(one, two, 1e-9))
        })
}

/// Whether two values are the same, doubles within a share of their values or of a thousandth: where
/// numbers of the size of 1 nearly cancel out, few digits are left to compare.
pub fn near(one: &Datum, two: &Datum, share: f64) -> bool {
    match (one, two) {
        (Datum::Double(one), Datum::Double(two)) => {
            (one - two).abs() <= share * one.abs().max(two.abs()).max(1e-3)
        }
        (one, two) => one == two,
    }
}
