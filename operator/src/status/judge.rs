//! One verdict a condition.
//!
//! - [`ground`]: topics and tables.
//! - [`workloads`]: the pods, and whether they stopped as asked.
//! - [`flow`]: whether data flows, and what keeps or kept it from flowing.

mod flow;
mod ground;
mod workloads;

use jiff::Timestamp;
use sensorstream_crds::{ConditionReason, ConditionType, SensorPipelineStatus, input::OnDataLoss};

use super::{
    Account, Outcome,
    conditions::{Truth, Verdict},
    figures::Figures,
};
use crate::{
    apply::ApplyError,
    plan::lifecycle::Phase,
    role::Role,
    telemetry::chain,
    validate::{Refusal, Refused},
};

/// Every verdict, in the order of [`ConditionType`].
pub(super) fn verdicts(account: &Account<'_>, figures: &Figures, now: Timestamp) -> Vec<Verdict> {
    let spec = &account.observation.pipeline.spec;
    let mut base = vec![
        spec_valid(account),
        ground::topics_ready(account),
        ground::tables_ready(account),
    ];
    if spec.simulator.is_some() {
        base.push(workloads::workload(
            ConditionType::ProducerReady,
            Role::Producer,
            account,
        ));
    }
    let processor = workloads::workload(ConditionType::ProcessorReady, Role::Processor, account);
    let processor_ready = processor.truth == Truth::True;
    base.push(processor);
    if spec.api.is_some() {
        base.push(workloads::workload(
            ConditionType::ApiReady,
            Role::Api,
            account,
        ));
    }
    let loss = flow::data_loss(account, figures);
    let mut verdicts = vec![ready(account, &base, figures)];
    verdicts.extend(base);
    verdicts.push(flow::data_flowing(account, figures, processor_ready, now));
    verdicts.extend(workloads::stopped(account));
    verdicts.extend(loss);
    verdicts.extend(flow::sink_blocked(figures));
    verdicts.extend(flow::weak_clock_guard(account));
    verdicts.extend(flow::key_spread(account, figures));
    verdicts.extend(flow::topic_replaced(account, figures));
    verdicts
}

fn spec_valid(account: &Account<'_>) -> Verdict {
    let type_ = ConditionType::SpecValid;
    if let Outcome::Refused(refused) = account.outcome {
        return Verdict::new(type_, Truth::False, reason_of(refused), refused.to_string());
    }
    let observation = account.observation;
    let unseen = observation
        .topics
        .unseen()
        .or(observation.database.unseen());
    match unseen {
        // What was found compatible stays so while nobody can look.
        Some(unseen) if !held_for_this_generation(account, type_) => Verdict::new(
            type_,
            Truth::Unknown,
            unseen.reason,
            format!(
                "the spec is well-formed; whether it suits what exists is yet to be seen: {}",
                unseen.message
            ),
        ),
        _ => Verdict::new(
            type_,
            Truth::True,
            ConditionReason::Valid,
            "the spec can be carried out",
        ),
    }
}

fn held_for_this_generation(account: &Account<'_>, type_: ConditionType) -> bool {
    account.previous.condition(type_).is_some_and(|condition| {
        condition.status == "True"
            && condition.observed_generation == account.observation.pipeline.metadata.generation
    })
}

fn reason_of(refused: &Refused) -> ConditionReason {
    refused
        .0
        .first()
        .map_or(ConditionReason::Invalid, Refusal::reason)
}

fn ready(account: &Account<'_>, base: &[Verdict], figures: &Figures) -> Verdict {
    let type_ = ConditionType::Ready;
    let has_api = account.observation.pipeline.spec.api.is_some();
    let failure = match account.outcome {
        Outcome::Planned { failure, .. } => failure,
        _ => None,
    };
    if let Some(phase) = account.outcome.phase()
        && let Some((reason, message)) = stop_reason(phase)
    {
        let message = match failure {
            Some(failure) => format!("{message}; {}", chain(failure)),
            None => message,
        };
        return Verdict::new(type_, Truth::False, reason, message);
    }
    // What is wrong with an API's login is said of the API.
    let said = |failure: &ApplyError| {
        failure.ground().is_some() || (has_api && matches!(failure, ApplyError::Access(_)))
    };
    if let Some(failure) = failure.filter(|failure| !said(failure)) {
        return Verdict::new(
            type_,
            Truth::False,
            ConditionReason::ApplyFailed,
            chain(failure),
        );
    }
    if !figures.gaps.is_empty()
        && account.observation.pipeline.spec.input.on_data_loss == OnDataLoss::Fail
    {
        return Verdict::new(
            type_,
            Truth::False,
            ConditionReason::DataLoss,
            flow::gap_message(figures),
        );
    }
    let culprit = base
        .iter()
        .find(|verdict| verdict.truth == Truth::False)
        .or_else(|| base.iter().find(|verdict| verdict.truth == Truth::Unknown));
    match culprit {
        // What could not be seen is not known to be in place: a pipeline is ready or it is not.
        Some(culprit) => {
            let message = format!("{}: {}", culprit.type_.as_str(), culprit.message);
            Verdict {
                type_,
                truth: Truth::False,
                reason: culprit.reason.clone(),
                message,
            }
        }
        None => Verdict::new(
            type_,
            Truth::True,
            ConditionReason::Ready,
            "everything is in place and running",
        ),
    }
}

fn stop_reason(phase: &Phase) -> Option<(ConditionReason, String)> {
    match phase {
        Phase::Running => None,
        Phase::Pausing(_) => Some((
            ConditionReason::Pausing,
            "the pods are being stopped, as asked".into(),
        )),
        Phase::Paused => Some((ConditionReason::Paused, "paused, as asked".into())),
        Phase::Draining(_) => Some((
            ConditionReason::Draining,
            "what is left is being processed, as asked".into(),
        )),
        Phase::Drained => Some((ConditionReason::Drained, "drained, as asked".into())),
        Phase::Overdue { left, .. } => Some((ConditionReason::DeadlineExceeded, left.clone())),
    }
}

fn carried(type_: ConditionType, previous: &SensorPipelineStatus) -> Option<Verdict> {
    let condition = previous.condition(type_)?;
    let truth = match condition.status.as_str() {
        "True" => Truth::True,
        "False" => Truth::False,
        _ => Truth::Unknown,
    };
    Some(Verdict {
        type_,
        truth,
        reason: condition.reason.clone(),
        message: condition.message.clone(),
    })
}
