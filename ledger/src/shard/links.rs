//! What a shard of the first stage sends to the second, range by range.
//!
//! What is sent of a range follows from the log, but only if the range is the same: so a commit
//! notes down where its range ends, until it is known to be sent.

use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, Row};

use super::ShardKey;

/// The ranges that a shard may have to send again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Links {
    /// Ranges follow one another within a series. It grows when they do not.
    pub series: i64,
    /// Where ranges end, ascending. Everything below the first has been sent.
    pub ranges: Vec<RangeEnd>,
}

/// Where a range ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RangeEnd {
    /// The first offset beyond.
    pub to: i64,
    /// The shard's watermark there, in microseconds since 1970.
    pub watermark_us: Option<i64>,
    /// The watermark that windows of the second stage go by there.
    pub link_watermark_us: Option<i64>,
}

impl Links {
    /// A series that begins at an offset.
    pub fn starting_at(series: i64, start: RangeEnd) -> Self {
        Self {
            series,
            ranges: vec![start],
        }
    }

    /// Where the last range ends, and the next begins.
    pub fn end(&self) -> Option<RangeEnd> {
        self.ranges.last().copied()
    }

    /// These ranges and one more, without those that are no longer needed now that everything below
    /// `sent_below` has been sent. One that ends where the last does takes its place.
    #[must_use]
    pub fn with(&self, end: RangeEnd, sent_below: i64) -> Self {
        let mut ranges = self.ranges.clone();
        ranges.retain(|range| range.to < end.to);
        ranges.push(end);
        let sent = ranges.partition_point(|range| range.to <= sent_below);
        ranges.drain(..sent.saturating_sub(1));
        Self {
            series: self.series,
            ranges,
        }
    }
}

/// Where the other shards of a stage and incarnation stand, for one that is idle to follow: the least
/// link watermark of those that are not idle, or the greatest of all if all are. None as long as one
/// that is not idle has none.
pub async fn others(
    connection: &mut PgConnection,
    key: &ShardKey,
) -> Result<Option<i64>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT CASE WHEN bool_and(idle) THEN max(link_watermark_us)
                     WHEN bool_or(link_watermark_us IS NULL) FILTER (WHERE NOT idle) THEN NULL
                     ELSE min(link_watermark_us) FILTER (WHERE NOT idle) END AS watermark_us
           FROM sensorstream.shards
          WHERE pipeline = $1 AND stage = $2 AND incarnation = $3 AND partition <> $4",
    )
    .bind(&key.pipeline)
    .bind(key.stage)
    .bind(&key.incarnation)
    .bind(key.partition)
    .fetch_one(connection)
    .await?;
    row.try_get("watermark_us")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(to: i64) -> RangeEnd {
        RangeEnd {
            to,
            watermark_us: Some(to),
            link_watermark_us: Some(to),
        }
    }

    fn ends(links: &Links) -> Vec<i64> {
        links.ranges.iter().map(|range| range.to).collect()
    }

    #[test]
    fn ranges_stay_until_they_are_sent_and_the_last_of_those_marks_the_beginning() {
        let links = Links::starting_at(1, end(10));
        let links = links.with(end(20), 10).with(end(30), 10);
        assert_eq!(ends(&links), [10, 20, 30]);
        assert_eq!(ends(&links.with(end(40), 25)), [20, 30, 40]);
        assert_eq!(ends(&links.with(end(40), 40)), [40]);
    }

    #[test]
    fn a_watermark_that_rose_takes_the_place_of_the_one_before() {
        let raised = RangeEnd {
            link_watermark_us: Some(99),
            ..end(20)
        };
        let links = Links::starting_at(1, end(10))
            .with(end(20), 0)
            .with(raised, 0);
        assert_eq!(links.ranges, [end(10), raised]);
    }
}
