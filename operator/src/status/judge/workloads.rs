//! Whether the pods run as declared, or stopped as asked.

use sensorstream_crds::{ConditionReason, ConditionType};

use super::{
    super::{
        Account, Outcome,
        conditions::{Truth, Verdict},
    },
    carried,
};
use crate::{
    apply::ApplyError,
    backends::BackendError,
    observe::objects::Workload,
    plan::lifecycle::{Draining, Phase},
    role::Role,
};

pub(super) fn workload(type_: ConditionType, role: Role, account: &Account<'_>) -> Verdict {
    let workload = account.observation.objects.workload(role);
    if let (Some(phase), false) = (account.outcome.phase(), role == Role::Api)
        && let Some(verdict) = stopping(type_, role, workload, phase)
    {
        return verdict;
    }
    let say = |truth, reason: ConditionReason, message: String| {
        Verdict::new(type_, truth, reason, message)
    };
    if role == Role::Api
        && let Some((reason, message)) = without_login(account)
    {
        return say(Truth::False, reason, message);
    }
    let Some(rollout) = workload.rollout else {
        let why = match account.outcome {
            Outcome::Refused(_) => "the spec is refused",
            _ if role == Role::Api => "it is made once topics, tables and its login are ready",
            _ => "it is made once topics and tables are ready",
        };
        return say(
            Truth::False,
            ConditionReason::NotStarted,
            format!("the {role} is not there yet: {why}"),
        );
    };
    let settled = rollout.observed
        && rollout.updated >= rollout.wanted
        && rollout.existing <= rollout.wanted
        && rollout.ready >= rollout.wanted;
    if settled {
        let plural = if rollout.wanted == 1 {
            "pod is"
        } else {
            "pods are"
        };
        return say(
            Truth::True,
            ConditionReason::Ready,
            format!("{} {plural} ready", rollout.wanted),
        );
    }
    match workload.trouble() {
        Some(trouble) => say(Truth::False, ConditionReason::PodFailing, trouble),
        None if rollout.ready > 0 => say(
            Truth::False,
            ConditionReason::RollingOut,
            format!(
                "{} of {} pods are ready and up to date",
                rollout.ready.min(rollout.updated),
                rollout.wanted
            ),
        ),
        None => say(
            Truth::False,
            ConditionReason::Starting,
            format!("none of {} pods is ready yet", rollout.wanted),
        ),
    }
}

/// Why the API has no login, if that is so.
fn without_login(account: &Account<'_>) -> Option<(ConditionReason, String)> {
    let Outcome::Planned { plan, failure, .. } = account.outcome else {
        return None;
    };
    let refused = plan.readers.refusal.clone();
    if let Some(refusal) = refused {
        return Some((ConditionReason::LoginRefused, refusal));
    }
    match failure? {
        ApplyError::Access(error @ BackendError::Unreachable { .. }) => {
            Some((ConditionReason::Unreachable, error.to_string()))
        }
        ApplyError::Access(error) => Some((ConditionReason::LoginRefused, error.to_string())),
        _ => None,
    }
}

/// What to say of a workload that should not run.
fn stopping(
    type_: ConditionType,
    role: Role,
    workload: &Workload,
    phase: &Phase,
) -> Option<Verdict> {
    let draining = matches!(
        phase,
        Phase::Draining(step) if !matches!(step, Draining::ProcessorStopping(_))
    );
    if *phase == Phase::Running || (role == Role::Processor && draining) {
        return None;
    }
    let reason = match phase {
        Phase::Draining(_) | Phase::Drained => ConditionReason::Drained,
        _ => ConditionReason::Paused,
    };
    let message = if workload.is_gone() {
        format!("the {role} is stopped, as asked")
    } else {
        format!("the {role} is stopping, as asked")
    };
    Some(Verdict::new(type_, Truth::False, reason, message))
}

pub(super) fn stopped(account: &Account<'_>) -> Option<Verdict> {
    let type_ = ConditionType::Stopped;
    let say = |truth, reason: ConditionReason, message: String| {
        Some(Verdict::new(type_, truth, reason, message))
    };
    let Outcome::Planned { plan, .. } = account.outcome else {
        return carried(type_, account.previous);
    };
    match &plan.lifecycle.phase {
        Phase::Running => None,
        Phase::Pausing(pods) => {
            let left = if pods.is_empty() {
                "none".to_owned()
            } else {
                pods.join(", ")
            };
            say(
                Truth::False,
                ConditionReason::Pausing,
                format!("pods left: {left}"),
            )
        }
        Phase::Paused => say(
            Truth::True,
            ConditionReason::Paused,
            "no simulator or processor pod is left".into(),
        ),
        Phase::Draining(step) => say(Truth::False, ConditionReason::Draining, step.to_string()),
        Phase::Drained => {
            let targets = plan.lifecycle.stop.iter().flat_map(|stop| &stop.targets);
            let offsets: Vec<String> = targets
                .map(|t| format!("{}: {}", t.partition, t.offset))
                .collect();
            let message = format!(
                "everything below these offsets is processed: {}",
                offsets.join(", ")
            );
            say(Truth::True, ConditionReason::Drained, message)
        }
        Phase::Overdue { left, stopped } => {
            let truth = if *stopped { Truth::True } else { Truth::False };
            say(truth, ConditionReason::DeadlineExceeded, left.clone())
        }
    }
}
