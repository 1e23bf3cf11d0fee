//! Sums and means.

use super::compensated::Compensated;
use crate::image::{ImageError, Reader, Writer};

/// The sum of doubles, and how many.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DoubleSum {
    sum: Compensated,
    count: u64,
}

impl DoubleSum {
    pub(super) fn add(&mut self, number: f64) {
        self.sum.add(number);
        self.count += 1;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.sum.merge(&other.sum);
        self.count += other.count;
    }

    pub(super) fn total(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum.value())
    }

    pub(super) fn mean(&self) -> Option<f64> {
        self.total().map(|total| total / self.count as f64)
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        self.sum.write(writer);
        writer.count(self.count);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ImageError> {
        Ok(Self {
            sum: Compensated::read(reader)?,
            count: reader.count()?,
        })
    }
}

/// The sum of whole numbers, and how many.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IntegerSum {
    /// An `i128` in halves, which needs no alignment to 16 bytes.
    low: u64,
    high: i64,
    count: u64,
}

impl IntegerSum {
    fn sum(&self) -> i128 {
        i128::from(self.high) << 64 | i128::from(self.low)
    }

    fn set(&mut self, sum: i128) {
        self.low = sum as u64;
        self.high = (sum >> 64) as i64;
    }

    pub(super) fn add(&mut self, number: i64) {
        self.set(self.sum().wrapping_add(number.into()));
        self.count += 1;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.set(self.sum().wrapping_add(other.sum()));
        self.count += other.count;
    }

    pub(super) fn total(&self) -> Option<i128> {
        (self.count > 0).then(|| self.sum())
    }

    pub(super) fn mean(&self) -> Option<f64> {
        self.total().map(|total| total as f64 / self.count as f64)
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.i128(self.sum());
        writer.count(self.count);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ImageError> {
        let mut read = Self::default();
        read.set(reader.i128()?);
        read.count = reader.count()?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whole_numbers_are_summed_exactly(numbers in prop::collection::vec(any::<i64>(), 1..20)) {
            let mut sum = IntegerSum::default();
            for number in &numbers {
                sum.add(*number);
            }
            let expected: i128 = numbers.iter().map(|number| i128::from(*number)).sum();
            prop_assert_eq!(sum.total(), Some(expected));
        }
    }
}
