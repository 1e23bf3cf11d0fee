//! Topics: made when missing, grown and configured when the pipeline made them, and left
//! exactly as they are when they were there before it.

use std::collections::BTreeMap;

use sensorstream_crds::{PipelineId, input::Topic as Declared};

use super::claims;
use crate::{
    backends::{Database, Topic, Topics},
    validate::ValidPipeline,
};

/// Which clock stamps the records. On topics that the operator makes it is the broker's, so
/// that a reading from a fast clock can be told.
pub const TIMESTAMP_TYPE: &str = "message.timestamp.type";
/// The broker's clock.
pub const LOG_APPEND_TIME: &str = "LogAppendTime";

/// A change to a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicChange {
    /// Make it.
    Create {
        /// Its name.
        name: String,
        /// Number of partitions.
        partitions: i32,
        /// Copies of each record; the cluster's default when `None`.
        replication_factor: Option<i32>,
        /// Its settings.
        config: BTreeMap<String, String>,
    },
    /// Add partitions.
    Grow {
        /// Its name.
        name: String,
        /// How many there should be.
        partitions: i32,
    },
    /// Change settings, and leave the others.
    Configure {
        /// Its name.
        name: String,
        /// The settings to change.
        set: BTreeMap<String, String>,
    },
}

impl TopicChange {
    /// The topic's name.
    pub fn topic(&self) -> &str {
        match self {
            Self::Create { name, .. } | Self::Grow { name, .. } | Self::Configure { name, .. } => {
                name
            }
        }
    }

    /// What is being done, for people.
    pub fn action(&self) -> String {
        match self {
            Self::Create { name, .. } => format!("making topic {name}"),
            Self::Grow { name, partitions } => {
                format!("growing topic {name} to {partitions} partitions")
            }
            Self::Configure { name, set } => {
                let keys: Vec<&str> = set.keys().map(String::as_str).collect();
                format!("setting {} of topic {name}", keys.join(", "))
            }
        }
    }
}

/// What the pipeline's topics lack.
pub(super) fn changes(
    valid: &ValidPipeline<'_>,
    topics: &Topics,
    database: &Database,
) -> Vec<TopicChange> {
    let spec = &valid.observation.pipeline.spec;
    let Some(endpoint) = valid.endpoint() else {
        return Vec::new();
    };
    [
        (&spec.input.topic, &topics.input),
        (&spec.outputs.dead_letter.topic, &topics.dead_letter),
    ]
    .into_iter()
    .flat_map(|(declared, live)| {
        let ours = is_ours(database, endpoint, &declared.name, &valid.observation.id);
        changes_of(declared, live.as_ref(), ours)
    })
    .collect()
}

/// Whether the pipeline made the topic.
pub fn is_ours(database: &Database, endpoint: &str, name: &str, id: &PipelineId) -> bool {
    claims::of_topic(database, endpoint, name)
        .is_some_and(|claim| !claim.adopted && claim.pipeline == id.to_string())
}

/// What one topic lacks.
pub fn changes_of(declared: &Declared, live: Option<&Topic>, ours: bool) -> Vec<TopicChange> {
    let name = declared.name.clone();
    let mut config = declared.config.clone();
    config.insert(TIMESTAMP_TYPE.into(), LOG_APPEND_TIME.into());
    let Some(live) = live else {
        return vec![TopicChange::Create {
            name,
            partitions: declared.partitions,
            replication_factor: declared.replication_factor,
            config,
        }];
    };
    let mut changes = Vec::new();
    if !ours {
        return changes;
    }
    if live.partitions < declared.partitions {
        changes.push(TopicChange::Grow {
            name: name.clone(),
            partitions: declared.partitions,
        });
    }
    config.retain(|key, value| {
        !live
            .config
            .get(key)
            .is_some_and(|live| same_setting(live, value))
    });
    if !config.is_empty() {
        changes.push(TopicChange::Configure { name, set: config });
    }
    changes
}

/// Whether Kafka means the same by two texts: it writes numbers and words back its own way.
fn same_setting(one: &str, other: &str) -> bool {
    let canonical = |text: &str| text.trim().to_ascii_lowercase();
    match (one.trim().parse::<f64>(), other.trim().parse::<f64>()) {
        (Ok(one), Ok(other)) => one.to_bits() == other.to_bits(),
        _ => canonical(one) == canonical(other),
    }
}

#[cfg(test)]
mod tests {
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
        let changes = changes_of(&declared(3, &[("retention.ms", "1000")]), None, false);
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
        let changes = changes_of(&declared(2, &[("retention.ms", "1000")]), Some(&live), true);
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
            changes_of(&declared(2, &[("retention.ms", "1")]), Some(&live), false),
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
        assert_eq!(changes_of(&declared, Some(&live), true), []);
    }
}
