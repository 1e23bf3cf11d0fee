//! Whether a status is worth writing, and what of it is worth an Event. Flips are written at
//! once; figures at most every 30 s, and only when they changed enough to matter.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use sensorstream_crds::{ConditionReason, ConditionType, SensorPipelineStatus};

/// How often figures are written at most.
pub const FIGURES_EVERY: SignedDuration = SignedDuration::from_secs(30);

/// Reasons for not being ready that pass by themselves, or were asked for.
const PASSING: [ConditionReason; 9] = [
    ConditionReason::Missing,
    ConditionReason::Changing,
    ConditionReason::NotStarted,
    ConditionReason::Starting,
    ConditionReason::RollingOut,
    ConditionReason::Pausing,
    ConditionReason::Paused,
    ConditionReason::Draining,
    ConditionReason::Drained,
];

/// Something to tell people, as an Event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Whether it is a warning.
    pub warning: bool,
    /// In one word.
    pub reason: String,
    /// In full.
    pub note: String,
}

/// Whether `next` is to be written over `written`, which was written at `at`.
pub fn is_due(
    written: &SensorPipelineStatus,
    next: &SensorPipelineStatus,
    at: Option<Timestamp>,
    now: Timestamp,
) -> bool {
    if essence(written) != essence(next) {
        return true;
    }
    let rested = at.is_none_or(|at| now.duration_since(at) >= FIGURES_EVERY);
    rested && (messages(written) != messages(next) || figures_moved(written, next))
}

/// What people act on: all but figures and wording.
fn essence(status: &SensorPipelineStatus) -> SensorPipelineStatus {
    SensorPipelineStatus {
        conditions: status
            .conditions
            .iter()
            .map(|condition| Condition {
                message: String::new(),
                last_transition_time: Time(Timestamp::UNIX_EPOCH),
                ..condition.clone()
            })
            .collect(),
        lag: None,
        watermark: None,
        rate: None,
        last_commit_time: None,
        records: None,
        ..status.clone()
    }
}

fn messages(status: &SensorPipelineStatus) -> Vec<&str> {
    status
        .conditions
        .iter()
        .map(|condition| condition.message.as_str())
        .collect()
}

fn figures_moved(written: &SensorPipelineStatus, next: &SensorPipelineStatus) -> bool {
    // No rate yet is no news against none at all: pipelines at rest are not written to.
    // No rate yet is as good as none.
    let rate = |status: &SensorPipelineStatus| {
        let rate = status
            .rate
            .as_ref()?
            .trim_end_matches("/s")
            .parse::<f64>()
            .ok()?;
        Some(rate).filter(|rate| *rate > 0.0)
    };
    let time_moved = |one: &Option<Time>, other: &Option<Time>| match (one, other) {
        (Some(one), Some(other)) => other.0.duration_since(one.0).abs() >= FIGURES_EVERY,
        (None, None) => false,
        _ => true,
    };
    let lag = |status: &SensorPipelineStatus| status.lag.map(|lag| lag as f64);
    // Counts that stood still are written once more, so that they end exact.
    let counts_settled = written.records != next.records
        && (next.lag == Some(0) || next.rate.as_deref() == Some("0.0/s"));
    moved(lag(written), lag(next))
        || moved(rate(written), rate(next))
        || time_moved(&written.watermark, &next.watermark)
        || time_moved(&written.last_commit_time, &next.last_commit_time)
        || counts_settled
}

/// Whether a number changed by more than a tenth, or came to or left zero or existence.
fn moved(from: Option<f64>, to: Option<f64>) -> bool {
    match (from, to) {
        (Some(from), Some(to)) => {
            let crossed = (from == 0.0) != (to == 0.0);
            crossed || (to - from).abs() > 0.1 * from.abs().max(to.abs())
        }
        (None, None) => false,
        _ => true,
    }
}

/// What changed between two statuses that people should hear of.
pub fn announcements(
    previous: &SensorPipelineStatus,
    next: &SensorPipelineStatus,
) -> Vec<Announcement> {
    use ConditionType as C;
    let told = [
        C::Ready,
        C::SpecValid,
        C::TopicsReady,
        C::TablesReady,
        C::DataFlowing,
        C::Stopped,
        C::DataLoss,
        C::SinkBlocked,
        C::WeakClockGuard,
        C::KeySpread,
        C::TopicReplaced,
    ];
    told.into_iter()
        .filter_map(|type_| {
            let condition = next.condition(type_)?;
            let before = previous
                .condition(type_)
                .map(|condition| condition.status.as_str());
            let flipped = match before {
                Some(before) => before != condition.status,
                // That something is not there from the start is no news; that it is wrong is.
                None => {
                    condition.status == "True" && type_ != C::SpecValid
                        || condition.status == "False" && type_ == C::SpecValid
                }
            };
            flipped.then(|| announcement(type_, condition))
        })
        .collect()
}

fn announcement(type_: ConditionType, condition: &Condition) -> Announcement {
    use ConditionType as C;
    let holds = condition.status == "True";
    let says = |reason: ConditionReason| condition.reason == reason.as_str();
    let warning = match type_ {
        C::DataLoss | C::SinkBlocked | C::WeakClockGuard | C::KeySpread | C::TopicReplaced => holds,
        C::Stopped => says(ConditionReason::DeadlineExceeded),
        C::DataFlowing => says(ConditionReason::Stalled),
        _ => condition.status == "False" && !PASSING.into_iter().any(says),
    };
    let reason = if holds && type_ != C::Stopped {
        type_.as_str()
    } else {
        &condition.reason
    };
    let note = format!(
        "{} is {}: {}",
        type_.as_str(),
        condition.status,
        condition.message
    );
    Announcement {
        warning,
        reason: reason.to_owned(),
        note,
    }
}

#[cfg(test)]
mod tests;
