//! Random specs and logs.

use proptest::prelude::*;
use sensorstream_crds::{rules::Rule, windows::Window};
use sensorstream_engine::WindowStart;
use sensorstream_expressions::Value;
use serde_json::{Value as Json, json};

use crate::{
    log::{Entry, SECOND},
    spec::{Spec, all_aggregates},
};

/// Readings that are out of order, late, tied and with gaps between their offsets.
pub fn log() -> impl Strategy<Value = Vec<Entry>> {
    let text = |pattern: &'static str| pattern.prop_map(|text: String| Value::Text(text.into()));
    let values = (
        text("d[0-3]"),
        text("s[0-1]"),
        optional((-40_i32..40).prop_map(|tenths| Value::Double(f64::from(tenths) / 10.0))),
        optional((-5_i32..50).prop_map(Value::Integer)),
        optional(any::<i64>().prop_map(|total| Value::Long(total >> 20))),
        optional(any::<bool>().prop_map(Value::Boolean)),
        optional(text("[a-e]{0,2}")),
        optional((0_i64..20).prop_map(|seen| Value::Timestamp(seen * SECOND))),
    )
        .prop_map(|(a, b, c, d, e, f, g, h)| vec![a, b, c, d, e, f, g, h]);
    let early = prop_oneof![
        4 => -2_i64..1,
        2 => -12_i64..3,
        1 => -60_i64..40,
    ];
    let step = prop_oneof![6 => Just(0_i64), 3 => 1_i64..3, 1 => 5_i64..20];
    prop::collection::vec((values, 1_i64..3, step, early, 0_i64..2), 1..80).prop_map(|entries| {
        let (mut offset, mut now) = (0, 1_000_000);
        entries
            .into_iter()
            .map(|(mut values, gap, step, early, half)| {
                offset += gap;
                now += step;
                let time = (now + early) * SECOND + half * SECOND / 2;
                values.push(Value::Timestamp(time));
                Entry {
                    partition: 0,
                    offset,
                    time,
                    values,
                }
            })
            .collect()
    })
}

fn optional(value: impl Strategy<Value = Value<'static>>) -> impl Strategy<Value = Value<'static>> {
    prop_oneof![1 => Just(Value::Null), 4 => value]
}

/// How many rows of open windows are taken at a time.
pub fn open_rows() -> impl Strategy<Value = usize> {
    prop_oneof![Just(0), 1_usize..12, Just(usize::MAX)]
}

/// Some windows and rules of every kind.
pub fn spec() -> impl Strategy<Value = Spec> {
    let from = prop::option::weighted(0.3, 999_990_i64..1_000_060);
    let windows = prop::collection::vec((window(), from), 1..5);
    let rules = prop::collection::vec(rule(), 0..3);
    (windows, rules, 0_i64..8).prop_map(|(windows, rules, delay)| Spec {
        partitioning: "ByKey",
        max_delay_ms: delay * 1500,
        starts: windows
            .iter()
            .map(|(_, from)| WindowStart {
                from: from.map(|from| from * SECOND),
            })
            .collect(),
        windows: windows
            .into_iter()
            .enumerate()
            .map(|(number, (mut window, _))| {
                window.name = format!("window_{number}");
                window
            })
            .collect(),
        rules: rules
            .into_iter()
            .enumerate()
            .map(|(number, mut rule)| {
                rule.name = format!("rule-{number}");
                rule
            })
            .collect(),
    })
}

/// The same with windows that need not be grouped by the key, over partitions that anything may be in.
pub fn linked_spec() -> impl Strategy<Value = Spec> {
    let groups = prop::collection::vec(0..4_usize, 5);
    (spec(), groups).prop_map(|(mut spec, groups)| {
        spec.partitioning = "Unknown";
        spec.rules.clear();
        for (window, choice) in spec.windows.iter_mut().zip(groups) {
            window.group_by = match (choice, &window.session) {
                (0, None) => Vec::new(),
                (0 | 1, _) => vec!["site".into()],
                (2, _) => vec!["device".into()],
                _ => continue,
            };
        }
        spec
    })
}

fn extent() -> impl Strategy<Value = (&'static str, Json)> {
    prop_oneof![
        (1_i64..15).prop_map(|size| ("tumbling", json!({ "size": format!("{size}s") }))),
        (1_i64..6, 1_i64..6).prop_map(|(slide, panes)| {
            let (size, slide) = (format!("{}s", slide * panes), format!("{slide}s"));
            ("sliding", json!({ "size": size, "slide": slide }))
        }),
        (1_i64..12, any::<bool>(), any::<bool>()).prop_map(|(gap, gap_end, duration)| {
            let mut columns = json!({ "start": "began", "end": "ended" });
            if duration {
                columns["duration"] = json!("seconds");
            }
            let end = if gap_end { "GapEnd" } else { "LastReading" };
            let gap = format!("{}ms", gap * 1000 - 500);
            (
                "session",
                json!({ "gap": gap, "end": end, "columns": columns }),
            )
        }),
    ]
}

fn window() -> impl Strategy<Value = Window> {
    let group_by = prop_oneof![
        Just(json!(["device"])),
        Just(json!(["site", "device"])),
        Just(json!(["device", "at"])),
    ];
    let condition = prop::option::weighted(0.3, Just("temperature > 0.0"));
    let lateness = prop_oneof![Just(0_i64), 0_i64..15];
    (extent(), group_by, condition, lateness, any::<[bool; 3]>()).prop_map(
        |((kind, extent), group_by, condition, lateness, [reports, on_close, plain])| {
            let mut window = json!({
                "name": "window",
                "groupBy": group_by,
                "allowedLateness": format!("{lateness}s"),
                "onLate": if reports { "DeadLetter" } else { "Drop" },
                "emit": { "mode": if on_close { "OnClose" } else { "OnUpdate" } },
            });
            window[kind] = extent;
            if let Some(condition) = condition {
                window["where"] = json!(condition);
            }
            window["aggregates"] = match (plain, kind) {
                (true, "session") => json!([]),
                (true, _) => json!([{ "as": "readings", "count": {} }]),
                (false, _) => all_aggregates(),
            };
            serde_json::from_value(window).unwrap()
        },
    )
}

fn rule() -> impl Strategy<Value = Rule> {
    let limit = prop::option::weighted(0.7, (1_u32..4, 1_i64..20));
    limit.prop_map(|limit| {
        let mut rule = json!({ "name": "rule", "when": "level > 20" });
        if let Some((alerts, per)) = limit {
            rule["rateLimit"] = json!({ "alerts": alerts, "per": format!("{per}s") });
        }
        serde_json::from_value(rule).unwrap()
    })
}
