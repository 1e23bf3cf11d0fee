//! What windows and rules come to by definition, computed from the whole log at once.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use sensorstream_crds::windows::{Aggregate, EmitMode, OnLate, SessionEnd, Window};
use sensorstream_engine::{Counts, Engine, RuleCounts, WindowChanges, WindowCounts};
use sensorstream_expressions::Value;

use crate::{
    generate,
    log::{Entry, SECOND},
    spec::{FIELDS, Spec, place},
    table::{self, Datum},
};

/// What a log comes to.
#[derive(Debug, Default)]
pub struct Expected {
    /// Of each window, the rows by their keys; each with the readings it is of.
    pub rows: Vec<BTreeMap<String, Row>>,
    /// Of each reading, which windows leave it out and which rules it is an alert of.
    pub verdicts: Vec<(Vec<usize>, Vec<usize>)>,
    pub counts: Counts,
}

/// A row: its own cells and the readings in it.
#[derive(Debug)]
pub struct Row {
    before_aggregates: Vec<Datum>,
    readings: Vec<Entry>,
}

/// A reading, and where the watermark that it is late by stood before it.
#[derive(Clone, Copy)]
pub struct Offered<'a> {
    pub entry: &'a Entry,
    pub before: Option<i64>,
}

/// What one partition's log comes to.
pub fn expected(spec: &Spec, log: &[Entry]) -> Expected {
    let offered: Vec<_> = (0..log.len())
        .map(|number| Offered {
            entry: &log[number],
            before: watermark(spec, log, number),
        })
        .collect();
    let mut expected = windows(spec, &offered, watermark(spec, log, log.len()));
    alerts(spec, log, &mut expected);
    expected
}

