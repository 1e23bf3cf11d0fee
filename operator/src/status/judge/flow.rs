//! Whether data flows, and what keeps or kept it from flowing.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sensorstream_crds::{ConditionReason, ConditionType};

use super::{
    super::{
        Account,
        conditions::{Truth, Verdict},
        figures::Figures,
        whole_seconds,
    },
    carried,
};
use crate::plan::{lifecycle::Phase, topics};

/// How long after a commit data counts as flowing, at least.
const FLOWING_FOR: Duration = Duration::from_secs(30);

pub(super) fn data_flowing(
    account: &Account<'_>,
    figures: &Figures,
    processor_ready: bool,
    now: Timestamp,
) -> Verdict {
    let type_ = ConditionType::DataFlowing;
    let say =
        |truth, reason: ConditionReason, message: &str| Verdict::new(type_, truth, reason, message);
    let observation = account.observation;
    let stopped = account.outcome.phase().is_some_and(|phase| {
        matches!(
            phase,
            Phase::Pausing(_) | Phase::Paused | Phase::Drained | Phase::Overdue { .. }
        )
    });
    if stopped {
        return say(
            Truth::False,
            ConditionReason::Stopped,
            "the pipeline is stopped, as asked",
        );
    }
    if let Some(unseen) = observation.database.unseen() {
        return say(Truth::Unknown, unseen.reason, &unseen.message);
    }
    let rate = observation
        .pipeline
        .spec
        .simulator
        .as_ref()
        .and_then(|s| s.rate.parse());
    let between = rate
        .filter(|rate| *rate > 0.0)
        .map_or(0.0, |rate| 3.0 / rate);
    let window = FLOWING_FOR.max(Duration::from_secs_f64(between));
    let window = SignedDuration::try_from(window).unwrap_or(SignedDuration::MAX);
    if figures
        .last_commit
        .is_some_and(|at| now.duration_since(at) <= window)
    {
        return say(
            Truth::True,
            ConditionReason::Flowing,
            "readings are being committed",
        );
    }
    if let Some(unseen) = observation.topics.unseen() {
        return say(Truth::Unknown, unseen.reason, &unseen.message);
    }
    match figures.lag {
        None => say(
            Truth::False,
            ConditionReason::NoInput,
            "the input topic does not exist yet",
        ),
        Some(0) => say(
            Truth::False,
            ConditionReason::NoInput,
            "everything is committed; no record has arrived lately",
        ),
        Some(_) if !processor_ready => say(
            Truth::False,
            ConditionReason::ProcessorNotReady,
            "records wait for the processor",
        ),
        Some(_) => say(
            Truth::False,
            ConditionReason::Stalled,
            "records wait, and none has been committed lately",
        ),
    }
}

pub(super) fn data_loss(account: &Account<'_>, figures: &Figures) -> Option<Verdict> {
    let type_ = ConditionType::DataLoss;
    if !figures.gaps.is_empty() {
        return Some(Verdict::new(
            type_,
            Truth::True,
            ConditionReason::Gap,
            gap_message(figures),
        ));
    }
    if account.observation.database.seen().is_none() {
        return carried(type_, account.previous);
    }
    let lost = figures.records.map_or(0, |records| records.lost);
    (lost > 0).then(|| {
        let message =
            format!("{lost} records were deleted from the input topic before they were read");
        Verdict::new(type_, Truth::True, ConditionReason::RecordsLost, message)
    })
}

pub(super) fn gap_message(figures: &Figures) -> String {
    let gaps: Vec<String> = figures
        .gaps
        .iter()
        .map(|gap| {
            let (topic, partition, at) = (&gap.topic, gap.partition, gap.at);
            format!("partition {partition} of {topic} goes on at offset {at}")
        })
        .collect();
    format!(
        "records were deleted before they were read: {}; set input.onDataLoss to Continue to go on \
         without them",
        gaps.join(", ")
    )
}

pub(super) fn sink_blocked(figures: &Figures) -> Option<Verdict> {
    if figures.blocked.is_empty() {
        return None;
    }
    let sinks: Vec<String> = figures
        .blocked
        .iter()
        .map(|sink| {
            let since = Timestamp::from_microsecond(sink.since_us).map(whole_seconds);
            let since = since.map_or_else(|_| String::new(), |since| format!(" since {since}"));
            format!("{}{since}: {}", sink.sink, sink.error)
        })
        .collect();
    let message = format!("waiting for {}", sinks.join("; "));
    Some(Verdict::new(
        ConditionType::SinkBlocked,
        Truth::True,
        ConditionReason::Waiting,
        message,
    ))
}

pub(super) fn weak_clock_guard(account: &Account<'_>) -> Option<Verdict> {
    let type_ = ConditionType::WeakClockGuard;
    let Some(topics) = account.observation.topics.seen() else {
        return carried(type_, account.previous);
    };
    let input = topics.input.as_ref()?;
    let by_sender = input
        .config
        .get(topics::TIMESTAMP_TYPE)
        .is_some_and(|t| t == "CreateTime");
    by_sender.then(|| {
        let name = &account.observation.pipeline.spec.input.topic.name;
        let message = format!(
            "topic {name} stamps records with their senders' clocks, so a reading from a fast \
             clock may not be told; set {}={} on it",
            topics::TIMESTAMP_TYPE,
            topics::LOG_APPEND_TIME
        );
        Verdict::new(type_, Truth::True, ConditionReason::CreateTime, message)
    })
}

pub(super) fn key_spread(account: &Account<'_>, figures: &Figures) -> Option<Verdict> {
    let type_ = ConditionType::KeySpread;
    if account.observation.database.seen().is_none() {
        return carried(type_, account.previous);
    }
    let rows = figures.rows_of_others;
    (rows > 0).then(|| {
        let key = &account.observation.pipeline.spec.input.key;
        let message = format!(
            "readings of one {key} came from several partitions, and {rows} times a window's row was \
             left as the first of them wrote it; have whoever writes to the topic partition by the key, \
             or make a pipeline with input.partitioning: Unknown"
        );
        Verdict::new(type_, Truth::True, ConditionReason::SeveralPartitions, message)
    })
}

pub(super) fn topic_replaced(account: &Account<'_>, figures: &Figures) -> Option<Verdict> {
    let type_ = ConditionType::TopicReplaced;
    let observation = account.observation;
    let seen = observation.topics.seen().and(observation.database.seen());
    if seen.is_none() {
        return carried(type_, account.previous);
    }
    let (topics, records) = figures.replaced;
    (topics > 0).then(|| {
        let name = &observation.pipeline.spec.input.topic.name;
        let times = if topics == 1 { "once" } else { "repeatedly" };
        let message = format!(
            "topic {name} was deleted and made anew {times}: {records} records of before are in the \
             outputs, and those that nobody had read are gone; a window that was open then has only \
             the readings of the topic that it had last"
        );
        Verdict::new(type_, Truth::True, ConditionReason::MadeAnew, message)
    })
}
