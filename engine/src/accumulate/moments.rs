//! The spread of numbers.

use super::compensated::{Compensated, exact_product};
use crate::image::{ImageError, Reader, Writer};

/// The sums of some numbers and of their squares, to twice the digits of a double. So their
/// difference keeps enough digits even where the mean is a billion times the deviation, and
/// merging is adding.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moments {
    count: u64,
    sum: Compensated,
    squares: Compensated,
}

impl Moments {
    pub(super) fn add(&mut self, number: f64) {
        let (square, rest) = exact_product(number, number);
        self.count += 1;
        self.sum.add(number);
        self.squares.add(square);
        self.squares.add(rest);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum.merge(&other.sum);
        self.squares.merge(&other.squares);
    }

    /// The sample standard deviation, of two numbers or more. Infinite where the squares are beyond
    /// what a double can hold.
    pub(super) fn deviation(&self) -> Option<f64> {
        if self.count < 2 {
            return None;
        }
        let count = self.count as f64;
        let spread = self
            .squares
            .times(count.into())
            .minus(self.sum.times(self.sum))
            .value();
        let variance = spread.max(0.0) / (count * (count - 1.0));
        Some(if spread.is_finite() {
            variance.sqrt()
        } else {
            f64::INFINITY
        })
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.count(self.count);
        self.sum.write(writer);
        self.squares.write(writer);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ImageError> {
        Ok(Self {
            count: reader.count()?,
            sum: Compensated::read(reader)?,
            squares: Compensated::read(reader)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(numbers: &[f64]) -> Moments {
        let mut moments = Moments::default();
        for number in numbers {
            moments.add(*number);
        }
        moments
    }

    /// By definition, in two passes. The numbers are multiples of 1/1024, so the differences to the
    /// first are exact.
    fn expected(numbers: &[f64]) -> f64 {
        let count = numbers.len() as f64;
        let shifted: Vec<f64> = numbers.iter().map(|number| number - numbers[0]).collect();
        let mean = shifted.iter().sum::<f64>() / count;
        let squares: f64 = shifted.iter().map(|number| (number - mean).powi(2)).sum();
        (squares / (count - 1.0)).sqrt()
    }

    proptest! {
        #[test]
        fn a_far_mean_takes_no_digits(
            ticks in prop::collection::vec(-5000_i32..5000, 2..50),
            base in prop_oneof![Just(0.0), Just(1e3), Just(1e9)],
            split in any::<prop::sample::Index>(),
        ) {
            let numbers: Vec<f64> =
                ticks.iter().map(|tick| base + f64::from(*tick) / 1024.0).collect();
            let (one, two) = numbers.split_at(split.index(numbers.len()));
            let mut merged = of(two);
            merged.merge(&of(one));
            let expected = expected(&numbers);
            for moments in [of(&numbers), merged] {
                let found = moments.deviation().unwrap();
                prop_assert!((found - expected).abs() <= 1e-9 * expected, "{found} {expected}");
            }
        }
    }

    #[test]
    fn one_number_has_no_deviation() {
        assert_eq!(of(&[5.0]).deviation(), None);
        assert_eq!(of(&[5.0, 5.0]).deviation(), Some(0.0));
        assert_eq!(of(&[1e200, -1e200]).deviation(), Some(f64::INFINITY));
    }
}
