//! Which workloads should run now. A pipeline runs, or is being paused, or is being drained:
//!
//! ```text
//! Running ─► Paused:  pods stopping ─► stopped
//!         ─► Drained: simulator stopping ─► end offsets captured, once ─► everything below
//!                     them processed ─► processor stopping ─► stopped
//! ```
//! After the deadline the processor is stopped all the same. Decided from what was observed,
//! so that an operator started anew goes on where the last one stopped.

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use sensorstream_crds::{
    ConditionType, DesiredState,
    status::{PartitionOffset, Stop},
};
use sensorstream_ledger::{
    figures::ShardFigures,
    shard::{FIRST_STAGE, SECOND_STAGE},
};

use crate::{
    backends::{Database, Topics},
    observe::{Observation, Observed, Unseen, objects::Workload},
    role::Role,
};

/// Which workloads should run, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Lifecycle {
    /// Whether the simulator should run.
    pub producer: bool,
    /// Whether the processor should run.
    pub processor: bool,
    /// The stop under way or done, for the status.
    pub stop: Option<Stop>,
    /// How far it is.
    pub phase: Phase,
}

/// How far a pipeline is on its way to what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It should run.
    Running,
    /// Pods are being stopped; these are left.
    Pausing(Vec<String>),
    /// It is stopped.
    Paused,
    /// It is being drained.
    Draining(Draining),
    /// It is drained.
    Drained,
    /// The deadline passed.
    Overdue {
        /// What was left undone, for people.
        left: String,
        /// Whether every pod is gone.
        stopped: bool,
    },
}

/// The steps of a drain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Draining {
    /// These pods of the simulator are left.
    ProducerStopping(Vec<String>),
    /// The end offsets are to be captured; this holds it.
    Capturing(Option<String>),
    /// These partitions are so many offsets behind their targets.
    Processing(Vec<(i32, i64)>),
    /// Everything is processed, but so many dead letters are not sent yet.
    SendingDeadLetters(i64),
    /// What so many offsets came to has not gone to the output topics, or to the second stage, yet.
    Sending(i64),
    /// The second stage is so many messages behind, by partition of the link topic.
    Merging(Vec<(i32, i64)>),
    /// How far it is can't be seen.
    Blind(String),
    /// These pods of the processor are left.
    ProcessorStopping(Vec<String>),
}

/// What is decided by.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// What is asked for.
    pub state: DesiredState,
    /// By which generation of the spec.
    pub generation: i64,
    /// How long a stop may take.
    pub deadline: Duration,
    /// The stop so far.
    pub stop: Option<&'a Stop>,
    /// The condition `Stopped` so far.
    pub stopped: Option<&'a Condition>,
    /// Whether readings come to anything that is sent to topics.
    pub sends: bool,
    /// The simulator.
    pub producer: &'a Workload,
    /// The processor.
    pub processor: &'a Workload,
    /// What Kafka says.
    pub topics: &'a Observed<Topics>,
    /// What `PostgreSQL` says.
    pub database: &'a Observed<Database>,
    /// Now.
    pub now: Timestamp,
}

impl<'a> Situation<'a> {
    /// The situation of a pipeline whose spec is valid.
    pub fn of(observation: &'a Observation, now: Timestamp) -> Self {
        let pipeline = &observation.pipeline;
        let status = pipeline.status.as_ref();
        let outputs = &pipeline.spec.outputs;
        Self {
            state: pipeline.spec.state,
            generation: pipeline.metadata.generation.unwrap_or_default(),
            deadline: pipeline.spec.stop_deadline.get(),
            stop: status.and_then(|status| status.stop.as_ref()),
            stopped: status.and_then(|status| status.condition(ConditionType::Stopped)),
            sends: outputs.enriched.is_some() || outputs.alerts.is_some(),
            producer: observation.objects.workload(Role::Producer),
            processor: observation.objects.workload(Role::Processor),
            topics: &observation.topics,
            database: &observation.database,
            now,
        }
    }

    fn overdue(&self, stop: &Stop) -> bool {
        let deadline = SignedDuration::try_from(self.deadline).unwrap_or(SignedDuration::MAX);
        self.now.duration_since(stop.started_at.0) >= deadline
    }
}

