//! Topics: made when missing, grown and configured when the pipeline made them, and left
//! exactly as they are when they were there before it. [`wanted`] says which there are.

pub mod wanted;

use std::collections::BTreeMap;

use sensorstream_crds::PipelineId;

use super::claims;
use crate::{
    backends::{Database, Topic, Topics},
    validate::ValidPipeline,
};
use wanted::WantedTopic;

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

    /// The topic as it is after this, given what it was before.
    pub fn after(&self, before: Option<&Topic>) -> Topic {
        let mut topic = before.cloned().unwrap_or_else(|| Topic {
            id: format!("id-of-{}", self.topic()),
            partitions: 0,
            leaderless: Vec::new(),
            config: BTreeMap::new(),
        });
        match self {
            Self::Create {
                partitions, config, ..
            } => {
                topic.partitions = *partitions;
                topic.config.extend(config.clone());
            }
            Self::Grow { partitions, .. } => topic.partitions = *partitions,
            Self::Configure { set, .. } => topic.config.extend(set.clone()),
        }
        topic
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
    let Some(endpoint) = valid.endpoint() else {
        return Vec::new();
    };
    let id = &valid.observation.id;
    wanted::topics(id, &valid.observation.pipeline.spec)
        .iter()
        .flat_map(|topic| {
            let ours = is_ours(database, endpoint, &topic.declared.name, id);
            changes_of(topic, topic.live(topics), ours)
        })
        .collect()
}

/// Whether the pipeline made the topic.
pub fn is_ours(database: &Database, endpoint: &str, name: &str, id: &PipelineId) -> bool {
    claims::of_topic(database, endpoint, name)
        .is_some_and(|claim| !claim.adopted && claim.pipeline == id.to_string())
}

/// What one topic lacks.
pub fn changes_of(wanted: &WantedTopic<'_>, live: Option<&Topic>, ours: bool) -> Vec<TopicChange> {
    let declared = &wanted.declared;
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
    if live.partitions < declared.partitions && wanted.purpose.grows() {
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
mod tests;
