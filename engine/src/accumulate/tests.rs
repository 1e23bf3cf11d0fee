//! Every aggregate at once: any order, any merge, and through an image, it comes to the same.

use proptest::prelude::*;

use super::*;

const FUNCTIONS: [Function; 12] = [
    Function::Count,
    Function::Distinct,
    Function::EstimatedDistinct,
    Function::Sum,
    Function::Avg,
    Function::Min,
    Function::Max,
    Function::First,
    Function::Last,
    Function::StdDev,
    Function::Quantile(0.5),
    Function::Quantile(0.99),
];
const KINDS: [Kind; 6] = [
    Kind::Text,
    Kind::Double,
    Kind::Integer,
    Kind::Long,
    Kind::Boolean,
    Kind::Timestamp,
];

/// Every aggregate that has a meaning, over fields in the order of [`KINDS`].
fn all() -> Vec<Aggregate> {
    let mut all = Vec::new();
    for function in FUNCTIONS {
        for (field, kind) in KINDS.into_iter().enumerate() {
            if function.column(kind).is_some() {
                all.push(Aggregate {
                    function,
                    field: (function != Function::Count).then_some((field, kind)),
                });
            }
        }
    }
    all
}

type Row = (i64, [Value<'static>; 6]);

fn row() -> impl Strategy<Value = Row> {
    let null = || Just(Value::Null);
    let text = "[abé]{0,2}".prop_map(|text| Value::Text(text.into()));
    (
        0_i64..6,
        prop_oneof![1 => null(), 4 => text],
        prop_oneof![1 => null(), 4 => (-1e6..1e6).prop_map(Value::Double)],
        prop_oneof![1 => null(), 4 => any::<i32>().prop_map(Value::Integer)],
        prop_oneof![1 => null(), 4 => any::<i64>().prop_map(Value::Long)],
        prop_oneof![1 => null(), 4 => any::<bool>().prop_map(Value::Boolean)],
        prop_oneof![1 => null(), 4 => (0_i64..9).prop_map(Value::Timestamp)],
    )
        .prop_map(|(time, text, double, integer, long, boolean, timestamp)| {
            (time, [text, double, integer, long, boolean, timestamp])
        })
}

fn take(aggregate: &Aggregate, rows: &[(usize, &Row)]) -> Accumulator {
    let mut accumulator = Accumulator::new(aggregate);
    for (offset, (time, values)) in rows {
        let reading = Reading {
            offset: *offset as i64,
            time: *time,
            values,
        };
        accumulator.add(aggregate, &reading);
    }
    accumulator
}

/// Whether two values agree; `scale` is what the summands come to without their signs.
fn agree(one: Cell<'_>, two: Cell<'_>, scale: f64) -> bool {
    match (one, two) {
        (Cell::Double(one), Cell::Double(two)) => {
            (one - two).abs() <= 1e-9 * one.abs().max(two.abs()).max(scale * 1e-9)
        }
        (one, two) => one == two,
    }
}

proptest! {
    #[test]
    fn order_merging_and_images_make_no_difference(
        rows in prop::collection::vec(row(), 0..30),
        order in any::<[prop::sample::Index; 3]>(),
    ) {
        let numbered: Vec<(usize, &Row)> = rows.iter().enumerate().collect();
        let mut shuffled = numbered.clone();
        shuffled.reverse();
        if !rows.is_empty() {
            shuffled.rotate_left(order[0].index(rows.len()));
            let (one, two) = (order[1].index(rows.len()), order[2].index(rows.len()));
            shuffled.swap(one, two);
        }
        let cut = order[0].index(rows.len() + 1);
        let scale = 1e6 * rows.len() as f64;
        for aggregate in all() {
            let straight = take(&aggregate, &numbered);
            let mut merged = take(&aggregate, &shuffled[cut..]);
            let other = take(&aggregate, &shuffled[..cut]);

            let mut writer = Writer::default();
            other.write(&mut writer);
            let bytes = writer.into_bytes();
            let mut reader = Reader::new(&bytes);
            let read = Accumulator::read(&aggregate, &mut reader).unwrap();
            prop_assert_eq!(reader.end(), Ok(()));
            prop_assert_eq!(read.value(&aggregate), other.value(&aggregate));

            merged.merge(&aggregate, &read);
            let (one, two) = (straight.value(&aggregate), merged.value(&aggregate));
            prop_assert!(agree(one, two, scale), "{aggregate:?}: {one:?} {two:?}");
            let cell = one;
            let kind = aggregate.field.map_or(Kind::Long, |(_, kind)| kind);
            prop_assert!(cell.fits(aggregate.function.column(kind).unwrap()));
        }
    }

    #[test]
    fn damaged_bytes_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        for aggregate in all() {
            if let Ok(read) = Accumulator::read(&aggregate, &mut Reader::new(&bytes)) {
                read.value(&aggregate);
                read.heap();
            }
        }
    }
}

#[test]
fn ties_go_to_the_lower_offset_for_first_and_the_higher_for_last() {
    let rows: Vec<Row> = ["a", "b", "c"]
        .map(|text| {
            let mut values = [const { Value::Null }; 6];
            values[0] = Value::Text(text.into());
            (7, values)
        })
        .into();
    let numbered: Vec<(usize, &Row)> = rows.iter().enumerate().collect();
    let value = |function| {
        let aggregate = Aggregate {
            function,
            field: Some((0, Kind::Text)),
        };
        format!("{:?}", take(&aggregate, &numbered).value(&aggregate))
    };
    assert_eq!(value(Function::First), "Text(\"a\")");
    assert_eq!(value(Function::Last), "Text(\"c\")");
}
