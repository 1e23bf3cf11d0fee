//! A topic's settings, under Kafka's names. Those that mean something here are checked; the others are kept.

use std::collections::BTreeMap;

/// Settings with Kafka's defaults: what is described of every topic.
const DEFAULTS: [(&str, &str); 13] = [
    ("cleanup.policy", "delete"),
    ("compression.type", "producer"),
    ("delete.retention.ms", "86400000"),
    ("file.delete.delay.ms", "60000"),
    ("max.message.bytes", "1048588"),
    ("message.timestamp.type", "CreateTime"),
    ("min.insync.replicas", "1"),
    ("retention.bytes", "-1"),
    ("retention.ms", "604800000"),
    ("segment.bytes", "1073741824"),
    ("segment.ms", "604800000"),
    ("min.cleanable.dirty.ratio", "0.5"),
    ("unclean.leader.election.enable", "false"),
];

/// A topic's settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings(BTreeMap<String, String>);

/// A value that can't be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the setting {name} can't be {value}")]
pub(crate) struct SettingError {
    name: String,
    value: String,
}

impl Settings {
    /// Takes settings as they were asked for.
    pub(crate) fn new(
        settings: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingError> {
        let settings: BTreeMap<_, _> = settings.into_iter().collect();
        for (name, value) in &settings {
            if !is_possible(name, value) {
                return Err(SettingError {
                    name: name.clone(),
                    value: value.clone(),
                });
            }
        }
        Ok(Self(settings))
    }

    /// All settings, and whether each was asked for.
    pub(crate) fn all(&self) -> BTreeMap<&str, (&str, bool)> {
        let defaults = DEFAULTS
            .iter()
            .map(|(name, value)| (*name, (*value, false)));
        let set = self.asked_for();
        defaults
            .chain(set.map(|(name, value)| (name, (value, true))))
            .collect()
    }

    /// What was asked for.
    pub(crate) fn asked_for(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.0.iter();
        pairs.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The default of a setting.
    pub(crate) fn default_of(name: &str) -> Option<&'static str> {
        DEFAULTS
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| *value)
    }

    /// Whether records get the time at which they are appended.
    pub(crate) fn has_append_time(&self) -> bool {
        self.get("message.timestamp.type") == Some("LogAppendTime")
    }

    /// The largest batch.
    pub(crate) fn max_message_bytes(&self) -> usize {
        self.number("max.message.bytes")
            .and_then(|most| usize::try_from(most).ok())
            .unwrap_or(usize::MAX)
    }

    /// How long records are kept, if not for ever.
    pub(crate) fn keep_ms(&self) -> Option<i64> {
        self.number("retention.ms")
            .filter(|keep| *keep >= 0 && self.deletes())
    }

    /// How much of a partition is kept, if not all.
    pub(crate) fn keep_bytes(&self) -> Option<u64> {
        self.number("retention.bytes")
            .and_then(|keep| u64::try_from(keep).ok())
            .filter(|_| self.deletes())
    }

    /// Whether records are there until somebody deletes them.
    pub(crate) fn keeps_everything(&self) -> bool {
        self.keep_ms().is_none() && self.keep_bytes().is_none()
    }

    fn deletes(&self) -> bool {
        self.get("cleanup.policy")
            .is_some_and(|policy| policy.split(',').any(|part| part.trim() == "delete"))
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.get(name)?.parse().ok()
    }

    fn get(&self, name: &str) -> Option<&str> {
        let set = self.0.get(name).map(String::as_str);
        set.or_else(|| Self::default_of(name))
    }
}

fn is_possible(name: &str, value: &str) -> bool {
    match name {
        "message.timestamp.type" => matches!(value, "CreateTime" | "LogAppendTime"),
        "cleanup.policy" => value
            .split(',')
            .all(|part| matches!(part.trim(), "delete" | "compact")),
        "max.message.bytes" => value.parse::<i32>().is_ok_and(|most| most >= 0),
        "retention.ms" | "retention.bytes" => value.parse::<i64>().is_ok_and(|keep| keep >= -1),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Result<Settings, SettingError> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Settings::new(pairs.iter().map(owned))
    }

    #[test]
    fn what_is_not_asked_for_is_as_kafka_has_it() {
        let settings = settings(&[("retention.bytes", "100"), ("some.other", "x")]).unwrap();
        assert_eq!(settings.keep_ms(), Some(604_800_000));
        assert_eq!(settings.keep_bytes(), Some(100));
        assert_eq!(settings.max_message_bytes(), 1_048_588);
        assert!(!settings.has_append_time());
        let all = settings.all();
        assert_eq!(all["retention.bytes"], ("100", true));
        assert_eq!(all["retention.ms"], ("604800000", false));
        assert_eq!(all["some.other"], ("x", true));
    }

    #[test]
    fn a_topic_may_keep_everything() {
        assert!(
            settings(&[("retention.ms", "-1")])
                .unwrap()
                .keeps_everything()
        );
        assert!(
            settings(&[("cleanup.policy", "compact")])
                .unwrap()
                .keeps_everything()
        );
        assert!(!settings(&[]).unwrap().keeps_everything());
    }

    #[test]
    fn values_that_can_not_be_are_refused() {
        for pair in [
            ("message.timestamp.type", "Now"),
            ("retention.ms", "1h"),
            ("max.message.bytes", "-1"),
            ("cleanup.policy", "none"),
        ] {
            assert!(settings(&[pair]).is_err(), "{pair:?}");
        }
    }
}
