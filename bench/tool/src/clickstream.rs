//! What the visitors of a web site do. Each comes for four minutes, is away for eight, and comes again, so that
//! sessions end.

use std::io::Write;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    fill::{Event, Events},
    timeline,
};

/// So many events a visitor.
const EVENTS_A_VISITOR: u64 = 200;
const PAGES: u64 = 100;
/// Minutes from one coming of a visitor to the next.
const ROUND: u64 = 12;
/// Minutes of them that the visitor stays.
const STAY: u64 = 4;
const MINUTE_MS: i64 = 60_000;

/// Makes the same events for the same seed and number.
pub struct Visitors {
    chance: ChaCha8Rng,
    events: u64,
    rounds: u64,
    number: u64,
}

impl Visitors {
    /// As many visitors as so many events need.
    pub fn new(seed: u64, events: u64) -> Self {
        Self {
            chance: ChaCha8Rng::seed_from_u64(seed),
            events,
            rounds: (events / EVENTS_A_VISITOR / ROUND).max(10),
            number: 0,
        }
    }

    /// One of those that are there at this time: visitor v comes in minute v modulo `ROUND`.
    fn visitor(&mut self, time_ms: i64) -> u64 {
        let minute = ((time_ms - timeline::START_MS) / MINUTE_MS) as u64;
        let since = self.chance.random_range(0..STAY);
        let came = (minute + ROUND - since) % ROUND;
        self.chance.random_range(0..self.rounds) * ROUND + came
    }
}

impl Events for Visitors {
    fn next(&mut self, event: &mut Event) {
        let time_ms = timeline::time(self.number, self.events, &mut self.chance);
        self.number += 1;
        let visitor = self.visitor(time_ms);
        // The lower its number, the more often a page is seen.
        let most = self.chance.random_range(0..PAGES);
        let page = self.chance.random_range(0..=most);
        let kind = match self.chance.random_range(0..100) {
            0..80 => "page_view",
            80..95 => "click",
            _ => "purchase",
        };
        write(
            event,
            time_ms,
            format!("user-{visitor:06}"),
            &format!("/products/{page}"),
            kind,
        );
    }

    fn finale(&mut self, partition: i32, event: &mut Event) {
        let visitor = format!("final-{partition}");
        write(event, timeline::finale(), visitor, "/final", "page_view");
    }
}

fn write(event: &mut Event, time_ms: i64, visitor: String, page: &str, kind: &str) {
    event.clear();
    event.key = visitor;
    write!(
        event.value,
        r#"{{"event_time":"{}","user_id":"{}","page_url":"{page}","event_type":"{kind}"}}"#,
        timeline::text(time_ms),
        event.key,
    )
    .expect("memory takes what is written");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn visitors_come_stay_and_leave() {
        let events = 200_000;
        let mut visitors = Visitors::new(1, events);
        let mut event = Event::default();
        let mut minutes: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for number in 0..events {
            visitors.next(&mut event);
            minutes
                .entry(event.key.clone())
                .or_default()
                .push(number * 20 / events);
        }
        assert!((900..1_100).contains(&minutes.len()), "{}", minutes.len());
        // Those that came first are away in the sixth minute, but for events out of order.
        let away = minutes["user-000000"]
            .iter()
            .filter(|minute| **minute == 6)
            .count();
        assert!(away < 3, "{away}");
        let value: serde_json::Value = serde_json::from_slice(&event.value).unwrap();
        assert_eq!(value["user_id"], event.key);
    }
}
