//! What is said about a pipeline: a pure function of what was observed, what came of the plan,
//! the status so far and the time. Nothing is claimed that was not seen for this generation of
//! the spec: what is out of reach is `Unknown`.
//!
//! - [`judge`]: one verdict a condition.
//! - [`conditions`]: verdicts to conditions, with transition times that move only on flips.
//! - [`figures`]: lag, watermark, rate and counts.
//! - [`news`]: whether a status differs enough to be written, and what to announce.

pub mod conditions;
pub mod figures;
pub mod judge;
pub mod news;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use sensorstream_crds::{
    ConditionReason, ConditionType, SensorPipelineStatus,
    status::{Endpoints, ObservedState},
};

use crate::{
    apply::ApplyError,
    observe::Observation,
    plan::{
        Plan,
        kubernetes::{labels, service},
        lifecycle::Phase,
    },
    role::Role,
    validate::{Refused, ValidPipeline},
};
use conditions::{Truth, Verdict, settle};
use figures::Figures;

/// What a status is made from.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    /// What was seen.
    pub observation: &'a Observation,
    /// What was made of it.
    pub outcome: Outcome<'a>,
    /// The status so far.
    pub previous: &'a SensorPipelineStatus,
    /// Records committed a second, lately.
    pub rate: Option<f64>,
}

/// What was made of an observation.
#[derive(Clone, Copy, Debug)]
pub enum Outcome<'a> {
    /// The spec can't be carried out; what runs runs on.
    Refused(&'a Refused),
    /// It was planned and applied, as far as it went.
    Planned {
        /// The pipeline.
        valid: &'a ValidPipeline<'a>,
        /// What was to be done.
        plan: &'a Plan,
        /// What stopped it.
        failure: Option<&'a ApplyError>,
    },
    /// The resource is being deleted; this is what it waits for.
    Deleting(&'a str),
}

impl<'a> Outcome<'a> {
    fn phase(&self) -> Option<&'a Phase> {
        match self {
            Self::Planned { plan, .. } => Some(&plan.lifecycle.phase),
            Self::Refused(_) | Self::Deleting(_) => None,
        }
    }
}

/// The status.
pub fn status(account: &Account<'_>, now: Timestamp) -> SensorPipelineStatus {
    let now = whole_seconds(now);
    let observation = account.observation;
    let pipeline = &observation.pipeline;
    let previous = account.previous;
    let generation = pipeline.metadata.generation.unwrap_or_default();
    let figures = Figures::of(
        observation.topics.seen(),
        observation.database.seen(),
        account.rate,
    );
    let verdicts = match account.outcome {
        Outcome::Deleting(waiting_for) => {
            vec![Verdict::new(
                ConditionType::Ready,
                Truth::False,
                ConditionReason::Deleting,
                waiting_for,
            )]
        }
        Outcome::Refused(_) | Outcome::Planned { .. } => judge::verdicts(account, &figures, now),
    };
    let ready = verdicts
        .iter()
        .any(|v| v.type_ == ConditionType::Ready && v.truth == Truth::True);
    let name = &observation.id.name;
    SensorPipelineStatus {
        observed_generation: Some(generation),
        state: Some(state(account, ready)),
        conditions: settle(&previous.conditions, verdicts, generation, now),
        replicas: Some(
            observation
                .objects
                .workload(Role::Processor)
                .rollout
                .map_or(0, |r| r.ready),
        ),
        selector: Some(labels::selector_text(name, Role::Processor)),
        lag: figures.lag,
        watermark: figures.watermark.map(whole_seconds).map(Time),
        rate: figures.rate.map(|rate| format!("{rate:.1}/s")),
        last_commit_time: figures.last_commit.map(whole_seconds).map(Time),
        records: figures.records,
        endpoints: pipeline.spec.api.as_ref().map(|_| Endpoints {
            api: Some(service::url(name, &observation.id.namespace)),
        }),
        stop: match account.outcome {
            Outcome::Planned { plan, .. } => plan.lifecycle.stop.clone().map(|mut stop| {
                stop.started_at = Time(whole_seconds(stop.started_at.0));
                stop
            }),
            Outcome::Refused(_) | Outcome::Deleting(_) => previous.stop.clone(),
        },
    }
}

fn state(account: &Account<'_>, ready: bool) -> ObservedState {
    match account.outcome {
        Outcome::Deleting(_) => ObservedState::Deleting,
        Outcome::Refused(_) => ObservedState::Failed,
        Outcome::Planned { plan, .. } => match &plan.lifecycle.phase {
            Phase::Draining(_) => ObservedState::Draining,
            Phase::Drained => ObservedState::Drained,
            Phase::Paused | Phase::Overdue { stopped: true, .. } => ObservedState::Paused,
            Phase::Pausing(_) | Phase::Overdue { stopped: false, .. } => ObservedState::Pausing,
            Phase::Running if ready => ObservedState::Running,
            Phase::Running => match account.previous.state {
                Some(ObservedState::Running | ObservedState::Degraded) => ObservedState::Degraded,
                _ => ObservedState::Pending,
            },
        },
    }
}

/// Kubernetes' times have whole seconds; what is compared with them must have too.
fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[cfg(test)]
mod tests;
