//! When readings are due: evenly, at the declared rate, whatever the granularity of sleeping. What
//! could not be sent in time is made up for, but for a second's worth at most: an outage is not
//! followed by a flood. Time is what the caller says it is.

use std::time::Duration;

/// Says how many readings are due.
#[derive(Clone, Debug)]
pub struct Pacer {
    interval_nanos: f64,
    burst: u64,
    /// When the reading number 0 was due; moved on when readings are given up.
    origin_nanos: f64,
    taken: u64,
}

impl Pacer {
    /// A pacer whose first reading is due at time zero.
    pub fn new(rate: f64) -> Self {
        Self {
            interval_nanos: 1e9 / rate,
            burst: (rate.ceil() as u64).max(1),
            origin_nanos: 0.0,
            taken: 0,
        }
    }

    /// How many readings are due at `now` and not taken yet.
    pub fn due(&mut self, now: Duration) -> u64 {
        let elapsed = now.as_nanos() as f64 - self.origin_nanos;
        if elapsed < 0.0 {
            return 0;
        }
        let due = (elapsed / self.interval_nanos) as u64 + 1;
        let behind = due.saturating_sub(self.taken);
        if behind <= self.burst {
            return behind;
        }
        self.origin_nanos += (behind - self.burst) as f64 * self.interval_nanos;
        self.burst
    }

    /// Takes one reading that is due.
    pub fn take(&mut self) {
        self.taken += 1;
    }

    /// How long after `now` the next reading is due.
    pub fn wait(&self, now: Duration) -> Duration {
        let next = self.origin_nanos + self.taken as f64 * self.interval_nanos;
        Duration::from_nanos((next - now.as_nanos() as f64).max(0.0) as u64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn take_all(pacer: &mut Pacer, now: Duration) -> u64 {
        let due = pacer.due(now);
        (0..due).for_each(|_| pacer.take());
        due
    }

    #[test]
    fn a_slow_rate_waits_between_readings() {
        let mut pacer = Pacer::new(0.1);
        assert_eq!(take_all(&mut pacer, Duration::ZERO), 1);
        assert_eq!(pacer.wait(Duration::from_secs(4)), Duration::from_secs(6));
        assert_eq!(take_all(&mut pacer, Duration::from_millis(9_999)), 0);
        assert_eq!(take_all(&mut pacer, Duration::from_secs(10)), 1);
    }

    #[test]
    fn an_outage_is_made_up_for_by_one_second_at_most() {
        let mut pacer = Pacer::new(1000.0);
        take_all(&mut pacer, Duration::ZERO);
        let after = Duration::from_mins(1);
        assert_eq!(take_all(&mut pacer, after), 1000);
        assert_eq!(take_all(&mut pacer, after), 0);
        assert_eq!(take_all(&mut pacer, after + Duration::from_millis(10)), 10);
    }

    proptest! {
        #[test]
        fn the_rate_is_kept_however_often_it_is_asked(
            rate in 0.1_f64..200_000.0,
            steps in prop::collection::vec(1_u64..900, 1..50),
        ) {
            let mut pacer = Pacer::new(rate);
            let mut now = Duration::ZERO;
            let mut taken = take_all(&mut pacer, now);
            for step in steps {
                now += Duration::from_millis(step);
                taken += take_all(&mut pacer, now);
                prop_assert_eq!(pacer.due(now), 0);
                let expected = rate * now.as_secs_f64() + 1.0;
                prop_assert!((taken as f64 - expected).abs() <= 1.01, "{} of {}", taken, expected);
                let next = now + pacer.wait(now) + Duration::from_nanos(2);
                prop_assert!(pacer.clone().due(next) > 0);
            }
        }
    }
}
