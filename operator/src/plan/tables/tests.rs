//! The table of readings; [`numbers`] has the column that numbers its rows, and [`windows`] the others'.

mod numbers;
mod windows;

use sensorstream_crds::{SensorPipeline, runtime::id_of};
use serde_json::json;

use super::{misfits::misfits, *};
use crate::{
    backends::{Column, Index},
    fixtures::{environment, environment_with},
};

/// The first table that a pipeline wants.
fn first_of(pipeline: &SensorPipeline) -> WantedTable {
    wanted::tables(&id_of(pipeline), &pipeline.spec)
        .unwrap()
        .remove(0)
}

fn wanted() -> WantedTable {
    first_of(&environment())
}

fn index(columns: &[&str], unique: bool) -> Index {
    Index {
        columns: columns.iter().map(|name| (*name).to_owned()).collect(),
        unique,
    }
}

fn column(name: &str, type_: &str, not_null: bool) -> Column {
    Column {
        name: name.into(),
        type_: type_.into(),
        not_null,
        has_default: false,
    }
}

/// The table as the operator makes it for the environment example.
fn made() -> Table {
    Table {
        is_table: true,
        columns: vec![
            column("sensor_id", "text", true),
            column("timestamp", "timestamp with time zone", true),
            column("temperature", "double precision", true),
            column("humidity", "double precision", true),
            column("_partition", "integer", false),
            column("_offset", "bigint", false),
        ],
        indexes: vec![
            index(&["timestamp"], false),
            index(&["sensor_id", "timestamp"], false),
        ],
    }
}

/// The steps that bring a table to where the spec wants it.
fn steps(wanted: &WantedTable, live: Table) -> Vec<Migration> {
    let database = Database {
        schema_exists: true,
        tables: [(wanted.name.clone(), live)].into(),
        ..Database::default()
    };
    let migrations = migrations(std::slice::from_ref(wanted), &database);
    migrations
        .into_iter()
        .flat_map(|migration| migration.steps)
        .collect()
}

/// The statements that make what a pipeline wants.
fn made_by(wanted: &[WantedTable], database: &Database) -> Vec<String> {
    let migrations = migrations(wanted, database);
    migrations.iter().flat_map(TableMigration::sql).collect()
}

#[test]
fn a_missing_table_is_made_with_its_schema_and_indexes() {
    assert_eq!(
        made_by(&[wanted()], &Database::default()),
        [
            r#"CREATE SCHEMA IF NOT EXISTS "environment""#,
            r#"CREATE TABLE "environment"."sensor_data" ("sensor_id" text NOT NULL, "timestamp" timestamp with time zone NOT NULL, "temperature" double precision NOT NULL, "humidity" double precision NOT NULL, "_partition" integer, "_offset" bigint)"#,
            r#"CREATE INDEX ON "environment"."sensor_data" ("timestamp" DESC)"#,
            r#"CREATE INDEX ON "environment"."sensor_data" ("sensor_id", "timestamp" DESC)"#,
        ]
    );
}

#[test]
fn a_table_as_declared_needs_nothing() {
    assert_eq!(steps(&wanted(), made()), []);
    assert_eq!(misfits(&wanted(), &made(), true), Vec::<String>::new());
}

#[test]
fn a_new_field_adds_a_column_that_may_be_null() {
    let mut table = made();
    table.columns.retain(|column| column.name != "humidity");
    let added = Migration::AddColumn {
        name: "humidity".into(),
        type_: "double precision",
    };
    assert_eq!(steps(&wanted(), table), [added]);
}

#[test]
fn a_field_removed_or_made_optional_lets_its_column_be_null() {
    let pipeline = environment_with(&json!({ "simulator": null, "input": { "fields": [
        { "name": "sensor_id", "type": "string" },
        { "name": "timestamp", "type": "timestamp" },
        { "name": "temperature", "type": "double", "required": false },
    ]}}));
    assert_eq!(
        steps(&first_of(&pipeline), made()),
        [
            Migration::DropNotNull("temperature".into()),
            Migration::DropNotNull("humidity".into())
        ]
    );
}

#[test]
fn a_lost_index_is_made_again_and_a_longer_one_serves() {
    let mut table = made();
    table.indexes = vec![index(&["timestamp", "humidity"], false)];
    let missing = Migration::CreateIndex(vec!["sensor_id".into(), "timestamp".into()]);
    assert_eq!(steps(&wanted(), table), [missing]);
}

#[test]
fn a_column_of_another_type_does_not_fit() {
    let mut table = made();
    table.columns[2].type_ = "numeric".into();
    let found = misfits(&wanted(), &table, true);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].contains("temperature") && found[0].contains("is numeric"),
        "{found:?}"
    );
}

#[test]
fn a_column_that_nothing_fills_does_not_fit_unless_the_pipeline_made_it() {
    let mut table = made();
    table.columns.push(column("site", "text", true));
    assert_eq!(misfits(&wanted(), &table, false).len(), 1);
    assert_eq!(misfits(&wanted(), &table, true), Vec::<String>::new());
    table.columns.last_mut().unwrap().has_default = true;
    assert_eq!(misfits(&wanted(), &table, false), Vec::<String>::new());
}

#[test]
fn a_view_does_not_fit() {
    let view = Table {
        is_table: false,
        ..Table::default()
    };
    assert_eq!(misfits(&wanted(), &view, false).len(), 1);
}
