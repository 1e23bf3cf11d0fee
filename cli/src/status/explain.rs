//! What is well with a pipeline, what is not, since when, and what to do: a pure function of what was seen
//! and of the time.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use sensorstream_crds::{
    ConditionReason, ConditionType, SensorPipeline,
    status::{ObservedState, RecordCounts},
};
use serde::Serialize;

use super::{
    advice::{Advice, Level, Place, advice},
    operator::{self, Operator},
};
use crate::terminal::{age, span};

/// Something that passes by itself is wrong when it takes longer.
const PASSES_WITHIN: SignedDuration = SignedDuration::from_mins(10);
/// How long the operator may take to look at a change.
pub const LOOKS_WITHIN: SignedDuration = SignedDuration::from_mins(1);
/// From which share of dead letters on they are worth a look.
const MANY_DEAD_LETTERS: f64 = 0.01;

/// Conditions that say that something is wrong when they hold.
const WRONG_WHEN_TRUE: [ConditionType; 5] = [
    ConditionType::DataLoss,
    ConditionType::SinkBlocked,
    ConditionType::WeakClockGuard,
    ConditionType::KeySpread,
    ConditionType::TopicReplaced,
];

/// What was seen.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The pipeline.
    pub pipeline: SensorPipeline,
    /// Warnings about it, newest first.
    pub warnings: Vec<Warning>,
    /// What there is of the operator.
    pub operator: Operator,
    /// The context of the kubeconfig, if one was asked for.
    pub context: Option<String>,
}

/// A warning Event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// When it was last said.
    pub at: Option<Timestamp>,
    /// In one word.
    pub reason: String,
    /// In full.
    pub note: String,
}

/// How a pipeline is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// As it should be.
    Healthy,
    /// Stopped, as asked.
    Stopped,
    /// Not as it should be yet; it is being seen to.
    Changing,
    /// Not as it should be.
    Unhealthy,
}

impl Health {
    /// Whether there is nothing to do.
    pub fn is_well(self) -> bool {
        matches!(self, Self::Healthy | Self::Stopped)
    }
}

/// A pipeline, explained.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// How it is.
    pub health: Health,
    /// How it is, in a sentence.
    pub summary: String,
    /// What it is doing, as the operator says.
    pub state: Option<ObservedState>,
    /// What there is to say, the worst first.
    pub findings: Vec<Finding>,
    /// The figures.
    pub figures: Figures,
    /// The newest warnings.
    pub warnings: Vec<Warning>,
}

/// One thing that is to be said.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// About what: a condition, `Operator`, `Status` or `Records`.
    pub about: String,
    /// Why, in one word.
    pub reason: String,
    /// Since when.
    pub since: Option<Timestamp>,
    /// What is so.
    pub message: String,
    /// What to do, if there is something to do.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub todo: String,
    /// What to type for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
    /// The page that has more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runbook: Option<String>,
    /// What it is, in a few words.
    #[serde(skip)]
    pub short: String,
}

/// The figures of a status.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// The processor's pods.
    pub replicas: Replicas,
    /// Records that wait.
    pub lag: Option<i64>,
    /// Records committed a second.
    pub rate: Option<String>,
    /// Up to which event time readings are complete.
    pub watermark: Option<Timestamp>,
    /// When the latest record was committed.
    pub last_commit: Option<Timestamp>,
    /// What became of every record.
    pub records: Option<RecordCounts>,
    /// Where the API is, within the cluster.
    pub api: Option<String>,
}

/// Pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Replicas {
    /// How many are ready.
    pub ready: i32,
    /// How many should be.
    pub wanted: i32,
}

/// Explains a pipeline.
pub fn explain(seen: &Seen, now: Timestamp) -> Explanation {
    let pipeline = &seen.pipeline;
    let (namespace, name) = (
        pipeline.namespace().unwrap_or_default(),
        pipeline.name_any(),
    );
    let place = Place {
        namespace: &namespace,
        name: &name,
        spec: &pipeline.spec,
        context: seen.context.as_deref(),
        operator: seen.operator.place(),
    };
    let mut findings = conditions(pipeline, &place, now);
    findings.extend(currency(pipeline, &place, now));
    findings.extend(accounts(pipeline, &place));
    findings.push(operator::finding(&seen.operator, &place, now));
    // What is equally bad stays in the order of the conditions.
    findings.sort_by_key(|finding| finding.level);
    say_advice_once(&mut findings);
    let status = pipeline.status.as_ref();
    let state = status.and_then(|status| status.state);
    let health = health(&findings, state);
    Explanation {
        summary: summary(health, &findings),
        namespace,
        name,
        health,
        state,
        findings,
        figures: figures(pipeline),
        warnings: seen.warnings.clone(),
    }
}

