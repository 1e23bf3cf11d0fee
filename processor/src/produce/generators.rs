//! How one field's values are made and written. A value is first *drawn*, as a number that means
//! something to its generator only (a step of a grid, the place in a list), and then written: as
//! JSON, as the record's key, or wrongly on purpose. What was drawn for the key field also says
//! whose random walk it is.

use std::collections::HashMap;

use jiff::Timestamp;
use rand::{RngExt, distr::Distribution};
use rand_chacha::ChaCha8Rng;
use rand_distr::Normal;
use sensorstream_crds::{
    input::{Field, FieldType},
    scalars::Decimal,
    simulator::{FieldGenerator, RandomWalk, Sequence, WeightedValue},
};

use super::{
    RecipeError,
    encode::{push_decimal, push_digits, push_time},
    grid::{Grid, Nanos},
};

/// Walks are kept for as many keys as a sequence can make; beyond, they start anew.
const MOST_WALKS: usize = 10_000_000;
/// How far a normal distribution without bounds may stray, in standard deviations.
const WIDEST: f64 = 10.0;

/// How one field's values are made and written.
#[derive(Clone, Debug)]
pub(super) struct FieldRecipe {
    member: Box<[u8]>,
    making: Making,
}

#[derive(Clone, Debug)]
enum Making {
    Uniform(Grid),
    Normal {
        normal: Normal<f64>,
        grid: Grid,
    },
    Walk(Walk),
    Choice {
        values: Vec<Literal>,
        ends: Vec<u64>,
    },
    Numbered {
        prefix: Option<Literal>,
        first: i64,
        count: i64,
        width: usize,
        made: i64,
    },
    Constant(Literal),
    Now,
}

#[derive(Clone, Debug)]
struct Walk {
    start: i64,
    step: i64,
    /// Finer than what is written, so that small steps add up.
    inner: Grid,
    written: Grid,
    latest: HashMap<i64, i64>,
}

/// A fixed value, as it is written in a key and in JSON.
#[derive(Clone, Debug)]
struct Literal {
    text: Box<[u8]>,
    json: Box<[u8]>,
}

impl FieldRecipe {
    pub(super) fn new(field: &Field, generator: &FieldGenerator) -> Result<Self, RecipeError> {
        let making =
            Making::new(field, generator).ok_or_else(|| RecipeError(field.name.clone()))?;
        let mut member = serde_json::to_vec(field.member()).expect("text is representable as JSON");
        member.push(b':');
        Ok(Self {
            member: member.into(),
            making,
        })
    }

    /// Draws the next value; `key` is what was drawn for the key field.
    pub(super) fn draw(&mut self, rng: &mut ChaCha8Rng, key: i64) -> i64 {
        match &mut self.making {
            Making::Uniform(grid) => rng.random_range(grid.low..=grid.high),
            Making::Normal { normal, grid } => grid.nearest(normal.sample(rng)),
            Making::Walk(walk) => walk.next(rng, key),
            Making::Choice { ends, .. } => {
                let total = ends.last().copied().unwrap_or(1);
                let at = rng.random_range(0..total);
                ends.partition_point(|end| *end <= at) as i64
            }
            Making::Numbered {
                first, count, made, ..
            } => {
                let number = *first + *made;
                *made = (*made + 1) % *count;
                number
            }
            Making::Constant(_) | Making::Now => 0,
        }
    }

    /// Appends `"member":`.
    pub(super) fn push_member(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.member);
    }

    /// Appends a drawn value as JSON.
    pub(super) fn push_json(&self, out: &mut Vec<u8>, drawn: i64, time: Timestamp) {
        match &self.making {
            Making::Choice { values, .. } => out.extend_from_slice(&values[drawn as usize].json),
            Making::Constant(value) => out.extend_from_slice(&value.json),
            Making::Numbered {
                prefix: Some(prefix),
                width,
                ..
            } => {
                // The prefix ends in a quote, which belongs after the number.
                let (quote, front) = prefix.json.split_last().expect("a JSON text has quotes");
                out.extend_from_slice(front);
                push_digits(out, drawn.unsigned_abs(), *width);
                out.push(*quote);
            }
            Making::Now => {
                out.push(b'"');
                push_time(out, time);
                out.push(b'"');
            }
            _ => self.push_text(out, drawn, time),
        }
    }

    /// Appends a drawn value as plain text, as a record's key has it.
    pub(super) fn push_text(&self, out: &mut Vec<u8>, drawn: i64, time: Timestamp) {
        match &self.making {
            Making::Uniform(grid) | Making::Normal { grid, .. } => {
                push_decimal(out, drawn, grid.decimals);
            }
            Making::Walk(walk) => push_decimal(out, drawn, walk.written.decimals),
            Making::Choice { values, .. } => out.extend_from_slice(&values[drawn as usize].text),
            Making::Numbered { prefix, width, .. } => {
                if let Some(prefix) = prefix {
                    out.extend_from_slice(&prefix.text);
                }
                push_digits(out, drawn.unsigned_abs(), *width);
            }
            Making::Constant(value) => out.extend_from_slice(&value.text),
            Making::Now => push_time(out, time),
        }
    }
}

