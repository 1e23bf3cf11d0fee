//! What a group's readings come to, aggregate by aggregate.
//!
//! An [`Accumulator`] takes readings one by one and merges with others of the same aggregate; in which
//! order, and how often, makes no difference (sums of doubles: none beyond 1e-9 of their value).

mod compensated;
mod distinct;
mod estimate;
mod extreme;
mod moments;
mod ordered;
mod quantile;
mod scalar;
mod sum;

use sensorstream_expressions::{Kind, Value};

use crate::{
    image::{ImageError, Reader, Writer},
    reading::Reading,
    rows::{Cell, ColumnKind},
};
use distinct::Distinct;
use estimate::Estimate;
use extreme::Side;
use moments::Moments;
use ordered::{End, Held, HeldText};
use quantile::Sketch;
use sum::{DoubleSum, IntegerSum};

/// What to compute from the values of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Function {
    /// How many readings; of no field.
    Count,
    /// How many different values.
    Distinct,
    /// About how many different values.
    EstimatedDistinct,
    Sum,
    Avg,
    Min,
    Max,
    First,
    Last,
    StdDev,
    Quantile(f64),
}

impl Function {
    /// The kind of its column for a field of `kind`; none where it has no meaning.
    pub(crate) fn column(self, kind: Kind) -> Option<ColumnKind> {
        let number = matches!(kind, Kind::Double | Kind::Integer | Kind::Long);
        match self {
            Self::Count | Self::Distinct | Self::EstimatedDistinct => Some(ColumnKind::Long),
            Self::Sum => match kind {
                Kind::Double => Some(ColumnKind::Double),
                Kind::Integer | Kind::Long => Some(ColumnKind::Numeric),
                Kind::Text | Kind::Boolean | Kind::Timestamp => None,
            },
            Self::Avg | Self::StdDev | Self::Quantile(_) => number.then_some(ColumnKind::Double),
            Self::Min | Self::Max => (kind != Kind::Boolean).then(|| kind.into()),
            Self::First | Self::Last => Some(kind.into()),
        }
    }
}

/// One aggregate of a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Aggregate {
    /// What to compute.
    pub(crate) function: Function,
    /// The field's place among the reading's values, and its kind. None for a count.
    pub(crate) field: Option<(usize, Kind)>,
}

impl Aggregate {
    /// Whether its accumulators may need more memory with every reading.
    pub(crate) fn grows(&self) -> bool {
        match self.function {
            Function::Distinct | Function::Quantile(_) => true,
            Function::Min | Function::Max | Function::First | Function::Last => self.is_text(),
            Function::Count
            | Function::EstimatedDistinct
            | Function::Sum
            | Function::Avg
            | Function::StdDev => false,
        }
    }

    fn is_text(&self) -> bool {
        matches!(self.field, Some((_, Kind::Text)))
    }

    fn is_double(&self) -> bool {
        matches!(self.field, Some((_, Kind::Double)))
    }

    fn side(&self) -> Side {
        if self.function == Function::Max {
            Side::Greatest
        } else {
            Side::Least
        }
    }

    fn end(&self) -> End {
        if self.function == Function::Last {
            End::Last
        } else {
            End::First
        }
    }
}

/// What the readings of a group came to so far, for one aggregate.
#[derive(Clone, Debug)]
pub(crate) enum Accumulator {
    Count(u64),
    /// For sum and avg of doubles.
    DoubleSum(DoubleSum),
    /// For sum and avg of whole numbers.
    IntegerSum(IntegerSum),
    Moments(Box<Moments>),
    /// For min and max of whatever is no text.
    Extreme(Option<i64>),
    ExtremeText(Option<String>),
    /// For first and last of whatever is no text.
    Ordered(Option<Held>),
    OrderedText(Option<Box<HeldText>>),
    Quantile(Box<Sketch>),
    Distinct(Box<Distinct>),
    Estimate(Box<Estimate>),
}

// A million groups have as many of them an aggregate.
const _: () = assert!(size_of::<Accumulator>() <= 40);

impl Accumulator {
    /// No reading yet.
    pub(crate) fn new(aggregate: &Aggregate) -> Self {
        match aggregate.function {
            Function::Count => Self::Count(0),
            Function::Distinct if aggregate.is_text() => Self::Distinct(Box::new(Distinct::text())),
            Function::Distinct => Self::Distinct(Box::new(Distinct::fixed())),
            Function::EstimatedDistinct => Self::Estimate(Box::default()),
            Function::Sum | Function::Avg if aggregate.is_double() => {
                Self::DoubleSum(DoubleSum::default())
            }
            Function::Sum | Function::Avg => Self::IntegerSum(IntegerSum::default()),
            Function::Min | Function::Max if aggregate.is_text() => Self::ExtremeText(None),
            Function::Min | Function::Max => Self::Extreme(None),
            Function::First | Function::Last if aggregate.is_text() => Self::OrderedText(None),
            Function::First | Function::Last => Self::Ordered(None),
            Function::StdDev => Self::Moments(Box::default()),
            Function::Quantile(_) => Self::Quantile(Box::default()),
        }
    }