/// Leaves out advice that stands at an earlier finding.
fn say_advice_once(findings: &mut [Finding]) {
    for at in 1..findings.len() {
        let (before, rest) = findings.split_at_mut(at);
        let finding = &mut rest[0];
        if before
            .iter()
            .any(|earlier| earlier.todo == finding.todo && earlier.commands == finding.commands)
        {
            finding.todo.clear();
            finding.commands.clear();
            finding.runbook = None;
        }
    }
}

fn health(findings: &[Finding], state: Option<ObservedState>) -> Health {
    let worst = findings.iter().map(|finding| finding.level).min();
    match worst {
        Some(Level::Wrong) => Health::Unhealthy,
        Some(Level::Passing) => Health::Changing,
        _ => match state {
            Some(ObservedState::Paused | ObservedState::Drained) => Health::Stopped,
            _ => Health::Healthy,
        },
    }
}

fn summary(health: Health, findings: &[Finding]) -> String {
    // What others follow from comes first; that it is not ready is no news.
    let of = |level| {
        let mut found: Vec<&str> = Vec::new();
        for finding in findings.iter().filter(|finding| finding.level == level) {
            if !found.contains(&finding.short.as_str()) {
                found.push(&finding.short);
            }
        }
        found.truncate(3);
        found.join("; ")
    };
    match health {
        Health::Unhealthy => format!("is not healthy: {}", of(Level::Wrong)),
        Health::Changing => format!("is not ready yet: {}", of(Level::Passing)),
        Health::Stopped => "is stopped, as asked".to_owned(),
        Health::Healthy => match of(Level::Note) {
            notes if notes.is_empty() => "is healthy".to_owned(),
            notes => format!("is healthy; worth a look: {notes}"),
        },
    }
}

fn figures(pipeline: &SensorPipeline) -> Figures {
    let status = pipeline.status.clone().unwrap_or_default();
    let stopped = matches!(
        status.state,
        Some(ObservedState::Paused | ObservedState::Drained)
    );
    Figures {
        replicas: Replicas {
            ready: status.replicas.unwrap_or(0),
            wanted: if stopped {
                0
            } else {
                pipeline.spec.processor.replicas
            },
        },
        lag: status.lag,
        rate: status.rate,
        watermark: status.watermark.map(|time| time.0),
        last_commit: status.last_commit_time.map(|time| time.0),
        records: status.records,
        api: status.endpoints.and_then(|endpoints| endpoints.api),
    }
}

/// What the conditions say.
fn conditions(pipeline: &SensorPipeline, place: &Place<'_>, now: Timestamp) -> Vec<Finding> {
    let conditions = pipeline
        .status
        .as_ref()
        .map_or(&[][..], |status| &status.conditions);
    conditions
        .iter()
        .filter(|condition| !repeats_another(condition, conditions))
        .map(|condition| finding(condition, place, now))
        .collect()
}

/// Whether `Ready` only says what another condition does.
fn repeats_another(condition: &Condition, conditions: &[Condition]) -> bool {
    condition.type_ == ConditionType::Ready.as_str()
        && condition.status != "True"
        && conditions.iter().any(|other| {
            other.type_ != condition.type_
                && other.status != "True"
                && other.reason == condition.reason
        })
}

fn finding(condition: &Condition, place: &Place<'_>, now: Timestamp) -> Finding {
    let since = condition.last_transition_time.0;
    let type_ = ConditionType::from_name(&condition.type_);
    let reason = ConditionReason::from_name(&condition.reason);
    let advice = match (type_, reason) {
        (Some(type_), Some(reason)) => advice(reason, type_, &condition.message, place),
        (type_, _) => unknown(condition, type_),
    };
    let takes_long = advice.level == Level::Passing
        && now.duration_since(since) > PASSES_WITHIN
        // How long a stop may take, the spec says, and the operator minds.
        && !matches!(reason, Some(ConditionReason::Pausing | ConditionReason::Draining));
    Finding {
        level: if takes_long {
            Level::Wrong
        } else {
            advice.level
        },
        about: condition.type_.clone(),
        reason: condition.reason.clone(),
        since: Some(since),
        message: condition.message.clone(),
        todo: advice.todo.to_owned(),
        commands: advice.commands,
        runbook: advice.runbook.map(page),
        short: if takes_long {
            format!("{}, for {}", advice.short, age(since, now))
        } else {
            advice.short.to_owned()
        },
    }
}

