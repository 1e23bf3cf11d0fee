//! Keeps a place that does not answer from holding up those who ask. After a failure it is
//! left alone for a while; then one may try, and the others hear the last answer meanwhile.
//! Pure: the time is an argument.

use std::time::{Duration, Instant};

use crate::backends::BackendError;

const FIRST: Duration = Duration::from_secs(1);
/// Short enough that a place that came back is noticed soon.
const LONGEST: Duration = Duration::from_secs(10);

/// Whether a place may be asked.
#[derive(Debug, Default)]
pub struct Circuit {
    failures: u32,
    open: Option<(Instant, BackendError)>,
}

impl Circuit {
    /// Lets the caller ask, or gives it the last failure. Whoever is let through after a pause
    /// holds the others off until it is answered or as long as another pause.
    pub fn admit(&mut self, now: Instant) -> Result<(), BackendError> {
        match &mut self.open {
            None => Ok(()),
            Some((until, error)) if now < *until => Err(error.clone()),
            Some((until, _)) => {
                *until = now + LONGEST;
                Ok(())
            }
        }
    }

    /// The place answered, be it with a refusal.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// The place did not answer.
    pub fn failed(&mut self, now: Instant, error: &BackendError) {
        let pause = FIRST
            .saturating_mul(2_u32.saturating_pow(self.failures.min(8)))
            .min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        self.open = Some((now + pause, error.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn down() -> BackendError {
        BackendError::Unreachable {
            place: "Kafka at kafka:9092".into(),
            why: "no answer".into(),
        }
    }

    #[test]
    fn a_place_that_failed_is_left_alone_longer_and_longer() {
        let start = Instant::now();
        let mut circuit = Circuit::default();
        let mut pauses = Vec::new();
        let mut now = start;
        for _ in 0..6 {
            circuit.failed(now, &down());
            let pause = (1..60).find(|s| circuit.admit(now + Duration::from_secs(*s)).is_ok());
            pauses.push(pause.unwrap());
            now += Duration::from_mins(1);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 10, 10]);
    }

    #[test]
    fn after_a_pause_one_asks_and_the_others_hear_the_last_answer() {
        let now = Instant::now();
        let mut circuit = Circuit::default();
        assert_eq!(circuit.admit(now), Ok(()));
        circuit.failed(now, &down());
        assert_eq!(circuit.admit(now), Err(down()));
        let later = now + Duration::from_secs(2);
        assert_eq!(circuit.admit(later), Ok(()));
        assert_eq!(circuit.admit(later), Err(down()));
        circuit.succeeded();
        assert_eq!(circuit.admit(later), Ok(()));
        assert_eq!(circuit.admit(later), Ok(()));
    }
}
