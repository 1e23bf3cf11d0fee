use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn fields() -> Vec<Field> {
    serde_json::from_value(json!([
        { "name": "user_id", "type": "string" },
        { "name": "event_time", "type": "timestamp" },
        { "name": "clicks", "type": "integer", "required": false },
        { "name": "bytes", "type": "long", "required": false },
        { "name": "seconds", "type": "double", "required": false },
        { "name": "mobile", "type": "boolean" },
    ]))
    .unwrap()
}

fn table(window: Value) -> Result<WindowTable, NoTable> {
    WindowTable::of(&serde_json::from_value(window).unwrap(), &fields())
}

/// The columns as the statement that makes the table has them.
fn shown(table: &WindowTable) -> Vec<String> {
    let columns = table.columns.iter();
    columns
        .map(|column| {
            let null = if column.holds.is_required() {
                " NOT NULL"
            } else {
                ""
            };
            format!("{} {}{null}", column.name, column.type_)
        })
        .collect()
}

#[test]
fn a_tumbling_windows_key_is_its_start_and_the_group() {
    let table = table(json!({
        "name": "clicks",
        "tumbling": { "size": "1m" },
        "groupBy": ["user_id", "mobile"],
        "aggregates": [{ "as": "n", "count": {} }],
    }))
    .unwrap();
    assert_eq!(
        shown(&table),
        [
            "window_start timestamp with time zone NOT NULL",
            "window_end timestamp with time zone NOT NULL",
            "user_id text NOT NULL",
            "mobile boolean NOT NULL",
            "n bigint",
            "_partition integer NOT NULL",
        ]
    );
    let key: Vec<&str> = table.key().collect();
    assert_eq!(key, ["window_start", "user_id", "mobile"]);
    assert_eq!(table.end(), "window_end");
}

#[test]
fn a_sliding_window_without_groups_has_one_row_a_start() {
    let table = table(json!({
        "name": "active",
        "sliding": { "size": "5m", "slide": "1m" },
        "aggregates": [{ "as": "users", "countDistinct": { "field": "user_id" } }],
    }))
    .unwrap();
    assert_eq!(table.key().collect::<Vec<_>>(), ["window_start"]);
}

#[test]
fn a_sessions_columns_are_named_as_declared_and_its_group_comes_first() {
    let session = json!({ "gap": "5m", "columns": {
        "start": "began", "end": "ended", "duration": "lasted" } });
    let table = table(json!({ "name": "visits", "session": session, "groupBy": ["user_id"] }));
    let table = table.unwrap();
    assert_eq!(
        shown(&table),
        [
            "user_id text NOT NULL",
            "began timestamp with time zone NOT NULL",
            "ended timestamp with time zone NOT NULL",
            "lasted bigint",
            "_partition integer NOT NULL",
        ]
    );
    assert_eq!(table.key().collect::<Vec<_>>(), ["user_id", "began"]);
    assert_eq!(table.end(), "ended");
}

#[test]
fn a_session_without_names_of_its_own_has_the_usual_ones_and_no_duration() {
    let window = json!({ "name": "visits", "session": { "gap": "5m" }, "groupBy": ["user_id"] });
    let columns = shown(&table(window).unwrap());
    assert_eq!(columns.len(), 4);
    assert!(columns[1].starts_with("session_start ") && columns[2].starts_with("session_end "));
}

#[test]
fn every_aggregate_has_the_type_that_holds_its_values() {
    for (function, field, expected) in [
        ("sum", "clicks", "numeric"),
        ("sum", "bytes", "numeric"),
        ("sum", "seconds", "double precision"),
        ("avg", "clicks", "double precision"),
        ("stddev", "bytes", "double precision"),
        ("min", "clicks", "integer"),
        ("max", "event_time", "timestamp with time zone"),
        ("first", "user_id", "text"),
        ("last", "bytes", "bigint"),
        ("countDistinct", "mobile", "bigint"),
    ] {
        let window = json!({ "name": "w", "tumbling": { "size": "1m" },
            "aggregates": [{ "as": "a", function: { "field": field } }] });
        let column = table(window).unwrap().columns.remove(2);
        assert_eq!(column.type_, expected, "{function} of {field}");
        let counts = function == "countDistinct";
        assert_eq!(column.holds == Holds::Count, counts, "{function}");
    }
    let quantile = json!({ "as": "a", "quantile": { "field": "seconds", "q": "0.99" } });
    let window = json!({ "name": "w", "tumbling": { "size": "1m" }, "aggregates": [quantile] });
    assert_eq!(table(window).unwrap().columns[2].type_, "double precision");
}

#[test]
fn a_window_that_admission_refuses_has_no_table() {
    let nobody = json!({ "name": "w", "tumbling": { "size": "1m" }, "groupBy": ["nobody"] });
    let error = table(nobody).unwrap_err();
    assert_eq!(
        error.to_string(),
        "window w names the field nobody, which input.fields does not have"
    );
    for aggregate in [
        json!({ "as": "a", "avg": { "field": "nobody" } }),
        json!({ "as": "a", "countDistinct": { "field": "nobody" } }),
        json!({ "as": "a" }),
    ] {
        let window =
            json!({ "name": "w", "tumbling": { "size": "1m" }, "aggregates": [aggregate] });
        assert!(table(window.clone()).is_err(), "{window}");
    }
}

proptest! {
    #[test]
    fn every_table_can_be_keyed_kept_and_fenced(
        kind in 0..3_u8,
        groups in proptest::sample::subsequence(vec!["user_id", "mobile", "bytes"], 0..=3),
        aggregates in 0..5_usize,
    ) {
        let mut window = json!({
            "name": "w",
            "groupBy": groups,
            "aggregates": (0..aggregates)
                .map(|n| json!({ "as": format!("a{n}"), "count": {} })).collect::<Vec<_>>(),
        });
        let (member, value) = match kind {
            0 => ("tumbling", json!({ "size": "1m" })),
            1 => ("sliding", json!({ "size": "5m", "slide": "1m" })),
            _ => ("session", json!({ "gap": "5m" })),
        };
        window[member] = value;
        let table = table(window).unwrap();
        prop_assert_eq!(table.key().count(), groups.len() + 1);
        prop_assert!(table.columns.iter().all(|c| !c.holds.is_key() || c.holds.is_required()));
        prop_assert!(table.columns.iter().any(|c| c.name == table.end() && c.holds == Holds::End));
        prop_assert_eq!(&table.columns.last().unwrap().name, PARTITION_COLUMN);
    }
}
