//! Which dead letters are replayed, and why the others are not. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sensorstream_crds::{Reason, runtime::ProcessConfig};
use serde::{Deserialize, Serialize};

use super::{
    letter::{Letter, Position},
    receipt::Replayed,
};
use crate::process::decode::{Decoder, Problem, Scratch};

/// How many letters that would be refused again are named.
const NAMED: usize = 20;

/// Which letters are meant. All that is asked for has to hold; nothing asked for means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Of these reasons.
    pub reasons: Vec<Reason>,
    /// Sent to the dead letter topic since then.
    pub since: Option<Timestamp>,
    /// At these positions.
    pub positions: Vec<Position>,
}

impl Selection {
    /// Whether a letter is meant.
    pub fn has(&self, letter: &Letter) -> bool {
        let reasons = &self.reasons;
        (reasons.is_empty()
            || letter
                .known_reason()
                .is_some_and(|reason| reasons.contains(&reason)))
            && self.since.is_none_or(|since| letter.at >= since)
            && (self.positions.is_empty() || self.positions.contains(&letter.position))
    }
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// Which letters.
    pub selection: Selection,
    /// Whether to send those too that would be refused again.
    pub even_if_refused: bool,
    /// Whether to say only what would be done.
    pub dry_run: bool,
}

/// What becomes of a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is sent to the input topic again.
    Replayed,
    /// It stays where it is.
    Left(Left),
    /// It stays, for it would come back.
    Refused(Problem),
}

/// Why a letter stays where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Left {
    /// It has been replayed.
    ReplayedBefore,
    /// Its reading was accepted, and only too late for a window: it would count twice.
    Accepted,
    /// The database refused its row, and windows and other outputs have the reading: they would have it twice.
    InOtherOutputs,
    /// Not all of the record is there.
    Incomplete,
    /// It came from another topic.
    OtherTopic,
    /// The pipeline would refuse it again.
    RefusedAgain,
}

/// Decides by the pipeline's present spec.
pub struct Judge<'a> {
    order: &'a Order,
    decoder: Decoder,
    scratch: Scratch,
    topic: &'a str,
    /// Whether readings go anywhere besides the table.
    other_outputs: bool,
    now: Timestamp,
}

impl<'a> Judge<'a> {
    /// A judge at a time, which is when the records get to the topic again.
    pub fn new(config: &'a ProcessConfig, order: &'a Order, now: Timestamp) -> Self {
        let outputs = &config.outputs;
        Self {
            order,
            decoder: Decoder::new(&config.input),
            scratch: Scratch::default(),
            topic: &config.input.topic.name,
            other_outputs: !config.windows.is_empty()
                || !config.rules.is_empty()
                || outputs.enriched.is_some()
                || outputs.lake.is_some(),
            now,
        }
    }

    /// What becomes of a letter that is meant.
    pub fn fate(&mut self, letter: &Letter, replayed: &Replayed) -> Fate {
        if replayed.contains(letter.position) {
            return Fate::Left(Left::ReplayedBefore);
        }
        if letter
            .source
            .as_ref()
            .is_none_or(|(topic, _)| topic != self.topic)
        {
            return Fate::Left(Left::OtherTopic);
        }
        match letter.known_reason() {
            Some(Reason::Late | Reason::Idle) => return Fate::Left(Left::Accepted),
            // Whoever names the reason knows what they do.
            Some(Reason::RejectedBySink)
                if self.other_outputs
                    && !self
                        .order
                        .selection
                        .reasons
                        .contains(&Reason::RejectedBySink) =>
            {
                return Fate::Left(Left::InOtherOutputs);
            }
            _ => {}
        }
        if letter.lost || letter.truncated_from.is_some() {
            return Fate::Left(Left::Incomplete);
        }
        match self.problem(letter) {
            Some(problem) if !self.order.even_if_refused => Fate::Refused(problem),
            _ => Fate::Replayed,
        }
    }

    /// What the pipeline would have against a letter's record, if it came now.
    pub fn problem(&mut self, letter: &Letter) -> Option<Problem> {
        let arrival = Some(self.now.as_millisecond());
        let value = letter.value.as_deref();
        self.decoder
            .decode(value, arrival, &mut self.scratch, |_, _| ())
            .err()
    }
}

/// What became of the letters that were meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// Whether this is only what would be done.
    pub dry_run: bool,
    /// Letters that were sent again, by the reason that they were letters for.
    pub replayed: BTreeMap<String, u64>,
    /// Letters that stay, by why they do.
    pub left: BTreeMap<Left, u64>,
    /// The first of those that would be refused again.
    pub refused: Vec<Refused>,
}

/// A letter that would be refused again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Which.
    pub position: Position,
    /// What for.
    pub reason: String,
    /// What exactly would be wrong.
    pub detail: String,
}

impl Outcome {
    /// How many letters were sent again.
    pub fn replayed(&self) -> u64 {
        self.replayed.values().sum()
    }

    /// How many stay for some reason.
    pub fn left(&self, why: Left) -> u64 {
        self.left.get(&why).copied().unwrap_or(0)
    }

