//! Alerts and dead letters as the API shows them, from the records of their topics. Pure.

use jiff::Timestamp;
use rdkafka::{
    Message,
    message::{BorrowedMessage, Headers},
};
use sensorstream_crds::reason::header;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::shelf::Place;
use crate::{
    replay::receipt,
    serve::{column::written, shape::Severity},
};

/// How much of a payload is shown, in bytes.
pub(super) const SHOWN: usize = 16 * 1024;

/// An alert, and when it was sent.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Alert)]
pub struct SentAlert {
    /// Where it is in its topic: partition and offset.
    #[schema(examples("0-17"))]
    id: String,
    /// When it was sent.
    #[schema(format = DateTime)]
    at: String,
    /// The alert as it is in its topic.
    alert: AlertBody,
}

/// An alert as it is in its topic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
struct AlertBody {
    /// The rule that the reading satisfies.
    rule: String,
    /// How bad that is.
    severity: Severity,
    /// The reading's event time.
    #[schema(format = DateTime)]
    event_time: String,
    /// The value of the field that tells senders apart.
    key: Value,
    /// The reading, a member a field.
    reading: Map<String, Value>,
    /// Where the reading came from.
    source: Source,
}

/// A record that could not be used, and why.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// Where it is in its topic: partition and offset.
    #[schema(examples("0-17"))]
    id: String,
    /// When it was sent.
    #[schema(format = DateTime)]
    at: String,
    /// Why, as a word: `not_json`, `missing_field`, `wrong_type`, `out_of_range`, `too_long`, `bad_timestamp`,
    /// `future`, `tombstone`, `too_large`, `rejected_by_sink`, `late`, `idle`.
    reason: String,
    /// What exactly was wrong.
    detail: String,
    /// Where the record came from.
    #[schema(required = true)]
    source: Option<Source>,
    /// Its key, if it has one.
    #[schema(required = true)]
    key: Option<String>,
    /// Its value, if it has one: the first 16 KiB.
    #[schema(required = true)]
    payload: Option<String>,
    /// How the payload is written.
    encoding: Encoding,
    /// The size of the value in bytes, where it is not whole here.
    #[schema(required = true, minimum = 0)]
    truncated_from: Option<u64>,
    /// Whether Kafka had deleted the record before it could be copied.
    lost: bool,
}

/// Where a record came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
struct Source {
    /// The topic.
    topic: String,
    /// The partition.
    partition: i32,
    /// The offset.
    offset: i64,
}

/// How a payload is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    /// As it is: it is text in UTF-8.
    Text,
    /// In hexadecimal: it is not.
    Hex,
}

/// A record's place in time and in its topic.
pub(super) fn place(message: &BorrowedMessage<'_>) -> Place {
    Place(
        message.timestamp().to_millis().unwrap_or(0),
        message.partition(),
        message.offset(),
    )
}

/// Whether a record of the dead letter topic only says that letters were replayed.
pub(super) fn is_receipt(message: &BorrowedMessage<'_>) -> bool {
    let headers = message.headers();
    headers.is_some_and(|headers| receipt::is_receipt(headers.iter().map(|header| header.key)))
}

impl SentAlert {
    /// The alert that a record holds; none where it holds something else.
    pub(super) fn of(message: &BorrowedMessage<'_>) -> Option<Self> {
        let alert = serde_json::from_slice(message.payload()?).ok()?;
        Some(Self {
            id: id(message),
            at: at(message),
            alert,
        })
    }

    /// Whose reading it is about.
    pub fn key(&self) -> &Value {
        &self.alert.key
    }
}

impl DeadLetter {
    /// The dead letter that a record is.
    pub(super) fn of(message: &BorrowedMessage<'_>) -> Self {
        let header = |name: &str| {
            let headers = message.headers()?;
            let named = headers.iter().filter(|header| header.key == name);
            // The last one is ours; the record may have had one of the name itself.
            let value = named.last()?.value?;
            Some(String::from_utf8_lossy(value).into_owned())
        };
        let value = message.payload();
        let (payload, encoding) = value.map_or((None, Encoding::Text), |value| {
            let (text, encoding) = shown(value);
            (Some(text), encoding)
        });
        let number = |name: &str| header(name)?.parse::<u64>().ok();
        let cut = value.map(<[u8]>::len).filter(|size| *size > SHOWN);
        Self {
            id: id(message),
            at: at(message),
            reason: header(header::REASON).unwrap_or_else(|| "unknown".to_owned()),
            detail: header(header::DETAIL).unwrap_or_default(),
            source: header(header::SOURCE_TOPIC).and_then(|topic| {
                Some(Source {
                    topic,
                    partition: header(header::SOURCE_PARTITION)?.parse().ok()?,
                    offset: header(header::SOURCE_OFFSET)?.parse().ok()?,
                })
            }),
            key: message
                .key()
                .map(|key| String::from_utf8_lossy(key).into_owned()),
            payload,
            encoding,
            truncated_from: number(header::TRUNCATED_FROM).or(cut.map(|size| size as u64)),
            lost: header(header::RECORD_LOST).is_some(),
        }
    }
}

fn shown(value: &[u8]) -> (String, Encoding) {
    let cut = &value[..value.len().min(SHOWN)];
    match std::str::from_utf8(cut) {
        Ok(text) => (text.to_owned(), Encoding::Text),
        // It may only end within a character.
        Err(error) if error.error_len().is_none() => (
            String::from_utf8_lossy(&cut[..error.valid_up_to()]).into_owned(),
            Encoding::Text,
        ),
        Err(_) => (hex::encode(cut), Encoding::Hex),
    }
}

fn id(message: &BorrowedMessage<'_>) -> String {
    format!("{}-{}", message.partition(), message.offset())
}

fn at(message: &BorrowedMessage<'_>) -> String {
    let millis = message.timestamp().to_millis().unwrap_or(0);
    written(Timestamp::from_millisecond(millis).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_shown_as_it_is_and_other_bytes_in_hexadecimal() {
        assert_eq!(shown(b"{}"), ("{}".to_owned(), Encoding::Text));
        assert_eq!(shown(b"\xff\x00"), ("ff00".to_owned(), Encoding::Hex));
        let long = "ü".repeat(SHOWN);
        let (text, encoding) = shown(&long.as_bytes()[1..]);
        assert_eq!(encoding, Encoding::Hex);
        assert_eq!(text.len(), 2 * SHOWN);
        let odd = format!("a{long}");
        let (text, encoding) = shown(odd.as_bytes());
        assert_eq!(encoding, Encoding::Text);
        assert_eq!(text.len(), SHOWN - 1);
    }
}
