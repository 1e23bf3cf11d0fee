//! Images: compact, and refused when they are damaged.

use proptest::prelude::*;
use sensorstream_engine::{BUCKETS, Engine, ImageError, WindowStart};
use sensorstream_expressions::Value;
use serde_json::json;

use crate::{generate, log::SECOND, oracle, spec::FIELDS, table};

proptest! {
    #[test]
    fn damaged_images_are_refused_or_read(
        spec in generate::spec(),
        log in generate::log(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        keep in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let plan = spec.plan();
        let mut engine = Engine::new(plan.clone(), None, &spec.starts, 0);
        for entry in &log {
            engine.process(entry.offset, entry.time, &entry.values);
        }
        for bucket in 0..BUCKETS {
            let mut image = engine.image(bucket);
            for (place, byte) in &damage {
                let place = place.index(image.len());
                image[place] = *byte;
            }
            if cut {
                image.truncate(keep.index(image.len()));
            }
            let mut restored = Engine::new(plan.clone(), engine.watermark(), &spec.starts, 0);
            if restored.restore(bucket, 0, &image).is_ok() {
                restored.take_changes(usize::MAX);
                restored.image(bucket);
            }
        }
    }

    #[test]
    fn an_engine_of_another_plan_ignores_what_it_does_not_know(
        spec in generate::spec(),
        log in generate::log(),
    ) {
        let mut engine = Engine::new(spec.plan(), None, &spec.starts, 0);
        for entry in &log {
            engine.process(entry.offset, entry.time, &entry.values);
        }
        let mut other = spec.clone();
        for window in &mut other.windows {
            window.name.push_str("_new");
        }
        other.rules.clear();
        let mut fresh = Engine::new(other.plan(), engine.watermark(), &other.starts, 0);
        for bucket in 0..BUCKETS {
            fresh.restore(bucket, 0, &engine.image(bucket)).unwrap();
        }
        prop_assert!(!fresh.has_changes());
        prop_assert_eq!(fresh.open_windows(), 0);
    }

    #[test]
    fn a_window_that_is_added_has_everything_from_its_start_on(
        mut spec in generate::spec(),
        log in generate::log(),
        added in any::<prop::sample::Index>(),
        ages in prop::collection::vec(0..4_usize, usize::from(BUCKETS)),
    ) {
        let added = added.index(log.len());
        let (before, after) = log.split_at(added);
        let mut old = spec.clone();
        old.windows.pop();
        old.starts.pop();
        let mut engine = Engine::new(old.plan(), None, &old.starts, 0);
        let mut images = vec![(0, None, Vec::new()); BUCKETS.into()];
        for (number, entry) in before.iter().enumerate() {
            engine.process(entry.offset, entry.time, &entry.values);
            for (bucket, age) in ages.iter().enumerate() {
                if number + age < added {
                    let image = engine.image(bucket as u16);
                    images[bucket] = (entry.offset + 1, engine.watermark(), image);
                }
            }
        }

        let newest = before.iter().map(|entry| entry.time).max();
        spec.starts.last_mut().unwrap().from = newest.map(|time| time + 1);
        let expected = oracle::expected(&spec, &log);
        let plan = spec.plan();
        let (from, watermark, _) = *images.iter().min_by_key(|image| image.0).unwrap();
        let mut engine = Engine::new(plan.clone(), watermark, &spec.starts, 0);
        for (bucket, (offset, _, image)) in images.iter().enumerate() {
            engine.restore(bucket as u16, *offset, image).unwrap();
        }
        for entry in before.iter().filter(|entry| entry.offset >= from).chain(after) {
            engine.process(entry.offset, entry.time, &entry.values);
        }
        let mut tables = table::empty(&plan);
        table::apply(&plan, &mut tables, &engine.take_changes(usize::MAX));
        let rows: Vec<&String> = expected.rows.last().unwrap().keys().collect();
        prop_assert_eq!(tables.last().unwrap().keys().collect::<Vec<_>>(), rows);
        prop_assert_eq!(engine.counts().windows.last(), expected.counts.windows.last());
    }

    #[test]
    fn once_all_is_closed_and_taken_nothing_is_left(
        mut spec in generate::spec(),
        log in generate::log(),
    ) {
        spec.starts.fill(WindowStart::default());
        let plan = spec.plan();
        let mut engine = Engine::new(plan.clone(), None, &spec.starts, 0);
        for entry in &log {
            engine.process(entry.offset, entry.time, &entry.values);
        }
        let end = log.last().unwrap();
        engine.process(end.offset + 1, end.time + 10_000 * SECOND, &end.values);
        engine.take_changes(usize::MAX);
        // The last reading may be in as many instances as a window has panes.
        prop_assert!(engine.open_windows() <= 5 * spec.windows.len());

        let mut resumed = Engine::new(plan, engine.watermark(), &spec.starts, 0);
        for bucket in 0..BUCKETS {
            resumed.restore(bucket, 0, &engine.image(bucket)).unwrap();
        }
        prop_assert!(!resumed.has_changes());
        prop_assert_eq!(resumed.open_windows(), engine.open_windows());
    }
}

#[test]
fn the_format_of_another_release_is_named() {
    let spec = crate::spec::Spec {
        partitioning: "ByKey",
        max_delay_ms: 0,
        windows: Vec::new(),
        rules: Vec::new(),
        starts: Vec::new(),
    };
    let mut engine = Engine::new(spec.plan(), None, &[], 0);
    let mut image = engine.image(0);
    image[0] = 9;
    assert_eq!(engine.restore(0, 0, &image), Err(ImageError::Version(9)));
}

#[test]
fn an_image_without_a_byte_is_a_bucket_to_which_nothing_has_happened() {
    let spec = crate::spec::Spec {
        partitioning: "ByKey",
        max_delay_ms: 0,
        windows: vec![
            serde_json::from_value(json!({
                "name": "seconds",
                "tumbling": { "size": "1s" },
                "groupBy": ["device"],
                "aggregates": [{ "as": "readings", "count": {} }]
            }))
            .unwrap(),
        ],
        rules: Vec::new(),
        starts: vec![WindowStart::default()],
    };
    let mut engine = Engine::new(spec.plan(), None, &spec.starts, 0);
    for bucket in 0..BUCKETS {
        engine.restore(bucket, 10, &[]).unwrap();
    }
    let mut values = [const { Value::Null }; FIELDS.len() + 1];
    values[0] = Value::Text("d1".into());
    engine.process(9, SECOND, &values);
    assert!(!engine.has_changes());
    assert_eq!(engine.watermark(), Some(SECOND));
    engine.process(10, SECOND, &values);
    assert!(engine.has_changes());
}
