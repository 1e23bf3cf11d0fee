//! Dead letters as they are listed and shown, whichever way they came. Pure.

use std::{collections::BTreeMap, fmt::Write as _};

use jiff::Timestamp;
use sensorstream_processor::replay::letter::{Letter, Position};
use serde::{Deserialize, Serialize};

/// A dead letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    /// Where it is in the dead letter topic.
    pub position: Position,
    /// When it was sent there.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
    /// What exactly was wrong.
    pub detail: String,
    /// Where its record came from.
    pub source: Option<Source>,
    /// Its key.
    pub key: Option<String>,
    /// Its headers; not known where it came through the API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<Vec<(String, Option<String>)>>,
    /// Its value, as text or in hexadecimal.
    pub payload: Option<String>,
    /// Whether that is hexadecimal.
    pub hexadecimal: bool,
    /// The size of the whole, where it is not all here.
    pub truncated_from: Option<u64>,
    /// Whether Kafka had deleted the record before it could be copied.
    pub lost: bool,
    /// Whether it has been replayed; not known where it came through the API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replayed: Option<bool>,
}

/// Where a record came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
}

/// A dead letter as the pipeline's API writes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfApi {
    id: Position,
    at: Timestamp,
    reason: String,
    detail: String,
    source: Option<Source>,
    key: Option<String>,
    payload: Option<String>,
    encoding: String,
    truncated_from: Option<u64>,
    lost: bool,
}

impl Shown {
    /// As its topic has it.
    pub fn of(letter: &Letter, replayed: bool) -> Self {
        let (payload, hexadecimal) = letter.value.as_deref().map_or((None, false), |value| {
            let (text, hexadecimal) = text(value);
            (Some(text), hexadecimal)
        });
        let headers = letter.headers.iter();
        Self {
            position: letter.position,
            at: letter.at,
            reason: letter.reason.clone(),
            detail: letter.detail.clone(),
            source: letter.source.as_ref().map(|(topic, position)| Source {
                topic: topic.clone(),
                partition: position.partition,
                offset: position.offset,
            }),
            key: letter.key.as_deref().map(|key| text(key).0),
            headers: Some(
                headers
                    .map(|(name, value)| {
                        (name.clone(), value.as_deref().map(|value| text(value).0))
                    })
                    .collect(),
            ),
            payload,
            hexadecimal,
            truncated_from: letter.truncated_from,
            lost: letter.lost,
            replayed: Some(replayed),
        }
    }
}

impl From<OfApi> for Shown {
    fn from(letter: OfApi) -> Self {
        Self {
            position: letter.id,
            at: letter.at,
            reason: letter.reason,
            detail: letter.detail,
            source: letter.source,
            key: letter.key,
            headers: None,
            payload: letter.payload,
            hexadecimal: letter.encoding == "hex",
            truncated_from: letter.truncated_from,
            lost: letter.lost,
            replayed: None,
        }
    }
}

/// Bytes as text, or in hexadecimal if they are none.
fn text(bytes: &[u8]) -> (String, bool) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (
            bytes.iter().fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            }),
            true,
        ),
    }
}

/// The newest of many letters, and how many there were of each reason.
#[derive(Debug)]
pub struct Newest {
    limit: usize,
    letters: BTreeMap<(Timestamp, Position), Shown>,
    reasons: BTreeMap<String, u64>,
}

impl Newest {
    /// Keeps so many.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            letters: BTreeMap::new(),
            reasons: BTreeMap::new(),
        }
    }

    /// Takes a letter.
    pub fn take(&mut self, letter: Shown) {
        *self.reasons.entry(letter.reason.clone()).or_default() += 1;
        self.letters.insert((letter.at, letter.position), letter);
        if self.letters.len() > self.limit {
            self.letters.pop_first();
        }
    }

    /// What there is to list, newest first.
    pub fn listing(self, complete: bool) -> Listing {
        Listing {
            letters: self.letters.into_values().rev().collect(),
            reasons: self.reasons,
            complete,
        }
    }
}

/// What there is to list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// The newest letters, newest first.
    pub letters: Vec<Shown>,
    /// How many there are of each reason, with those that are not listed.
    pub reasons: BTreeMap<String, u64>,
    /// Whether all were looked at: the API has only the newest thousand.
    pub complete: bool,
}