impl Making {
    /// `None` when the generator can't make values of the field's type.
    fn new(field: &Field, generator: &FieldGenerator) -> Option<Self> {
        if let Some(uniform) = &generator.uniform {
            let bounds = (Nanos::of(&uniform.minimum)?, Nanos::of(&uniform.maximum)?);
            return Some(Self::Uniform(grid(field, bounds, uniform.decimals)?));
        }
        if let Some(normal) = &generator.normal {
            let (mean, stddev) = (normal.mean.parse()?, normal.stddev.parse()?);
            let stray = |sigmas: f64| Nanos(((mean + sigmas * stddev) * 1e9) as i128);
            let bound = |bound: &Option<Decimal>, sigmas| match bound {
                Some(bound) => Nanos::of(bound),
                None => Some(stray(sigmas)),
            };
            let bounds = (
                bound(&normal.minimum, -WIDEST)?,
                bound(&normal.maximum, WIDEST)?,
            );
            let grid = grid(field, bounds, normal.decimals)?;
            return Some(Self::Normal {
                normal: Normal::new(mean, stddev).ok()?,
                grid,
            });
        }
        if let Some(walk) = &generator.random_walk {
            return Walk::new(field, walk).map(Self::Walk);
        }
        if let Some(choice) = &generator.choice {
            return Self::choice(field, &choice.values);
        }
        if let Some(sequence) = &generator.sequence {
            return Self::numbered(field, sequence);
        }
        if let Some(constant) = &generator.constant {
            return Literal::new(&constant.value, field.type_).map(Self::Constant);
        }
        (generator.now.is_some() && field.type_ == FieldType::Timestamp).then_some(Self::Now)
    }

    fn choice(field: &Field, weighted: &[WeightedValue]) -> Option<Self> {
        let mut total = 0;
        let ends = weighted.iter().map(|value| {
            total += u64::from(value.weight.max(1));
            total
        });
        let ends: Vec<u64> = ends.collect();
        let values = weighted
            .iter()
            .map(|value| Literal::new(&value.value, field.type_));
        let values = values.collect::<Option<Vec<_>>>()?;
        (!values.is_empty()).then_some(Self::Choice { values, ends })
    }

    fn numbered(field: &Field, sequence: &Sequence) -> Option<Self> {
        let text = match field.type_ {
            FieldType::String => true,
            FieldType::Double | FieldType::Integer | FieldType::Long => false,
            FieldType::Boolean | FieldType::Timestamp => return None,
        };
        let prefix = text
            .then(|| Literal::new(&sequence.prefix, FieldType::String))
            .flatten();
        (text || sequence.prefix.is_empty()).then(|| Self::Numbered {
            prefix,
            first: sequence.start,
            count: sequence.count.max(1),
            // A number in JSON has no zeros before it.
            width: if text { sequence.width.into() } else { 1 },
            made: 0,
        })
    }
}

impl Walk {
    fn new(field: &Field, walk: &RandomWalk) -> Option<Self> {
        let bounds = (Nanos::of(&walk.minimum)?, Nanos::of(&walk.maximum)?);
        let written = grid(field, bounds, walk.decimals)?;
        let (least, greatest) = Nanos::range_of(field.type_);
        let (low, high) = (bounds.0.max(least), bounds.1.min(greatest));
        let finer = (written.decimals + 3).min(9);
        let inner = Grid::between(low, high, finer, false)
            .filter(|inner| inner.decimals >= written.decimals)
            .unwrap_or(written);
        let steps = |number: &Decimal| {
            let scale = 10_i128.pow((9 - inner.decimals).into());
            Some((Nanos::of(number)?.0 / scale).clamp(i64::MIN.into(), i64::MAX.into()) as i64)
        };
        let start = steps(&walk.start)?.clamp(inner.low, inner.high);
        let step = steps(&walk.step)?.checked_abs()?;
        Some(Self {
            start,
            step,
            inner,
            written,
            latest: HashMap::new(),
        })
    }

    fn next(&mut self, rng: &mut ChaCha8Rng, key: i64) -> i64 {
        let next = match self.latest.get(&key) {
            None => self.start,
            Some(latest) => {
                let moved =
                    i128::from(*latest) + i128::from(rng.random_range(-self.step..=self.step));
                let (low, high) = (i128::from(self.inner.low), i128::from(self.inner.high));
                let turned = if moved > high {
                    2 * high - moved
                } else if moved < low {
                    2 * low - moved
                } else {
                    moved
                };
                turned.clamp(low, high) as i64
            }
        };
        if self.latest.len() >= MOST_WALKS && !self.latest.contains_key(&key) {
            self.latest.clear();
        }
        self.latest.insert(key, next);
        self.written.nearest_to_finer(next, self.inner.decimals)
    }
}

impl Literal {
    /// `None` when the text is no value of the type.
    fn new(text: &str, type_: FieldType) -> Option<Self> {
        let json = match type_ {
            FieldType::String => serde_json::to_vec(text).ok()?,
            // Parsed and written again: `+5` and `.5` are numbers to Rust but not to JSON.
            FieldType::Double => {
                let number: f64 = text.parse().ok()?;
                number
                    .is_finite()
                    .then(|| serde_json::to_vec(&number).ok())
                    .flatten()?
            }
            FieldType::Integer => text.parse::<i32>().ok()?.to_string().into_bytes(),
            FieldType::Long => text.parse::<i64>().ok()?.to_string().into_bytes(),
            FieldType::Boolean => text.parse::<bool>().ok()?.to_string().into_bytes(),
            FieldType::Timestamp => return None,
        };
        let text = if type_ == FieldType::String {
            text.as_bytes().to_vec()
        } else {
            json.clone()
        };
        Some(Self {
            text: text.into(),
            json: json.into(),
        })
    }
}

/// The numbers between bounds that a field can hold.
fn grid(field: &Field, (low, high): (Nanos, Nanos), decimals: u8) -> Option<Grid> {
    let whole = match field.type_ {
        FieldType::Double => false,
        FieldType::Integer | FieldType::Long => true,
        FieldType::String | FieldType::Boolean | FieldType::Timestamp => return None,
    };
    let (least, greatest) = Nanos::range_of(field.type_);
    Grid::between(low.max(least), high.min(greatest), decimals, whole)
}
