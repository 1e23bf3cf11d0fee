//! The numbers that a generator may make: the multiples of a power of ten between two bounds.
//! Counting in whole steps keeps every value within its bounds and exactly as written, which
//! rounding a float can't promise.

use sensorstream_crds::{input::FieldType, scalars::Decimal};

/// The decimals that a [`Decimal`] can have.
const FINEST: u8 = 9;
/// Numbers of a `double` beyond this have no use for a grid, and would not fit one.
const LARGEST_DOUBLE: i128 = 1_000_000_000_000_000_000;

/// A number in units of 10⁻⁹, which holds every [`Decimal`] exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Nanos(pub(super) i128);

impl Nanos {
    pub(super) const ONE: Self = Self(1_000_000_000);

    /// The exact value of a decimal, or `None` when its text is no number.
    pub(super) fn of(decimal: &Decimal) -> Option<Self> {
        let text = match decimal {
            Decimal::Integer(whole) => return Some(Self(i128::from(*whole) * Self::ONE.0)),
            Decimal::Text(text) => text,
        };
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.as_str()),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        if whole.len() > 18 || fraction.len() > FINEST.into() {
            return None;
        }
        let whole: u64 = whole.parse().ok()?;
        let fraction: u64 = format!("{fraction:0<9}").parse().ok()?;
        let size = i128::from(whole) * Self::ONE.0 + i128::from(fraction);
        Some(Self(if negative { -size } else { size }))
    }

    /// The least and the greatest number that a field of a type can hold.
    pub(super) fn range_of(type_: FieldType) -> (Self, Self) {
        let (least, greatest) = match type_ {
            FieldType::Integer => (i128::from(i32::MIN), i128::from(i32::MAX)),
            FieldType::Long => (i128::from(i64::MIN), i128::from(i64::MAX)),
            _ => (-LARGEST_DOUBLE, LARGEST_DOUBLE),
        };
        (Self(least * Self::ONE.0), Self(greatest * Self::ONE.0))
    }
}

/// The multiples of 10^-`decimals` from `low` to `high`, both counted in such steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    pub(super) low: i64,
    pub(super) high: i64,
    pub(super) decimals: u8,
}

impl Grid {
    /// The grid between two bounds with the decimals asked for: fewer where the numbers are too
    /// large to have them, more where the bounds leave room for no number otherwise. `None` when
    /// there is no number between the bounds, which for a whole number can be so even if they
    /// are in order.
    pub(super) fn between(low: Nanos, high: Nanos, decimals: u8, whole: bool) -> Option<Self> {
        if whole {
            return Self::exactly(low, high, 0);
        }
        let asked = decimals.min(FINEST);
        let coarser = (0..=asked).rev();
        let finer = asked + 1..=FINEST;
        coarser
            .clone()
            .take(1)
            .chain(finer)
            .chain(coarser.skip(1))
            .find_map(|decimals| Self::exactly(low, high, decimals))
    }

    fn exactly(low: Nanos, high: Nanos, decimals: u8) -> Option<Self> {
        let step = power(FINEST - decimals);
        let low = i64::try_from(-(-low.0).div_euclid(step)).ok()?;
        let high = i64::try_from(high.0.div_euclid(step)).ok()?;
        (low <= high).then_some(Self {
            low,
            high,
            decimals,
        })
    }

    /// The step nearest to a number, within the bounds.
    pub(super) fn nearest(&self, number: f64) -> i64 {
        // The cast saturates, and the bounds do the rest.
        let step = (number * power(self.decimals) as f64).round() as i64;
        step.clamp(self.low, self.high)
    }

    /// The step nearest to one of a finer grid, within the bounds.
    pub(super) fn nearest_to_finer(&self, step: i64, finer: u8) -> i64 {
        let ratio = power(finer - self.decimals);
        let nearest = (i128::from(step) + ratio / 2).div_euclid(ratio);
        nearest.clamp(self.low.into(), self.high.into()) as i64
    }
}

fn power(exponent: u8) -> i128 {
    10_i128.pow(exponent.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nanos(text: &str) -> Nanos {
        Nanos::of(&text.into()).unwrap()
    }

    #[test]
    fn bounds_that_floats_miss_are_kept() {
        // 0.29 * 100.0 is less than 29.
        let grid = Grid::between(nanos("0.07"), nanos("0.29"), 2, false).unwrap();
        assert_eq!((grid.low, grid.high), (7, 29));
        let grid = Grid::between(nanos("-1.5"), nanos("1.5"), 0, true).unwrap();
        assert_eq!((grid.low, grid.high), (-1, 1));
    }

    #[test]
    fn narrow_bounds_get_more_decimals_and_huge_ones_fewer() {
        let narrow = Grid::between(nanos("0.005"), nanos("0.005"), 2, false).unwrap();
        assert_eq!(
            narrow,
            Grid {
                low: 5,
                high: 5,
                decimals: 3
            }
        );
        let huge = Grid::between(nanos("0"), nanos("1000000000000000"), 9, false).unwrap();
        assert_eq!(huge.decimals, 3);
        assert_eq!(Grid::between(nanos("0.2"), nanos("0.8"), 2, true), None);
    }

    #[test]
    fn the_whole_range_of_a_long_fits() {
        let (low, high) = Nanos::range_of(FieldType::Long);
        let grid = Grid::between(low, high, 0, true).unwrap();
        assert_eq!((grid.low, grid.high), (i64::MIN, i64::MAX));
    }

    proptest! {
        #[test]
        fn decimals_are_read_exactly(text in r"-?[0-9]{1,15}(\.[0-9]{1,9})?") {
            let exact = nanos(&text).0;
            let written = format!("{}{}.{:09}", if text.starts_with('-') { "-" } else { "" },
                exact.abs() / Nanos::ONE.0, exact.abs() % Nanos::ONE.0);
            let bits = |text: &str| text.parse::<f64>().unwrap().to_bits();
            prop_assert_eq!(bits(&written), bits(&text));
        }
    }
}
