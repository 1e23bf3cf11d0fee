//! Decoding against examples, and against a plain second implementation on top of `serde_json`.

use proptest::prelude::*;
use sensorstream_crds::{Reason, input::Input};
use serde_json::{Value as Json, json};

use super::{
    json::{Members, Token},
    *,
};

fn input() -> Input {
    serde_json::from_value(json!({
        "topic": { "name": "t" },
        "key": "id",
        "fields": [
            { "name": "id", "type": "string", "maxLength": 5 },
            { "name": "ts", "type": "timestamp" },
            { "name": "t", "type": "double", "minimum": "-1.5", "maximum": 100 },
            { "name": "n", "type": "integer", "required": false, "minimum": "0.5" },
            { "name": "big", "type": "long", "required": false },
            { "name": "on", "type": "boolean", "required": false },
            { "name": "status", "type": "string", "required": false, "enum": ["OK", "BAD"], "from": "st" },
        ],
        "eventTime": { "field": "ts", "maxFutureSkew": "5m" },
    }))
    .unwrap()
}

const TIME: &str = "2024-01-01T00:00:00Z";
const TIME_US: i64 = 1_704_067_200_000_000;

fn decode(payload: &[u8]) -> Result<Vec<Value<'static>>, Problem> {
    decode_at(payload, None)
}

fn decode_at(payload: &[u8], broker_ms: Option<i64>) -> Result<Vec<Value<'static>>, Problem> {
    let decoder = Decoder::new(&input());
    decoder.decode(
        Some(payload),
        broker_ms,
        &mut Scratch::default(),
        |values, _| values.iter().map(owned).collect(),
    )
}

fn owned(value: &Value<'_>) -> Value<'static> {
    match value {
        Value::Text(text) => Value::Text(text.clone().into_owned().into()),
        Value::Null => Value::Null,
        Value::Double(number) => Value::Double(*number),
        Value::Integer(number) => Value::Integer(*number),
        Value::Long(number) => Value::Long(*number),
        Value::Boolean(value) => Value::Boolean(*value),
        Value::Timestamp(micros) => Value::Timestamp(*micros),
    }
}

/// A good reading with some members replaced, or taken out where the value is null twice over.
fn reading(changes: &Json) -> Vec<u8> {
    let mut reading = json!({ "id": "a", "ts": TIME, "t": 1.5 });
    for (name, value) in changes.as_object().unwrap() {
        reading[name] = value.clone();
    }
    reading.to_string().into_bytes()
}

fn problem(payload: &[u8]) -> Problem {
    decode(payload).expect_err("no reading")
}

#[test]
fn a_reading_is_its_fields_in_order() {
    let payload = br#" {"big": 9007199254740993, "x": [1, {"y": "}"}], "t": -1.5e0, "on": true,
        "ts": "2024-01-01T01:00:00+01:00", "id": "a\u00e9\ud83d\ude00", "n": 1, "st": "OK"} "#;
    assert_eq!(
        decode(payload).unwrap(),
        [
            Value::Text("aé😀".into()),
            Value::Timestamp(TIME_US),
            Value::Double(-1.5),
            Value::Integer(1),
            Value::Long(9_007_199_254_740_993),
            Value::Boolean(true),
            Value::Text("OK".into()),
        ]
    );
}

#[test]
fn an_optional_field_may_be_absent_or_null() {
    let values = decode(&reading(&json!({ "n": null }))).unwrap();
    assert_eq!(
        values[3..],
        [Value::Null, Value::Null, Value::Null, Value::Null]
    );
}

#[test]
fn each_fault_has_its_reason() {
    let cases = [
        (json!({ "id": null }), Reason::MissingField),
        (json!({ "t": "1.5" }), Reason::WrongType),
        (json!({ "t": [] }), Reason::WrongType),
        (json!({ "id": 5 }), Reason::WrongType),
        (json!({ "ts": 1_704_067_200 }), Reason::WrongType),
        (json!({ "on": 1 }), Reason::WrongType),
        (json!({ "n": 3.0 }), Reason::WrongType),
        (json!({ "t": -1.6 }), Reason::OutOfRange),
        (json!({ "t": 100.1 }), Reason::OutOfRange),
        (json!({ "n": 0 }), Reason::OutOfRange),
        (json!({ "n": 2_147_483_648_i64 }), Reason::OutOfRange),
        (json!({ "st": "ok" }), Reason::OutOfRange),
        (json!({ "id": "\0" }), Reason::OutOfRange),
        (json!({ "id": "äöüßéa" }), Reason::TooLong),
        (json!({ "ts": "yesterday" }), Reason::BadTimestamp),
        (
            json!({ "ts": "1999-12-31T23:59:59Z" }),
            Reason::BadTimestamp,
        ),
    ];
    for (changes, reason) in cases {
        let problem = problem(&reading(&changes));
        assert_eq!(problem.reason, reason, "{changes}: {}", problem.detail);
        let name = changes.as_object().unwrap().keys().next().unwrap();
        let field = if name == "st" { "status" } else { name };
        assert!(
            problem.detail.starts_with(&format!("field `{field}`: ")),
            "{}",
            problem.detail
        );
    }
    // Five characters in ten bytes are not too long.
    decode(&reading(&json!({ "id": "äöüßé" }))).unwrap();
}

