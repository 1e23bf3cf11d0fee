//! What a simulation makes, checked by a reader that shares no code with it.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use proptest::prelude::*;
use sensorstream_crds::{
    Reason,
    input::{Field, FieldType, Input},
    simulator::Simulator,
};
use serde_json::{Value, json};

use super::{Kind, Simulation, Times};
use crate::process::decode::{Decoder, Scratch};

const NOW: &str = "2025-08-17T12:34:56.789012Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// Fields of every type, with every generator and something to break in every way.
fn every_input() -> Input {
    serde_json::from_value(json!({
        "topic": { "name": "readings" },
        "key": "device",
        "fields": [
            { "name": "device", "type": "string", "maxLength": 12, "from": "deviceId" },
            { "name": "ts", "type": "timestamp" },
            { "name": "temperature", "type": "double", "minimum": -60, "maximum": "250.5" },
            { "name": "vibration", "type": "double", "minimum": "0", "maximum": "0.5" },
            { "name": "pulse", "type": "integer", "minimum": 0, "maximum": 2_147_483_647 },
            { "name": "serial", "type": "long" },
            { "name": "status", "type": "string", "enum": ["OK", "A", "B", "\"ü\\"], "required": false },
            { "name": "charging", "type": "boolean" },
            { "name": "note", "type": "string", "required": false },
            { "name": "level", "type": "integer" },
        ],
        "eventTime": { "field": "ts", "maxDelay": "2m", "maxFutureSkew": "5m" },
    }))
    .unwrap()
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the calls read better with `json!`"
)]
fn every_generator(seed: u32, faults: Value) -> Simulator {
    serde_json::from_value(json!({
        "rate": 10,
        "seed": seed,
        "fields": [
            { "name": "device", "sequence": { "prefix": "MTR-", "count": 7, "width": 3 } },
            { "name": "ts", "now": {} },
            { "name": "temperature", "randomWalk": { "start": 24, "step": "0.4", "minimum": 20, "maximum": 30 } },
            { "name": "vibration", "normal": { "mean": "0.1", "stddev": "0.2", "minimum": 0, "maximum": "0.5", "decimals": 3 } },
            { "name": "pulse", "uniform": { "minimum": 0, "maximum": 400 } },
            { "name": "serial", "normal": { "mean": -1_000_000_000_000_i64, "stddev": 3 } },
            { "name": "status", "choice": { "values": [{ "value": "OK", "weight": 8 }, { "value": "\"ü\\", "weight": 2 }] } },
            { "name": "charging", "constant": { "value": "true" } },
            { "name": "level", "randomWalk": { "start": 50, "step": "0.3", "minimum": 0, "maximum": 100 } },
        ],
        "faults": faults,
    }))
    .unwrap()
}

fn simulation(seed: u32, faults: Value) -> Simulation {
    Simulation::new(&every_input(), &every_generator(seed, faults)).unwrap()
}

/// One thing the independent reader found wrong, and in which field.
type Problem = (Reason, String);

fn problems(input: &Input, record: &[u8]) -> Vec<Problem> {
    let Ok(Value::Object(members)) = serde_json::from_slice::<Value>(record) else {
        return vec![(Reason::NotJson, String::new())];
    };
    let mut found = Vec::new();
    for field in &input.fields {
        let value = members.get(field.member()).unwrap_or(&Value::Null);
        if value.is_null() {
            if field.required {
                found.push((Reason::MissingField, field.name.clone()));
            }
            continue;
        }
        found.extend(
            problems_of_value(field, value)
                .into_iter()
                .map(|reason| (reason, field.name.clone())),
        );
    }
    found
}