    /// Takes a reading.
    pub(crate) fn add(&mut self, aggregate: &Aggregate, reading: &Reading<'_>) {
        if let Self::Count(count) = self {
            *count += 1;
            return;
        }
        let Some((field, _)) = aggregate.field else {
            return;
        };
        let value = &reading.values[field];
        match (self, value) {
            (_, Value::Null) | (Self::Count(_), _) => {}
            (Self::DoubleSum(sum), _) => {
                if let Some(number) = scalar::number(value) {
                    sum.add(number);
                }
            }
            (Self::IntegerSum(sum), _) => {
                if let Some(number) = scalar::whole(value) {
                    sum.add(number);
                }
            }
            (Self::Moments(moments), _) => {
                if let Some(number) = scalar::number(value) {
                    moments.add(number);
                }
            }
            (Self::Quantile(sketch), _) => {
                if let Some(number) = scalar::number(value) {
                    sketch.add(number);
                }
            }
            (Self::ExtremeText(held), Value::Text(text)) => {
                extreme::keep_text(held, aggregate.side(), text);
            }
            (Self::Extreme(held), _) => {
                if let Some(rank) = scalar::rank(value) {
                    extreme::keep(held, aggregate.side(), rank);
                }
            }
            (Self::OrderedText(held), Value::Text(text)) => {
                let at = (reading.time, reading.offset);
                ordered::keep_text(held, aggregate.end(), at, text);
            }
            (Self::Ordered(held), _) => {
                if let Some(rank) = scalar::rank(value) {
                    let at = (reading.time, reading.offset);
                    ordered::keep(held, aggregate.end(), Held { at, rank });
                }
            }
            (Self::Distinct(distinct), _) => distinct.add(value),
            (Self::Estimate(estimate), _) => estimate.add(value),
            (Self::ExtremeText(_) | Self::OrderedText(_), _) => {
                unreachable!("a text aggregate of a field that is none")
            }
        }
    }

    /// Takes what another accumulator of the same aggregate took.
    pub(crate) fn merge(&mut self, aggregate: &Aggregate, other: &Self) {
        match (self, other) {
            (Self::Count(count), Self::Count(other)) => *count += other,
            (Self::DoubleSum(sum), Self::DoubleSum(other)) => sum.merge(other),
            (Self::IntegerSum(sum), Self::IntegerSum(other)) => sum.merge(other),
            (Self::Moments(moments), Self::Moments(other)) => moments.merge(other),
            (Self::Quantile(sketch), Self::Quantile(other)) => sketch.merge(other),
            (Self::Extreme(held), Self::Extreme(other)) => {
                if let Some(rank) = other {
                    extreme::keep(held, aggregate.side(), *rank);
                }
            }
            (Self::ExtremeText(held), Self::ExtremeText(other)) => {
                if let Some(text) = other {
                    extreme::keep_text(held, aggregate.side(), text);
                }
            }
            (Self::Ordered(held), Self::Ordered(other)) => {
                if let Some(other) = other {
                    ordered::keep(held, aggregate.end(), *other);
                }
            }
            (Self::OrderedText(held), Self::OrderedText(other)) => {
                if let Some(other) = other {
                    ordered::keep_text(held, aggregate.end(), other.at, &other.text);
                }
            }
            (Self::Distinct(distinct), Self::Distinct(other)) => distinct.merge(other),
            (Self::Estimate(estimate), Self::Estimate(other)) => estimate.merge(other),
            _ => unreachable!("accumulators of different aggregates"),
        }
    }

