//! Hours of event time, which the lake is partitioned by.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

const MICROSECONDS: i64 = 3_600_000_000;

/// An hour in UTC, counted from 1970. Shown as the folders of its readings:
/// `date=2025-08-17/hour=12`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(pub i64);

impl Hour {
    /// The hour of a time in microseconds since 1970.
    pub fn of(time_us: i64) -> Self {
        Self(time_us.div_euclid(MICROSECONDS))
    }
}

impl fmt::Display for Hour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(self.0);
        write!(f, "{}", start.strftime("date=%Y-%m-%d/hour=%H"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_folders_in_utc() {
        let at = |time: &str| Hour::of(time.parse::<Timestamp>().unwrap().as_microsecond());
        assert_eq!(
            at("2025-08-17T12:34:56.789Z").to_string(),
            "date=2025-08-17/hour=12"
        );
        assert_eq!(
            at("2025-08-17T00:30:00+02:00").to_string(),
            "date=2025-08-16/hour=22"
        );
        assert_eq!(
            at("2100-12-31T23:59:59.999999Z").to_string(),
            "date=2100-12-31/hour=23"
        );
        assert_eq!(
            at("2000-01-01T05:00:00Z").to_string(),
            "date=2000-01-01/hour=05"
        );
    }

    #[test]
    fn an_hour_begins_at_its_first_microsecond() {
        assert_eq!(Hour::of(0), Hour(0));
        assert_eq!(Hour::of(MICROSECONDS - 1), Hour(0));
        assert_eq!(Hour::of(MICROSECONDS), Hour(1));
        assert_eq!(Hour::of(-1), Hour(-1));
    }
}