fn problems_of_value(field: &Field, value: &Value) -> Vec<Reason> {
    let mut found = Vec::new();
    let number = match field.type_ {
        FieldType::Double => value.as_f64(),
        FieldType::Integer | FieldType::Long => value.as_i64().map(|n| n as f64),
        _ => None,
    };
    let fits = match field.type_ {
        FieldType::String | FieldType::Timestamp => value.is_string(),
        FieldType::Boolean => value.is_boolean(),
        _ => number.is_some(),
    };
    if !fits {
        return vec![Reason::WrongType];
    }
    if let Some(number) = number {
        let below = field
            .minimum
            .as_ref()
            .is_some_and(|minimum| number < minimum.get());
        let above = field
            .maximum
            .as_ref()
            .is_some_and(|maximum| number > maximum.get());
        let too_big = field.type_ == FieldType::Integer && i32::try_from(number as i64).is_err();
        if below || above || too_big {
            found.push(Reason::OutOfRange);
        }
    }
    if let (FieldType::String, Some(text)) = (field.type_, value.as_str()) {
        if field
            .max_length
            .is_some_and(|longest| text.chars().count() > longest as usize)
        {
            found.push(Reason::TooLong);
        }
        if !field.enum_.is_empty() && !field.enum_.iter().any(|allowed| allowed == text) {
            found.push(Reason::OutOfRange);
        }
    }
    if let (FieldType::Timestamp, Some(text)) = (field.type_, value.as_str())
        && text.parse::<Timestamp>().is_err()
    {
        found.push(Reason::BadTimestamp);
    }
    found
}

fn object(record: &[u8]) -> serde_json::Map<String, Value> {
    serde_json::from_slice(record).unwrap()
}

