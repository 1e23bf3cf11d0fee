//! What expressions say of readings, case by case.

use sensorstream_expressions::{Kind, Predicate, Symbol, Value};

/// 2025-01-31T12:00:00Z.
const NOON: i64 = 1_738_324_800_000_000;

fn fields() -> Vec<Symbol> {
    [
        ("event_type", Kind::Text, false),
        ("temperature_c", Kind::Double, false),
        ("vibration_g", Kind::Double, true),
        ("heart_rate", Kind::Integer, false),
        ("counter", Kind::Long, true),
        ("active", Kind::Boolean, true),
        ("ts", Kind::Timestamp, false),
        ("status", Kind::Text, true),
    ]
    .into_iter()
    .map(|(name, kind, optional)| Symbol {
        name: name.to_owned(),
        kind,
        optional,
    })
    .collect()
}

fn full() -> Vec<Value<'static>> {
    vec![
        Value::Text("page_view".into()),
        Value::Double(85.5),
        Value::Double(0.25),
        Value::Integer(72),
        Value::Long(i64::MAX),
        Value::Boolean(true),
        Value::Timestamp(NOON),
        Value::Text("OK".into()),
    ]
}

fn sparse() -> Vec<Value<'static>> {
    vec![
        Value::Text("purchase é".into()),
        Value::Double(-0.0),
        Value::Null,
        Value::Integer(-7),
        Value::Null,
        Value::Null,
        Value::Timestamp(0),
        Value::Null,
    ]
}

