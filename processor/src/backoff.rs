//! How long to wait before trying again: longer each time, and by chance, so that many who wait
//! for one broker don't all come back at once.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// Counts the attempts since the last success.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after one more failure; `chance` is a random number from 0 to 1.
    pub(crate) fn after_failure(&mut self, chance: f64) -> Duration {
        let longest = FIRST
            .saturating_mul(1 << self.failures.min(10))
            .min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        longest.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
    }

    /// Begins again with short waits.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_keep_half_to_chance() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.after_failure(1.0), Duration::from_millis(100));
        assert_eq!(backoff.after_failure(0.0), Duration::from_millis(100));
        assert_eq!(backoff.after_failure(1.0), Duration::from_millis(400));
        for _ in 0..40 {
            backoff.after_failure(0.5);
        }
        assert_eq!(backoff.after_failure(1.0), LONGEST);
        backoff.reset();
        assert_eq!(backoff.after_failure(0.0), Duration::from_millis(50));
    }
}
