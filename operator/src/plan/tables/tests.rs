use sensorstream_crds::runtime::id_of;
use sensorstream_ledger::claims::ClaimKind;
use serde_json::json;

use super::*;
use crate::{
    backends::Column,
    fixtures::{claim, environment, environment_with},
};

fn wanted() -> WantedTable {
    let pipeline = environment();
    WantedTable::of(&id_of(&pipeline), &pipeline.spec)
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
            vec!["timestamp".into()],
            vec!["sensor_id".into(), "timestamp".into()],
        ],
    }
}

fn database(table: Table) -> Database {
    Database {
        schema_exists: true,
        table: Some(table),
        claims: vec![claim(
            ClaimKind::Table,
            "environment.sensor_data",
            "default/environment",
            false,
        )],
        ..Database::default()
    }
}

#[test]
fn a_missing_table_is_made_with_its_schema_and_indexes() {
    let wanted = wanted();
    let sql: Vec<String> = migrations(&wanted, &Database::default())
        .iter()
        .map(|m| m.sql(&wanted.name))
        .collect();
    assert_eq!(
        sql,
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
    assert_eq!(migrations(&wanted(), &database(made())), []);
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
    assert_eq!(migrations(&wanted(), &database(table)), [added]);
}

#[test]
fn a_field_removed_or_made_optional_lets_its_column_be_null() {
    let pipeline = environment_with(&json!({ "simulator": null, "input": { "fields": [
        { "name": "sensor_id", "type": "string" },
        { "name": "timestamp", "type": "timestamp" },
        { "name": "temperature", "type": "double", "required": false },
    ]}}));
    let wanted = WantedTable::of(&id_of(&pipeline), &pipeline.spec);
    assert_eq!(
        migrations(&wanted, &database(made())),
        [
            Migration::DropNotNull("temperature".into()),
            Migration::DropNotNull("humidity".into())
        ]
    );
}

#[test]
fn a_lost_index_is_made_again_and_a_longer_one_serves() {
    let mut table = made();
    table.indexes = vec![vec!["timestamp".into(), "humidity".into()]];
    let missing = Migration::CreateIndex(vec!["sensor_id".into(), "timestamp".into()]);
    assert_eq!(migrations(&wanted(), &database(table)), [missing]);
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

#[test]
fn names_are_quoted_whatever_is_in_them() {
    assert_eq!(
        quoted(r#"a"; DROP TABLE x; --"#),
        r#""a""; DROP TABLE x; --""#
    );
}
