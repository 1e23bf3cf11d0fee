//! An engine that is stopped anywhere and restored from images of different ages gives what one
//! that never stopped gives.

use std::sync::Arc;

use proptest::prelude::*;
use sensorstream_engine::{BUCKETS, Counts, Engine, Plan};

use crate::{
    generate,
    log::Entry,
    oracle,
    spec::Spec,
    table::{self, Table},
};

/// What outlives a crash.
struct Durable {
    tables: Vec<Table>,
    counts: Counts,
    /// Readings below it are counted.
    next_offset: i64,
    /// Of each bucket, the image, its offset and the watermark there.
    images: Vec<(i64, Option<i64>, Vec<u8>)>,
}

/// What happens after a reading.
#[derive(Clone, Debug)]
enum Step {
    Nothing,
    /// Changes are taken and written, and with them the images of some buckets.
    Commit {
        open_rows: usize,
        /// Which buckets: those whose bit is set.
        buckets: u64,
        /// Whether the images were taken before the changes.
        images_first: bool,
    },
    /// Changes are taken, but never written, and the engine is lost.
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Nothing),
        3 => (generate::open_rows(), buckets(), any::<bool>()).prop_map(
            |(open_rows, buckets, images_first)| Step::Commit { open_rows, buckets, images_first }
        ),
        1 => Just(Step::Crash),
    ]
}

fn buckets() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), any::<u64>(), Just(u64::MAX)]
}

fn restore(plan: &Arc<Plan>, spec: &Spec, durable: &Durable) -> (Engine, i64) {
    let oldest = durable.images.iter().min_by_key(|image| image.0).unwrap();
    let mut engine = Engine::new(plan.clone(), oldest.1, &spec.starts, durable.next_offset);
    for (bucket, (offset, _, image)) in durable.images.iter().enumerate() {
        engine.restore(bucket as u16, *offset, image).unwrap();
    }
    (engine, oldest.0)
}

fn commit(engine: &mut Engine, plan: &Plan, durable: &mut Durable, next: i64, step: &Step) {
    let Step::Commit {
        open_rows,
        buckets,
        images_first,
    } = step
    else {
        return;
    };
    let take_images = |engine: &Engine, durable: &mut Durable| {
        for bucket in (0..BUCKETS).filter(|bucket| buckets >> bucket & 1 == 1) {
            durable.images[usize::from(bucket)] = (next, engine.watermark(), engine.image(bucket));
        }
    };
    if *images_first {
        take_images(engine, durable);
    }
    table::apply(plan, &mut durable.tables, &engine.take_changes(*open_rows));
    if !images_first {
        take_images(engine, durable);
    }
}

/// The counts as of a commit: those before the engine was restored, and its own.
fn sum(one: &Counts, two: &Counts) -> Counts {
    let mut sum = one.clone();
    for (sum, two) in sum.windows.iter_mut().zip(&two.windows) {
        sum.offered += two.offered;
        sum.late += two.late;
    }
    for (sum, two) in sum.rules.iter_mut().zip(&two.rules) {
        sum.alerts += two.alerts;
        sum.suppressed += two.suppressed;
    }
    sum
}

fn run(
    spec: &Spec,
    log: &[Entry],
    steps: &[Step],
    expected: &oracle::Expected,
) -> Result<Durable, TestCaseError> {
    let plan = spec.plan();
    let mut engine = Engine::new(plan.clone(), None, &spec.starts, 0);
    let mut durable = Durable {
        tables: table::empty(&plan),
        counts: engine.counts().clone(),
        next_offset: 0,
        images: vec![(0, None, Vec::new()); BUCKETS.into()],
    };
    let mut counted_before = durable.counts.clone();
    let mut place = 0;
    for step in steps {
        let Some(entry) = log.get(place) else {
            break;
        };
        place += 1;
        let next = entry.offset + 1;
        let verdict = engine.process(entry.offset, entry.time, &entry.values);
        let (late, alerts) = &expected.verdicts[place - 1];
        prop_assert_eq!(verdict.late, &late[..]);
        if entry.offset >= durable.next_offset {
            prop_assert_eq!(verdict.alerts, &alerts[..]);
        } else {
            let unlimited = |rule: &&usize| spec.rules[**rule].rate_limit.is_none();
            prop_assert_eq!(
                verdict.alerts.iter().filter(unlimited).collect::<Vec<_>>(),
                alerts.iter().filter(unlimited).collect::<Vec<_>>()
            );
        }
        match step {
            Step::Nothing => {}
            Step::Commit { .. } => {
                commit(&mut engine, &plan, &mut durable, next, step);
                if next > durable.next_offset {
                    durable.counts = sum(&counted_before, engine.counts());
                    durable.next_offset = next;
                }
            }
            Step::Crash => {
                engine.take_changes(usize::MAX);
                let (restored, from) = restore(&plan, spec, &durable);
                engine = restored;
                counted_before = durable.counts.clone();
                place = log.partition_point(|entry| entry.offset < from);
            }
        }
    }
    // No more crashes: to the end.
    for entry in &log[place..] {
        engine.process(entry.offset, entry.time, &entry.values);
    }
    table::apply(&plan, &mut durable.tables, &engine.take_changes(usize::MAX));
    durable.counts = sum(&counted_before, engine.counts());
    Ok(durable)
}

proptest! {
    #[test]
    fn no_crash_makes_a_difference(
        spec in generate::spec(),
        log in generate::log(),
        steps in prop::collection::vec(step(), 0..200),
    ) {
        let expected = oracle::expected(&spec, &log);
        let interrupted = run(&spec, &log, &steps, &expected)?;
        let straight = run(&spec, &log, &[], &expected)?;
        for ((one, two), window) in
            interrupted.tables.iter().zip(&straight.tables).zip(&spec.windows)
        {
            prop_assert!(table::agree(one, two), "{window:?}\n{one:?}\n{two:?}");
        }
        prop_assert_eq!(&interrupted.counts, &expected.counts);
        prop_assert_eq!(&straight.counts, &expected.counts);
        oracle::check(&spec, &expected, &interrupted.tables)?;
    }
}
