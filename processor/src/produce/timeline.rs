//! Which event time each reading has on a timeline that is not live: a pure function of the spec, of when
//! the simulator started and of the reading's number.
//!
//! ```text
//!          begin                          start, now
//! spread     ├─┬─┬─┬─┬─┬─┬─┬─┬─┬─┬─┬─┬─┬─┬─┤
//! backfill   ├──┬──┬──┬──┬──┬──┬──┬──┬──┬──┤╶╶┬╶╶┬╶╶  then: Live
//! ```

use jiff::Timestamp;
use sensorstream_crds::{simulator::Simulator, timeline::Then};

/// The event times of readings, numbered from 0. Reading number n is taken n · `span_us` / `parts`
/// microseconds after the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// How long before the start the first reading is taken.
    over_us: u64,
    span_us: u64,
    parts: u64,
    readings: Option<u64>,
}

impl Timeline {
    /// The timeline of a simulator; none for a live one.
    pub fn of(simulator: &Simulator) -> Option<Self> {
        let timeline = simulator.timeline.as_ref()?;
        if let Some(spread) = &timeline.spread {
            let over_us = spread.over.get().as_micros() as u64;
            let readings = spread.readings.unsigned_abs();
            return Some(Self {
                over_us,
                span_us: over_us,
                parts: readings,
                readings: Some(readings),
            });
        }
        let backfill = timeline.backfill.as_ref()?;
        let over_us = backfill.over.get().as_micros() as u64;
        let every_us = backfill.every.get().as_micros() as u64;
        Some(Self {
            over_us,
            span_us: every_us,
            parts: 1,
            readings: match backfill.then {
                Then::Live => None,
                Then::Stop => Some(over_us.div_ceil(every_us)),
            },
        })
    }

    /// How many readings there are, if it ends.
    pub fn readings(&self) -> Option<u64> {
        self.readings
    }

    /// When a reading is taken, of a simulator that started at `start`.
    pub fn event_time(&self, start: Timestamp, number: u64) -> Timestamp {
        let after = u128::from(number) * u128::from(self.span_us) / u128::from(self.parts);
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        Timestamp::from_microsecond(self.begin_us(start).saturating_add(after))
            .unwrap_or(Timestamp::MAX)
    }

    /// How many readings are taken by `now`, of a simulator that started at `start`.
    pub fn taken_by(&self, start: Timestamp, now: Timestamp) -> u64 {
        let since = now.as_microsecond().saturating_sub(self.begin_us(start));
        let Ok(since) = u64::try_from(since) else {
            return 0;
        };
        // Those whose time in whole microseconds is not after.
        let taken = (u128::from(since) + 1) * u128::from(self.parts);
        let taken = taken.div_ceil(u128::from(self.span_us));
        let taken = u64::try_from(taken).unwrap_or(u64::MAX);
        self.readings.map_or(taken, |readings| taken.min(readings))
    }

    fn begin_us(&self, start: Timestamp) -> i64 {
        start.as_microsecond().saturating_sub_unsigned(self.over_us)
    }
}

