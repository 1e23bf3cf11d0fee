//! Sums of doubles that keep what rounding takes away (Neumaier): the error does not grow with
//! the number of summands, nor with their order.

use crate::image::{ImageError, Reader, Writer};

/// A sum and what rounding took from it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Compensated {
    sum: f64,
    rest: f64,
}

impl Compensated {
    pub(super) fn add(&mut self, number: f64) {
        let (sum, rest) = exact_sum(self.sum, number);
        self.sum = sum;
        self.rest += rest;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.add(other.sum);
        self.rest += other.rest;
    }

    /// The sum, infinite where it is beyond what a double can hold.
    pub(super) fn value(self) -> f64 {
        if self.sum.is_finite() {
            self.sum + self.rest
        } else {
            self.sum
        }
    }

    /// This times `other`.
    pub(super) fn times(self, other: Self) -> Self {
        let (one, two) = (self.normal(), other.normal());
        let (product, rest) = exact_product(one.sum, two.sum);
        Self {
            sum: product,
            rest: rest + one.sum * two.rest + one.rest * two.sum,
        }
    }

    /// This less `other`.
    pub(super) fn minus(mut self, other: Self) -> Self {
        self.merge(&Self {
            sum: -other.sum,
            rest: -other.rest,
        });
        self
    }

    /// The same sum, with a rest that is smaller than its last digit.
    fn normal(self) -> Self {
        let (sum, rest) = exact_sum(self.sum, self.rest);
        Self { sum, rest }
    }

    pub(super) fn write(self, writer: &mut Writer) {
        writer.f64(self.sum);
        writer.f64(self.rest);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ImageError> {
        Ok(Self {
            sum: reader.f64()?,
            rest: reader.f64()?,
        })
    }
}

impl From<f64> for Compensated {
    fn from(sum: f64) -> Self {
        Self { sum, rest: 0.0 }
    }
}

/// A sum as it is rounded, and what is missing from it (Knuth's two-sum).
fn exact_sum(one: f64, two: f64) -> (f64, f64) {
    let sum = one + two;
    let second = sum - one;
    let first = sum - second;
    (sum, (one - first) + (two - second))
}

/// A product as it is rounded, and what is missing from it.
pub(super) fn exact_product(one: f64, two: f64) -> (f64, f64) {
    let product = one * two;
    (product, one.mul_add(two, -product))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rounding_takes_comes_back() {
        let mut sum = Compensated::default();
        for number in [1.0, 1e100, 1.0, -1e100] {
            sum.add(number);
        }
        assert_eq!(sum.value().to_bits(), 2.0_f64.to_bits());
    }

    #[test]
    fn a_sum_beyond_doubles_is_infinite() {
        let mut sum = Compensated::default();
        sum.add(f64::MAX);
        sum.add(f64::MAX);
        assert!(sum.value().is_infinite());
    }
}
