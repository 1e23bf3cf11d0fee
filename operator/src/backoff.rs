//! How long to wait after a failure, and how to keep many pipelines from asking at once.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(1);

/// The wait after the `failures`th failure in a row: doubling from 1 s to 60 s, cut by up to
/// half by `chance`, a random number of 0 to 1.
pub fn after_failures(failures: u32, chance: f64) -> Duration {
    let doubled = FIRST.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1).min(16)));
    doubled
        .min(LONGEST)
        .mul_f64(1.0 - 0.5 * chance.clamp(0.0, 1.0))
}

/// `interval`, more or less a tenth of it.
pub fn spread(interval: Duration, chance: f64) -> Duration {
    interval.mul_f64(0.9 + 0.2 * chance.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn waits_double_up_to_a_minute() {
        let seconds: Vec<u64> = (1..=8).map(|n| after_failures(n, 0.0).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60]);
    }

    proptest! {
        #[test]
        fn jitter_takes_half_at_most_and_waits_never_vanish(failures: u32, chance in 0.0..=1.0) {
            let whole = after_failures(failures, 0.0);
            let cut = after_failures(failures, chance);
            prop_assert!(cut <= whole && cut >= whole / 2);
            prop_assert!(cut >= Duration::from_millis(500));
        }

        #[test]
        fn spreading_stays_near_the_interval(chance in 0.0..=1.0) {
            let spread = spread(Duration::from_secs(10), chance);
            prop_assert!((9_000..=11_000).contains(&spread.as_millis()));
        }
    }
}