    /// Notes what becomes of a letter.
    pub(super) fn note(&mut self, letter: &Letter, fate: &Fate) {
        match fate {
            Fate::Replayed => *self.replayed.entry(letter.reason.clone()).or_default() += 1,
            Fate::Left(why) => *self.left.entry(*why).or_default() += 1,
            Fate::Refused(problem) => {
                *self.left.entry(Left::RefusedAgain).or_default() += 1;
                if self.refused.len() < NAMED {
                    self.refused.push(Refused {
                        position: letter.position,
                        reason: problem.reason.as_str().to_owned(),
                        detail: problem.detail.clone(),
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            letter::tests::{OURS, letter},
            receipt::receipts,
        },
        *,
    };
    use sensorstream_crds::{PipelineId, SensorPipeline, reason::header, runtime::RoleConfigs};

    fn config(file: &str) -> ProcessConfig {
        let pipeline: SensorPipeline = serde_yaml_ng::from_str(file).unwrap();
        let mut config = RoleConfigs::of(&PipelineId::new("plant", "line"), &pipeline.spec).process;
        config.input.topic.name = "readings".into();
        config
    }

    fn environment() -> ProcessConfig {
        config(include_str!("../../../examples/environment.yaml"))
    }

    fn now() -> Timestamp {
        "2026-03-04T12:00:00Z".parse().unwrap()
    }

    /// A letter of a reason, with the temperature of its record.
    fn of(reason: &str, temperature: &str) -> Letter {
        let mut ours = OURS;
        ours[0] = (header::REASON, reason);
        let mut letter = letter(&[], &ours).unwrap();
        let value = format!(
            r#"{{"sensor_id":"a","timestamp":"2026-03-04T11:59:00Z","temperature":{temperature},"humidity":50}}"#
        );
        letter.value = Some(value.into_bytes());
        letter
    }

    fn fate(order: &Order, config: &ProcessConfig, letter: &Letter) -> Fate {
        Judge::new(config, order, now()).fate(letter, &Replayed::default())
    }

    #[test]
    fn a_letter_that_the_present_spec_takes_is_replayed() {
        let letter = of("out_of_range", "20.5");
        assert_eq!(
            fate(&Order::default(), &environment(), &letter),
            Fate::Replayed
        );
    }

    #[test]
    fn one_that_would_be_refused_again_stays_unless_it_is_sent_all_the_same() {
        let letter = of("out_of_range", "1e9");
        let Fate::Refused(problem) = fate(&Order::default(), &environment(), &letter) else {
            panic!("1e9 degrees are too many");
        };
        assert_eq!(problem.reason, Reason::OutOfRange);
        let order = Order {
            even_if_refused: true,
            ..Order::default()
        };
        assert_eq!(fate(&order, &environment(), &letter), Fate::Replayed);
    }

    #[test]
    fn one_that_was_replayed_never_is_again() {
        let letter = of("out_of_range", "20.5");
        let mut replayed = Replayed::default();
        for (partition, value) in receipts([letter.position]) {
            let position = Position {
                partition,
                offset: 100,
            };
            replayed.take(position, Some(&value)).unwrap();
        }
        let order = Order {
            even_if_refused: true,
            ..Order::default()
        };
        let (config, before) = (environment(), Fate::Left(Left::ReplayedBefore));
        assert_eq!(
            Judge::new(&config, &order, now()).fate(&letter, &replayed),
            before
        );
    }

    #[test]
    fn a_reading_that_the_table_has_is_not_sent_twice() {
        for reason in ["late", "idle"] {
            let order = Order {
                even_if_refused: true,
                ..Order::default()
            };
            let fate = fate(&order, &environment(), &of(reason, "20.5"));
            assert_eq!(fate, Fate::Left(Left::Accepted));
        }
    }

    #[test]
    fn a_row_that_the_database_refused_is_sent_if_nothing_else_has_it_or_its_reason_is_named() {
        let letter = of("rejected_by_sink", "20.5");
        let mut config = environment();
        (config.windows, config.rules) = (Vec::new(), Vec::new());
        assert_eq!(fate(&Order::default(), &config, &letter), Fate::Replayed);
        let factory = super::tests::config(include_str!("../../../examples/factory.yaml"));
        config.windows = factory.windows;
        let left = Fate::Left(Left::InOtherOutputs);
        assert_eq!(fate(&Order::default(), &config, &letter), left);
        let order = Order {
            selection: Selection {
                reasons: vec![Reason::RejectedBySink],
                ..Selection::default()
            },
            ..Order::default()
        };
        assert_eq!(fate(&order, &config, &letter), Fate::Replayed);
    }

    #[test]
    fn what_is_not_whole_or_of_another_topic_stays() {
        let cut = Letter {
            truncated_from: Some(2_000_000),
            ..of("too_large", "1")
        };
        let lost = Letter {
            lost: true,
            value: None,
            ..of("not_json", "1")
        };
        for letter in [cut, lost] {
            assert_eq!(
                fate(&Order::default(), &environment(), &letter),
                Fate::Left(Left::Incomplete)
            );
        }
        let mut config = environment();
        config.input.topic.name = "another".into();
        let fate = fate(&Order::default(), &config, &of("out_of_range", "20.5"));
        assert_eq!(fate, Fate::Left(Left::OtherTopic));
    }

    #[test]
    fn everything_that_is_asked_for_has_to_hold() {
        let letter = of("out_of_range", "1");
        let selection = |reasons: &[Reason], since: Option<i64>, positions: &[&str]| Selection {
            reasons: reasons.to_vec(),
            since: since.map(|second| Timestamp::from_second(second).unwrap()),
            positions: positions.iter().map(|text| text.parse().unwrap()).collect(),
        };
        assert!(Selection::default().has(&letter));
        assert!(selection(&[Reason::OutOfRange], Some(1_700_000_000), &["0/17"]).has(&letter));
        assert!(!selection(&[Reason::Future], None, &[]).has(&letter));
        assert!(!selection(&[], Some(1_700_000_001), &[]).has(&letter));
        assert!(!selection(&[], None, &["0/18"]).has(&letter));
    }
}
