//! How far a stream of events is: of each partition of the input and of the topics for alerts and
//! dead letters. As text it is the id of an event, from which a client goes on. Pure.

use std::fmt;

use jiff::Timestamp;
use sensorstream_ledger::figures::ShardFigures;

use crate::serve::{health::current_shards, readings::Span, tail::shelf::Offsets};

/// How far back in event time new readings are looked for, at most.
const REACH_US: i64 = 3_600_000_000;

/// How far a stream is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// In the table of readings.
    pub readings: Committed,
    /// The next offsets of alerts.
    pub alerts: Offsets,
    /// The next offsets of dead letters.
    pub dead_letters: Offsets,
}

/// What of each partition is committed, by its number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed(Vec<Mark>);

/// What of a partition is committed: everything below an offset; and the watermark there, before
/// which no reading in time can come any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Mark {
    next_offset: i64,
    watermark_us: Option<i64>,
}

impl Committed {
    /// What the commit log says.
    pub fn of(shards: &[ShardFigures]) -> Self {
        let mut marks = Vec::new();
        for shard in current_shards(shards) {
            let Ok(partition) = usize::try_from(shard.partition) else {
                continue;
            };
            if marks.len() <= partition {
                marks.resize(partition + 1, Mark::default());
            }
            marks[partition] = Mark {
                next_offset: shard.next_offset,
                watermark_us: shard.watermark_us,
            };
        }
        Self(marks)
    }

    /// The readings between here and there, if there are any.
    pub fn until(&self, there: &Self) -> Option<Span> {
        let before = |partition: usize| {
            let mark = self.0.get(partition).copied().unwrap_or_default();
            // Beyond the end is another topic of the name, which began anew.
            if mark.next_offset > there.0[partition].next_offset {
                Mark::default()
            } else {
                mark
            }
        };
        let partitions = 0..there.0.len();
        let from: Vec<i64> = partitions
            .clone()
            .map(|at| before(at).next_offset)
            .collect();
        let to: Vec<i64> = there.0.iter().map(|mark| mark.next_offset).collect();
        let advanced = partitions.filter(|at| from[*at] < to[*at]);
        let newest = there.0.iter().filter_map(|mark| mark.watermark_us).max();
        let reach = newest.map_or(i64::MIN, |newest| newest - REACH_US);
        let least = advanced
            .map(|at| before(at).watermark_us.unwrap_or(i64::MIN))
            .min()?;
        Some(Span {
            from,
            to,
            not_before: Timestamp::from_microsecond(least.max(reach))
                .unwrap_or(Timestamp::UNIX_EPOCH),
        })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, mark) in self.readings.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { "_" };
            write!(f, "{separator}{}", mark.next_offset)?;
            if let Some(watermark) = mark.watermark_us {
                write!(f, "-{watermark}")?;
            }
        }
        for offsets in [&self.alerts, &self.dead_letters] {
            f.write_str(".")?;
            for (at, (partition, offset)) in offsets.iter().enumerate() {
                let separator = if at == 0 { "" } else { "_" };
                write!(f, "{separator}{partition}-{offset}")?;
            }
        }
        Ok(())
    }
}

impl Position {
    /// Reads the id of an event.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let readings = entries(parts.next()?)
            .map(|entry| {
                let (offset, watermark) = match entry.split_once('-') {
                    Some((offset, watermark)) => (offset, Some(watermark)),
                    None => (entry, None),
                };
                Some(Mark {
                    next_offset: natural(offset)?,
                    watermark_us: match watermark {
                        Some(watermark) => Some(natural(watermark)?),
                        None => None,
                    },
                })
            })
            .collect::<Option<Vec<_>>>()?;
        let mut offsets = || {
            entries(parts.next()?)
                .map(|entry| {
                    let (partition, offset) = entry.split_once('-')?;
                    Some((partition.parse().ok()?, natural(offset)?))
                })
                .collect::<Option<Offsets>>()
        };
        let position = Self {
            readings: Committed(readings),
            alerts: offsets()?,
            dead_letters: offsets()?,
        };
        parts.next().is_none().then_some(position)
    }
}

fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split('_').filter(|entry| !entry.is_empty())
}

fn natural(text: &str) -> Option<i64> {
    text.parse().ok().filter(|number: &i64| *number >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn committed(marks: &[(i64, Option<i64>)]) -> Committed {
        let marks = marks.iter().map(|(next_offset, watermark_us)| Mark {
            next_offset: *next_offset,
            watermark_us: *watermark_us,
        });
        Committed(marks.collect())
    }

    #[test]
    fn an_id_can_be_read_again() {
        let position = Position {
            readings: committed(&[(10, Some(1_755_432_000_000_000)), (0, None)]),
            alerts: Offsets::from([(0, 5), (2, 7)]),
            dead_letters: Offsets::new(),
        };
        let id = position.to_string();
        assert_eq!(id, "10-1755432000000000_0.0-5_2-7.");
        assert_eq!(Position::parse(&id), Some(position));
        assert_eq!(Position::parse(".."), Some(Position::default()));
        for wrong in ["", "1", "a..", "-1..", "1...", "..0", "..0--1"] {
            assert_eq!(Position::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_new_is_between_two_positions() {
        let hour = REACH_US;
        let here = committed(&[(10, Some(5 * hour)), (20, Some(2 * hour))]);
        let there = committed(&[(15, Some(6 * hour)), (20, Some(2 * hour)), (3, None)]);
        assert_eq!(here.until(&here), None);
        let span = here.until(&committed(&[(15, Some(6 * hour)), (20, Some(2 * hour))]));
        // Idle partitions do not make it look further back.
        let span = span.unwrap();
        assert_eq!(span.not_before.as_microsecond(), 5 * hour);
        assert_eq!((span.from, span.to), (vec![10, 20], vec![15, 20]));
        // A partition that is new may have readings of any time; they are looked for within reach.
        let span = here.until(&there).unwrap();
        assert_eq!(span.from, [10, 20, 0]);
        assert_eq!(span.not_before.as_microsecond(), 5 * hour);
    }

    #[test]
    fn a_topic_made_anew_is_read_from_its_beginning() {
        let here = committed(&[(10, Some(5))]);
        let span = here.until(&committed(&[(3, Some(7))])).unwrap();
        assert_eq!((span.from, span.to), (vec![0], vec![3]));
    }
}
