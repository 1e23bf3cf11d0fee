//! A dead letter as its topic has it, taken apart: the record that it was, and what was wrong with it. Pure.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use sensorstream_crds::{Reason, reason::header};
use serde::{Deserialize, Serialize};

/// Where a record is in its topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
}

/// A text that is no position.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no position; write PARTITION/OFFSET, such as 0/17")]
pub struct NoPosition(String);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.partition, self.offset)
    }
}

impl FromStr for Position {
    type Err = NoPosition;

    /// Reads `0/17`, and `0-17` as the API writes it.
    fn from_str(text: &str) -> Result<Self, NoPosition> {
        let wrong = || NoPosition(text.to_owned());
        let (partition, offset) = text.split_once(['/', '-']).ok_or_else(wrong)?;
        let position = Self {
            partition: partition.parse().map_err(|_| wrong())?,
            offset: offset.parse().map_err(|_| wrong())?,
        };
        if position.partition < 0 || position.offset < 0 {
            return Err(wrong());
        }
        Ok(position)
    }
}

impl Serialize for Position {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A header of a record.
pub type Header = (String, Option<Vec<u8>>);

/// A dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Where it is in the dead letter topic.
    pub position: Position,
    /// When it was sent there.
    pub at: Timestamp,
    /// Why it is there, as the header says.
    pub reason: String,
    /// What exactly was wrong.
    pub detail: String,
    /// The topic that it came from, and where it was there.
    pub source: Option<(String, Position)>,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value, as much as there is of it.
    pub value: Option<Vec<u8>>,
    /// The headers that the record had itself.
    pub headers: Vec<Header>,
    /// The size of the value, where key, headers or value are not whole here.
    pub truncated_from: Option<u64>,
    /// Whether Kafka had deleted the record before it could be copied.
    pub lost: bool,
}

impl Letter {
    /// The dead letter that a record of the topic is; none where it is something else.
    pub fn of(
        position: Position,
        at: Timestamp,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        mut headers: Vec<Header>,
    ) -> Option<Self> {
        // Ours are the last, and begin with the reason. The record may have had some of the same names.
        let begin = headers
            .iter()
            .rposition(|(name, _)| name == header::REASON)?;
        let ours = headers.split_off(begin);
        let text = |name: &str| {
            let (_, value) = ours.iter().find(|(key, _)| key == name)?;
            Some(String::from_utf8_lossy(value.as_deref()?).into_owned())
        };
        let source = text(header::SOURCE_TOPIC).and_then(|topic| {
            let position = Position {
                partition: text(header::SOURCE_PARTITION)?.parse().ok()?,
                offset: text(header::SOURCE_OFFSET)?.parse().ok()?,
            };
            Some((topic, position))
        });
        Some(Self {
            position,
            at,
            reason: text(header::REASON)?,
            detail: text(header::DETAIL).unwrap_or_default(),
            source,
            key: key.map(<[u8]>::to_vec),
            value: value.map(<[u8]>::to_vec),
            headers,
            truncated_from: text(header::TRUNCATED_FROM).and_then(|size| size.parse().ok()),
            lost: text(header::RECORD_LOST).is_some(),
        })
    }

    /// The reason, if this version knows it.
    pub fn known_reason(&self) -> Option<Reason> {
        Reason::from_name(&self.reason)
    }

    /// The headers that the record is sent with again: its own, and one that says which letter it was.
    pub fn headers_again(&self) -> Vec<Header> {
        let own = self
            .headers
            .iter()
            .filter(|(name, _)| name != header::REPLAYED_FROM);
        let from = self.position.to_string().into_bytes();
        own.cloned()
            .chain([(header::REPLAYED_FROM.to_owned(), Some(from))])
            .collect()
    }

    /// How much memory it takes.
    pub fn size(&self) -> usize {
        let length = |part: &Option<Vec<u8>>| part.as_ref().map_or(0, Vec::len);
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| name.len() + length(value));
        length(&self.key) + length(&self.value) + headers.sum::<usize>()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The headers of a dead letter: those of its record, then ours.
    pub(in super::super) fn headers(own: &[(&str, &str)], ours: &[(&str, &str)]) -> Vec<Header> {
        let all = own.iter().chain(ours);
        all.map(|(name, value)| ((*name).to_owned(), Some(value.as_bytes().to_vec())))
            .collect()
    }

    pub(in super::super) const OURS: [(&str, &str); 5] = [
        (header::REASON, "out_of_range"),
        (header::DETAIL, "field `temperature`: too high"),
        (header::SOURCE_TOPIC, "readings"),
        (header::SOURCE_PARTITION, "2"),
        (header::SOURCE_OFFSET, "40"),
    ];

    pub(in super::super) fn letter(own: &[(&str, &str)], ours: &[(&str, &str)]) -> Option<Letter> {
        let position = Position {
            partition: 0,
            offset: 17,
        };
        let at = Timestamp::from_second(1_700_000_000).unwrap();
        Letter::of(
            position,
            at,
            Some(b"key"),
            Some(b"value"),
            headers(own, ours),
        )
    }

    #[test]
    fn a_letter_is_told_from_the_record_that_it_was() {
        let letter = letter(&[("traceparent", "00")], &OURS).unwrap();
        assert_eq!(letter.reason, "out_of_range");
        assert_eq!(letter.known_reason(), Some(Reason::OutOfRange));
        let source = Position {
            partition: 2,
            offset: 40,
        };
        assert_eq!(letter.source, Some(("readings".to_owned(), source)));
        assert_eq!(letter.headers, headers(&[("traceparent", "00")], &[]));
        assert!(!letter.lost && letter.truncated_from.is_none());
    }

    #[test]
    fn headers_of_the_record_that_are_named_like_ours_stay_its_own() {
        let own = [(header::REASON, "theirs"), (header::SOURCE_OFFSET, "1")];
        let letter = letter(&own, &OURS).unwrap();
        assert_eq!(letter.reason, "out_of_range");
        assert_eq!(letter.headers, headers(&own, &[]));
    }

    #[test]
    fn a_record_that_is_no_letter_is_none() {
        assert_eq!(letter(&[("a", "b")], &[]), None);
    }

    #[test]
    fn a_record_is_sent_again_with_its_own_headers_and_where_it_was() {
        let own = [("a", "b"), (header::REPLAYED_FROM, "0/3")];
        let again = letter(&own, &OURS).unwrap().headers_again();
        assert_eq!(
            again,
            headers(&[("a", "b"), (header::REPLAYED_FROM, "0/17")], &[])
        );
    }

    #[test]
    fn positions_are_read_as_they_are_written() {
        let position: Position = "3/17".parse().unwrap();
        assert_eq!(position.to_string(), "3/17");
        assert_eq!("3-17".parse(), Ok(position));
        for wrong in ["", "3", "3/", "/17", "-1/2", "1/-2", "a/b", "1/2/3"] {
            assert!(wrong.parse::<Position>().is_err(), "{wrong}");
        }
    }
}
