//! Against the interpreter of the `cel` crate: where both have a result, it is the same.

use cel::{Context, Program, Value as Cel};
use proptest::prelude::*;
use sensorstream_expressions::{Kind, Predicate, Symbol, Value};

const FIELDS: [(&str, Kind); 7] = [
    ("name", Kind::Text),
    ("site", Kind::Text),
    ("level", Kind::Double),
    ("count", Kind::Integer),
    ("total", Kind::Long),
    ("active", Kind::Boolean),
    ("ts", Kind::Timestamp),
];

fn fields() -> Vec<Symbol> {
    FIELDS
        .iter()
        .map(|(name, kind)| Symbol {
            name: (*name).to_owned(),
            kind: *kind,
            optional: true,
        })
        .collect()
}

fn value(kind: Kind) -> BoxedStrategy<Value<'static>> {
    let present = match kind {
        Kind::Text => text().prop_map(|text| Value::Text(text.into())).boxed(),
        Kind::Double => double().prop_map(Value::Double).boxed(),
        Kind::Integer => prop_oneof![-3..4_i32, any::<i32>()]
            .prop_map(Value::Integer)
            .boxed(),
        Kind::Long => whole().prop_map(Value::Long).boxed(),
        Kind::Boolean => any::<bool>().prop_map(Value::Boolean).boxed(),
        Kind::Timestamp => (0..4_i64)
            .prop_map(|minute| Value::Timestamp(minute * 60_000_000))
            .boxed(),
    };
    prop_oneof![4 => present, 1 => Just(Value::Null)].boxed()
}

fn reading() -> impl Strategy<Value = Vec<Value<'static>>> {
    FIELDS.map(|(_, kind)| value(kind)).to_vec()
}

fn text() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "a", "ab", "b", "x'y", "a\"b"]).prop_map(str::to_owned)
}

/// Halves, so that sums and products have one representation.
fn double() -> impl Strategy<Value = f64> {
    (-6..7_i32).prop_map(|halves| f64::from(halves) / 2.0)
}

fn whole() -> impl Strategy<Value = i64> {
    prop_oneof![4 => -3..4_i64, 1 => Just(i64::MAX), 1 => Just(i64::MIN + 1)]
}

fn text_source() -> BoxedStrategy<String> {
    prop_oneof![
        Just("name".to_owned()),
        Just("site".to_owned()),
        text().prop_map(|text| format!("{text:?}")),
    ]
    .boxed()
}

fn numbers(
    literal: BoxedStrategy<String>,
    fields: Vec<&'static str>,
    operators: Vec<&'static str>,
    // The interpreter panics at the sign of the least whole number.
    negation: &'static str,
) -> BoxedStrategy<String> {
    let field = prop::sample::select(fields).prop_map(str::to_owned);
    prop_oneof![literal, field]
        .prop_recursive(3, 8, 2, move |inner| {
            let operator = prop::sample::select(operators.clone());
            prop_oneof![
                3 => (inner.clone(), operator, inner.clone())
                    .prop_map(|(left, sign, right)| format!("({left} {sign} {right})")),
                1 => inner.clone().prop_map(move |number| format!("({negation}({number}))")),
                1 => (inner.clone(), inner)
                    .prop_map(|(yes, no)| format!("(active ? {yes} : {no})")),
            ]
        })
        .boxed()
}

fn whole_source() -> BoxedStrategy<String> {
    let literal = prop_oneof![
        whole().prop_map(|number| number.to_string()),
        text_source().prop_map(|text| format!("size({text})")),
    ];
    numbers(
        literal.boxed(),
        vec!["count", "total"],
        vec!["+", "-", "*", "/", "%"],
        "0 - ",
    )
}

fn double_source() -> BoxedStrategy<String> {
    let literal = prop_oneof![
        double().prop_map(|number| format!("{number:?}")),
        Just("double(count)".to_owned()),
        // Never by zero: to the interpreter the order of NaN is an error, here it is IEEE's.
        Just("(level / -0.5)".to_owned()),
    ];
    numbers(literal.boxed(), vec!["level"], vec!["+", "-", "*"], "-")
}

fn time_source() -> BoxedStrategy<String> {
    prop_oneof![
        Just("ts".to_owned()),
        (0..4).prop_map(|minute| format!("timestamp(\"1970-01-01T00:0{minute}:00Z\")")),
        (0..4).prop_map(|minutes| format!("(ts + duration(\"{minutes}m\"))")),
        (0..4).prop_map(|minutes| format!("(ts - duration(\"{minutes}m\"))")),
    ]
    .boxed()
}

