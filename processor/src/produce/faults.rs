//! Which readings are wrong on purpose, and how. The shares are kept by chance, from the seeded
//! generator; the kinds of malformed readings come in turn, as far as the fields allow, and each
//! has one thing wrong, so that the reason the processor must find is known.

use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use sensorstream_crds::{
    input::{EventTime, Field, FieldType},
    simulator::Faults,
};

use super::{grid::Nanos, kind::Kind};

/// How much earlier than allowed a late reading is.
const LATER_SECONDS: std::ops::RangeInclusive<u64> = 1..=60;
/// How much further ahead than allowed a fast clock is: so much that the reading is still ahead
/// if it had to wait for the broker.
const AHEAD_SECONDS: std::ops::RangeInclusive<u64> = 3_600..=7_200;

/// What is wrong with one reading, if anything.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault<'a> {
    /// Nothing.
    None,
    /// It is sent twice.
    Repeated,
    /// Its time is this much in the past.
    Behind(Duration),
    /// Its time is this much in the future.
    Ahead(Duration),
    /// It can't be decoded.
    Malformed(Kind, &'a Defect),
}

/// One thing wrong with a reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Defect {
    /// Cut off in the middle.
    Cut,
    /// The field of this place is left out.
    Without(usize),
    /// The field of this place is in quotes.
    Quoted(usize),
    /// The field of this place has this JSON for its value.
    Instead(usize, Box<[u8]>),
}

/// When to do what wrong.
#[derive(Clone, Debug)]
pub(super) struct FaultPlan {
    /// Where on the line from 0 to 1 each fault's share ends.
    malformed_below: f64,
    late_below: f64,
    repeated_below: f64,
    ahead_below: f64,
    behind: Duration,
    ahead: Duration,
    malformed: Vec<(Kind, Vec<Defect>)>,
    turn: usize,
}

impl FaultPlan {
    /// The plan for declared shares; `fields` are those that are made, in order.
    pub(super) fn new(faults: &Faults, event_time: &EventTime, fields: &[&Field]) -> Self {
        let share = |percent: &sensorstream_crds::scalars::Percent| percent.parse().unwrap_or(0.0);
        let malformed_below = share(&faults.malformed);
        let late_below = malformed_below + share(&faults.late);
        let repeated_below = late_below + share(&faults.duplicate);
        Self {
            malformed_below,
            late_below,
            repeated_below,
            ahead_below: repeated_below + share(&faults.fast_clock),
            behind: event_time.max_delay.get(),
            ahead: event_time.max_future_skew.get(),
            malformed: defects(fields),
            turn: 0,
        }
    }

    /// What is wrong with the next reading.
    pub(super) fn next(&mut self, rng: &mut ChaCha8Rng) -> Fault<'_> {
        let at: f64 = rng.random();
        if at < self.malformed_below {
            let (kind, defects) = &self.malformed[self.turn];
            self.turn = (self.turn + 1) % self.malformed.len();
            Fault::Malformed(*kind, &defects[rng.random_range(0..defects.len())])
        } else if at < self.late_below {
            Fault::Behind(self.behind + Duration::from_secs(rng.random_range(LATER_SECONDS)))
        } else if at < self.repeated_below {
            Fault::Repeated
        } else if at < self.ahead_below {
            Fault::Ahead(self.ahead + Duration::from_secs(rng.random_range(AHEAD_SECONDS)))
        } else {
            Fault::None
        }
    }
}

/// Everything that can be wrong with readings of these fields, by kind. A reading can always be
/// cut off, so the list is never empty.
fn defects(fields: &[&Field]) -> Vec<(Kind, Vec<Defect>)> {
    let each = |defect: fn(usize, &Field) -> Option<Defect>| {
        fields
            .iter()
            .enumerate()
            .filter_map(move |(at, field)| defect(at, field))
            .collect()
    };
    let kinds: [(Kind, Vec<Defect>); 6] = [
        (Kind::NotJson, vec![Defect::Cut]),
        (
            Kind::MissingField,
            each(|at, field| field.required.then_some(Defect::Without(at))),
        ),
        (
            Kind::WrongType,
            each(|at, field| Some(wrong_type(at, field))),
        ),
        (Kind::OutOfRange, each(out_of_range)),
        (Kind::TooLong, each(too_long)),
        (Kind::BadTimestamp, each(bad_timestamp)),
    ];
    kinds
        .into_iter()
        .filter(|(_, defects)| !defects.is_empty())
        .collect()
}

fn wrong_type(at: usize, field: &Field) -> Defect {
    match field.type_ {
        FieldType::Double | FieldType::Integer | FieldType::Long => Defect::Quoted(at),
        FieldType::String => instead(at, "42"),
        FieldType::Boolean => instead(at, "\"true\""),
        FieldType::Timestamp => instead(at, "false"),
    }
}

fn out_of_range(at: usize, field: &Field) -> Option<Defect> {
    if !field.enum_.is_empty() {
        // There are more characters than an enum can have values.
        let other = ('A'..='\u{ffff}')
            .filter(|c| c.is_alphanumeric())
            .map(String::from)
            .find(|text| !field.enum_.contains(text))?;
        return Some(instead(at, &format!("\"{other}\"")));
    }
    let (least, greatest) = Nanos::range_of(field.type_);
    // By more than one part in a thousand, so that it shows in a double of any size.
    let beyond = |bound: Nanos| Nanos::ONE.0 + bound.0.abs() / 1000;
    let above = || {
        let maximum = Nanos::of(field.maximum.as_ref()?)?;
        Some(maximum.0 + beyond(maximum)).filter(|above| *above <= greatest.0)
    };
    let below = || {
        let minimum = Nanos::of(field.minimum.as_ref()?)?;
        Some(minimum.0 - beyond(minimum)).filter(|below| *below >= least.0)
    };
    // A whole number is enough: the excess is at least one.
    let nanos = above()
        .map(|above| above.div_euclid(Nanos::ONE.0))
        .or_else(|| below().map(|below| -(-below).div_euclid(Nanos::ONE.0)))?;
    Some(instead(at, &nanos.to_string()))
}

fn too_long(at: usize, field: &Field) -> Option<Defect> {
    // A text that is too long for an enum would be wrong in two ways.
    let longest = field.max_length.filter(|_| field.enum_.is_empty())?;
    Some(instead(
        at,
        &format!("\"{}\"", "x".repeat(longest as usize + 1)),
    ))
}

fn bad_timestamp(at: usize, field: &Field) -> Option<Defect> {
    (field.type_ == FieldType::Timestamp).then(|| instead(at, "\"yesterday\""))
}

fn instead(at: usize, json: &str) -> Defect {
    Defect::Instead(at, json.as_bytes().into())
}
