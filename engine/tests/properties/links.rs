//! Windows over several partitions: what the first stage sends and the second merges is what the
//! definition says, whatever the batches are, in whatever order the messages come, and wherever the
//! second stage is stopped and resumed.

use std::sync::Arc;

use proptest::prelude::*;
use sensorstream_engine::{BUCKETS, Engine, Link, Merger, Plan, Range, WindowStart};

use crate::{
    generate,
    log::{Entry, SECOND},
    oracle::{self, Offered},
    spec::Spec,
    table::{self, Table},
};

/// Where a partition's log is cut into ranges.
#[derive(Clone, Debug)]
struct Cut {
    /// Readings in the range.
    readings: usize,
    /// Afterwards the partition is idle, and its watermark is raised to this time in seconds.
    idle: Option<i64>,
}

fn cuts() -> impl Strategy<Value = Vec<Cut>> {
    let idle = prop::option::weighted(0.1, 999_980_i64..1_000_050);
    let cut = (0_usize..12, idle).prop_map(|(readings, idle)| Cut { readings, idle });
    prop::collection::vec(cut, 0..20)
}

/// What one partition sends: for each range, its messages.
struct Sent {
    ranges: Vec<Vec<Vec<u8>>>,
}

const SERIES: i64 = 1;

/// What one shard of the first stage sends. Its readings and the watermarks before them go to
/// `offered`; its last watermark is the answer.
fn send<'l>(
    plan: &Arc<Plan>,
    spec: &Spec,
    log: &'l [Entry],
    cuts: &[Cut],
    link: Link,
    offered: &mut Vec<Offered<'l>>,
) -> (Sent, Option<i64>) {
    let new = |watermark| Engine::new(plan.clone(), watermark, &spec.starts, 0).with_link(link);
    let mut engine = new(None);
    let mut ranges = Vec::new();
    let (mut number, mut from, mut floor) = (0_usize, 0, None);
    // The last range has what is left.
    let rest = Cut {
        readings: usize::MAX,
        idle: None,
    };
    for cut in cuts.iter().chain([&rest]) {
        let upto = log.len().min(number.saturating_add(cut.readings));
        let range = &log[number..upto];
        // Another owner begins here.
        let mut again = new(engine.watermark());
        again.raise_link_watermark(floor);
        for entry in range {
            let before = oracle::watermark(spec, log, number).max(floor);
            offered.push(Offered { entry, before });
            let verdict = engine.process(entry.offset, entry.time, &entry.values);
            let late = verdict.late.to_vec();
            assert_eq!(
                again.process(entry.offset, entry.time, &entry.values).late,
                late
            );
            number += 1;
        }
        let to = range.last().map_or(from, |entry| entry.offset + 1);
        let range = Range {
            series: SERIES,
            from,
            to,
        };
        let messages = engine.end_range(range);
        assert_eq!(again.end_range(range), messages);
        ranges.push(messages);
        from = to;
        if let Some(idle) = cut.idle {
            floor = floor.max(Some(idle * SECOND));
            engine.raise_link_watermark(floor);
            let nothing = Range {
                series: SERIES,
                from,
                to,
            };
            ranges.push(engine.end_range(nothing));
        }
    }
    (Sent { ranges }, engine.link_watermark())
}

/// What happens to a shard of the second stage after a message.
#[derive(Clone, Debug)]
enum Step {
    Nothing,
    Commit { open_rows: usize, buckets: u64 },
    Crash,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Nothing),
        3 => (generate::open_rows(), any::<u64>())
            .prop_map(|(open_rows, buckets)| Step::Commit { open_rows, buckets }),
        1 => Just(Step::Crash),
    ];
    prop::collection::vec(step, 0..60)
}

/// An image of a bucket, its offset and how far the sources were there.
type Image = (i64, Vec<u8>, Vec<u8>);

