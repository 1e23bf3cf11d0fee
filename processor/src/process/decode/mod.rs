//! From a record's bytes to a reading, or to the reason why it is none.
//!
//! A [`Decoder`] is compiled once from the pipeline's fields. Decoding is a pure function of the
//! record and its broker time: the same record has the same outcome in every process, today and
//! after a replay. Checks go in the order of the fields, and the first problem is the record's
//! reason; what the whole record is wrong about (no JSON, too large) comes before any field, and
//! `future` after them.
//!
//! Choices that the spec leaves open: an integer must be written as one (`3.0` and `3e0` are of
//! the wrong type); a text with U+0000 is out of range, for PostgreSQL can't store it; a number
//! beyond what its type can hold is out of range; of a member that comes twice the last counts.

mod field;
mod json;
mod timestamp;

#[cfg(test)]
mod tests;

use sensorstream_crds::{
    Reason,
    input::{Field, Input},
};
use sensorstream_expressions::Value;

pub use field::Column;
pub use timestamp::POSTGRES_EPOCH_US;

use field::FieldPlan;
use json::{Members, Token};

/// The largest value that is read, in bytes.
pub const MAX_VALUE_BYTES: usize = 1024 * 1024;
/// The longest detail kept, in bytes.
const MAX_DETAIL_BYTES: usize = 200;

/// Why a record is a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The reason, for machines.
    pub reason: Reason,
    /// What exactly was wrong, for people.
    pub detail: String,
}

impl Problem {
    /// A problem, with the detail cut to a bounded length and free of NUL, which PostgreSQL
    /// can't store.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        if detail.contains('\0') {
            detail = detail.replace('\0', "\u{FFFD}");
        }
        if detail.len() > MAX_DETAIL_BYTES {
            detail.truncate(detail.floor_char_boundary(MAX_DETAIL_BYTES - '…'.len_utf8()));
            detail.push('…');
        }
        Self { reason, detail }
    }
}

/// The pipeline's fields, ready to decode with.
#[derive(Debug)]
pub struct Decoder {
    fields: Vec<FieldPlan>,
    /// One a field.
    members: Members,
    event_time: usize,
    max_future_skew_us: i64,
}

/// Memory that decoding reuses from record to record.
#[derive(Debug, Default)]
pub struct Scratch {
    tokens: Vec<Option<Token<'static>>>,
    values: Vec<Value<'static>>,
}

impl Decoder {
    /// Compiles the fields of an input that passed validation.
    ///
    /// # Panics
    /// When the event time names no field, which validation refuses.
    pub fn new(input: &Input) -> Self {
        let event_time = input
            .fields
            .iter()
            .position(|field| field.name == input.event_time.field)
            .expect("the event time names a field");
        Self {
            fields: input.fields.iter().map(FieldPlan::new).collect(),
            members: Members::new(input.fields.iter().map(Field::member)),
            event_time,
            max_future_skew_us: i64::try_from(input.event_time.max_future_skew.get().as_micros())
                .unwrap_or(i64::MAX),
        }
    }

    /// The columns that readings fill, in order.
    pub fn columns(&self) -> impl Iterator<Item = Column<'_>> {
        self.fields.iter().map(FieldPlan::column)
    }

    /// Decodes a record. A reading's values go to `accept`, in the order of the fields, with its
    /// event time in microseconds since 1970.
    pub fn decode<'a, T>(
        &'a self,
        payload: Option<&'a [u8]>,
        broker_time_ms: Option<i64>,
        scratch: &mut Scratch,
        accept: impl FnOnce(&[Value<'a>], i64) -> T,
    ) -> Result<T, Problem> {
        let payload =
            payload.ok_or_else(|| Problem::new(Reason::Tombstone, "the record has no value"))?;
        if payload.len() > MAX_VALUE_BYTES {
            let detail = format!(
                "the value has {} bytes; at most {MAX_VALUE_BYTES} are read",
                payload.len()
            );
            return Err(Problem::new(Reason::TooLarge, detail));
        }
        let mut tokens: Vec<Option<Token<'a>>> = recycle(std::mem::take(&mut scratch.tokens));
        let mut values: Vec<Value<'a>> = recycle(std::mem::take(&mut scratch.values));
        let outcome = self
            .values(payload, broker_time_ms, &mut tokens, &mut values)
            .map(|event_time| accept(&values, event_time));
        scratch.tokens = recycle(tokens);
        scratch.values = recycle(values);
        outcome
    }

    fn values<'a>(
        &'a self,
        payload: &'a [u8],
        broker_time_ms: Option<i64>,
        tokens: &mut Vec<Option<Token<'a>>>,
        values: &mut Vec<Value<'a>>,
    ) -> Result<i64, Problem> {
        tokens.resize_with(self.fields.len(), || None);
        json::read_object(payload, &self.members, tokens)
            .map_err(|error| Problem::new(Reason::NotJson, error.to_string()))?;
        for (field, token) in self.fields.iter().zip(tokens) {
            values.push(field.read(token.take())?);
        }
        let Some(Value::Timestamp(event_time)) = values.get(self.event_time) else {
            unreachable!("the event time is a required timestamp")
        };
        let event_time = *event_time;
        if let Some(broker_time_ms) = broker_time_ms {
            let ahead_us = event_time - broker_time_ms.saturating_mul(1_000);
            if ahead_us > self.max_future_skew_us {
                let name = &self.fields[self.event_time].column().name;
                let detail = format!(
                    "field `{name}`: {:.3} s ahead of the record's time in the topic",
                    ahead_us as f64 / 1e6
                );
                return Err(Problem::new(Reason::Future, detail));
            }
        }
        Ok(event_time)
    }
}

/// Empties a vector and gives it another lifetime, keeping its memory: collecting an emptied
/// vector into one of the same layout happens in place.
fn recycle<A, B>(mut vector: Vec<A>) -> Vec<B> {
    vector.clear();
    vector
        .into_iter()
        .map(|_| unreachable!("the vector is empty"))
        .collect()
}
