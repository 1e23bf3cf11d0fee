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
    partition::partition_of,
};

/// The first and the last second a reading may have.
const YEARS: (i64, i64) = (946_684_800, 4_133_980_799);
/// How many keys to look at for one that belongs to a partition.
const MOST_KEYS: usize = 10_000;

/// Makes one reading after the other.
#[derive(Clone, Debug)]
pub struct Simulation {
    rng: ChaCha8Rng,
    faults: Option<FaultPlan>,
    sheet: Sheet,
}

/// What a reading is written on.
#[derive(Clone, Debug)]
struct Sheet {
    recipes: Vec<FieldRecipe>,
    key_at: Option<usize>,
    event_time_at: Option<usize>,
    drawn: Vec<i64>,
    key: Vec<u8>,
    value: Vec<u8>,
}

/// The times that make it into a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// When it is taken.
    pub event: Timestamp,
    /// When it is sent.
    pub clock: Timestamp,
}

impl From<Timestamp> for Times {
    /// A reading that is sent when it is taken.
    fn from(now: Timestamp) -> Self {
        Self {
            event: now,
            clock: now,
        }
    }
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

impl Reading<'_> {
    /// What the records of the reading are, in order: one, or two when it is sent twice.
    pub fn records(&self) -> impl Iterator<Item = Kind> + use<> {
        let again = self.repeated.then_some(Kind::Duplicate);
        std::iter::once(self.kind).chain(again)
    }
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
            faults: simulator
                .faults
                .as_ref()
                .map(|faults| FaultPlan::new(faults, &input.event_time, &fields)),
            sheet: Sheet {
                drawn: vec![0; recipes.len()],
                recipes,
                key_at: place(&input.key),
                event_time_at: place(&input.event_time.field),
                key: Vec::with_capacity(64),
                value: Vec::with_capacity(256),
            },
        })
    }

    /// The next reading. A clock that is ahead is so when the reading is sent, whenever it is taken.
    pub fn next(&mut self, times: impl Into<Times>) -> Reading<'_> {
        let Times { event, clock } = times.into();
        self.sheet.draw(&mut self.rng);
        let fault = self
            .faults
            .as_mut()
            .map_or(Fault::None, |plan| plan.next(&mut self.rng));
        let (kind, event, defect) = match fault {
            Fault::None | Fault::Repeated => (Kind::Good, event, None),
            Fault::Behind(by) => (Kind::Late, moved(event, -(by.as_secs() as i64)), None),
            Fault::Ahead(by) => (Kind::Future, moved(clock, by.as_secs() as i64 + 1), None),
            Fault::Malformed(kind, defect) => (kind, event, Some(defect)),
        };
        self.sheet.write(Times { event, clock }, defect);
        self.sheet.reading(kind, fault == Fault::Repeated)
    }

    /// Leaves out readings: those after them are what they would have been.
    pub fn skip(&mut self, readings: u64) {
        for _ in 0..readings {
            self.sheet.draw(&mut self.rng);
            if let Some(plan) = &mut self.faults {
                plan.next(&mut self.rng);
            }
        }
    }

    /// A reading with nothing wrong, for one partition: of a key that belongs there, if such a one is
    /// found soon.
    pub fn finalizer(&mut self, times: Times, partition: i32, partitions: i32) -> Reading<'_> {
        for _ in 0..MOST_KEYS {
            self.sheet.draw(&mut self.rng);
            self.sheet.write(times, None);
            if self.sheet.key_at.is_none() || partition_of(&self.sheet.key, partitions) == partition
            {
                break;
            }
        }
        self.sheet.reading(Kind::Finalizer, false)
    }
}

impl Sheet {
    fn draw(&mut self, rng: &mut ChaCha8Rng) {
        // The key comes first: it says whose walk the others go on.
        let key = self.key_at.map_or(0, |at| self.recipes[at].draw(rng, 0));
        for (at, recipe) in self.recipes.iter_mut().enumerate() {
            self.drawn[at] = if Some(at) == self.key_at {
                key
            } else {
                recipe.draw(rng, key)
            };
        }
    }

    /// Writes what was drawn, with what is wrong with it.
    fn write(&mut self, times: Times, defect: Option<&Defect>) {
        let time_of = |at: usize| {
            if Some(at) == self.event_time_at {
                times.event
            } else {
                times.clock
            }
        };
        self.key.clear();
        if let Some(at) = self.key_at {
            self.recipes[at].push_text(&mut self.key, self.drawn[at], time_of(at));
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
            let time = time_of(at);
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
    }

    fn reading(&self, kind: Kind, repeated: bool) -> Reading<'_> {
        Reading {
            kind,
            repeated,
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
