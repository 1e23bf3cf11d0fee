//! The topics that a spec names.

use std::fmt;

use sensorstream_crds::{SensorPipelineSpec, input::Topic as Declared};

use crate::backends::{Topic, TopicNames, Topics};

/// What a topic is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It is read.
    Input,
    /// Every accepted reading is written to it again.
    Enriched,
    /// Alerts are written to it.
    Alerts,
    /// Records that can't be used are written to it.
    DeadLetter,
}

impl Purpose {
    /// Whether the pipeline writes to it, and so must be the only one that does.
    pub fn is_output(self) -> bool {
        self != Self::Input
    }

    /// Where the spec declares it.
    pub fn path(self) -> &'static str {
        match self {
            Self::Input => "spec.input.topic",
            Self::Enriched => "spec.outputs.enriched.topic",
            Self::Alerts => "spec.outputs.alerts.topic",
            Self::DeadLetter => "spec.outputs.deadLetter.topic",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Input => "input topic",
            Self::Enriched => "enriched topic",
            Self::Alerts => "alerts topic",
            Self::DeadLetter => "dead letter topic",
        })
    }
}

/// A topic that a spec names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WantedTopic<'a> {
    /// What it is for.
    pub purpose: Purpose,
    /// What it should be.
    pub declared: &'a Declared,
}

impl WantedTopic<'_> {
    /// The topic as it is, if it exists.
    pub fn live<'t>(&self, topics: &'t Topics) -> Option<&'t Topic> {
        if self.purpose.is_output() {
            topics.outputs.get(&self.declared.name)
        } else {
            topics.input.as_ref()
        }
    }
}

/// The topics that a spec names, the one that is read first.
pub fn topics(spec: &SensorPipelineSpec) -> Vec<WantedTopic<'_>> {
    let outputs = &spec.outputs;
    let enriched = outputs.enriched.as_ref().map(|enriched| &enriched.topic);
    let alerts = outputs.alerts.as_ref().map(|alerts| &alerts.topic);
    [
        (Purpose::Input, Some(&spec.input.topic)),
        (Purpose::Enriched, enriched),
        (Purpose::Alerts, alerts),
        (Purpose::DeadLetter, Some(&outputs.dead_letter.topic)),
    ]
    .into_iter()
    .filter_map(|(purpose, declared)| {
        Some(WantedTopic {
            purpose,
            declared: declared?,
        })
    })
    .collect()
}

/// The topics to ask about.
pub fn names(spec: &SensorPipelineSpec) -> TopicNames {
    TopicNames {
        input: spec.input.topic.name.clone(),
        outputs: topics(spec)
            .into_iter()
            .filter(|topic| topic.purpose.is_output())
            .map(|topic| topic.declared.name.clone())
            .collect(),
    }
}
