use proptest::prelude::*;
use sensorstream_crds::status::RecordCounts;

use super::*;
use crate::fixtures::{at, later, now};

fn condition(type_: &str, status: &str, reason: &str, message: &str) -> Condition {
    Condition {
        type_: type_.into(),
        status: status.into(),
        reason: reason.into(),
        message: message.into(),
        observed_generation: Some(1),
        last_transition_time: Time(now()),
    }
}

fn status(lag: i64, rate: &str) -> SensorPipelineStatus {
    SensorPipelineStatus {
        observed_generation: Some(1),
        conditions: vec![condition("Ready", "True", "Ready", "")],
        lag: Some(lag),
        rate: Some(rate.into()),
        watermark: Some(Time(at(1000))),
        ..SensorPipelineStatus::default()
    }
}

#[test]
fn a_flip_is_written_at_once() {
    let before = status(5, "1.0/s");
    let mut after = before.clone();
    after.conditions[0] = condition("Ready", "False", "Unreachable", "");
    assert!(is_due(&before, &after, Some(now()), now()));
}

#[test]
fn a_new_generation_is_written_at_once() {
    let before = status(5, "1.0/s");
    let after = SensorPipelineStatus {
        observed_generation: Some(2),
        ..before.clone()
    };
    assert!(is_due(&before, &after, Some(now()), now()));
}

#[test]
fn nothing_new_is_never_written() {
    let same = status(5, "1.0/s");
    assert!(!is_due(&same, &same, None, now()));
    assert!(!is_due(&same, &same, Some(now()), later(3600)));
}

#[test]
fn figures_wait_for_half_a_minute_and_must_have_moved() {
    let before = status(100, "10.0/s");
    let moved = status(200, "10.0/s");
    assert!(!is_due(&before, &moved, Some(now()), later(29)));
    assert!(is_due(&before, &moved, Some(now()), later(30)));
    assert!(
        !is_due(&before, &status(105, "10.5/s"), Some(now()), later(60)),
        "too little"
    );
    assert!(
        is_due(&before, &status(0, "10.0/s"), Some(now()), later(60)),
        "came to zero"
    );
    assert!(is_due(
        &before,
        &status(100, "20.0/s"),
        Some(now()),
        later(60)
    ));
}

#[test]
fn a_watermark_counts_once_it_moved_half_a_minute() {
    let before = status(1, "1.0/s");
    let to = |second| SensorPipelineStatus {
        watermark: Some(Time(at(second))),
        ..before.clone()
    };
    assert!(!is_due(&before, &to(1029), Some(now()), later(60)));
    assert!(is_due(&before, &to(1030), Some(now()), later(60)));
}

#[test]
fn counts_end_exact() {
    let counted = |read| SensorPipelineStatus {
        records: Some(RecordCounts {
            read,
            ..RecordCounts::default()
        }),
        ..status(0, "0.0/s")
    };
    assert!(is_due(
        &counted(1_000_000),
        &counted(1_000_001),
        Some(now()),
        later(30)
    ));
}

#[test]
fn a_message_alone_waits() {
    let before = status(1, "1.0/s");
    let mut after = before.clone();
    after.conditions[0].message = "another".into();
    assert!(!is_due(&before, &after, Some(now()), later(1)));
    assert!(is_due(&before, &after, Some(now()), later(30)));
}

fn told(before: Option<Condition>, after: Condition) -> Vec<(bool, String)> {
    let with = |conditions| SensorPipelineStatus {
        conditions,
        ..SensorPipelineStatus::default()
    };
    announcements(&with(before.into_iter().collect()), &with(vec![after]))
        .into_iter()
        .map(|announcement| (announcement.warning, announcement.reason))
        .collect()
}

#[test]
fn flips_are_announced_with_their_weight() {
    let ready = |status, reason| condition("Ready", status, reason, "why");
    assert_eq!(
        told(Some(ready("True", "Ready")), ready("False", "Unreachable")),
        [(true, "Unreachable".into())]
    );
    assert_eq!(
        told(Some(ready("False", "Starting")), ready("True", "Ready")),
        [(false, "Ready".into())]
    );
    assert_eq!(
        told(Some(ready("True", "Ready")), ready("False", "Pausing")),
        [(false, "Pausing".into())]
    );
    assert_eq!(
        told(None, condition("DataLoss", "True", "Gap", "")),
        [(true, "DataLoss".into())]
    );
    assert_eq!(
        told(None, condition("SpecValid", "False", "Conflict", "")),
        [(true, "Conflict".into())]
    );
    let stopped = |status, reason| condition("Stopped", status, reason, "");
    assert_eq!(
        told(
            Some(stopped("False", "Draining")),
            stopped("True", "Drained")
        ),
        [(false, "Drained".into())]
    );
    assert_eq!(
        told(
            Some(stopped("False", "Draining")),
            stopped("True", "DeadlineExceeded")
        ),
        [(true, "DeadlineExceeded".into())]
    );
}

#[test]
fn what_stays_and_what_merely_begins_is_not_announced() {
    let ready = |status, reason| condition("Ready", status, reason, "");
    assert_eq!(told(Some(ready("False", "A")), ready("False", "B")), []);
    assert_eq!(told(None, ready("False", "Starting")), []);
    assert_eq!(told(None, condition("SpecValid", "True", "Valid", "")), []);
}

proptest! {
    #[test]
    fn figures_are_never_written_twice_within_half_a_minute(
        from in 0_i64..1000, to in 0_i64..1000, seconds in 0_i64..30
    ) {
        let due = is_due(&status(from, "1.0/s"), &status(to, "9.0/s"), Some(now()), later(seconds));
        prop_assert!(!due);
    }
}
