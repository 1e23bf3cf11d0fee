//! What a dead letter looks like: the record's own key, headers and value, and headers of ours
//! that say what it is and where it came from.

use rdkafka::message::{Header, OwnedHeaders};
use sensorstream_crds::reason::header;

use super::super::batch::{Content, Letter};

/// What a message takes besides its parts, at most: the batch around it and its lengths.
const OVERHEAD: usize = 256;
/// What a header takes besides its name and value, at most.
const HEADER_OVERHEAD: usize = 10;

/// A message for the dead letter topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message<'a> {
    /// Its key.
    pub(super) key: Option<&'a [u8]>,
    /// Its value.
    pub(super) value: Option<&'a [u8]>,
    headers: Vec<(&'a str, Option<Vec<u8>>)>,
}

impl Message<'_> {
    /// Its headers, as librdkafka takes them.
    pub(super) fn headers(&self) -> OwnedHeaders {
        let headers = OwnedHeaders::new_with_capacity(self.headers.len());
        self.headers.iter().fold(headers, |headers, (key, value)| {
            headers.insert(Header {
                key,
                value: value.as_ref(),
            })
        })
    }
}

/// The message for a dead letter, cut to fit into `limit` bytes. What does not fit is left out in
/// this order: the end of the value, the record's headers, its key.
pub(super) fn compose<'a>(
    letter: &'a Letter,
    source_topic: &str,
    source_partition: i32,
    limit: usize,
) -> Message<'a> {
    let mut ours = vec![
        (header::REASON, text(letter.problem.reason.as_str())),
        (header::DETAIL, text(&letter.problem.detail)),
        (header::SOURCE_TOPIC, text(source_topic)),
        (
            header::SOURCE_PARTITION,
            text(&source_partition.to_string()),
        ),
        (header::SOURCE_OFFSET, text(&letter.offset.to_string())),
    ];
    let copied = match &letter.content {
        Content::Kept(copied) => copied,
        Content::Lost => {
            ours.push((header::RECORD_LOST, text("true")));
            return Message {
                key: None,
                value: None,
                headers: ours,
            };
        }
    };
    let flag = (header::TRUNCATED_FROM, text(&copied.value_size.to_string()));
    let reserved = OVERHEAD + size(&ours) + size(std::slice::from_ref(&flag));
    let mut room = limit.saturating_sub(reserved);

    let key = take_whole(copied.key.as_deref(), &mut room, |key| key.len());
    let theirs: Vec<(&str, Option<Vec<u8>>)> = copied
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    let headers = take_whole(Some(theirs), &mut room, |headers| size(headers));
    let value = copied
        .value
        .as_deref()
        .map(|value| &value[..value.len().min(room)]);

    let whole = key == copied.key.as_deref()
        && headers.is_some()
        && value.map_or(0, <[u8]>::len) == copied.value_size;
    let mut headers = headers.unwrap_or_default();
    headers.extend(ours);
    if !whole {
        headers.push(flag);
    }
    Message {
        key,
        value,
        headers,
    }
}

/// The part if it fits into the room that is left, which it then takes.
fn take_whole<T>(part: Option<T>, room: &mut usize, size: impl Fn(&T) -> usize) -> Option<T> {
    let part = part?;
    *room = room.checked_sub(size(&part))?;
    Some(part)
}

/// A header's value.
#[allow(clippy::unnecessary_wraps, reason = "headers have optional values")]
fn text(text: &str) -> Option<Vec<u8>> {
    Some(text.as_bytes().to_vec())
}

fn size(headers: &[(&str, Option<Vec<u8>>)]) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.len() + value.as_ref().map_or(0, Vec::len) + HEADER_OVERHEAD)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::batch::Copied;
    use crate::process::decode::Problem;
    use proptest::prelude::*;
    use sensorstream_crds::Reason;

    fn letter(content: Content) -> Letter {
        Letter {
            offset: 7,
            problem: Problem::new(Reason::NotJson, "why"),
            content,
        }
    }

    fn header_of(message: &Message<'_>, name: &str) -> Option<String> {
        let (_, value) = message.headers.iter().find(|(key, _)| *key == name)?;
        Some(String::from_utf8(value.clone()?).unwrap())
    }

    fn copied(key: usize, value: usize, header: usize) -> Content {
        Content::Kept(Copied {
            key: Some(vec![b'k'; key]),
            value: Some(vec![b'v'; value]),
            value_size: value,
            headers: vec![("theirs".into(), Some(vec![b'h'; header]))],
        })
    }

    #[test]
    fn a_letter_keeps_its_record_and_says_where_it_came_from() {
        let letter = letter(copied(3, 10, 2));
        let message = compose(&letter, "readings", 2, 1_000_000);
        assert_eq!(
            (message.key, message.value),
            (Some(&b"kkk"[..]), Some(&[b'v'; 10][..]))
        );
        let expected = [
            ("theirs", Some("hh")),
            (header::REASON, Some("not_json")),
            (header::DETAIL, Some("why")),
            (header::SOURCE_TOPIC, Some("readings")),
            (header::SOURCE_PARTITION, Some("2")),
            (header::SOURCE_OFFSET, Some("7")),
            (header::TRUNCATED_FROM, None),
            (header::RECORD_LOST, None),
        ];
        for (name, value) in expected {
            assert_eq!(header_of(&message, name).as_deref(), value, "{name}");
        }
    }

    #[test]
    fn a_record_that_is_gone_is_said_to_be() {
        let letter = letter(Content::Lost);
        let message = compose(&letter, "readings", 0, 1_000);
        assert_eq!((message.key, message.value), (None, None));
        assert_eq!(
            header_of(&message, header::RECORD_LOST).as_deref(),
            Some("true")
        );
    }

    proptest! {
        #[test]
        fn a_letter_fits_and_says_when_it_was_cut(
            key in 0_usize..3_000, value in 0_usize..3_000, theirs in 0_usize..3_000, limit in 1_000_usize..4_000
        ) {
            let letter = letter(copied(key, value, theirs));
            let message = compose(&letter, "readings", 0, limit);
            let length = |part: Option<&[u8]>| part.map_or(0, <[u8]>::len);
            let total = length(message.key) + length(message.value) + size(&message.headers);
            prop_assert!(total + OVERHEAD <= limit, "{} of {}", total, limit);
            let whole = length(message.key) == key
                && length(message.value) == value
                && header_of(&message, "theirs").is_some();
            let flag = header_of(&message, header::TRUNCATED_FROM);
            prop_assert_eq!(flag, (!whole).then(|| value.to_string()));
        }
    }
}