fn span_source() -> BoxedStrategy<String> {
    prop_oneof![
        (time_source(), time_source()).prop_map(|(left, right)| format!("({left} - {right})")),
        (-3..4).prop_map(|minutes| format!("duration(\"{minutes}m\")")),
    ]
    .boxed()
}

fn condition_source() -> BoxedStrategy<String> {
    let relation = || prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let compared = move |left: BoxedStrategy<String>, right: BoxedStrategy<String>| {
        (left, relation(), right).prop_map(|(left, sign, right)| format!("{left} {sign} {right}"))
    };
    // To the interpreter 1 == 1.0 is false, against the language's definition.
    let order = prop::sample::select(vec!["<", "<=", ">", ">="]);
    let mixed = (whole_source(), order, double_source(), any::<bool>()).prop_map(
        |(whole, sign, double, exchanged)| {
            if exchanged {
                format!("{double} {sign} {whole}")
            } else {
                format!("{whole} {sign} {double}")
            }
        },
    );
    let nullable = prop::sample::select(FIELDS.map(|(name, _)| name).to_vec());
    let equality = prop::sample::select(vec!["==", "!="]);
    let part = prop::sample::select(vec!["startsWith", "endsWith", "contains", "matches"]);
    let leaf = prop_oneof![
        2 => compared(whole_source(), whole_source()),
        2 => compared(double_source(), double_source()),
        1 => mixed,
        2 => compared(text_source(), text_source()),
        1 => compared(time_source(), time_source()),
        1 => compared(span_source(), span_source()),
        1 => (nullable, equality).prop_map(|(field, sign)| format!("{field} {sign} null")),
        // The interpreter finds nothing in null; in CEL null has no such methods.
        1 => (text_source(), part, prop::sample::select(vec!["a", "b", ""])).prop_map(
            |(text, test, part)| format!("({text} != null && {text}.{test}(\"{part}\"))")
        ),
        1 => (text_source(), prop::collection::vec(text(), 1..4))
            .prop_map(|(text, list)| format!("{text} in {list:?}")),
        1 => (whole_source(), prop::collection::vec(whole(), 1..4))
            .prop_map(|(number, list)| format!("{number} in {list:?}")),
        1 => (double_source(), prop::collection::vec(double(), 1..4))
            .prop_map(|(number, list)| format!("{number} in {list:?}")),
        1 => Just("active".to_owned()),
        1 => any::<bool>().prop_map(|truth| truth.to_string()),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            2 => (inner.clone(), inner.clone()).prop_map(|(l, r)| format!("({l} && {r})")),
            2 => (inner.clone(), inner.clone()).prop_map(|(l, r)| format!("({l} || {r})")),
            1 => inner.clone().prop_map(|part| format!("!({part})")),
            1 => (inner.clone(), inner.clone()).prop_map(|(l, r)| format!("({l}) == ({r})")),
            1 => (inner.clone(), inner.clone(), inner)
                .prop_map(|(condition, yes, no)| format!("({condition} ? {yes} : {no})")),
        ]
    })
    .boxed()
}

fn as_cel(value: &Value<'_>) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Text(text) => text.as_ref().into(),
        Value::Double(number) => Cel::Float(*number),
        Value::Integer(number) => Cel::Int((*number).into()),
        Value::Long(number) => Cel::Int(*number),
        Value::Boolean(truth) => Cel::Bool(*truth),
        Value::Timestamp(micros) => Cel::Timestamp(
            chrono::DateTime::from_timestamp_micros(*micros)
                .expect("within chrono's years")
                .fixed_offset(),
        ),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_interpreter_agrees(source in condition_source(), values in reading()) {
        prop_assume!(source.len() <= 1024);
        let predicate = Predicate::compile(&source, &fields())
            .map_err(|error| TestCaseError::fail(format!("{source}: {error}")))?;
        let mut context = Context::default();
        for ((name, _), value) in FIELDS.iter().zip(&values) {
            context.add_variable_from_value(*name, as_cel(value));
        }
        let oracle = Program::compile(&source).unwrap().execute(&context);
        match oracle {
            Ok(Cel::Bool(expected)) => {
                prop_assert_eq!(predicate.holds(&values), expected, "{} of {:?}", source, values);
            }
            // A null, or an error: neither holds.
            _ => prop_assert!(!predicate.holds(&values), "{} of {:?}", source, values),
        }
    }

    #[test]
    fn no_text_makes_it_panic(source in "[a-z!=<>&|+*/%?:()\\[\\]{}.,'\"\\\\0-9 \u{e9}-]{0,40}") {
        let _ = Predicate::compile(&source, &fields());
    }
}