    /// The aggregate's value.
    pub(crate) fn value(&self, aggregate: &Aggregate) -> Cell<'_> {
        let kind = aggregate.field.map(|(_, kind)| kind);
        let ranked = |rank: i64| kind.map_or(Cell::Null, |kind| scalar::cell(kind, rank));
        let double = |number: Option<f64>| number.map_or(Cell::Null, Cell::Double);
        match (self, aggregate.function) {
            (Self::Count(count), _) => Cell::Long(*count as i64),
            (Self::DoubleSum(sum), Function::Avg) => double(sum.mean()),
            (Self::DoubleSum(sum), _) => double(sum.total()),
            (Self::IntegerSum(sum), Function::Avg) => double(sum.mean()),
            (Self::IntegerSum(sum), _) => sum.total().map_or(Cell::Null, Cell::Numeric),
            (Self::Moments(moments), _) => double(moments.deviation()),
            (Self::Quantile(sketch), Function::Quantile(q)) => double(sketch.quantile(q)),
            (Self::Quantile(_), _) => unreachable!("a sketch for another aggregate"),
            (Self::Extreme(held), _) => held.map_or(Cell::Null, ranked),
            (Self::ExtremeText(held), _) => held.as_deref().map_or(Cell::Null, Cell::Text),
            (Self::Ordered(held), _) => held.map_or(Cell::Null, |held| ranked(held.rank)),
            (Self::OrderedText(held), _) => held
                .as_ref()
                .map_or(Cell::Null, |held| Cell::Text(&held.text)),
            (Self::Distinct(distinct), _) => Cell::Long(distinct.len() as i64),
            (Self::Estimate(estimate), _) => Cell::Long(estimate.count()),
        }
    }

    /// What it takes beside itself, in bytes.
    pub(crate) fn heap(&self) -> usize {
        match self {
            Self::Count(_)
            | Self::DoubleSum(_)
            | Self::IntegerSum(_)
            | Self::Extreme(_)
            | Self::Ordered(_) => 0,
            Self::Moments(_) => size_of::<Moments>(),
            Self::ExtremeText(held) => held.as_ref().map_or(0, String::capacity),
            Self::OrderedText(held) => held
                .as_ref()
                .map_or(0, |held| size_of::<HeldText>() + held.text.capacity()),
            Self::Quantile(sketch) => size_of::<Sketch>() + sketch.heap(),
            Self::Distinct(distinct) => size_of::<Distinct>() + distinct.heap(),
            Self::Estimate(_) => size_of::<Estimate>(),
        }
    }

    /// Writes it into an image.
    pub(crate) fn write(&self, writer: &mut Writer) {
        match self {
            Self::Count(count) => writer.count(*count),
            Self::DoubleSum(sum) => sum.write(writer),
            Self::IntegerSum(sum) => sum.write(writer),
            Self::Moments(moments) => moments.write(writer),
            Self::Extreme(held) => writer.optional_i64(*held),
            Self::ExtremeText(held) => {
                writer.bool(held.is_some());
                if let Some(text) = held {
                    writer.bytes(text.as_bytes());
                }
            }
            Self::Ordered(held) => {
                writer.bool(held.is_some());
                if let Some(held) = held {
                    held.write(writer);
                }
            }
            Self::OrderedText(held) => {
                writer.bool(held.is_some());
                if let Some(held) = held {
                    held.write(writer);
                }
            }
            Self::Quantile(sketch) => sketch.write(writer),
            Self::Distinct(distinct) => distinct.write(writer),
            Self::Estimate(estimate) => estimate.write(writer),
        }
    }

    /// Reads the accumulator of an aggregate out of an image.
    pub(crate) fn read(aggregate: &Aggregate, reader: &mut Reader<'_>) -> Result<Self, ImageError> {
        Ok(match Self::new(aggregate) {
            Self::Count(_) => Self::Count(reader.count()?),
            Self::DoubleSum(_) => Self::DoubleSum(DoubleSum::read(reader)?),
            Self::IntegerSum(_) => Self::IntegerSum(IntegerSum::read(reader)?),
            Self::Moments(_) => Self::Moments(Box::new(Moments::read(reader)?)),
            Self::Extreme(_) => Self::Extreme(reader.optional_i64()?),
            Self::ExtremeText(_) => Self::ExtremeText(if reader.bool()? {
                Some(reader.text()?.to_owned())
            } else {
                None
            }),
            Self::Ordered(_) => Self::Ordered(if reader.bool()? {
                Some(Held::read(reader)?)
            } else {
                None
            }),
            Self::OrderedText(_) => Self::OrderedText(if reader.bool()? {
                Some(Box::new(HeldText::read(reader)?))
            } else {
                None
            }),
            Self::Quantile(_) => Self::Quantile(Box::new(Sketch::read(reader)?)),
            Self::Distinct(mut empty) => {
                empty.read(reader)?;
                Self::Distinct(empty)
            }
            Self::Estimate(_) => Self::Estimate(Box::new(Estimate::read(reader)?)),
        })
    }
}

#[cfg(test)]
mod tests;
