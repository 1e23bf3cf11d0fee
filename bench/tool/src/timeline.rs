//! When preloaded events happen: evenly over twenty minutes of the past, one in a hundred out of order.

use jiff::Timestamp;
use rand::{Rng, RngExt};

/// 2025-08-17T12:50:00Z, in milliseconds since 1970: ten minutes before the hour, so that a lake has two.
pub const START_MS: i64 = 1_755_435_000_000;
/// From the first event to the last.
const SPAN_MS: u64 = 20 * 60 * 1_000;
/// How much an event out of order is late at most; half of what the pipelines allow.
const DISORDER_MS: i64 = 60_000;
/// How long after the last event the one comes that closes every window. A session whose gap is five minutes is
/// closed when nothing can join it any more, ten minutes after its last event; and the watermark is two behind.
const FINALE_MS: i64 = 15 * 60 * 1_000;

/// When event `number` of `events` happens, in milliseconds since 1970.
pub fn time(number: u64, events: u64, chance: &mut impl Rng) -> i64 {
    let even = START_MS + (number * SPAN_MS / events.max(1)) as i64;
    if chance.random_ratio(1, 100) {
        (even - chance.random_range(0..DISORDER_MS)).max(START_MS)
    } else {
        even
    }
}

/// When the events happen that close every window.
pub fn finale() -> i64 {
    START_MS + SPAN_MS as i64 + FINALE_MS
}

/// The time as events have it.
pub fn text(time_ms: i64) -> impl std::fmt::Display {
    let time = Timestamp::from_millisecond(time_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ")
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn time_runs_forward_but_for_one_event_in_a_hundred() {
        let mut chance = ChaCha8Rng::seed_from_u64(1);
        let times: Vec<i64> = (0..100_000)
            .map(|n| time(n, 100_000, &mut chance))
            .collect();
        let even = |n: usize| START_MS + n as i64 * 12;
        let moved = times
            .iter()
            .enumerate()
            .filter(|(n, time)| **time != even(*n));
        let moved: Vec<_> = moved.collect();
        assert!((800..1_200).contains(&moved.len()), "{}", moved.len());
        assert!(
            moved
                .iter()
                .all(|(n, time)| even(*n) - **time < DISORDER_MS)
        );
    }

    #[test]
    fn a_time_is_text_with_milliseconds() {
        assert_eq!(text(START_MS + 7).to_string(), "2025-08-17T12:50:00.007Z");
    }
}
