//! How far the simulator has come on its timeline, as it is noted down in Kafka: the offset and the
//! metadata of a group without members, in the same transaction as the readings.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::kind::Kind;

/// How far the simulator has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marker {
    /// How many readings were sent. It is the group's offset; the rest is its metadata.
    #[serde(skip)]
    pub(super) readings: u64,
    /// Which timeline that was on.
    pub(super) timeline: String,
    /// The id of the topic, which is another one when the topic was made anew.
    pub(super) topic: String,
    /// When the simulator started.
    pub(super) start: Timestamp,
    /// Whether the readings after the last one were sent, too.
    pub(super) finalized: bool,
    /// How many records were sent, by what they are.
    pub(super) sent: BTreeMap<Kind, u64>,
}

impl Marker {
    /// A marker before the first reading.
    pub(super) fn new(timeline: String, topic: String, start: Timestamp) -> Self {
        Self {
            readings: 0,
            timeline,
            topic,
            start,
            finalized: false,
            sent: BTreeMap::new(),
        }
    }

    /// Whether it is about the same timeline and topic as another one.
    pub(super) fn continues(&self, other: &Self) -> bool {
        self.timeline == other.timeline && self.topic == other.topic
    }

    /// Counts a record.
    pub(super) fn count(&mut self, kind: Kind) {
        *self.sent.entry(kind).or_default() += 1;
    }

    /// The group's offset.
    pub(super) fn offset(&self) -> i64 {
        self.readings as i64
    }

    /// The offset's metadata.
    pub(super) fn metadata(&self) -> String {
        serde_json::to_string(self).expect("a marker is representable as JSON")
    }

    /// Reads a marker back. None where somebody has reset the group's offset.
    pub(super) fn read(offset: i64, metadata: &str) -> Result<Option<Self>, serde_json::Error> {
        if metadata.is_empty() {
            return Ok(None);
        }
        let marker: Self = serde_json::from_str(metadata)?;
        Ok(Some(Self {
            readings: offset.unsigned_abs(),
            ..marker
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker() -> Marker {
        let start = "2025-08-17T12:34:56.789012Z".parse().unwrap();
        Marker::new(
            "900 readings over 900000 ms, seed 42".into(),
            "AbC".into(),
            start,
        )
    }

    #[test]
    fn it_is_read_as_it_was_written_and_fits() {
        let mut marker = marker();
        marker.readings = 900;
        for kind in Kind::ALL {
            marker.count(kind);
            *marker.sent.get_mut(&kind).unwrap() += 1_000_000_000_000;
        }
        let metadata = marker.metadata();
        let read = Marker::read(marker.offset(), &metadata).unwrap();
        assert_eq!(read.as_ref(), Some(&marker));
        // Kafka's `offset.metadata.max.bytes` is 4096.
        assert!(metadata.len() < 1_024, "{metadata}");
    }

    #[test]
    fn what_can_not_be_read_is_not_taken_for_the_beginning() {
        assert_eq!(Marker::read(17, "").unwrap(), None);
        assert!(Marker::read(17, "{\"later\":true}").is_err());
    }

    #[test]
    fn another_timeline_or_topic_is_begun_anew() {
        let (first, mut other) = (marker(), marker());
        other.start = Timestamp::UNIX_EPOCH;
        other.readings = 12;
        assert!(first.continues(&other));
        other.topic = "another".into();
        assert!(!first.continues(&other));
    }
}
