//! The tables of windows.

use serde_json::{Value, json};

use super::{super::misfits::misfits, *};
use crate::fixtures::with_every_output;

const TIME: &str = "timestamp with time zone";

/// The tables of the windows: by minute, lately, visits.
fn windows() -> Vec<WantedTable> {
    of(&with_every_output()).split_off(1)
}

fn of(pipeline: &SensorPipeline) -> Vec<WantedTable> {
    wanted::tables(&id_of(pipeline), &pipeline.spec).unwrap()
}

/// The table of one tumbling window with these aggregates.
fn by_minute(aggregates: &Value) -> WantedTable {
    let pipeline = environment_with(&json!({ "outputs": { "table": null }, "windows": [{
        "name": "by_minute",
        "tumbling": { "size": "1m" },
        "groupBy": ["sensor_id"],
        "aggregates": aggregates,
    }]}));
    first_of(&pipeline)
}

/// The table that somebody made for [`windows`]' first by hand.
fn by_hand() -> Table {
    Table {
        is_table: true,
        columns: vec![
            column("window_start", TIME, true),
            column("window_end", TIME, true),
            column("sensor_id", "text", true),
            column("readings", "bigint", true),
            column("mean_temperature", "double precision", true),
        ],
        indexes: vec![index(&["sensor_id", "window_start"], true)],
    }
}

#[test]
fn each_window_gets_a_table_with_its_key_and_the_first_brings_the_schema() {
    assert_eq!(
        made_by(&windows(), &Database::default()),
        [
            r#"CREATE SCHEMA IF NOT EXISTS "environment""#,
            r#"CREATE TABLE "environment"."by_minute" ("window_start" timestamp with time zone NOT NULL, "window_end" timestamp with time zone NOT NULL, "sensor_id" text NOT NULL, "readings" bigint, "mean_temperature" double precision, "_partition" integer NOT NULL, PRIMARY KEY ("window_start", "sensor_id"))"#,
            r#"CREATE INDEX ON "environment"."by_minute" ("window_end" DESC)"#,
            r#"CREATE INDEX ON "environment"."by_minute" ("sensor_id", "window_end" DESC)"#,
            r#"CREATE TABLE "environment"."lately" ("window_start" timestamp with time zone NOT NULL, "window_end" timestamp with time zone NOT NULL, "warmest" double precision, "_partition" integer NOT NULL, PRIMARY KEY ("window_start"))"#,
            r#"CREATE INDEX ON "environment"."lately" ("window_end" DESC)"#,
            r#"CREATE TABLE "environment"."visits" ("sensor_id" text NOT NULL, "began" timestamp with time zone NOT NULL, "ended" timestamp with time zone NOT NULL, "lasted" bigint, "_partition" integer NOT NULL, PRIMARY KEY ("sensor_id", "began"))"#,
            r#"CREATE INDEX ON "environment"."visits" ("ended" DESC)"#,
            r#"CREATE INDEX ON "environment"."visits" ("sensor_id", "ended" DESC)"#,
        ]
    );
}

#[test]
fn a_pipeline_without_readings_or_windows_has_no_tables() {
    let alerts_only = environment_with(&json!({ "outputs": { "table": null } }));
    assert_eq!(of(&alerts_only), []);
    assert_eq!(migrations(&[], &Database::default()), []);
}

#[test]
fn a_new_aggregate_adds_a_column_that_may_be_null() {
    let count = json!({ "as": "readings", "count": {} });
    let before = by_minute(&json!([count]));
    let after = by_minute(&json!([count, { "as": "coldest", "min": { "field": "temperature" } }]));
    let key = before.key.iter().map(String::as_str).collect::<Vec<_>>();
    let live = Table {
        is_table: true,
        columns: before
            .columns
            .iter()
            .map(|c| column(&c.name, c.type_, c.presence.refuses_null()))
            .collect(),
        indexes: vec![
            index(&key, true),
            index(&["window_end"], false),
            index(&["sensor_id", "window_end"], false),
        ],
    };
    assert_eq!(steps(&before, live.clone()), []);
    assert_eq!(misfits(&after, &live, true), Vec::<String>::new());
    assert_eq!(
        steps(&after, live.clone()),
        [Migration::AddColumn {
            name: "coldest".into(),
            type_: "double precision",
        }]
    );
    // One that is no longer computed stays, with what was computed so far.
    assert_eq!(steps(&by_minute(&json!([])), live), []);
}

#[test]
fn a_table_made_by_hand_is_widened_to_fit() {
    let wanted = &windows()[0];
    assert_eq!(misfits(wanted, &by_hand(), false), Vec::<String>::new());
    assert_eq!(
        steps(wanted, by_hand()),
        [
            Migration::AddColumn {
                name: "_partition".into(),
                type_: "integer",
            },
            // A mean may be null; the count and the key are always filled in.
            Migration::DropNotNull("mean_temperature".into()),
            Migration::CreateIndex(vec!["window_end".into()]),
            Migration::CreateIndex(vec!["sensor_id".into(), "window_end".into()]),
        ]
    );
}

#[test]
fn a_table_needs_a_unique_index_on_exactly_the_key() {
    let wanted = &windows()[0];
    for indexes in [
        vec![],
        vec![index(&["window_start", "sensor_id"], false)],
        vec![index(&["window_start"], true)],
        vec![index(&["window_start", "sensor_id", "readings"], true)],
        // An index on an expression has no name for it.
        vec![index(&["window_start", ""], true)],
    ] {
        let live = Table {
            indexes: indexes.clone(),
            ..by_hand()
        };
        let found = misfits(wanted, &live, false);
        assert_eq!(found.len(), 1, "{indexes:?}: {found:?}");
        assert!(
            found[0].contains("exactly (window_start, sensor_id)") && found[0].contains("add one"),
            "{found:?}"
        );
    }
}

#[test]
fn a_table_without_the_time_of_the_window_does_not_fit() {
    let mut live = by_hand();
    live.columns.retain(|column| column.name != "window_end");
    let found = misfits(&windows()[0], &live, false);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains("no column window_end") && found[0].contains("name for the window"),
        "{found:?}"
    );
}

#[test]
fn a_column_of_another_type_does_not_fit() {
    let mut live = by_hand();
    live.columns[3].type_ = "integer".into();
    let found = misfits(&windows()[0], &live, true);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("readings") && found[0].contains("needs bigint"));
}