#[test]
fn a_recipe_makes_what_it_says() {
    let mut simulation = simulation(42, json!({}));
    let lines: Vec<String> = (0..8)
        .map(|_| {
            let reading = simulation.next(now());
            let key = String::from_utf8_lossy(reading.key.unwrap()).into_owned();
            format!("{key} {}", String::from_utf8_lossy(reading.value))
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_walk_goes_on_from_the_last_value_of_the_same_key() {
    let mut simulation = simulation(1, json!({}));
    let mut latest: HashMap<String, f64> = HashMap::new();
    let mut moved = false;
    for _ in 0..5_000 {
        let reading = object(simulation.next(now()).value);
        let device = reading["deviceId"].as_str().unwrap().to_owned();
        let temperature = reading["temperature"].as_f64().unwrap();
        let before = latest.insert(device, temperature).unwrap_or(24.0);
        // What is written is rounded to hundredths, at both ends.
        assert!(
            (temperature - before).abs() <= 0.4 + 0.0101,
            "{before} to {temperature}"
        );
        moved |= (temperature - 24.0).abs() > 2.0;
    }
    assert!(moved && latest.len() == 7);
}

#[test]
fn small_steps_of_a_whole_number_add_up() {
    let mut simulation = simulation(3, json!({}));
    let levels = (0..5_000).map(|_| {
        object(simulation.next(now()).value)["level"]
            .as_i64()
            .unwrap()
    });
    let levels: std::collections::BTreeSet<i64> = levels.collect();
    assert!(levels.len() > 3, "{levels:?}");
}

#[test]
fn shares_converge_and_malformed_kinds_come_in_turn() {
    let faults = json!({ "malformed": "6%", "late": "3%", "duplicate": "2%", "fastClock": "1%" });
    let mut simulation = simulation(7, faults);
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    let mut repeated = 0_u64;
    let total = 100_000;
    for _ in 0..total {
        let reading = simulation.next(now());
        *kinds.entry(reading.kind.as_str()).or_default() += 1;
        repeated += u64::from(reading.repeated);
    }
    let malformed: Vec<u64> = [
        "not_json",
        "missing_field",
        "wrong_type",
        "out_of_range",
        "too_long",
        "bad_timestamp",
    ]
    .map(|kind| kinds[kind])
    .to_vec();
    assert!(
        malformed.iter().max().unwrap() - malformed.iter().min().unwrap() <= 1,
        "{malformed:?}"
    );
    for (name, count, share) in [
        ("malformed", malformed.iter().sum(), 0.06),
        ("late", kinds["late"], 0.03),
        ("duplicate", repeated, 0.02),
        ("future", kinds["future"], 0.01),
    ] {
        let found = count as f64 / f64::from(total);
        assert!(
            (found - share).abs() < 0.003,
            "{name}: {found} instead of {share}"
        );
    }
}

#[test]
fn late_and_fast_clock_readings_are_beyond_what_is_allowed() {
    let mut simulation = simulation(9, json!({ "late": "50%", "fastClock": "50%" }));
    for _ in 0..1_000 {
        let reading = simulation.next(now());
        let kind = reading.kind;
        assert_eq!(problems(&every_input(), reading.value), []);
        let time: Timestamp = object(reading.value)["ts"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        let ahead = time.as_second() - now().as_second();
        match kind {
            Kind::Late => assert!((-180..-120).contains(&ahead), "{ahead}"),
            Kind::Future => assert!((3_900..=7_501).contains(&ahead), "{ahead}"),
            other => panic!("{other:?} was not asked for"),
        }
    }
}

#[test]
fn the_processor_refuses_each_reading_for_the_reason_that_is_counted() {
    let faults =
        json!({ "malformed": "60%", "late": "10%", "duplicate": "10%", "fastClock": "10%" });
    let (input, mut simulation) = (every_input(), simulation(11, faults));
    let (decoder, mut scratch) = (Decoder::new(&input), Scratch::default());
    let a_week_ago = Timestamp::new(now().as_second() - 604_800, 0).unwrap();
    for round in 0..10_000 {
        // A clock that is ahead is ahead of the brokers', whatever time the reading is given.
        let event = if round % 2 == 0 { now() } else { a_week_ago };
        let clock = now();
        let reading = simulation.next(Times { event, clock });
        let broker_time = Some(now().as_millisecond());
        let outcome = decoder.decode(Some(reading.value), broker_time, &mut scratch, |_, _| ());
        let found = outcome.err().map(|problem| problem.reason);
        let text = String::from_utf8_lossy(reading.value);
        assert_eq!(found, reading.kind.refused_as(), "{text}");
    }
}

#[test]
fn a_late_reading_is_late_for_its_place_in_the_timeline() {
    let mut simulation = simulation(9, json!({ "late": "100%" }));
    let event = Timestamp::new(now().as_second() - 604_800, 0).unwrap();
    for _ in 0..100 {
        let clock = now();
        let reading = object(simulation.next(Times { event, clock }).value);
        let time: Timestamp = reading["ts"].as_str().unwrap().parse().unwrap();
        let behind = event.as_second() - time.as_second();
        assert!((121..=180).contains(&behind), "{behind}");
    }
}

#[test]
fn kinds_have_one_name_in_labels_and_in_markers() {
    for (number, kind) in Kind::ALL.into_iter().enumerate() {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        assert_eq!(kind as usize, number);
    }
}

#[test]
fn a_generator_that_does_not_suit_its_field_is_refused() {
    let mut simulator = every_generator(1, json!({}));
    let charging = simulator
        .fields
        .iter_mut()
        .find(|field| field.name == "charging")
        .unwrap();
    charging.constant.as_mut().unwrap().value = "perhaps".into();
    let error = Simulation::new(&every_input(), &simulator).unwrap_err();
    assert!(error.to_string().contains("`charging`"), "{error}");
}

proptest! {
    #[test]
    fn the_same_seed_makes_the_same_readings(seed: u32, count in 1_usize..200) {
        let faults = json!({ "malformed": "10%", "late": "10%", "duplicate": "10%", "fastClock": "10%" });
        let (mut one, mut other) = (simulation(seed, faults.clone()), simulation(seed, faults));
        for _ in 0..count {
            prop_assert_eq!(one.next(now()), other.next(now()));
        }
    }

    #[test]
    fn times_are_all_that_depends_on_when_it_runs(seed: u32, later in 0_i64..100_000_000) {
        let faults = json!({ "malformed": "30%", "late": "10%", "fastClock": "10%" });
        let (mut one, mut other) = (simulation(seed, faults.clone()), simulation(seed, faults));
        for _ in 0..50 {
            let moved = Timestamp::new(now().as_second() + later, 0).unwrap();
            let (a, b) = (one.next(now()), other.next(moved));
            prop_assert_eq!((a.kind, a.key), (b.kind, b.key));
            if let (Ok(Value::Object(mut a)), Ok(Value::Object(mut b))) =
                (serde_json::from_slice(a.value), serde_json::from_slice(b.value))
            {
                a.remove("ts");
                b.remove("ts");
                prop_assert_eq!(a, b);
            }
        }
    }

    #[test]
    fn what_is_left_out_changes_nothing_after_it(seed: u32, left_out in 0_u64..200) {
        let faults = json!({ "malformed": "10%", "late": "10%", "duplicate": "10%", "fastClock": "10%" });
        let (mut whole, mut rest) = (simulation(seed, faults.clone()), simulation(seed, faults));
        for _ in 0..left_out {
            whole.next(now());
        }
        rest.skip(left_out);
        for _ in 0..20 {
            prop_assert_eq!(whole.next(now()), rest.next(now()));
        }
    }

    #[test]
    fn a_reading_is_wrong_as_declared_and_in_no_other_way(seed: u32) {
        let input = every_input();
        let mut simulation = simulation(seed, json!({ "malformed": "60%", "duplicate": "10%" }));
        for _ in 0..60 {
            let reading = simulation.next(now());
            let expected: Vec<Reason> = reading.kind.refused_as().into_iter().collect();
            let found: Vec<Reason> = problems(&input, reading.value).into_iter().map(|(reason, _)| reason).collect();
            prop_assert_eq!(found, expected, "{}", String::from_utf8_lossy(reading.value));
            prop_assert!(std::str::from_utf8(reading.value).is_ok());
            prop_assert!(reading.key.unwrap().starts_with(b"MTR-00"));
        }
    }

    #[test]
    fn numbers_keep_to_the_bounds_of_their_field(
        seed: u32,
        bounds in (-1_000_000_000_i64..1_000_000_000, 0_i64..1_000_000_000, 0_u32..=9),
        decimals in 0_u8..=9,
        walk: bool,
    ) {
        let (low, span, places) = bounds;
        let text = |scaled: i64| {
            let scale = 10_i64.pow(places);
            let sign = if scaled < 0 { "-" } else { "" };
            let (whole, rest) = (scaled.abs() / scale, scaled.abs() % scale);
            if places == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{rest:0width$}", width = places as usize) }
        };
        let (minimum, maximum) = (text(low), text(low + span));
        let input: Input = serde_json::from_value(json!({
            "topic": { "name": "t" }, "key": "k",
            "fields": [
                { "name": "k", "type": "double", "minimum": &minimum, "maximum": &maximum },
                { "name": "ts", "type": "timestamp" },
            ],
            "eventTime": { "field": "ts" },
        })).unwrap();
        let generator = if walk {
            json!({ "name": "k", "randomWalk": { "start": &minimum, "step": "12.5", "minimum": &minimum, "maximum": &maximum, "decimals": decimals } })
        } else {
            json!({ "name": "k", "uniform": { "minimum": &minimum, "maximum": &maximum, "decimals": decimals } })
        };
        let simulator: Simulator = serde_json::from_value(json!({
            "rate": 1, "seed": seed, "fields": [generator, { "name": "ts", "now": {} }],
        })).unwrap();
        let mut simulation = Simulation::new(&input, &simulator).unwrap();
        for _ in 0..20 {
            let reading = simulation.next(now());
            prop_assert_eq!(problems(&input, reading.value), []);
        }
    }
}
