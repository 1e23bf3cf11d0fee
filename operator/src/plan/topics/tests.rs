use std::borrow::Cow;

use sensorstream_crds::input::Topic as Declared;

use super::*;

fn declared(partitions: i32, config: &[(&str, &str)]) -> Declared {
    Declared {
        name: "readings".into(),
        partitions,
        replication_factor: None,
        config: config
            .iter()
            .map(|(k, v)| ((*k).into(), (*v).into()))
            .collect(),
    }
}

fn wanted(declared: Declared) -> WantedTopic<'static> {
    WantedTopic {
        purpose: wanted::Purpose::Enriched,
        declared: Cow::Owned(declared),
    }
}

fn live(partitions: i32, config: &[(&str, &str)]) -> Topic {
    Topic {
        id: "id".into(),
        partitions,
        leaderless: Vec::new(),
        config: config
            .iter()
            .map(|(k, v)| ((*k).into(), (*v).into()))
            .collect(),
    }
}

#[test]
fn a_missing_topic_is_made_with_the_brokers_clock() {
    let changes = changes_of(
        &wanted(declared(3, &[("retention.ms", "1000")])),
        None,
        false,
    );
    let [
        TopicChange::Create {
            partitions: 3,
            replication_factor: None,
            config,
            ..
        },
    ] = &changes[..]
    else {
        panic!("{changes:?}");
    };
    assert_eq!(config[TIMESTAMP_TYPE], LOG_APPEND_TIME);
    assert_eq!(config["retention.ms"], "1000");
}

#[test]
fn a_topic_of_ours_grows_and_takes_only_the_settings_named() {
    let live = live(
        1,
        &[
            (TIMESTAMP_TYPE, LOG_APPEND_TIME),
            ("retention.ms", "5"),
            ("x", "y"),
        ],
    );
    let changes = changes_of(
        &wanted(declared(2, &[("retention.ms", "1000")])),
        Some(&live),
        true,
    );
    let set = BTreeMap::from([("retention.ms".to_owned(), "1000".to_owned())]);
    assert_eq!(
        changes,
        [
            TopicChange::Grow {
                name: "readings".into(),
                partitions: 2
            },
            TopicChange::Configure {
                name: "readings".into(),
                set
            },
        ]
    );
}

#[test]
fn a_topic_of_others_is_left_alone() {
    let live = live(1, &[(TIMESTAMP_TYPE, "CreateTime")]);
    assert_eq!(
        changes_of(
            &wanted(declared(2, &[("retention.ms", "1")])),
            Some(&live),
            false
        ),
        []
    );
}

#[test]
fn a_larger_topic_and_settings_written_otherwise_are_no_drift() {
    let live = live(
        9,
        &[
            (TIMESTAMP_TYPE, LOG_APPEND_TIME),
            ("preallocate", "true"),
            ("min.cleanable.dirty.ratio", "0.5"),
        ],
    );
    let declared = declared(
        3,
        &[
            ("preallocate", "TRUE"),
            ("min.cleanable.dirty.ratio", " 0.50"),
        ],
    );
    assert_eq!(changes_of(&wanted(declared), Some(&live), true), []);
}

#[test]
fn the_link_topic_keeps_the_partitions_that_it_was_made_with() {
    let mut link = wanted(declared(5, &[]));
    link.purpose = wanted::Purpose::Link;
    let live = live(3, &[(TIMESTAMP_TYPE, LOG_APPEND_TIME)]);
    assert_eq!(changes_of(&link, Some(&live), true), []);
}
