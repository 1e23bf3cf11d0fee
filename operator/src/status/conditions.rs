//! Verdicts and the conditions made from them.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use sensorstream_crds::{ConditionReason, ConditionType};

/// The longest message that the API server takes.
const LONGEST_MESSAGE: usize = 32_768;

/// Whether something is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It was seen to be so.
    True,
    /// It was seen not to be so.
    False,
    /// It could not be seen.
    Unknown,
}

impl Truth {
    /// The truth as conditions write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// What is to be said of one condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Of which.
    pub type_: ConditionType,
    /// Whether it holds.
    pub truth: Truth,
    /// Why, in one word: a [`ConditionReason`], unless an earlier version said it.
    pub reason: String,
    /// Why, for people. Nothing in it may change while all stays as it is, or the status
    /// would be written over and over.
    pub message: String,
}

impl Verdict {
    /// A verdict.
    pub fn new(
        type_: ConditionType,
        truth: Truth,
        reason: ConditionReason,
        message: impl Into<String>,
    ) -> Self {
        Self {
            type_,
            truth,
            reason: reason.as_str().to_owned(),
            message: message.into(),
        }
    }
}

/// The conditions that say the verdicts. Each keeps its transition time unless its truth
/// changed. Types without a verdict are left out.
pub fn settle(
    previous: &[Condition],
    verdicts: Vec<Verdict>,
    generation: i64,
    now: Timestamp,
) -> Vec<Condition> {
    verdicts
        .into_iter()
        .map(|verdict| {
            let type_ = verdict.type_.as_str();
            let status = verdict.truth.as_str();
            let since = previous
                .iter()
                .find(|condition| condition.type_ == type_ && condition.status == status)
                .map_or(Time(now), |condition| {
                    condition.last_transition_time.clone()
                });
            Condition {
                type_: type_.to_owned(),
                status: status.to_owned(),
                reason: verdict.reason,
                message: cut(verdict.message, LONGEST_MESSAGE),
                observed_generation: Some(generation),
                last_transition_time: since,
            }
        })
        .collect()
}

/// `text`, cut to at most `longest` bytes.
pub fn cut(mut text: String, longest: usize) -> String {
    if text.len() > longest {
        let end = (0..=longest.saturating_sub('…'.len_utf8()))
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn ready(truth: Truth, reason: ConditionReason) -> Vec<Verdict> {
        vec![Verdict::new(ConditionType::Ready, truth, reason, "")]
    }

    #[test]
    fn the_transition_time_moves_only_when_the_status_flips() {
        let first = settle(
            &[],
            ready(Truth::False, ConditionReason::Starting),
            1,
            at(100),
        );
        assert_eq!(first[0].last_transition_time, Time(at(100)));
        let same = settle(
            &first,
            ready(Truth::False, ConditionReason::Unreachable),
            2,
            at(200),
        );
        assert_eq!(same[0].last_transition_time, Time(at(100)));
        assert_eq!(same[0].observed_generation, Some(2));
        assert_eq!(same[0].reason, "Unreachable");
        let flipped = settle(
            &same,
            ready(Truth::True, ConditionReason::Ready),
            2,
            at(300),
        );
        assert_eq!(flipped[0].last_transition_time, Time(at(300)));
    }

    proptest! {
        #[test]
        fn cutting_keeps_within_the_limit_and_keeps_the_start(text in ".{0,60}", longest in 3_usize..40) {
            let short = cut(text.clone(), longest);
            prop_assert!(short.len() <= longest.max(text.len().min(longest)));
            prop_assert!(text.starts_with(short.trim_end_matches('…')) || text == short);
        }
    }
}
