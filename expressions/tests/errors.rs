//! What the person who wrote a wrong expression reads.

use sensorstream_expressions::{Kind, Predicate, Symbol};

fn error(source: &str) -> String {
    let fields = [
        ("temperature_c", Kind::Double, false),
        ("vibration_g", Kind::Double, false),
        ("count", Kind::Long, false),
        ("ts", Kind::Timestamp, false),
        ("status", Kind::Text, true),
        ("active", Kind::Boolean, false),
    ]
    .map(|(name, kind, optional)| Symbol {
        name: name.to_owned(),
        kind,
        optional,
    });
    match Predicate::compile(source, &fields) {
        Ok(predicate) => panic!("{source} compiles: {predicate:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn each_error_says_where_and_what_to_write() {
    for (source, expected) in [
        // Names.
        (
            "temprature_c > 85.0",
            "1:1: there is no field `temprature_c`; did you mean `temperature_c`?",
        ),
        (
            "active &&\n  pressure > 1.0",
            "2:3: there is no field `pressure`; the fields are temperature_c, vibration_g, count, ts, status, active. A text is written in quotes",
        ),
        // Syntax.
        ("temperature_c >", "1:16: the expression ends too early"),
        ("", "1:1: the expression ends too early"),
        ("temperature_c = 85.0", "1:15: write == to compare"),
        ("active and active", "1:8: write && for and"),
        ("active OR active", "1:8: write || for or"),
        ("active & active", "1:8: write && for and"),
        ("temperature_c > 85.0) ", "1:21: `)` can't stand here"),
        (
            "status == \"OK",
            "1:11: this text does not end: close it with the same quote",
        ),
        (
            "count > 9223372036854775808",
            "1:9: 9223372036854775808 is beyond the numbers that there are; write a double, such as 1.0e19",
        ),
        ("(active", "1:8: a `)` is missing"),
        ("not active", "1:1: write ! for not"),
        ("status <> \"OK\"", "1:8: write !="),
        ("active || #", "1:11: `#` can't stand here"),
        (
            "ts > ts - 5m",
            "1:11: `5m` is no number; a span of time is written duration(\"5m\")",
        ),
        (
            "status.matches(\"\\d\")",
            "1:17: there is no such escape; write \\\\ for a backslash, or r\"…\" for a regex",
        ),
        (
            "!!count",
            "1:3: what follows `!` must be true or false, and this is a whole number",
        ),
        // Kinds.
        (
            "temperature_c",
            "1:1: the expression must be true or false, and this is a double",
        ),
        (
            "temperature_c && active",
            "1:1: each side of `&&` must be true or false, and this is a double",
        ),
        (
            "!count",
            "1:2: what follows `!` must be true or false, and this is a whole number",
        ),
        (
            "count ? active : active",
            "1:1: what stands before `?` must be true or false, and this is a whole number",
        ),
        (
            "active ? 1 : 1.0",
            "1:8: both results of `? :` must be of one kind, and these are a whole number and a double",
        ),
        (
            "temperature_c + 1 > 2.0",
            "1:15: `+` needs two numbers of one kind; write 1.0",
        ),
        (
            "temperature_c * count > 2.0",
            "1:15: `*` needs two numbers of one kind; write double(…) around the whole number",
        ),
        (
            "temperature_c % 2.0 == 0.0",
            "1:15: `%` is for whole numbers",
        ),
        (
            "count + 1u > 2",
            "1:7: fields have no unsigned numbers; write 1 for 1u",
        ),
        (
            "status + \"x\" == \"y\"",
            "1:8: `+` of strings is not supported; compare the parts one by one",
        ),
        (
            "ts + 90 > ts",
            "1:4: `+` needs a span of time after a timestamp; write duration(\"90s\")",
        ),
        (
            "-status == \"x\"",
            "1:2: `-` needs a number, and this is a string",
        ),
        (
            "status == 5",
            "1:8: `==` can't compare a string with a whole number: put the constant in quotes",
        ),
        (
            "count == \"5\"",
            "1:7: `==` can't compare a whole number with a string: remove the quotes",
        ),
        (
            "ts > \"2025-01-01T00:00:00Z\"",
            "1:4: `>` can't compare a timestamp with a string: write timestamp(\"2025-01-01T00:00:00Z\")",
        ),
        (
            "ts > 5",
            "1:4: `>` can't compare a timestamp with a whole number: write timestamp(\"2025-01-31T12:00:00Z\")",
        ),
        (
            "status > null",
            "1:8: null has no order for `>`; write `== null` or `!= null`",
        ),
        // Lists.
        ("count in []", "1:7: the list is empty, so nothing is in it"),
        (
            "count in [1, \"a\"]",
            "1:14: every entry of this list must be a number, written out; this is a string",
        ),
        (
            "count in [1, count]",
            "1:14: every entry of this list must be a number, written out; this is a whole number",
        ),
        (
            "count in status",
            "1:7: `in` needs a list of constants: x in [\"a\", \"b\"]",
        ),
        (
            "[1] == [1]",
            "1:1: a list can only stand on the right of `in`",
        ),
        // What is not supported.
        (
            "has(status)",
            "1:1: has() is not supported: compare an optional field with null, as in `status != null`",
        ),
        (
            "status.length() > 1",
            "1:8: `length` is not supported; the functions are size, timestamp, duration and double, and of a string startsWith, endsWith, contains, matches and size",
        ),
        (
            "status.length > 1",
            "1:8: `.length` is not supported: a reading has no members within its fields",
        ),
        (
            "status[0] == \"a\"",
            "1:7: `[…]` is not supported: a reading has no lists",
        ),
        (
            "[1].exists(x, x > 0)",
            "1:5: `exists` is not supported: a reading has no lists",
        ),
        (
            "{1: 2} == {1: 2}",
            "1:1: maps and messages are not supported",
        ),
        (
            "b\"x\" == b\"x\"",
            "1:1: bytes are not supported: remove the b",
        ),
        // Texts within.
        (
            "status.matches(\"a(\")",
            "1:16: this regex does not compile: unclosed group",
        ),
        (
            "status.matches(status)",
            "1:16: matches needs its regex written out in quotes",
        ),
        (
            "startsWith(status, \"a\")",
            "1:1: write it as x.startsWith(\"…\")",
        ),
        (
            "count.startsWith(\"a\")",
            "1:7: startsWith is for strings, and this is a whole number",
        ),
        (
            "ts > timestamp(\"2025-01-01\")",
            "1:16: `2025-01-01` is no timestamp; write it as \"2025-01-31T12:00:00Z\"",
        ),
        (
            "ts - ts > duration(\"1d\")",
            "1:20: `1d` is no duration; write it as \"1h30m\" (units h, m, s, ms)",
        ),
        (
            "ts - ts > duration(\"1ns\")",
            "1:20: `1ns` is finer than microseconds, which no reading is",
        ),
        (
            "status == \"é\" && nope",
            "1:18: there is no field `nope`; the fields are temperature_c, vibration_g, count, ts, status, active. A text is written in quotes",
        ),
    ] {
        assert_eq!(error(source), expected, "{source}");
    }
    let deep = format!("{}active{}", "(".repeat(200), ")".repeat(200));
    assert_eq!(
        error(&deep),
        "1:51: more than 50 parts are within one another; split the expression up"
    );
    let chained = format!("count{} > 0", " + 1".repeat(50));
    assert_eq!(
        error(&chained),
        "1:203: more than 50 parts are within one another; split the expression up"
    );
    let long = format!("active{}", " || active".repeat(410));
    assert_eq!(
        error(&long),
        "1:1: an expression has 4096 bytes at most; split it up"
    );
}
