//! The column that numbers the rows.

use serde_json::json;

use super::{super::misfits::misfits, *};

fn numbered() -> WantedTable {
    first_of(&environment_with(
        &json!({ "outputs": { "table": { "identityColumn": "id" } } }),
    ))
}

fn id(type_: &str) -> Column {
    Column {
        has_default: true,
        ..column("id", type_, true)
    }
}

/// The table with this column before the others.
fn with(id: Column) -> Table {
    let mut table = made();
    table.columns.insert(0, id);
    table.indexes.push(index(&["id"], true));
    table
}

#[test]
fn it_comes_first_and_is_the_primary_key() {
    let statements = made_by(&[numbered()], &Database::default());
    assert_eq!(
        statements[1],
        r#"CREATE TABLE "environment"."sensor_data" ("id" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "sensor_id" text NOT NULL, "timestamp" timestamp with time zone NOT NULL, "temperature" double precision NOT NULL, "humidity" double precision NOT NULL, "_partition" integer, "_offset" bigint)"#
    );
    // Nothing else changes.
    let mut without = made_by(&[wanted()], &Database::default());
    without[1] = statements[1].clone();
    assert_eq!(statements, without);
}

#[test]
fn a_table_whose_rows_are_numbered_needs_nothing() {
    // `integer` is what `serial` makes.
    for type_ in ["bigint", "integer"] {
        let live = with(id(type_));
        assert_eq!(steps(&numbered(), live.clone()), []);
        for ours in [true, false] {
            assert_eq!(misfits(&numbered(), &live, ours), Vec::<String>::new());
        }
        // Nor does one whose numbers the spec says nothing of.
        assert_eq!(steps(&wanted(), live.clone()), []);
        assert_eq!(misfits(&wanted(), &live, false), Vec::<String>::new());
    }
}

#[test]
fn a_table_whose_rows_nothing_numbers_does_not_fit() {
    let cases = [
        (
            made(),
            "the existing table environment.sensor_data has no column id that numbers its rows; add it as bigint GENERATED ALWAYS AS IDENTITY, or choose another outputs.table.name",
        ),
        (
            with(id("text")),
            "column id of the existing table environment.sensor_data is text, and numbers of rows are integer or bigint; change the column, or choose another name for it or for the table",
        ),
        (
            with(id("smallint")),
            "column id of the existing table environment.sensor_data is smallint, and numbers of rows are integer or bigint; change the column, or choose another name for it or for the table",
        ),
        (
            with(column("id", "bigint", true)),
            "column id of the existing table environment.sensor_data does not number the rows by itself; make it GENERATED ALWAYS AS IDENTITY, or choose another name for it or for the table",
        ),
    ];
    for (live, problem) in cases {
        // Whoever made it: without numbers no row can be written.
        for ours in [true, false] {
            assert_eq!(misfits(&numbered(), &live, ours), [problem]);
        }
    }
}