/// Decides.
pub fn lifecycle(situation: &Situation<'_>) -> Lifecycle {
    if situation.state == DesiredState::Running {
        return Lifecycle {
            producer: true,
            processor: true,
            stop: None,
            phase: Phase::Running,
        };
    }
    // A stop of the other kind is over: paused, then drained means to process what is left.
    let stop = situation
        .stop
        .filter(|stop| stop.state == situation.state)
        .cloned();
    let stop = stop.unwrap_or_else(|| Stop {
        state: situation.state,
        generation: situation.generation,
        started_at: Time(situation.now),
        targets: Vec::new(),
        captured: false,
    });
    if situation.state == DesiredState::Paused {
        pause(situation, stop)
    } else {
        drain(situation, stop)
    }
}

fn pause(situation: &Situation<'_>, stop: Stop) -> Lifecycle {
    let left = remaining(&[situation.producer, situation.processor]);
    let phase = if situation.producer.is_gone() && situation.processor.is_gone() {
        Phase::Paused
    } else if situation.overdue(&stop) {
        let left = format!("pods that did not stop: {}", shown(&left));
        Phase::Overdue {
            left,
            stopped: false,
        }
    } else {
        Phase::Pausing(left)
    };
    Lifecycle {
        producer: false,
        processor: false,
        stop: Some(stop),
        phase,
    }
}

fn drain(situation: &Situation<'_>, mut stop: Stop) -> Lifecycle {
    let stopped_before = situation
        .stopped
        .is_some_and(|c| c.status == "True" && c.reason == "Drained" && situation.stop.is_some());
    let progress = progress(situation, &mut stop);
    // What was drained stays so, also when nobody can look any more.
    let done = progress.is_none() || (stopped_before && stop.captured);
    let overdue = situation.overdue(&stop);
    let (processor, phase) = match progress {
        Some(at) if !done && overdue => {
            let left =
                format!("{at} when the deadline passed; it goes on when the pipeline runs again");
            (
                false,
                Phase::Overdue {
                    left,
                    stopped: situation.processor.is_gone(),
                },
            )
        }
        Some(at) if !done => (true, Phase::Draining(at)),
        _ if situation.processor.is_gone() => (false, Phase::Drained),
        _ => {
            let left = remaining(&[situation.processor]);
            (false, Phase::Draining(Draining::ProcessorStopping(left)))
        }
    };
    Lifecycle {
        producer: false,
        processor,
        stop: Some(stop),
        phase,
    }
}

/// The step that a drain is at; `None` when everything is processed.
fn progress(situation: &Situation<'_>, stop: &mut Stop) -> Option<Draining> {
    if !situation.producer.is_gone() {
        return Some(Draining::ProducerStopping(remaining(&[situation.producer])));
    }
    if !stop.captured {
        let topics = match situation.topics {
            Observed::Seen(topics) => topics,
            Observed::Unseen(Unseen { message, .. }) => {
                return Some(Draining::Capturing(Some(message.clone())));
            }
        };
        let Some(input) = &topics.input else {
            let why = "the input topic does not exist yet".to_owned();
            return Some(Draining::Capturing(Some(why)));
        };
        if topics.offsets.len() < usize::try_from(input.partitions).unwrap_or(0) {
            let why = format!("partitions without a leader: {:?}", input.leaderless);
            return Some(Draining::Capturing(Some(why)));
        }
        stop.targets = topics
            .offsets
            .iter()
            .map(|(partition, span)| PartitionOffset {
                partition: *partition,
                offset: span.end,
            })
            .collect();
        stop.captured = true;
    }
    let database = match situation.database {
        Observed::Seen(database) => database,
        Observed::Unseen(Unseen { message, .. }) => return Some(Draining::Blind(message.clone())),
    };
    let topics = situation.topics.seen();
    let incarnation = topics.and_then(|t| t.input.as_ref()).map(|t| t.id.as_str());
    let behind: Vec<(i32, i64)> = behind(&stop.targets, &database.shards, topics, incarnation);
    if !behind.is_empty() {
        // Without Kafka it can't be told whether a partition that nobody took is empty.
        return Some(match situation.topics.unseen() {
            Some(unseen) => Draining::Blind(unseen.message.clone()),
            None => Draining::Processing(behind),
        });
    }
    let pending: i64 = current(&database.shards, incarnation)
        .map(|shard| shard.pending_dead_letters)
        .sum();
    if pending > 0 {
        return Some(Draining::SendingDeadLetters(pending));
    }
    let unsent: i64 = current(&database.shards, incarnation)
        .filter(|shard| situation.sends || shard.linked)
        .map(|shard| (shard.next_offset - shard.sent_below).max(0))
        .sum();
    if unsent > 0 {
        return Some(Draining::Sending(unsent));
    }
    merging(&database.shards, topics)
}

