use serde_json::{Value as Json, json};

use super::*;
use crate::rows::ColumnKind;

fn input() -> Input {
    serde_json::from_value(json!({
        "topic": { "name": "readings" },
        "key": "device",
        "fields": [
            { "name": "device", "type": "string" },
            { "name": "at", "type": "timestamp" },
            { "name": "temperature", "type": "double" },
            { "name": "level", "type": "integer" },
            { "name": "status", "type": "string", "required": false }
        ],
        "eventTime": { "field": "at", "maxDelay": "1m" }
    }))
    .unwrap()
}

fn window(change: impl FnOnce(&mut Json)) -> Window {
    let mut window = json!({
        "name": "minutes",
        "tumbling": { "size": "1m" },
        "groupBy": ["device"],
        "aggregates": [
            { "as": "readings", "count": {} },
            { "as": "mean", "avg": { "field": "temperature" } },
            { "as": "levels", "sum": { "field": "level" } },
            { "as": "highest", "max": { "field": "level" } }
        ]
    });
    change(&mut window);
    serde_json::from_value(window).unwrap()
}

fn compile(window: Window) -> Result<Plan, PlanError> {
    Plan::compile(&input(), &[window], &[])
}

fn problem(change: impl FnOnce(&mut Json)) -> String {
    compile(window(change)).unwrap_err().to_string()
}

#[test]
fn the_columns_are_the_tables_in_its_order() {
    let plan = compile(window(|_| {})).unwrap();
    let columns: Vec<(&str, ColumnKind, ColumnRole)> = plan.windows()[0]
        .columns
        .iter()
        .map(|column| (&*column.name, column.kind, column.role))
        .collect();
    assert_eq!(
        columns,
        [
            ("window_start", ColumnKind::Timestamp, ColumnRole::Key),
            ("window_end", ColumnKind::Timestamp, ColumnRole::Value),
            ("device", ColumnKind::Text, ColumnRole::Key),
            ("readings", ColumnKind::Long, ColumnRole::Value),
            ("mean", ColumnKind::Double, ColumnRole::Value),
            ("levels", ColumnKind::Numeric, ColumnRole::Value),
            ("highest", ColumnKind::Integer, ColumnRole::Value),
        ]
    );
}

#[test]
fn a_sessions_columns_are_the_tables_in_its_order() {
    let session = window(|window| {
        window["tumbling"].take();
        window["aggregates"] = json!([]);
        window["session"] = json!({ "gap": "5m", "columns": {
            "start": "began", "end": "ended", "duration": "seconds" } });
    });
    let plan = compile(session).unwrap();
    let columns: Vec<(&str, ColumnKind, ColumnRole)> = plan.windows()[0]
        .columns
        .iter()
        .map(|column| (&*column.name, column.kind, column.role))
        .collect();
    assert_eq!(
        columns,
        [
            ("device", ColumnKind::Text, ColumnRole::Key),
            ("began", ColumnKind::Timestamp, ColumnRole::Key),
            ("ended", ColumnKind::Timestamp, ColumnRole::Value),
            ("seconds", ColumnKind::Long, ColumnRole::Value),
        ]
    );
}

#[test]
fn the_digest_is_of_what_rows_mean_and_of_nothing_else() {
    let digest = |change: fn(&mut Json)| compile(window(change)).unwrap().windows()[0].hash;
    let plain = digest(|_| {});
    for same in [
        (|window| window["emit"] = json!({ "mode": "OnClose", "every": "9s" })) as fn(&mut Json),
        |window| window["onLate"] = json!("DeadLetter"),
        |window| window["retention"] = json!("30d"),
        |window| window["tumbling"]["size"] = json!("60s"),
    ] {
        assert_eq!(digest(same), plain);
    }
    for other in [
        (|window| window["name"] = json!("others")) as fn(&mut Json),
        |window| window["tumbling"]["size"] = json!("2m"),
        |window| window["where"] = json!("level > 3"),
        |window| window["allowedLateness"] = json!("1s"),
        |window| window["groupBy"] = json!([]),
        |window| window["groupBy"] = json!(["device", "at"]),
        |window| window["aggregates"][0]["as"] = json!("n"),
        |window| window["aggregates"][1]["avg"]["field"] = json!("level"),
        |window| {
            window["aggregates"][1] = json!({ "as": "mean", "stddev": { "field": "temperature" } });
        },
    ] {
        assert_ne!(digest(other), plain);
    }
    // State is found by it: should it change, an upgrade would lose every open window.
    assert_eq!(plain, 0x23f4_6662_6624_7e19);
}

#[test]
fn another_field_before_them_changes_no_digest() {
    let mut more = input();
    let extra = serde_json::from_value(json!({ "name": "site", "type": "string" })).unwrap();
    more.fields.insert(0, extra);
    let plan = Plan::compile(&more, &[window(|_| {})], &[]).unwrap();
    assert_eq!(
        plan.windows()[0].hash,
        compile(window(|_| {})).unwrap().windows()[0].hash
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    assert_eq!(
        problem(|window| window["groupBy"] = json!(["sensor"])),
        "window minutes: there is no field sensor"
    );
    assert_eq!(
        problem(|window| window["aggregates"][1]["avg"]["field"] = json!("device")),
        "window minutes: mean can't be computed from device, a string"
    );
    assert_eq!(
        problem(|window| window["aggregates"][0]["sum"] = json!({ "field": "level" })),
        "window minutes: readings is not exactly one aggregate"
    );
    assert_eq!(
        problem(|window| {
            window["tumbling"].take();
            window["sliding"] = json!({ "size": "5m", "slide": "2m" });
        }),
        "window minutes: the size is no multiple of the slide"
    );
    assert_eq!(
        problem(|window| window["sliding"] = json!({ "size": "5m", "slide": "1m" })),
        "window minutes: neither tumbling nor sliding nor session, or several of them"
    );
    assert_eq!(
        problem(|window| window["tumbling"]["size"] = json!("0s")),
        "window minutes: a length of zero"
    );
    assert_eq!(
        problem(|window| window["allowedLateness"] = json!("soon")),
        "window minutes: `soon` is no duration"
    );
    assert_eq!(
        problem(|window| {
            window["aggregates"][0] =
                json!({ "as": "p", "quantile": { "field": "level", "q": "1.5" } });
        }),
        "window minutes: 1.5 is no quantile from 0 to 1"
    );
    assert!(
        problem(|window| window["where"] = json!("level >"))
            .starts_with("window minutes: `level >` at ")
    );
}

#[test]
fn only_alerts_without_a_limit_need_no_state() {
    let rule = |limit: Json| -> Rule {
        serde_json::from_value(json!({
            "name": "hot", "when": "temperature > 85.0", "rateLimit": limit
        }))
        .unwrap()
    };
    let stateless = |windows: &[Window], rules: &[Rule]| {
        Plan::compile(&input(), windows, rules)
            .unwrap()
            .is_stateless()
    };
    assert!(stateless(&[], &[rule(Json::Null)]));
    assert!(!stateless(
        &[],
        &[rule(json!({ "alerts": 1, "per": "1m" }))]
    ));
    assert!(!stateless(&[window(|_| {})], &[]));
}