#[test]
fn numbers_beyond_their_type_are_out_of_range() {
    for number in ["1e400", "-1e400"] {
        let payload = format!(r#"{{"id":"a","ts":"{TIME}","t":{number}}}"#);
        assert_eq!(
            problem(payload.as_bytes()).reason,
            Reason::OutOfRange,
            "{number}"
        );
    }
    let payload = format!(r#"{{"id":"a","ts":"{TIME}","t":1,"big":9223372036854775808}}"#);
    assert_eq!(problem(payload.as_bytes()).reason, Reason::OutOfRange);
}

#[test]
fn what_is_no_json_object_is_not_json() {
    for payload in [
        &b""[..],
        b"[]",
        b"1",
        b"{",
        b"{}x",
        b"{\"a\":01}",
        b"{\"a\":1,}",
        b"{\"a\" 1}",
        b"nul",
        b"\xff\xfe",
        b"{\"a\":\"\x01\"}",
        b"{\"a\":\"\\ud800\"}",
        b"\xef\xbb\xbf{}",
        b"{'a':1}",
        b"{\"a\":NaN}",
        b"{\"a\":+1}",
        b"{\"a\":.5}",
        b"{\"a\":1.}",
        b"{\"a\":1e}",
    ] {
        let problem = problem(payload);
        assert_eq!(
            problem.reason,
            Reason::NotJson,
            "{payload:?}: {}",
            problem.detail
        );
    }
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(problem(deep.as_bytes()).reason, Reason::NotJson);
}

#[test]
fn the_whole_record_comes_first_then_the_fields_in_order() {
    let payload = br#"{"t":"x","ts":"x","id":7"#;
    assert_eq!(problem(payload).reason, Reason::NotJson);
    let payload = br#"{"t":"x","ts":"x","id":"abcdefgh"}"#;
    assert_eq!(problem(payload).reason, Reason::TooLong);
}

#[test]
fn a_member_is_found_however_its_name_is_written_and_wherever_it_is() {
    let escaped = format!(r#"{{"\u0069d":"a","t" : 1.5,"\u0074s":"{TIME}"}}"#);
    assert_eq!(decode(escaped.as_bytes()), decode(&reading(&json!({}))));
    // A name that begins or ends like another's is none.
    let similar = format!(r#"{{"id":"a","ts":"{TIME}","t2":7,"xt":8,"":9,"t":1.5}}"#);
    assert_eq!(decode(similar.as_bytes()), decode(&reading(&json!({}))));
}

#[test]
fn of_a_member_that_comes_twice_the_last_counts() {
    let payload = format!(r#"{{"id":"a","id":"b","ts":"{TIME}","t":"x","t":1}}"#);
    let values = decode(payload.as_bytes()).unwrap();
    assert_eq!(
        (&values[0], &values[2]),
        (&Value::Text("b".into()), &Value::Double(1.0))
    );
}

#[test]
fn tombstones_and_giants_are_told_apart() {
    let decoder = Decoder::new(&input());
    let mut scratch = Scratch::default();
    let mut reason = |payload: Option<&[u8]>| {
        decoder
            .decode(payload, None, &mut scratch, |_, _| ())
            .unwrap_err()
            .reason
    };
    assert_eq!(reason(None), Reason::Tombstone);
    assert_eq!(
        reason(Some(&vec![b' '; MAX_VALUE_BYTES + 1])),
        Reason::TooLarge
    );
    assert_eq!(reason(Some(&vec![b' '; MAX_VALUE_BYTES])), Reason::NotJson);
}

#[test]
fn a_reading_too_far_ahead_of_the_broker_is_from_the_future() {
    let payload = reading(&json!({}));
    let time_ms = TIME_US / 1_000;
    assert!(decode_at(&payload, Some(time_ms - 300_000)).is_ok());
    let problem = decode_at(&payload, Some(time_ms - 300_001)).unwrap_err();
    assert_eq!(problem.reason, Reason::Future);
    assert!(
        problem.detail.contains("300.001 s ahead"),
        "{}",
        problem.detail
    );
}

#[test]
fn a_problem_leaves_nothing_behind_for_the_next_record() {
    let decoder = Decoder::new(&input());
    let mut scratch = Scratch::default();
    let full = reading(&json!({ "n": 7, "st": "OK", "t": "x" }));
    decoder
        .decode(Some(&full), None, &mut scratch, |_, _| ())
        .unwrap_err();
    let bare = reading(&json!({}));
    decoder
        .decode(Some(&bare), None, &mut scratch, |values, _| {
            assert_eq!(values[3], Value::Null);
            assert_eq!(values[6], Value::Null);
        })
        .unwrap();
}

#[test]
fn details_are_bounded_and_storable() {
    let problem = Problem::new(Reason::NotJson, format!("\0{}", "ä".repeat(500)));
    assert!(problem.detail.len() <= 200 && !problem.detail.contains('\0'));
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>()
            .prop_filter("JSON has no such number", |n| n.is_finite())
            .prop_map(Json::from),
        ".{0,12}".prop_map(Json::from),
        Just(Json::from(TIME)),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            proptest::collection::hash_map(".{0,4}", inner, 0..4)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

/// What the fields say of a reading, worked out from a parsed document.
fn expected(document: &Json) -> Result<(), Reason> {
    let text = |name: &str, limit: usize| match &document[name] {
        Json::Null => Err(Reason::MissingField),
        Json::String(text) if text.chars().count() > limit => Err(Reason::TooLong),
        Json::String(text) if text.contains('\0') => Err(Reason::OutOfRange),
        Json::String(text) => Ok(text.clone()),
        _ => Err(Reason::WrongType),
    };
    text("id", 5)?;
    if text("ts", usize::MAX).map_err(|reason| match reason {
        Reason::OutOfRange => Reason::BadTimestamp,
        other => other,
    })? != TIME
    {
        return Err(Reason::BadTimestamp);
    }
    match &document["t"] {
        Json::Null => Err(Reason::MissingField),
        Json::Number(n) if (-1.5..=100.0).contains(&n.as_f64().unwrap()) => Ok(()),
        Json::Number(_) => Err(Reason::OutOfRange),
        _ => Err(Reason::WrongType),
    }
}

proptest! {
    #[test]
    fn agrees_with_a_plain_implementation(
        id in any_json(), ts in any_json(), t in any_json(), rest in any_json(), good in 0..8_u8
    ) {
        let pick = |bit: u8, good_value: Json, any: Json| if good & bit == 0 { good_value } else { any };
        let document = json!({
            "rest": rest,
            "t": pick(1, json!(1.5), t),
            "id": pick(2, json!("a"), id),
            "ts": pick(4, json!(TIME), ts),
        });
        let outcome = decode(document.to_string().as_bytes());
        prop_assert_eq!(
            outcome.map(drop).map_err(|problem| problem.reason),
            expected(&document),
            "{}", document
        );
    }

    #[test]
    fn accepts_the_json_that_serde_accepts(text in r#"[\[\]{}",:\\0-9eE+.a-fnrtu \t-]{0,40}"#) {
        let document = format!(r#"{{"a":{text}}}"#);
        let mut found = [None];
        let outcome = json::read_object(document.as_bytes(), &Members::new(["a"]), &mut found);
        match serde_json::from_str::<Json>(&document) {
            Ok(_) => prop_assert_eq!(outcome, Ok(()), "{}", document),
            // Numbers that serde can't hold are no syntax errors here.
            Err(error) if error.to_string().contains("number out of range") => {}
            Err(error) => prop_assert!(outcome.is_err(), "{}: {}", document, error),
        }
    }

    #[test]
    fn texts_and_numbers_come_through_unchanged(text in "\\PC{0,40}", number in any::<f64>(), pretty in any::<bool>()) {
        let number = if number.is_finite() { number } else { 0.5 };
        let document = json!({ "a": text, "b": number });
        let written = if pretty { format!("{document:#}") } else { document.to_string() };
        let mut found = [None, None];
        json::read_object(written.as_bytes(), &Members::new(["a", "b"]), &mut found).unwrap();
        prop_assert_eq!(&found[0], &Some(Token::Text(text.into())));
        let Some(Token::Number(digits)) = &found[1] else { panic!("no number") };
        prop_assert_eq!(digits.parse::<f64>().unwrap().to_bits(), number.to_bits());
    }

    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _ = decode(&bytes);
    }

    #[test]
    fn cut_anywhere_a_reading_is_not_json(cut in 1_usize..60) {
        let payload = reading(&json!({ "st": "OK", "n": 12 }));
        let cut = cut.min(payload.len() - 1);
        prop_assert_eq!(problem(&payload[..cut]).reason, Reason::NotJson);
    }
}