/// How far windows over several partitions are, when everything is processed and sent but for them.
fn merging(shards: &[ShardFigures], topics: Option<&Topics>) -> Option<Draining> {
    let second = |partition: i32| {
        let of_partition = shards
            .iter()
            .filter(move |shard| shard.stage == SECOND_STAGE && shard.partition == partition);
        of_partition.map(|shard| shard.next_offset).max()
    };
    let behind: Vec<(i32, i64)> = topics?
        .link_offsets
        .iter()
        .map(|(partition, span)| {
            let at = second(*partition).unwrap_or(span.begin);
            (*partition, span.end - at.max(span.begin))
        })
        .filter(|(_, behind)| *behind > 0)
        .collect();
    (!behind.is_empty()).then_some(Draining::Merging(behind))
}

fn behind(
    targets: &[PartitionOffset],
    shards: &[ShardFigures],
    topics: Option<&Topics>,
    incarnation: Option<&str>,
) -> Vec<(i32, i64)> {
    let next: BTreeMap<i32, i64> = current(shards, incarnation)
        .map(|shard| (shard.partition, shard.next_offset))
        .fold(BTreeMap::new(), |mut next, (partition, offset)| {
            let furthest = next.entry(partition).or_insert(offset);
            *furthest = offset.max(*furthest);
            next
        });
    targets
        .iter()
        .filter_map(|target| {
            let span = topics.and_then(|topics| topics.offsets.get(&target.partition));
            // A topic made anew since is shorter than the target, and ends sooner.
            let goal = span.map_or(target.offset, |span| target.offset.min(span.end));
            let begin = span.map_or(0, |span| span.begin);
            let at = next.get(&target.partition).copied().unwrap_or(0).max(begin);
            (at < goal).then_some((target.partition, goal - at))
        })
        .collect()
}

/// The shards of the topic as it is; all of them when that is not known.
fn current<'a>(
    shards: &'a [ShardFigures],
    incarnation: Option<&'a str>,
) -> impl Iterator<Item = &'a ShardFigures> {
    shards
        .iter()
        .filter(|shard| shard.stage == FIRST_STAGE)
        .filter(move |shard| incarnation.is_none_or(|id| shard.incarnation == id))
}

fn remaining(workloads: &[&Workload]) -> Vec<String> {
    workloads
        .iter()
        .flat_map(|workload| &workload.pods)
        .map(|pod| pod.name.clone())
        .collect()
}

fn shown(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

fn lags(behind: &[(i32, i64)]) -> String {
    let parts: Vec<String> = behind
        .iter()
        .map(|(partition, by)| format!("{partition} by {by}"))
        .collect();
    parts.join(", ")
}

impl std::fmt::Display for Draining {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ProducerStopping(pods) => {
                write!(
                    f,
                    "waiting for the simulator to stop; pods left: {}",
                    shown(pods)
                )
            }
            Self::Capturing(None) => f.write_str("capturing the end offsets"),
            Self::Capturing(Some(why)) => write!(f, "can't capture the end offsets: {why}"),
            Self::Processing(behind) => {
                write!(
                    f,
                    "partitions behind their captured end offsets: {}",
                    lags(behind)
                )
            }
            Self::SendingDeadLetters(count) => write!(f, "{count} dead letters are yet to be sent"),
            Self::Sending(count) => {
                write!(
                    f,
                    "what {count} offsets came to is yet to be sent to the output topics"
                )
            }
            Self::Merging(behind) => {
                let lags = lags(behind);
                write!(f, "partitions of the link topic yet to be merged: {lags}")
            }
            Self::Blind(why) => write!(f, "can't tell how far the processor is: {why}"),
            Self::ProcessorStopping(pods) => write!(
                f,
                "everything is processed; waiting for the processor to stop; pods left: {}",
                shown(pods)
            ),
        }
    }
}

#[cfg(test)]
mod tests;
