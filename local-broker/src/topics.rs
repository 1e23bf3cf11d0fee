//! The topics that there are.

use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
};

use tokio::sync::Notify;
use uuid::Uuid;

use crate::{log::Log, settings::Settings};

/// As many partitions as a topic may have.
const MOST_PARTITIONS: i32 = 10_000;

/// All topics, by name.
#[derive(Debug, Default)]
pub(crate) struct Topics(BTreeMap<String, Topic>);

/// A topic.
#[derive(Debug)]
pub(crate) struct Topic {
    /// Another one when the topic is made anew.
    pub(crate) id: Uuid,
    pub(crate) settings: Settings,
    pub(crate) partitions: Vec<Partition>,
}

/// A partition, and who waits for news of it.
#[derive(Debug, Default)]
pub(crate) struct Partition {
    pub(crate) log: Log,
    waiting: Vec<Weak<Notify>>,
}

/// Why a topic can't be made or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TopicError {
    #[error("there is a topic of this name")]
    Exists,
    #[error("a topic's name has up to 249 letters, digits, dots, underscores and hyphens")]
    Name,
    #[error("a topic has 1 to {MOST_PARTITIONS} partitions")]
    Partitions,
    #[error("partitions can only be added")]
    Fewer,
    #[error("there is one broker, which can't keep copies")]
    Replication,
}

impl Topics {
    pub(crate) fn get(&self, name: &str) -> Option<&Topic> {
        self.0.get(name)
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Topic> {
        self.0.get_mut(name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Topic)> {
        self.0.iter().map(|(name, topic)| (name.as_str(), topic))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut Topic)> {
        self.0
            .iter_mut()
            .map(|(name, topic)| (name.as_str(), topic))
    }

    /// The name of the topic with an id.
    pub(crate) fn name_of(&self, id: Uuid) -> Option<&str> {
        self.iter()
            .find(|(_, topic)| topic.id == id)
            .map(|(name, _)| name)
    }

    pub(crate) fn partition(&self, topic: &str, number: i32) -> Option<&Partition> {
        let topic = self.get(topic)?;
        topic.partitions.get(usize::try_from(number).ok()?)
    }

    pub(crate) fn partition_mut(&mut self, topic: &str, number: i32) -> Option<&mut Partition> {
        let topic = self.get_mut(topic)?;
        topic.partitions.get_mut(usize::try_from(number).ok()?)
    }

    /// What all records take of the memory.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.values().map(Topic::bytes).sum()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether a topic could be made.
    pub(crate) fn check(
        &self,
        name: &str,
        partitions: i32,
        replication: i16,
    ) -> Result<(), TopicError> {
        let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if name.is_empty() || name.len() > 249 || !name.bytes().all(is_sign) {
            return Err(TopicError::Name);
        }
        if name == "." || name == ".." {
            return Err(TopicError::Name);
        }
        if self.0.contains_key(name) {
            return Err(TopicError::Exists);
        }
        if !(1..=MOST_PARTITIONS).contains(&partitions) {
            return Err(TopicError::Partitions);
        }
        if !matches!(replication, -1 | 1) {
            return Err(TopicError::Replication);
        }
        Ok(())
    }

    /// Makes a topic that was checked.
    pub(crate) fn make(&mut self, name: &str, partitions: i32, settings: Settings) -> &Topic {
        self.0.entry(name.to_owned()).or_insert_with(|| Topic {
            id: Uuid::new_v4(),
            settings,
            partitions: (0..partitions).map(|_| Partition::default()).collect(),
        })
    }

    /// Deletes a topic. Who waits for news of it gets some.
    pub(crate) fn delete(&mut self, name: &str) -> Option<Topic> {
        let mut topic = self.0.remove(name)?;
        topic.partitions.iter_mut().for_each(Partition::wake);
        Some(topic)
    }
}

impl Topic {
    pub(crate) fn bytes(&self) -> u64 {
        let logs = self.partitions.iter().map(|partition| &partition.log);
        logs.map(Log::bytes).sum()
    }

    /// Whether it could have so many partitions.
    pub(crate) fn check_growth(&self, partitions: i32) -> Result<(), TopicError> {
        if partitions as usize <= self.partitions.len() {
            return Err(TopicError::Fewer);
        }
        if partitions > MOST_PARTITIONS {
            return Err(TopicError::Partitions);
        }
        Ok(())
    }

    /// Adds partitions up to a number that was checked.
    pub(crate) fn grow(&mut self, partitions: i32) {
        self.partitions
            .resize_with(partitions as usize, Partition::default);
    }
}

impl Partition {
    /// Whoever this is wants to know of the next news.
    pub(crate) fn wake_next(&mut self, waiting: &Arc<Notify>) {
        self.waiting.retain(|other| other.strong_count() > 0);
        self.waiting.push(Arc::downgrade(waiting));
    }

    /// There is news.
    pub(crate) fn wake(&mut self) {
        for waiting in self.waiting.drain(..).filter_map(|weak| weak.upgrade()) {
            waiting.notify_one();
        }
    }
}
