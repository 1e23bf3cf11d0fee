//! Records a second, from counts taken now and then. Pure: the time is handed in.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Over how long a time the rate is taken.
const SPAN: Duration = Duration::from_secs(10);
/// How long a time makes a rate that means something.
const LEAST: Duration = Duration::from_millis(900);

/// Counts taken lately.
#[derive(Clone, Debug, Default)]
pub struct Rate {
    samples: VecDeque<(Instant, i64)>,
}

impl Rate {
    /// Takes note of how many there are by now. Counts that fall begin anew.
    pub fn note(&mut self, now: Instant, count: i64) {
        if self.samples.back().is_some_and(|(_, last)| count < *last) {
            self.samples.clear();
        }
        self.samples.push_back((now, count));
        // One sample from before the span stays, to reach back to its beginning.
        while self.samples.len() > 2 && now.duration_since(self.samples[1].0) >= SPAN {
            self.samples.pop_front();
        }
    }

    /// How many a second; none until that is known.
    pub fn a_second(&self) -> Option<f64> {
        let (first, last) = (self.samples.front()?, self.samples.back()?);
        let span = last.0.duration_since(first.0);
        (span >= LEAST).then(|| (last.1 - first.1) as f64 / span.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let start = Instant::now();
        let mut rate = Rate::default();
        rate.note(start, 1000);
        assert_eq!(rate.a_second(), None);
        for second in 1..=30 {
            let count = if second <= 15 {
                1000
            } else {
                1000 + (second - 15) * 50
            };
            rate.note(start + Duration::from_secs(second as u64), count);
        }
        assert_eq!(rate.a_second(), Some(50.0));
    }

    #[test]
    fn a_count_that_falls_begins_anew() {
        let start = Instant::now();
        let mut rate = Rate::default();
        rate.note(start, 1000);
        rate.note(start + SPAN, 7);
        assert_eq!(rate.a_second(), None);
    }
}
