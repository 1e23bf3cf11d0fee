//! One reconcile: observe, validate, plan, apply, status.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use kube::{ResourceExt, runtime::controller::Action};
use sensorstream_crds::{
    ConditionType, SensorPipeline, SensorPipelineStatus, runtime::id_of, status::ObservedState,
};
use tracing::Instrument;

use crate::{
    FINALIZER,
    apply::{ApplyError, apply, cleanup::clean_up},
    backends::BackendError,
    backoff,
    context::Context,
    observe::{Observation, ObserveError, logins::reader::secret_name, observe},
    plan::{
        deletion::{Then, deletion},
        plan,
    },
    status::{
        Account, Outcome,
        news::{Announcement, announcements, is_due},
        status,
    },
    telemetry::{chain, traces},
    validate::validate,
};

/// How long the cache may lag behind a write before a status that differs counts as changed
/// by somebody else.
const CACHE_LAG: SignedDuration = SignedDuration::from_secs(5);

/// Why a reconcile is to be tried again.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// It could not begin.
    #[error("observing")]
    Observe(#[source] ObserveError),
    /// A change could not be made.
    #[error("applying")]
    Apply(#[source] ApplyError),
    /// The status could not be written.
    #[error("reporting")]
    Status(#[source] ApplyError),
    /// What the pipeline made could not be deleted.
    #[error("cleaning up: {0}")]
    CleanUp(String),
}

/// Brings one pipeline nearer to what its spec says, and says how it is.
pub async fn reconcile(
    pipeline: Arc<SensorPipeline>,
    context: Arc<Context>,
) -> Result<Action, ReconcileError> {
    let id = id_of(&pipeline);
    let span = tracing::info_span!(
        "reconcile",
        namespace = id.namespace,
        pipeline = id.name,
        trace_id = tracing::field::Empty,
        otel.status_code = tracing::field::Empty,
        otel.status_description = tracing::field::Empty
    );
    traces::name_in_logs(&span);
    let reconciled = async move {
        let _active = context.metrics.begin();
        // Closed only when the process ends.
        let _turn = context.turns.acquire().await.ok();
        if pipeline.metadata.deletion_timestamp.is_some() {
            delete(&context, pipeline).await
        } else {
            advance(&context, pipeline).await
        }
    };
    let reconciled = Box::pin(reconciled.instrument(span.clone())).await;
    // Here, for the controller asks for what comes next outside of the span.
    reconciled.inspect_err(|error| {
        let error = chain(error);
        traces::failed(&span, &error);
        span.in_scope(|| tracing::warn!(error, "reconcile failed"));
    })
}

async fn advance(
    context: &Context,
    pipeline: Arc<SensorPipeline>,
) -> Result<Action, ReconcileError> {
    let (observation, reported) = seen(context, pipeline).await?;
    let now = Timestamp::now();
    let rate = rate(context, &observation);
    let previous = &reported.previous;
    let account = |outcome| Account {
        observation: &observation,
        outcome,
        previous,
        rate,
    };
    let valid = match timed(context, "validate", || validate(&observation)) {
        Ok(valid) => valid,
        Err(refused) => {
            let next = status(&account(Outcome::Refused(&refused)), now);
            report(context, &observation, &reported, &next, now).await?;
            succeeded(context, &observation, "refused");
            return Ok(again(Duration::from_secs(5)));
        }
    };
    let plan = timed(context, "plan", || {
        plan(&valid, &context.settings.installation, now)
    });
    let backends = context.backends.as_ref();
    let applying = apply(&context.kubernetes, backends, &valid, &plan);
    let applied = step(context, "apply", applying).await;
    if applied.wrote_secret {
        let secret = secret_name(&observation.id.name);
        context.secrets.wrote(&observation.id.namespace, &secret);
    }
    let outcome = Outcome::Planned {
        valid: &valid,
        plan: &plan,
        failure: applied.failure.as_ref(),
    };
    let next = timed(context, "status", || status(&account(outcome), now));
    report(context, &observation, &reported, &next, now).await?;
    if let Some(failure) = applied.failure {
        return Err(ReconcileError::Apply(failure));
    }
    if applied.changes > 0 {
        tracing::info!(changes = applied.changes, "applied");
        succeeded(context, &observation, "changed");
        // What was made is reported once it was seen.
        return Ok(again(Duration::from_secs(1)));
    }
    succeeded(context, &observation, "settled");
    Ok(again(interval(&next)))
}

/// When to look again at Kafka and `PostgreSQL`, which tell nobody when they change.
fn interval(status: &SensorPipelineStatus) -> Duration {
    let ground = [
        ConditionType::SpecValid,
        ConditionType::TopicsReady,
        ConditionType::TablesReady,
    ];
    let settled = ground.into_iter().all(|type_| status.is_true(type_));
    Duration::from_secs(match status.state {
        Some(ObservedState::Draining | ObservedState::Pausing) => 3,
        Some(ObservedState::Paused | ObservedState::Drained) if settled => 60,
        Some(ObservedState::Running) => 15,
        _ => 5,
    })
}

async fn delete(
    context: &Context,
    pipeline: Arc<SensorPipeline>,
) -> Result<Action, ReconcileError> {
    if !pipeline
        .finalizers()
        .iter()
        .any(|finalizer| finalizer == FINALIZER)
    {
        context.forget(&id_of(&pipeline));
        return Ok(Action::await_change());
    }
    let (observation, reported) = seen(context, pipeline).await?;
    let now = Timestamp::now();
    let step = deletion(&observation, context.settings.deletion_grace, now);
    for key in &step.objects {
        let deleted = context.kubernetes.delete(&observation.pipeline, key).await;
        match deleted {
            Err(error) if step.overdue => {
                tracing::warn!(error = chain(&error), "left to the garbage collector");
            }
            other => other.map_err(ReconcileError::Apply)?,
        }
    }
    match step.then {
        Then::Wait(reason) => {
            waiting(context, &observation, &reported, &reason, now).await?;
            succeeded(context, &observation, "changed");
            return Ok(again(Duration::from_secs(2)));
        }
        Then::CleanUp {
            kafka,
            database,
            orphans,
            give_up,
        } => {
            let backends = context.backends.as_ref();
            let errors = clean_up(backends, &observation, &kafka, &database, give_up).await;
            let errors: Vec<String> = errors.iter().map(BackendError::to_string).collect();
            if !errors.is_empty() && !give_up {
                let reason = errors.join("; ");
                waiting(context, &observation, &reported, &reason, now).await?;
                return Err(ReconcileError::CleanUp(reason));
            }
            let left: Vec<String> = orphans.into_iter().chain(errors).collect();
            if !left.is_empty() {
                let note = left.join("; ");
                tracing::warn!(left = note, "deleted without cleaning up");
                let announcement = Announcement {
                    warning: true,
                    reason: "Orphaned".into(),
                    note,
                };
                context
                    .events
                    .publish(&observation.pipeline, &announcement)
                    .await;
            }
        }
        Then::Release => {}
    }
    context
        .kubernetes
        .remove_finalizer(&observation.pipeline)
        .await
        .map_err(ReconcileError::Apply)?;
    context.metrics.reconciled("deleted");
    context.forget(&observation.id);
    Ok(Action::await_change())
}

async fn waiting(
    context: &Context,
    observation: &Observation,
    reported: &Reported,
    reason: &str,
    now: Timestamp,
) -> Result<(), ReconcileError> {
    let outcome = Outcome::Deleting(reason);
    let account = Account {
        observation,
        outcome,
        previous: &reported.previous,
        rate: None,
    };
    report(context, observation, reported, &status(&account, now), now).await
}

/// What was said of a pipeline before.
struct Reported {
    /// By this process or, after a start, by the one before.
    previous: SensorPipelineStatus,
    /// Whether the cache has another: an older one, or one changed by somebody else.
    unseen: bool,
    /// When this process wrote.
    at: Option<Timestamp>,
}

async fn seen(
    context: &Context,
    mut pipeline: Arc<SensorPipeline>,
) -> Result<(Observation, Reported), ReconcileError> {
    let cached = pipeline.status.clone();
    let (written, at) = context.remember(&pipeline, |memory| {
        if memory.written.as_deref() == cached.as_ref() {
            memory.written = None;
        }
        (memory.written.clone(), memory.written_at)
    });
    let unseen = written.is_some();
    let previous = written.map_or_else(|| cached.unwrap_or_default(), |written| *written);
    // A stop under way is decided by the latest word on it, which the cache may not have yet.
    Arc::make_mut(&mut pipeline).status = Some(previous.clone());
    let observation = step(context, "observe", observe(context, pipeline)).await;
    Ok((
        observation.map_err(ReconcileError::Observe)?,
        Reported {
            previous,
            unseen,
            at,
        },
    ))
}

/// Carries out a step that only computes, and takes in how long it took.
fn timed<T>(context: &Context, step: &'static str, call: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let answer = span_of(step).in_scope(call);
    context.metrics.step(step, started.elapsed());
    answer
}

/// Carries out a step that waits for others, and takes in how long it took.
async fn step<T>(context: &Context, step: &'static str, work: impl Future<Output = T>) -> T {
    let started = Instant::now();
    let answer = work.instrument(span_of(step)).await;
    context.metrics.step(step, started.elapsed());
    answer
}

fn span_of(step: &'static str) -> tracing::Span {
    tracing::debug_span!("step", otel.name = step)
}

fn rate(context: &Context, observation: &Observation) -> Option<f64> {
    let database = observation
        .database
        .seen()
        .filter(|database| !database.shards.is_empty())?;
    let total = database.shards.iter().map(|shard| shard.records_read).sum();
    context.remember(&observation.pipeline, |memory| {
        memory.meter.take(total, database.read_at)
    })
}

/// Writes the status if it says something new, and announces what flipped.
async fn report(
    context: &Context,
    observation: &Observation,
    reported: &Reported,
    next: &SensorPipelineStatus,
    now: Timestamp,
) -> Result<(), ReconcileError> {
    let tampered = reported.unseen
        && reported
            .at
            .is_some_and(|at| now.duration_since(at) > CACHE_LAG);
    if !tampered && !is_due(&reported.previous, next, reported.at, now) {
        let missing = observation.database.seen().is_some_and(|d| !d.reported);
        if missing {
            report_to_api(context, observation, next).await;
        }
        return Ok(());
    }
    let writing = context.kubernetes.write_status(&observation.pipeline, next);
    let written = step(context, "report", writing).await;
    written.map_err(ReconcileError::Status)?;
    report_to_api(context, observation, next).await;
    context.remember(&observation.pipeline, |memory| {
        memory.written = Some(Box::new(next.clone()));
        memory.written_at = Some(now);
    });
    for announcement in announcements(&reported.previous, next) {
        context
            .events
            .publish(&observation.pipeline, &announcement)
            .await;
    }
    Ok(())
}

/// Writes the status where the API reads it, which has no way to Kubernetes. The next status makes up for one
/// that could not be written.
async fn report_to_api(
    context: &Context,
    observation: &Observation,
    status: &SensorPipelineStatus,
) {
    let pipeline = &observation.pipeline;
    let shown = pipeline.spec.api.is_some() && pipeline.metadata.deletion_timestamp.is_none();
    let (true, Some(_), Ok(uri)) = (
        shown,
        observation.database.seen(),
        &observation.logins.database,
    ) else {
        return;
    };
    let status = serde_json::to_value(status).expect("a status is JSON");
    let backends = context.backends.as_ref();
    let reported = backends.report_status(uri, &observation.id, &status).await;
    if let Err(error) = reported {
        tracing::warn!(
            error = chain(&error),
            "the API shows an older status for now"
        );
    }
}

fn succeeded(context: &Context, observation: &Observation, outcome: &str) {
    context.metrics.reconciled(outcome);
    context.remember(&observation.pipeline, |memory| memory.failures = 0);
}

fn again(after: Duration) -> Action {
    Action::requeue(backoff::spread(after, rand::random()))
}

/// When to try again after a failure: later and later, but at once anew for a new spec.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the controller hands over shares"
)]
pub fn on_error(
    pipeline: Arc<SensorPipeline>,
    _: &ReconcileError,
    context: Arc<Context>,
) -> Action {
    let id = id_of(&pipeline);
    let generation = pipeline.metadata.generation;
    let failures = context.remember(&pipeline, |memory| {
        if memory.generation != generation {
            memory.generation = generation;
            memory.failures = 0;
        }
        memory.failures = memory.failures.saturating_add(1);
        memory.failures
    });
    context.metrics.reconciled("failed");
    let wait = backoff::after_failures(failures, rand::random());
    tracing::info!(
        namespace = id.namespace,
        pipeline = id.name,
        failures,
        retry_in_seconds = wait.as_secs_f64(),
        "reconciling is tried again"
    );
    Action::requeue(wait)
}

#[cfg(test)]
mod tests;
