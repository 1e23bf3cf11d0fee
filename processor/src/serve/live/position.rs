//! How far a stream of events is: of each partition of the input and of the topics for alerts and
//! dead letters. As text it is the id of an event, from which a client goes on. Pure.

use std::fmt;

use jiff::Timestamp;
use sensorstream_ledger::figures::ShardFigures;
use sha2::{Digest, Sha256};

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
pub struct Committed {
    /// Which topic of the name it is: a digest of Kafka's id.
    incarnation: u32,
    marks: Vec<Mark>,
}

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
        let current = current_shards(shards);
        let incarnation = current
            .first()
            .map_or(0, |shard| digest(&shard.incarnation));
        let mut marks = Vec::new();
        for shard in current {
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
        Self { incarnation, marks }
    }

    /// Moves on to there; never back, for another pod may have been ahead of this one.
    pub fn advance_to(&mut self, there: &Self) {
        if self.incarnation != there.incarnation {
            self.clone_from(there);
            return;
        }
        if self.marks.len() < there.marks.len() {
            self.marks.resize(there.marks.len(), Mark::default());
        }
        for (mark, there) in self.marks.iter_mut().zip(&there.marks) {
            if there.next_offset > mark.next_offset {
                *mark = *there;
            }
        }
    }

    /// The readings between here and there, if there are any.
    pub fn until(&self, there: &Self) -> Option<Span> {
        let same = self.incarnation == there.incarnation;
        let before = |partition: usize| {
            let mark = self.marks.get(partition).filter(|_| same);
            mark.copied().unwrap_or_default()
        };
        let partitions = 0..there.marks.len();
        let from: Vec<i64> = partitions
            .clone()
            .map(|at| before(at).next_offset)
            .collect();
        let to: Vec<i64> = there.marks.iter().map(|mark| mark.next_offset).collect();
        let advanced = partitions.filter(|at| from[*at] < to[*at]);
        let watermarks: Vec<Option<i64>> = advanced.map(|at| before(at).watermark_us).collect();
        let newest = there
            .marks
            .iter()
            .filter_map(|mark| mark.watermark_us)
            .max();
        let reach = newest.map_or(i64::MIN, |newest| newest - REACH_US);
        // Without a watermark, at the beginning of a partition, nobody knows how far back readings go.
        let least = watermarks
            .iter()
            .map(|watermark| watermark.unwrap_or(i64::MIN))
            .min()?;
        Some(Span {
            cut: watermarks
                .iter()
                .flatten()
                .any(|watermark| *watermark < reach),
            from,
            to,
            not_before: Timestamp::from_microsecond(least.max(reach))
                .unwrap_or(Timestamp::UNIX_EPOCH),
        })
    }
}

fn digest(incarnation: &str) -> u32 {
    let digest = Sha256::digest(incarnation);
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.readings.incarnation)?;
        for mark in &self.readings.marks {
            write!(f, "_{}", mark.next_offset)?;
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
        let mut readings = parts.next()?.split('_');
        let incarnation = u32::from_str_radix(readings.next()?, 16).ok()?;
        let marks = readings
            .map(|entry| {
                let (offset, watermark) = match entry.split_once('-') {
                    Some((offset, watermark)) => (offset, Some(watermark)),
                    None => (entry, None),
                };
                Some(Mark {
                    next_offset: natural(offset)?,
                    watermark_us: match watermark {
                        Some(watermark) => Some(watermark.parse().ok()?),
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
            readings: Committed { incarnation, marks },
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
        Committed {
            incarnation: 7,
            marks: marks.collect(),
        }
    }

    #[test]
    fn an_id_can_be_read_again() {
        let position = Position {
            readings: committed(&[(10, Some(1_755_432_000_000_000)), (0, None), (1, Some(-5))]),
            alerts: Offsets::from([(0, 5), (2, 7)]),
            dead_letters: Offsets::new(),
        };
        let id = position.to_string();
        assert_eq!(id, "00000007_10-1755432000000000_0_1--5.0-5_2-7.");
        assert_eq!(Position::parse(&id), Some(position));
        assert_eq!(Position::parse("0.."), Some(Position::default()));
        for wrong in [
            "", "1", "..", "x..", "0_-1..", "0_1-..", "0...", "0..0", "0..0--1",
        ] {
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
        let mut here = committed(&[(10, Some(5))]);
        let there = Committed {
            incarnation: 8,
            ..committed(&[(30, Some(7))])
        };
        let span = here.until(&there).unwrap();
        assert_eq!((span.from, span.to), (vec![0], vec![30]));
        here.advance_to(&there);
        assert_eq!(here, there);
    }

    #[test]
    fn whoever_was_ahead_waits_and_gets_nothing_twice() {
        let mut here = committed(&[(10, Some(5)), (3, Some(6))]);
        let there = committed(&[(8, Some(4)), (5, Some(7))]);
        let span = here.until(&there).unwrap();
        // From 10 up to 8 there is nothing.
        assert_eq!((span.from, span.to), (vec![10, 3], vec![8, 5]));
        here.advance_to(&there);
        assert_eq!(here, committed(&[(10, Some(5)), (5, Some(7))]));
        assert_eq!(here.until(&there), None);
    }

    #[test]
    fn what_lies_too_far_back_is_said_to_be_left_out() {
        let here = committed(&[(10, Some(0)), (20, Some(5 * REACH_US))]);
        let both = committed(&[(11, Some(1)), (21, Some(5 * REACH_US))]);
        assert!(here.until(&both).unwrap().cut);
        let one = committed(&[(10, Some(0)), (21, Some(5 * REACH_US))]);
        assert!(!here.until(&one).unwrap().cut);
    }
}