/// What readings come to in windows. `end` is the watermark that they close by in the end.
pub fn windows(spec: &Spec, log: &[Offered<'_>], end: Option<i64>) -> Expected {
    let mut expected = Expected {
        verdicts: vec![Default::default(); log.len()],
        ..Default::default()
    };
    for (index, window) in spec.windows.iter().enumerate() {
        let from = spec.starts[index].from;
        let taken = match window.session {
            None => instances(window, from, log, end),
            Some(_) => sessions(window, from, log, end),
        };
        expected.counts.windows.push(WindowCounts {
            offered: taken.offered,
            late: taken.late.iter().map(|(_, times)| times).sum(),
        });
        if window.on_late == OnLate::DeadLetter {
            for (reading, _) in &taken.late {
                expected.verdicts[*reading].0.push(index);
            }
        }
        expected.rows.push(taken.rows);
    }
    expected
}

fn alerts(spec: &Spec, log: &[Entry], expected: &mut Expected) {
    for (index, rule) in spec.rules.iter().enumerate() {
        let mut counts = RuleCounts::default();
        let mut caused: BTreeMap<(String, i64), u32> = BTreeMap::new();
        for (number, entry) in log.iter().enumerate() {
            let Value::Integer(21..) = entry.values[place("level")] else {
                continue;
            };
            let allowed = rule.rate_limit.as_ref().is_none_or(|limit| {
                let per = limit.per.get().as_micros() as i64;
                let moment = watermark(spec, log, number).map_or(entry.time, |watermark| {
                    if watermark > entry.time {
                        watermark
                    } else {
                        entry.time
                    }
                });
                let device = format!("{:?}", entry.values[place("device")]);
                let caused = caused.entry((device, moment.div_euclid(per))).or_default();
                *caused += 1;
                *caused <= limit.alerts
            });
            if allowed {
                counts.alerts += 1;
                expected.verdicts[number].1.push(index);
            } else {
                counts.suppressed += 1;
            }
        }
        expected.counts.rules.push(counts);
    }
}

/// The watermark before a reading.
pub fn watermark(spec: &Spec, log: &[Entry], number: usize) -> Option<i64> {
    let newest = log[..number].iter().map(|entry| entry.time).max()?;
    Some(newest - spec.max_delay_ms * 1000)
}

/// What became of the readings offered to a window.
#[derive(Default)]
struct Taken {
    rows: BTreeMap<String, Row>,
    offered: u64,
    /// Readings that were too late, and for how many instances.
    late: Vec<(usize, u64)>,
}

fn satisfies(window: &Window, entry: &Entry) -> bool {
    window.where_.is_none()
        || matches!(entry.values[place("temperature")], Value::Double(number) if number > 0.0)
}

fn group(window: &Window, entry: &Entry) -> Vec<Datum> {
    window
        .group_by
        .iter()
        .map(|name| match name.as_str() {
            "at" => Datum::Time(entry.time),
            name => datum(&entry.values[place(name)]),
        })
        .collect()
}

fn datum(value: &Value<'_>) -> Datum {
    match value {
        Value::Null => Datum::Null,
        Value::Text(text) => Datum::Text(text.to_string()),
        Value::Double(number) => Datum::Double(*number),
        Value::Integer(number) => Datum::Whole((*number).into()),
        Value::Long(number) => Datum::Whole((*number).into()),
        Value::Boolean(truth) => Datum::Boolean(*truth),
        Value::Timestamp(micros) => Datum::Time(*micros),
    }
}

fn instances(
    window: &Window,
    from: Option<i64>,
    log: &[Offered<'_>],
    end_of_log: Option<i64>,
) -> Taken {
    let (size, slide) = match (&window.tumbling, &window.sliding) {
        (Some(tumbling), _) => (&tumbling.size, &tumbling.size),
        (_, Some(sliding)) => (&sliding.size, &sliding.slide),
        _ => unreachable!(),
    };
    let (size, slide) = (
        size.get().as_micros() as i64,
        slide.get().as_micros() as i64,
    );
    let lateness = window.allowed_lateness.get().as_micros() as i64;
    let mut taken = Taken::default();
    for (number, Offered { entry, before }) in log.iter().enumerate() {
        if !satisfies(window, entry) {
            continue;
        }
        let mut late = 0;
        let mut start = (entry.time - size).div_euclid(slide) * slide;
        while start <= entry.time {
            if start + size > entry.time && from.is_none_or(|from| start >= from) {
                taken.offered += 1;
                if before.is_none_or(|before| start + size + lateness > before) {
                    let group = group(window, entry);
                    let mut key = vec![Datum::Time(start)];
                    key.extend(group.clone());
                    let mut cells = vec![Datum::Time(start), Datum::Time(start + size)];
                    cells.extend(group);
                    taken
                        .rows
                        .entry(table::key_of(&key))
                        .or_insert_with(|| Row {
                            before_aggregates: cells,
                            readings: Vec::new(),
                        })
                        .readings
                        .push((*entry).clone());
                } else {
                    late += 1;
                }
            }
            start += slide;
        }
        if late > 0 {
            taken.late.push((number, late));
        }
    }
    taken.rows.retain(|_, row| {
        let Datum::Time(end) = row.before_aggregates[1] else {
            unreachable!()
        };
        window.emit.mode == EmitMode::OnUpdate
            || end_of_log.is_some_and(|last| end + lateness <= last)
    });
    taken
}

fn sessions(
    window: &Window,
    from: Option<i64>,
    log: &[Offered<'_>],
    end_of_log: Option<i64>,
) -> Taken {
    let session = window.session.as_ref().unwrap();
    let gap = session.gap.get().as_micros() as i64;
    let lateness = window.allowed_lateness.get().as_micros() as i64;
    let mut groups: BTreeMap<String, (Vec<Datum>, Vec<Entry>)> = BTreeMap::new();
    let mut taken = Taken::default();
    for (number, Offered { entry, before }) in log.iter().enumerate() {
        if !satisfies(window, entry) || from.is_some_and(|from| entry.time < from) {
            continue;
        }
        taken.offered += 1;
        if before.is_some_and(|before| entry.time + gap + lateness <= before) {
            taken.late.push((number, 1));
            continue;
        }
        let group = group(window, entry);
        let (_, readings) = groups
            .entry(table::key_of(&group))
            .or_insert_with(|| (group, Vec::new()));
        readings.push((*entry).clone());
    }
    for (group, mut readings) in groups.into_values() {
        readings.sort_by_key(|entry| entry.time);
        for readings in readings.chunk_by(|one, next| next.time - one.time <= gap) {
            let (start, last) = (readings[0].time, readings[readings.len() - 1].time);
            let closed = end_of_log.is_some_and(|end| last + 2 * gap + lateness <= end);
            if window.emit.mode == EmitMode::OnClose && !closed {
                continue;
            }
            let end = match session.end {
                SessionEnd::GapEnd => last + gap,
                SessionEnd::LastReading => last,
            };
            let mut cells = group.clone();
            cells.push(Datum::Time(start));
            let key = table::key_of(&cells);
            cells.push(Datum::Time(end));
            if session.columns.duration.is_some() {
                cells.push(Datum::Whole(((end - start) / SECOND).into()));
            }
            let row = Row {
                before_aggregates: cells,
                readings: readings.to_vec(),
            };
            assert!(taken.rows.insert(key, row).is_none());
        }
    }
    taken
}

/// Whether a cell is what an aggregate of readings is.
fn is_aggregate(aggregate: &Aggregate, readings: &[Entry], found: &Datum) -> bool {
    let fields = [
        &aggregate.sum,
        &aggregate.avg,
        &aggregate.min,
        &aggregate.max,
        &aggregate.first,
        &aggregate.last,
        &aggregate.stddev,
    ];
    let field = fields
        .into_iter()
        .flatten()
        .map(|of| &of.field)
        .chain(aggregate.count_distinct.iter().map(|of| &of.field))
        .chain(aggregate.quantile.iter().map(|of| &of.field))
        .next();
    let Some(field) = field else {
        return *found == Datum::Whole(readings.len() as i128);
    };
    let mut readings = readings.to_vec();
    readings.sort_by_key(|entry| (entry.time, entry.partition, entry.offset));
    let values: Vec<&Value<'_>> = readings
        .iter()
        .map(|entry| &entry.values[place(field)])
        .filter(|value| !matches!(value, Value::Null))
        .collect();
    if let Some(distinct) = &aggregate.count_distinct {
        let different: BTreeSet<String> = values.iter().map(|value| format!("{value:?}")).collect();
        let exact = different.len() as i128;
        return match found {
            Datum::Whole(count) if distinct.approximate => {
                (count - exact).abs() <= 1 + exact * 7 / 100
            }
            found => *found == Datum::Whole(exact),
        };
    }
    let whole = FIELDS[place(field)].1 == "integer" || FIELDS[place(field)].1 == "long";
    let mut numbers: Vec<f64> = values
        .iter()
        .filter_map(|value| match value {
            Value::Double(number) => Some(*number),
            Value::Integer(number) => Some((*number).into()),
            Value::Long(number) => Some(*number as f64),
            _ => None,
        })
        .collect();
    let count = numbers.len() as f64;
    if values.is_empty() {
        return *found == Datum::Null;
    }
    if aggregate.first.is_some() {
        return *found == datum(values[0]);
    }
    if aggregate.last.is_some() {
        return *found == datum(values[values.len() - 1]);
    }
    if aggregate.min.is_some() || aggregate.max.is_some() {
        let mut sorted = values.clone();
        sorted.sort_by(|one, two| match (one, two) {
            (Value::Text(one), Value::Text(two)) => one.cmp(two),
            (Value::Double(one), Value::Double(two)) => one.total_cmp(two),
            (Value::Integer(one), Value::Integer(two)) => one.cmp(two),
            (Value::Timestamp(one), Value::Timestamp(two)) => one.cmp(two),
            other => unreachable!("{other:?}"),
        });
        let extreme = if aggregate.min.is_some() {
            0
        } else {
            sorted.len() - 1
        };
        return *found == datum(sorted[extreme]);
    }
    let total: i128 = values
        .iter()
        .map(|value| match value {
            Value::Integer(number) => i128::from(*number),
            Value::Long(number) => i128::from(*number),
            _ => 0,
        })
        .sum();
    if aggregate.sum.is_some() && whole {
        return *found == Datum::Whole(total);
    }
    let sum = if whole {
        total as f64
    } else {
        numbers.iter().sum()
    };
    let mean = sum / count;
    if let Some(quantile) = &aggregate.quantile {
        numbers.sort_by(f64::total_cmp);
        let exact = numbers[(quantile.q.get() * (count - 1.0)) as usize];
        return table::near(found, &Datum::Double(exact), 0.01);
    }
    let exact = if aggregate.sum.is_some() {
        sum
    } else if aggregate.avg.is_some() {
        mean
    } else if numbers.len() < 2 {
        return *found == Datum::Null;
    } else {
        let squares: f64 = numbers.iter().map(|number| (number - mean).powi(2)).sum();
        (squares / (count - 1.0)).sqrt()
    };
    table::near(found, &Datum::Double(exact), 1e-9)
}

/// That tables hold what is expected, and nothing else.
pub fn check(
    spec: &Spec,
    expected: &Expected,
    tables: &[table::Table],
) -> Result<(), TestCaseError> {
    for ((window, rows), table) in spec.windows.iter().zip(&expected.rows).zip(tables) {
        let (wanted, found): (Vec<_>, Vec<_>) = (rows.keys().collect(), table.keys().collect());
        prop_assert_eq!(wanted, found, "rows of {:?}", window);
        for ((key, row), found) in rows.iter().zip(table.values()) {
            let (own, aggregates) = found.split_at(row.before_aggregates.len());
            prop_assert_eq!(&row.before_aggregates[..], own);
            prop_assert_eq!(aggregates.len(), window.aggregates.len());
            for (aggregate, cell) in window.aggregates.iter().zip(aggregates) {
                prop_assert!(
                    is_aggregate(aggregate, &row.readings, cell),
                    "{} of {key} is {cell:?}: {:?}",
                    aggregate.as_,
                    row.readings
                );
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn the_engine_gives_what_the_definition_says(
        spec in generate::spec(),
        log in generate::log(),
        flushes in prop::collection::vec(prop::option::weighted(0.3, generate::open_rows()), 80),
    ) {
        let expected = expected(&spec, &log);
        let plan = spec.plan();
        let mut engine = Engine::new(plan.clone(), None, &spec.starts, 0);
        let mut tables = table::empty(&plan);
        for (number, entry) in log.iter().enumerate() {
            let verdict = engine.process(entry.offset, entry.time, &entry.values);
            let verdict = (verdict.late.to_vec(), verdict.alerts.to_vec());
            prop_assert_eq!(&verdict, &expected.verdicts[number]);
            prop_assert_eq!(engine.watermark(), watermark(&spec, &log, number + 1));
            if let Some(open) = flushes[number] {
                let before = (engine.closed_rows(), engine.open_rows());
                let changes = engine.take_changes(open);
                let taken: usize = changes.iter().map(WindowChanges::rows).sum();
                prop_assert!(taken >= before.0);
                prop_assert_eq!(engine.closed_rows(), 0);
                // Each call comes closer to the end.
                prop_assert!(open > 0 && before.1 > 0 || engine.open_rows() == before.1);
                prop_assert!(open == 0 || before.1 == 0 || engine.open_rows() < before.1);
                prop_assert!(open < usize::MAX || engine.open_rows() == 0);
                prop_assert!(open < usize::MAX || (taken > 0) == (before.0 + before.1 > 0));
                table::apply(&plan, &mut tables, &changes);
            }
        }
        table::apply(&plan, &mut tables, &engine.take_changes(usize::MAX));
        prop_assert_eq!(engine.counts(), &expected.counts);
        check(&spec, &expected, &tables)?;
    }
}
