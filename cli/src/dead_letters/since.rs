//! Since when: a span before now, or a time. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sensorstream_crds::scalars::Duration as Span;

/// Since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// So long ago.
    Ago(Duration),
    /// Then.
    At(Timestamp),
}

impl Since {
    /// The time, seen from now.
    pub fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(span) => {
                let span = SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
                now.checked_sub(span).unwrap_or(Timestamp::MIN)
            }
        }
    }
}

/// Reads `90m`, `2d`, or a time in RFC 3339.
pub fn since(text: &str) -> Result<Since, String> {
    if let Some(span) = Span::from(text).parse() {
        return Ok(Since::Ago(span));
    }
    let time = text.parse().map(Since::At);
    time.map_err(|_| {
        "write a span such as 90m or 2d, or a time such as 2026-03-04T12:00:00Z".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_times_are_read() {
        let now: Timestamp = "2026-03-04T12:00:00Z".parse().unwrap();
        let at = |text| since(text).map(|since| since.at(now).to_string());
        assert_eq!(at("90m").as_deref(), Ok("2026-03-04T10:30:00Z"));
        assert_eq!(
            at("2026-01-02T03:04:05Z").as_deref(),
            Ok("2026-01-02T03:04:05Z")
        );
        assert!(at("yesterday").unwrap_err().contains("90m"));
    }
}
