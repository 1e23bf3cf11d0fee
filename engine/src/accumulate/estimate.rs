//! About how many different values there are, in 4 KiB (`HyperLogLog`).

use sensorstream_expressions::Value;

use super::scalar;
use crate::{
    hash::hash,
    image::{ImageError, Reader, Writer},
};

/// 4096 registers: a standard error of 1.04 / √4096 = 1.6 %.
const INDEX_BITS: u32 = 12;
const REGISTERS: usize = 1 << INDEX_BITS;
/// The greatest number of a register: no bit of the hash beyond the index is set.
const GREATEST: usize = (u64::BITS - INDEX_BITS) as usize + 1;

/// For each register, the longest run of zeros (and 1 more) among the hashes that belong to it.
#[derive(Clone, Debug)]
pub(crate) struct Estimate {
    registers: [u8; REGISTERS],
}

impl Default for Estimate {
    fn default() -> Self {
        Self {
            registers: [0; REGISTERS],
        }
    }
}

impl Estimate {
    pub(super) fn add(&mut self, value: &Value<'_>) {
        if let Value::Text(text) = value {
            self.put(hash(text.as_bytes()));
        } else if let Some(rank) = scalar::identity(value) {
            self.put(hash(&rank.to_le_bytes()));
        }
    }

    fn put(&mut self, hash: u64) {
        let register = &mut self.registers[(hash >> (u64::BITS - INDEX_BITS)) as usize];
        let rest = hash << INDEX_BITS | 1 << (INDEX_BITS - 1);
        *register = (*register).max(rest.leading_zeros() as u8 + 1);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (register, other) in self.registers.iter_mut().zip(&other.registers) {
            *register = (*register).max(*other);
        }
    }

    /// The estimate. It needs no table of corrections (Ertl, "New cardinality estimation
    /// algorithms for `HyperLogLog` sketches", 2017, algorithm 6).
    pub(super) fn count(&self) -> i64 {
        let mut with = [0_u32; GREATEST + 1];
        for register in &self.registers {
            with[usize::from(*register)] += 1;
        }
        let registers = REGISTERS as f64;
        let mut sum = registers * tau(1.0 - f64::from(with[GREATEST]) / registers);
        for count in with[1..GREATEST].iter().rev() {
            sum = 0.5 * (sum + f64::from(*count));
        }
        sum += registers * sigma(f64::from(with[0]) / registers);
        (registers * registers / (2.0 * std::f64::consts::LN_2 * sum)).round() as i64
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.raw(&self.registers);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ImageError> {
        let mut estimate = Self::default();
        estimate.registers.copy_from_slice(reader.raw(REGISTERS)?);
        if estimate
            .registers
            .iter()
            .any(|register| usize::from(*register) > GREATEST)
        {
            return Err(ImageError::Damaged("a register beyond its greatest number"));
        }
        Ok(estimate)
    }
}

/// x + Σ x^(2^k) · 2^(k-1), until it changes no more.
fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let mut weight = 1.0;
    let mut sum = x;
    loop {
        x *= x;
        let before = sum;
        sum += x * weight;
        weight += weight;
        if sum <= before {
            return sum;
        }
    }
}

/// (1 - x - Σ (1 - x^(2^-k))² · 2^-k) / 3, until it changes no more.
fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let mut weight = 1.0;
    let mut sum = 1.0 - x;
    loop {
        x = x.sqrt();
        let before = sum;
        weight *= 0.5;
        sum -= (1.0 - x).powi(2) * weight;
        if sum >= before {
            return sum / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: std::ops::Range<i64>) -> Estimate {
        let mut estimate = Estimate::default();
        for value in values {
            estimate.add(&Value::Long(value));
        }
        estimate
    }

    #[test]
    fn it_is_within_four_standard_errors() {
        for exact in [0, 1, 10, 1_000, 10_000, 100_000, 1_000_000] {
            let found = of(0..exact).count();
            let error = (found - exact).abs() as f64;
            assert!(error <= 0.064 * exact as f64, "{found} for {exact}");
        }
    }

    #[test]
    fn merging_is_as_if_one_had_seen_all() {
        let mut merged = of(0..7_000);
        merged.merge(&of(5_000..12_000));
        assert_eq!(merged.registers, of(0..12_000).registers);
    }
}