fn holds(source: &str, values: &[Value<'_>]) -> bool {
    Predicate::compile(source, &fields())
        .unwrap_or_else(|error| panic!("{source}: {error}"))
        .holds(values)
}

#[test]
fn each_expression_has_its_outcome() {
    // The expression; whether it holds for the full reading and for the one with nulls.
    let cases = [
        // What people write.
        (r#"event_type == "page_view""#, true, false),
        ("temperature_c > 85.0 || vibration_g > 0.5", true, false),
        ("temperature_c > 85 && vibration_g < 0.5", true, false),
        (r#"status in ["OK", "WARN"] && active"#, true, false),
        // Literals and constants on either side.
        ("true", true, true),
        ("false || !false", true, true),
        ("85 < temperature_c", true, false),
        (r#""OK" != status"#, false, true),
        ("72 == heart_rate", true, false),
        ("heart_rate == 72u && 1u < 2u", true, false),
        ("heart_rate == 0x48", true, false),
        ("temperature_c == 8.55e1", true, false),
        (r"event_type == 'page_view'", true, false),
        (r#"event_type == r"page_view""#, true, false),
        (r#"event_type == """page_view""""#, true, false),
        ("!!active && - -heart_rate == 72", true, false),
        ("active ? false : true ? true : false", false, false),
        ("1 + 2 * 3 - 4 / 2 % 3 == 5 && 1 < 2 == true", true, true),
        ("false && false || true", true, true),
        ("heart_rate in [72,]", true, false),
        (r#"event_type == "page\x5fview""#, true, false),
        ("heart_rate == -7 // a comment", false, true),
        // Whole numbers and doubles by value.
        ("heart_rate == 72.0", true, false),
        ("heart_rate < 72.5 && heart_rate > 71.5", true, false),
        ("counter < 9223372036854775808.0", true, false),
        ("temperature_c == 0", false, true),
        ("temperature_c > heart_rate", true, true),
        ("1 == 1.0 && 1.5 > 1", true, true),
        // Null equals null only, and has no order.
        ("status == null", false, true),
        ("null != status", true, false),
        ("null == null", true, true),
        ("event_type != null", true, true),
        (r#"status != "OK""#, false, true),
        ("counter != 1", true, true),
        ("vibration_g == 0.25", true, false),
        ("vibration_g <= 0.25", true, false),
        ("!(vibration_g > 0.25)", true, false),
        ("status == event_type", false, false),
        ("(active ? status : status) == null", false, false),
        ("(heart_rate > 0 ? status : status) == null", false, true),
        ("active == null || active", true, true),
        ("active == true", true, false),
        ("active != true", false, true),
        ("active", true, false),
        ("!active", false, false),
        ("status in [null]", false, true),
        ("!(counter in [1, 2])", true, true),
        // Errors: absorbed by what decides, otherwise nothing holds.
        ("vibration_g > 0.0 || true", true, true),
        ("true || vibration_g > 0.0", true, true),
        (
            "vibration_g > 1.0 && false || !(vibration_g > 1.0 && false)",
            true,
            true,
        ),
        ("counter + 1 > 0", false, false),
        ("counter + 1 > 0 || heart_rate > 0", true, false),
        ("!(counter + 1 > 0)", false, false),
        ("heart_rate / 0 == 0", false, false),
        ("heart_rate % 0 == 0 || heart_rate == 72", true, false),
        (
            "-(-9223372036854775807 - 1) > 0 || heart_rate > 0",
            true,
            false,
        ),
        ("(-9223372036854775807 - 1) / -1 > 0", false, false),
        // Doubles per IEEE.
        ("1.0 / 0.0 > 1.0e308", true, true),
        ("0.0 / 0.0 == 0.0 / 0.0", false, false),
        ("0.0 / 0.0 != 0.0 / 0.0", true, true),
        ("!(0.0 / 0.0 < 1.0)", true, true),
        ("-temperature_c == 0.0", false, true),
        // Arithmetic.
        (
            "heart_rate * 2 + 1 == 145 && heart_rate - 72 == 0",
            true,
            false,
        ),
        ("heart_rate / 2 == -3 && heart_rate % 2 == -1", false, true),
        ("temperature_c - 0.5 == 85.0", true, false),
        ("double(heart_rate) * 1.5 == 108.0", true, false),
        ("-heart_rate == 7", false, true),
        // Choice.
        (
            "heart_rate > 0 ? temperature_c > 80.0 : temperature_c < 80.0",
            true,
            true,
        ),
        ("(heart_rate > 0 ? 1 : 2) == 2", false, true),
        ("vibration_g > 0.1 ? true : true", true, false),
        // Lists.
        ("heart_rate in [70, 71.5, 72.0]", true, false),
        ("temperature_c in [85, 85.5]", true, false),
        ("temperature_c in [0]", false, true),
        ("heart_rate in [-7]", false, true),
        (r#"ts in [timestamp("2025-01-31T12:00:00Z")]"#, true, false),
        // Strings.
        (r#"event_type.startsWith("page")"#, true, false),
        (
            r#"event_type.endsWith("e") || event_type.endsWith("é")"#,
            false,
            true,
        ),
        (r#"event_type.contains("_")"#, true, false),
        (r#"event_type.matches("^p.*[wé]$")"#, true, true),
        (r#"matches(event_type, "view")"#, true, false),
        (r#"status.startsWith("O")"#, true, false),
        ("size(event_type) == 9", true, false),
        ("event_type.size() == 10", false, true),
        (r#"event_type < "pb""#, true, false),
        ("event_type >= status", true, false),
        // Time.
        (
            r#"ts >= timestamp("2025-01-31T13:00:00+01:00")"#,
            true,
            false,
        ),
        (r#"ts == timestamp("1970-01-01T00:00:00Z")"#, false, true),
        (
            r#"ts - timestamp("2025-01-31T11:00:00Z") > duration("59m")"#,
            true,
            false,
        ),
        (
            r#"ts + duration("1h30m") < timestamp("1970-01-01T01:30:01Z")"#,
            false,
            true,
        ),
        (r#"ts - duration("36h") < ts"#, true, true),
        (r#"duration("1.5s") == duration("1500ms")"#, true, true),
        // A time beyond the year 9999 is an error.
        (r#"ts + duration("90000000h") > ts"#, false, false),
    ];
    for (source, full_expected, sparse_expected) in cases {
        assert_eq!(holds(source, &full()), full_expected, "{source}, full");
        assert_eq!(
            holds(source, &sparse()),
            sparse_expected,
            "{source}, sparse"
        );
    }
}

#[test]
fn long_expressions_compile() {
    for source in [
        format!("active{}", " && active".repeat(400)),
        format!("heart_rate{} > 0", " + 1".repeat(48)),
        format!("{}active{}", "(".repeat(40), ")".repeat(40)),
        format!("{}active", "!".repeat(48)),
    ] {
        assert!(holds(&source, &full()), "{source}");
    }
}

#[test]
fn a_predicate_goes_to_any_thread() {
    fn takes<T: Send + Sync + std::fmt::Debug>() {}
    takes::<Predicate>();
}
