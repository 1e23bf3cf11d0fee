//! Making readings: a pure function of the seed, the spec and the times it is called with.
//!
//! ```text
//! seed ─► fault? ─► a value for every field ─► JSON, with the fault ─► key and bytes
//! ```

use jiff::Timestamp;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sensorstream_crds::{
    input::{Field, Input},
    simulator::{FieldGenerator, Simulator},
};

use super::{
    RecipeError,
    faults::{Defect, Fault, FaultPlan},
    generators::FieldRecipe,
    kind::Kind,
};

/// The first and the last second a reading may have.
const YEARS: (i64, i64) = (946_684_800, 4_133_980_799);

/// Makes one reading after the other.
#[derive(Debug)]
pub struct Simulation {
    rng: ChaCha8Rng,
    recipes: Vec<FieldRecipe>,
    faults: Option<FaultPlan>,
    key_at: Option<usize>,
    event_time_at: Option<usize>,
    drawn: Vec<i64>,
    key: Vec<u8>,
    value: Vec<u8>,
}

/// A reading, ready to be sent. It borrows the buffers of the [`Simulation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading<'a> {
    /// What it is.
    pub kind: Kind,
    /// Whether it is to be sent a second time.
    pub repeated: bool,
    /// The record's key.
    pub key: Option<&'a [u8]>,
    /// The record's value.
    pub value: &'a [u8],
}

impl Simulation {
    /// A simulation at its beginning.
    pub fn new(input: &Input, simulator: &Simulator) -> Result<Self, RecipeError> {
        let made: Vec<(&Field, &FieldGenerator)> = input
            .fields
            .iter()
            .filter_map(|field| {
                Some((
                    field,
                    simulator.fields.iter().find(|g| g.name == field.name)?,
                ))
            })
            .collect();
        let recipes = made
            .iter()
            .map(|(field, generator)| FieldRecipe::new(field, generator));
        let recipes = recipes.collect::<Result<Vec<_>, _>>()?;
        let fields: Vec<&Field> = made.iter().map(|(field, _)| *field).collect();
        let place = |name: &str| fields.iter().position(|field| field.name == name);
        Ok(Self {
            rng: ChaCha8Rng::seed_from_u64(simulator.seed.unsigned_abs()),
            drawn: vec![0; recipes.len()],
            recipes,
            faults: simulator
                .faults
                .as_ref()
                .map(|faults| FaultPlan::new(faults, &input.event_time, &fields)),
            key_at: place(&input.key),
            event_time_at: place(&input.event_time.field),
            key: Vec::with_capacity(64),
            value: Vec::with_capacity(256),
        })
    }

    /// The next reading, taken at `now`.
    pub fn next(&mut self, now: Timestamp) -> Reading<'_> {
        // The key comes first: it says whose walk the others go on.
        let key = self
            .key_at
            .map_or(0, |at| self.recipes[at].draw(&mut self.rng, 0));
        for (at, recipe) in self.recipes.iter_mut().enumerate() {
            self.drawn[at] = if Some(at) == self.key_at {
                key
            } else {
                recipe.draw(&mut self.rng, key)
            };
        }
        let fault = self
            .faults
            .as_mut()
            .map_or(Fault::None, |plan| plan.next(&mut self.rng));
        let (kind, event_time, defect) = match fault {
            Fault::None | Fault::Repeated => (Kind::Good, now, None),
            Fault::Behind(by) => (Kind::Late, moved(now, -(by.as_secs() as i64)), None),
            Fault::Ahead(by) => (Kind::Future, moved(now, by.as_secs() as i64 + 1), None),
            Fault::Malformed(kind, defect) => (kind, now, Some(defect)),
        };
        self.key.clear();
        if let Some(at) = self.key_at {
            let time = if Some(at) == self.event_time_at {
                event_time
            } else {
                now
            };
            self.recipes[at].push_text(&mut self.key, key, time);
        }
        self.value.clear();
        self.value.push(b'{');
        for (at, recipe) in self.recipes.iter().enumerate() {
            if matches!(defect, Some(Defect::Without(missing)) if *missing == at) {
                continue;
            }
            if self.value.len() > 1 {
                self.value.push(b',');
            }
            recipe.push_member(&mut self.value);
            let time = if Some(at) == self.event_time_at {
                event_time
            } else {
                now
            };
            match defect {
                Some(Defect::Instead(wrong, json)) if *wrong == at => {
                    self.value.extend_from_slice(json);
                }
                Some(Defect::Quoted(wrong)) if *wrong == at => {
                    self.value.push(b'"');
                    recipe.push_text(&mut self.value, self.drawn[at], time);
                    self.value.push(b'"');
                }
                _ => recipe.push_json(&mut self.value, self.drawn[at], time),
            }
        }
        self.value.push(b'}');
        if matches!(defect, Some(Defect::Cut)) {
            let middle = self.value.len() / 2;
            // Not within a character: the rest is text still, as people will want to read it.
            let cut = (1..=middle).rev().find(|at| self.value[*at] & 0xC0 != 0x80);
            self.value.truncate(cut.unwrap_or(1));
        }
        Reading {
            kind,
            repeated: fault == Fault::Repeated,
            key: self.key_at.map(|_| self.key.as_slice()),
            value: &self.value,
        }
    }
}

/// A time moved by some seconds, within the years that a reading may have.
fn moved(time: Timestamp, seconds: i64) -> Timestamp {
    let second = time
        .as_second()
        .saturating_add(seconds)
        .clamp(YEARS.0, YEARS.1);
    Timestamp::new(second, time.subsec_nanosecond()).unwrap_or(time)
}
