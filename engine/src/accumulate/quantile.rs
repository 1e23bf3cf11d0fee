//! Quantiles of numbers, off by less than 1 % of their value.

use crate::image::{ImageError, Reader, Writer};

/// How many bits of the mantissa a bucket is known by. A bucket is then at most 1/64 of its lower end
/// wide, and its middle off by less than 1/128 from whatever is in it.
const MANTISSA_BITS: u32 = 6;
const SHIFT: u32 = f64::MANTISSA_DIGITS - 1 - MANTISSA_BITS;

/// How many numbers fell into each bucket. Every power of two has 64 buckets of equal width (as in
/// `HdrHistogram`; a `DDSketch` spaces them by logarithms). Merging is adding.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sketch {
    /// By the values in them, the least first. None is empty.
    buckets: Vec<Bucket>,
    count: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bucket {
    /// The upper bits of the doubles in it but for the sign, and 1 more; negative for negative
    /// doubles; 0 for zero and what is as good as zero (subnormal).
    index: i32,
    count: u64,
}

fn index_of(number: f64) -> i32 {
    if number.abs() < f64::MIN_POSITIVE {
        return 0;
    }
    let index = (number.abs().to_bits() >> SHIFT) as i32 + 1;
    if number < 0.0 { -index } else { index }
}

/// The number in the middle of a bucket: the same share of its value from both ends.
fn middle(index: i32) -> f64 {
    if index == 0 {
        return 0.0;
    }
    let bits = u64::from(index.unsigned_abs()) - 1;
    let low = f64::from_bits(bits << SHIFT);
    let high = f64::from_bits((bits + 1) << SHIFT);
    let middle = if high.is_finite() {
        low * (2.0 / (1.0 + low / high))
    } else {
        low
    };
    if index < 0 { -middle } else { middle }
}

impl Sketch {
    pub(super) fn add(&mut self, number: f64) {
        self.put(index_of(number), 1);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for bucket in &other.buckets {
            self.put(bucket.index, bucket.count);
        }
    }

    fn put(&mut self, index: i32, count: u64) {
        match self
            .buckets
            .binary_search_by_key(&index, |bucket| bucket.index)
        {
            Ok(place) => self.buckets[place].count += count,
            Err(place) => self.buckets.insert(place, Bucket { index, count }),
        }
        self.count += count;
    }

    /// About the number that the share `q` of the others is not above.
    pub(super) fn quantile(&self, q: f64) -> Option<f64> {
        let last = self.count.checked_sub(1)?;
        let rank = (q * last as f64) as u64;
        let mut below = 0;
        for bucket in &self.buckets {
            below += bucket.count;
            if below > rank {
                return Some(middle(bucket.index));
            }
        }
        self.buckets.last().map(|bucket| middle(bucket.index))
    }

    pub(super) fn heap(&self) -> usize {
        self.buckets.capacity() * size_of::<Bucket>()
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.count(self.buckets.len() as u64);
        for bucket in &self.buckets {
            writer.i64(bucket.index.into());
            writer.count(bucket.count);
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ImageError> {
        let mut sketch = Self::default();
        let greatest = index_of(f64::MAX);
        let mut above = -i64::from(greatest);
        for _ in 0..reader.count()? {
            let index = reader.i64()?;
            let count = reader.count()?;
            if index < above || index > greatest.into() || count == 0 {
                return Err(ImageError::Damaged("a sketch out of order"));
            }
            above = index + 1;
            sketch.count = sketch
                .count
                .checked_add(count)
                .ok_or(ImageError::Damaged("a sketch of too much"))?;
            sketch.buckets.push(Bucket {
                index: index as i32,
                count,
            });
        }
        Ok(sketch)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_quantile_is_off_by_less_than_one_percent(
            mut numbers in prop::collection::vec(
                prop::num::f64::NORMAL | prop::num::f64::ZERO, 1..100),
            q in 0.0..=1.0,
            split in any::<prop::sample::Index>(),
        ) {
            let (one, two) = numbers.split_at(split.index(numbers.len()));
            let mut sketch = Sketch::default();
            let mut other = Sketch::default();
            for number in one {
                sketch.add(*number);
            }
            for number in two {
                other.add(*number);
            }
            sketch.merge(&other);
            numbers.sort_by(f64::total_cmp);
            let exact = numbers[(q * (numbers.len() - 1) as f64) as usize];
            let found = sketch.quantile(q).unwrap();
            // The last bucket below infinity has no middle.
            prop_assume!(exact.abs() < f64::MAX / 2.0);
            prop_assert!((found - exact).abs() <= 0.01 * exact.abs(), "{found} {exact}");
        }
    }

    #[test]
    fn zeros_and_what_is_nearly_zero_are_zero() {
        let mut sketch = Sketch::default();
        for number in [0.0, -0.0, f64::MIN_POSITIVE / 2.0] {
            sketch.add(number);
        }
        assert_eq!(sketch.buckets, [Bucket { index: 0, count: 3 }]);
        assert_eq!(sketch.quantile(0.5), Some(0.0));
        assert_eq!(Sketch::default().quantile(0.5), None);
    }
}