/// What tells one timeline from another, so that a simulator knows whether it was on it before. Rate,
/// fields and faults may change under way.
pub(super) fn name(simulator: &Simulator) -> String {
    let seed = simulator.seed;
    let timeline = simulator.timeline.clone().unwrap_or_default();
    if let Some(spread) = timeline.spread {
        let (readings, over) = (spread.readings, spread.over.get().as_millis());
        format!("{readings} readings over {over} ms, seed {seed}")
    } else if let Some(backfill) = timeline.backfill {
        let (every, over) = (backfill.every.get(), backfill.over.get());
        let (every, over) = (every.as_millis(), over.as_millis());
        format!("every {every} ms over {over} ms, seed {seed}")
    } else {
        format!("live, seed {seed}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const START_US: i64 = 1_755_434_096_789_012;

    fn start() -> Timestamp {
        Timestamp::from_microsecond(START_US).unwrap()
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "the calls read better with `json!`"
    )]
    fn timeline(timeline: Value) -> Option<Timeline> {
        let simulator = json!({
            "rate": 1,
            "fields": [{ "name": "ts", "now": {} }],
            "timeline": timeline,
        });
        Timeline::of(&serde_json::from_value(simulator).unwrap())
    }

    fn seconds_before_start(timeline: &Timeline, number: u64) -> i64 {
        (START_US - timeline.event_time(start(), number).as_microsecond()) / 1_000_000
    }

    #[test]
    fn a_live_one_has_no_times_of_its_own() {
        assert_eq!(timeline(json!({ "live": {} })), None);
        assert_eq!(timeline(Value::Null), None);
    }

    #[test]
    fn a_spread_divides_its_span_evenly() {
        let spread = timeline(json!({ "spread": { "over": "15m", "readings": 4 } })).unwrap();
        let times: Vec<i64> = (0..4).map(|n| seconds_before_start(&spread, n)).collect();
        assert_eq!(times, [900, 675, 450, 225]);
        assert_eq!(
            (spread.readings(), spread.taken_by(start(), start())),
            (Some(4), 4)
        );
    }

    #[test]
    fn a_backfill_goes_on_or_stops_before_the_start() {
        let backfill =
            |then| timeline(json!({ "backfill": { "over": "10m", "every": "4m", "then": then } }));
        let (stop, live) = (backfill("Stop").unwrap(), backfill("Live").unwrap());
        assert_eq!((stop.readings(), live.readings()), (Some(3), None));
        for number in 0..3 {
            assert_eq!(
                stop.event_time(start(), number),
                live.event_time(start(), number)
            );
        }
        assert_eq!(seconds_before_start(&live, 2), 120);
        assert_eq!(seconds_before_start(&live, 3), -120);
        let after = |us| Timestamp::from_microsecond(START_US + us).unwrap();
        assert_eq!(live.taken_by(start(), after(0)), 3);
        assert_eq!(live.taken_by(start(), after(119_999_999)), 3);
        assert_eq!(live.taken_by(start(), after(120_000_000)), 4);
        assert_eq!(live.taken_by(start(), after(-600_000_001)), 0);
        assert_eq!(stop.taken_by(start(), Timestamp::MAX), 3);
    }

    proptest! {
        #[test]
        fn a_spread_has_as_many_as_asked_for_within_its_span_in_order_and_even(
            over_ms in 1_000_u64..1_000_000_000,
            readings in 1_u64..3_000,
        ) {
            let (minutes, ms) = (over_ms / 60_000, over_ms % 60_000);
            let over = format!("{minutes}m{ms}ms");
            let spread = timeline(json!({ "spread": { "over": over, "readings": readings } })).unwrap();
            prop_assert_eq!(spread.readings(), Some(readings));
            prop_assert_eq!(spread.taken_by(start(), start()), readings);
            let times: Vec<i64> = (0..readings).map(|n| spread.event_time(start(), n).as_microsecond()).collect();
            prop_assert_eq!(times[0], START_US - over_ms as i64 * 1_000);
            prop_assert!(times.iter().all(|time| *time < START_US));
            let even = over_ms as i64 * 1_000 / readings as i64;
            let mut ends = times[1..].to_vec();
            ends.push(START_US);
            for (time, next) in times.iter().zip(ends) {
                prop_assert!((even..=even + 1).contains(&(next - time)), "{} after {}", next, time);
            }
        }

        #[test]
        fn a_backfill_has_a_reading_every_so_often(
            over_ms in 1_000_u64..90_000_000,
            every_ms in 1_u64..90_000,
            now_us in -100_000_000_000_i64..100_000_000_000,
        ) {
            prop_assume!(every_ms <= over_ms);
            let (minutes, ms) = (over_ms / 60_000, over_ms % 60_000);
            let over = format!("{minutes}m{ms}ms");
            let made = |then| timeline(json!({
                "backfill": { "over": over.clone(), "every": format!("{every_ms}ms"), "then": then },
            })).unwrap();
            let (stop, live) = (made("Stop"), made("Live"));
            let readings = stop.readings().unwrap();
            prop_assert!(stop.event_time(start(), readings - 1) < start());
            prop_assert!(stop.event_time(start(), readings) >= start());
            let now = Timestamp::from_microsecond(START_US + now_us).unwrap();
            let taken = live.taken_by(start(), now);
            prop_assert!(live.event_time(start(), taken) > now);
            if taken > 0 {
                prop_assert!(live.event_time(start(), taken - 1) <= now);
                let gap = live.event_time(start(), taken).as_microsecond() - live.event_time(start(), taken - 1).as_microsecond();
                prop_assert_eq!(gap, every_ms as i64 * 1_000);
            }
        }
    }
}
