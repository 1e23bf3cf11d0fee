//! What a schema and CEL can't see: relations between numbers written as text, spans of time,
//! expressions, and whether generated values fit their fields.

mod api;
mod check;
mod expressions;
mod fields;
mod lake;
mod rules;
mod simulator;
mod topics;
mod windows;

use std::time::Duration as Span;

use self::check::Check;
use super::Violation;
use crate::SensorPipeline;

const MINUTE: Span = Span::from_mins(1);
const DAY: Span = Span::from_hours(24);

/// Everything wrong with the meaning of a resource whose structure is right.
pub(super) fn violations(pipeline: &SensorPipeline) -> Vec<Violation> {
    let spec = &pipeline.spec;
    let mut check = Check::default();
    check.span(
        "spec.stopDeadline",
        &spec.stop_deadline,
        Span::from_secs(5),
        DAY,
    );
    let time = &spec.input.event_time;
    check.span(
        "spec.input.eventTime.maxDelay",
        &time.max_delay,
        Span::ZERO,
        30 * DAY,
    );
    check.span(
        "spec.input.eventTime.idleAfter",
        &time.idle_after,
        Span::from_secs(1),
        30 * DAY,
    );
    check.span(
        "spec.input.eventTime.maxFutureSkew",
        &time.max_future_skew,
        Span::from_secs(1),
        365 * DAY,
    );
    if let Some(table) = &spec.outputs.table {
        check.retention("spec.outputs.table.retention", table.retention.as_ref());
    }
    if let Some(lake) = &spec.outputs.lake {
        check.lake(lake);
    }
    check.bootstrap_servers(&spec.kafka.bootstrap_servers);
    check.topics(spec);
    check.fields(&spec.input.fields);
    check.windows(&spec.windows, &spec.input);
    check.rules(&spec.rules, &spec.input.fields);
    if let Some(simulator) = &spec.simulator {
        check.simulator(simulator, &spec.input.fields);
    }
    if let Some(api) = &spec.api {
        check.api(api, spec);
    }
    check.found
}