/// Merges a partition of the link topic, stopping and resuming, into the tables.
fn merge(
    plan: &Arc<Plan>,
    sources: usize,
    topic: &[Vec<u8>],
    steps: &[Step],
    tables: &mut [Table],
) {
    let starts = vec![WindowStart::default(); plan.windows().len()];
    let mut images: Vec<Image> = vec![(0, Vec::new(), Vec::new()); BUCKETS.into()];
    let resume = |images: &[Image]| {
        let oldest = images.iter().min_by_key(|image| image.0).unwrap();
        let mut merger = Merger::new(plan.clone(), sources, &oldest.2, &starts, 0).unwrap();
        for (bucket, (offset, image, _)) in images.iter().enumerate() {
            merger.restore(bucket as u16, *offset, image).unwrap();
        }
        (merger, oldest.0)
    };
    let (mut merger, mut next) = resume(&images);
    let mut steps = steps.iter();
    while let Some(message) = topic.get(next as usize) {
        merger.merge(next, message).unwrap();
        next += 1;
        match steps.next() {
            None | Some(Step::Nothing) => {}
            Some(Step::Commit { open_rows, buckets }) => {
                table::apply(plan, tables, &merger.take_changes(*open_rows));
                for bucket in (0..BUCKETS).filter(|bucket| buckets >> bucket & 1 == 1) {
                    images[usize::from(bucket)] = (next, merger.image(bucket), merger.sources());
                }
            }
            Some(Step::Crash) => {
                merger.take_changes(usize::MAX);
                (merger, next) = resume(&images);
            }
        }
    }
    table::apply(plan, tables, &merger.take_changes(usize::MAX));
    assert!(!merger.has_changes());
    assert!(merger.counts().iter().all(|counts| counts.late == 0));
}

proptest! {
    #[test]
    fn no_order_of_messages_makes_a_difference(
        spec in generate::linked_spec(),
        logs in prop::collection::vec((generate::log(), cuts()), 1..4),
        partitions in 1_u16..4,
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..200),
        steps in steps(),
    ) {
        let plan = spec.plan();
        let logs: Vec<(Vec<Entry>, Vec<Cut>)> = logs
            .into_iter()
            .enumerate()
            .map(|(partition, (mut log, cuts))| {
                for entry in &mut log {
                    entry.partition = partition as i32;
                }
                (log, cuts)
            })
            .collect();
        let (mut offered, mut sent, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        for (source, (log, cuts)) in logs.iter().enumerate() {
            let link = Link { source: source as i32, partitions };
            let (messages, end) = send(&plan, &spec, log, cuts, link, &mut offered);
            sent.push(messages);
            ends.push(end);
        }
        let end = ends.into_iter().min().flatten();
        let expected = oracle::windows(&spec, &offered, end);

        let mut tables = table::empty(&plan);
        for partition in 0..usize::from(partitions) {
            // Each partition of the link topic has the messages of a source in order, and now and then
            // one that it had before.
            let mut order = order.iter();
            let mut left: Vec<usize> = vec![0; sent.len()];
            let mut topic = Vec::new();
            loop {
                let open: Vec<usize> = (0..sent.len())
                    .filter(|source| left[*source] < sent[*source].ranges.len())
                    .collect();
                if open.is_empty() {
                    break;
                }
                let choice = order.next().map_or(0, |choice| choice.index(open.len() * 8));
                let source = open[choice % open.len()];
                let range = left[source];
                topic.push(sent[source].ranges[range][partition].clone());
                if choice / open.len() != 7 {
                    left[source] += 1;
                }
            }
            merge(&plan, sent.len(), &topic, &steps, &mut tables);
        }
        oracle::check(&spec, &expected, &tables)?;
    }

    #[test]
    fn damaged_messages_are_refused_or_read(
        spec in generate::linked_spec(),
        log in generate::log(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let plan = spec.plan();
        let link = Link { source: 0, partitions: 1 };
        let (sent, _) = send(&plan, &spec, &log, &[], link, &mut Vec::new());
        let mut message = sent.ranges[0][0].clone();
        for (place, byte) in damage {
            let place = place.index(message.len());
            message[place] = byte;
        }
        let starts = vec![WindowStart::default(); plan.windows().len()];
        let mut merger = Merger::new(plan, 1, &[], &starts, 0).unwrap();
        if merger.merge(0, &message).is_ok() {
            merger.take_changes(usize::MAX);
        }
    }
}