/// What to make of a condition that another version of the operator wrote.
fn unknown(condition: &Condition, type_: Option<ConditionType>) -> Advice {
    let holds = condition.status == "True";
    let wrong_when_true = type_.is_some_and(|type_| WRONG_WHEN_TRUE.contains(&type_));
    let good = holds && !wrong_when_true;
    Advice {
        level: if good { Level::Good } else { Level::Wrong },
        short: "the operator says what this version does not know",
        todo: if good {
            ""
        } else {
            "The operator is of another version than this program. Its message says what it is."
        },
        commands: vec![],
        runbook: None,
    }
}

/// Whether the status is about the spec as it is now.
fn currency(pipeline: &SensorPipeline, place: &Place<'_>, now: Timestamp) -> Option<Finding> {
    let metadata = &pipeline.metadata;
    let spec_from = metadata
        .managed_fields
        .iter()
        .flatten()
        .filter(|entry| entry.subresource.is_none())
        .filter_map(|entry| Some(entry.time.as_ref()?.0))
        .chain(metadata.creation_timestamp.as_ref().map(|time| time.0))
        .max();
    let status = pipeline.status.as_ref();
    let observed = status.and_then(|status| status.observed_generation);
    let message = match observed {
        None => "the operator has not said anything of the pipeline yet".to_owned(),
        Some(observed) if Some(observed) < metadata.generation => format!(
            "what is said below is about generation {observed} of the spec, which is at {}: the operator has not \
             looked at the last change yet",
            metadata.generation.unwrap_or_default()
        ),
        Some(_) => return None,
    };
    let waited = spec_from.map(|from| now.duration_since(from));
    let soon = waited.is_none_or(|waited| waited <= LOOKS_WITHIN);
    let short = match waited {
        Some(waited) if !soon => format!("the operator has not looked at it for {}", span(waited)),
        _ => "the operator is about to look at it".to_owned(),
    };
    Some(Finding {
        level: if soon { Level::Passing } else { Level::Wrong },
        about: "Status".into(),
        reason: if observed.is_none() {
            "NoStatus"
        } else {
            "Outdated"
        }
        .into(),
        since: spec_from,
        message,
        todo: if soon {
            "Wait: it takes seconds."
        } else {
            "See that the operator runs, and that it watches this namespace."
        }
        .into(),
        commands: if soon {
            vec![]
        } else {
            vec![place.operator_log()]
        },
        runbook: (!soon).then(|| page("SensorStreamOperatorAbsent")),
        short,
    })
}

/// Whether what became of the records adds up, and how many of them are of no use.
fn accounts(pipeline: &SensorPipeline, place: &Place<'_>) -> Option<Finding> {
    let records = pipeline.status.as_ref()?.records?;
    let sum = records.accepted + records.dead_lettered + records.dropped;
    if sum != records.read {
        return Some(Finding {
            level: Level::Wrong,
            about: "Records".into(),
            reason: "Unaccounted".into(),
            since: None,
            message: format!("{} records were read, and {sum} are accounted for", records.read),
            todo: "This is a bug, or somebody has edited the commit log. The page says what to collect.".into(),
            commands: vec![],
            runbook: Some(page("SensorStreamRecordsUnaccounted")),
            short: "the accounts do not add up".into(),
        });
    }
    let share = records.dead_lettered as f64 / records.read.max(1) as f64;
    (share > MANY_DEAD_LETTERS).then(|| Finding {
        level: Level::Note,
        about: "Records".into(),
        reason: "DeadLetters".into(),
        since: None,
        message: format!("{:.1} % of all records could not be used", share * 100.0),
        todo: "See why, mend the senders or the spec, and replay them.".into(),
        commands: vec![format!(
            "sensorstream dead-letters list {} -n {}",
            place.name, place.namespace
        )],
        runbook: Some(page("SensorStreamDeadLetterShareHigh")),
        short: "many dead letters".into(),
    })
}

/// Where a page is in the repository.
pub fn page(name: &str) -> String {
    format!("docs/runbooks/{name}.md")
}
