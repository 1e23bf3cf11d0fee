//! The topics that a pipeline needs: those that its spec names, and the one between its two stages.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use sensorstream_crds::{
    PipelineId, SensorPipelineSpec,
    input::{Input, Topic as Declared},
    windows::Stage,
};

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
    /// The first stage of windows over several partitions writes to it, and the second reads it.
    Link,
}

impl Purpose {
    /// Whether the pipeline writes to it, and so must be the only one that does.
    pub fn is_output(self) -> bool {
        self != Self::Input
    }

    /// Whether the topic may get more partitions. Groups live in those of the link topic by their hash,
    /// so it keeps those that it was made with.
    pub fn grows(self) -> bool {
        self != Self::Link
    }

    /// Where the spec declares it.
    pub fn path(self) -> &'static str {
        match self {
            // The link topic is made like the input.
            Self::Input | Self::Link => "spec.input.topic",
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
            Self::Link => "link topic",
        })
    }
}

/// A topic that a pipeline needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedTopic<'a> {
    /// What it is for.
    pub purpose: Purpose,
    /// What it should be.
    pub declared: Cow<'a, Declared>,
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

/// The topics that a pipeline needs, the one that is read first.
pub fn topics<'a>(id: &PipelineId, spec: &'a SensorPipelineSpec) -> Vec<WantedTopic<'a>> {
    let outputs = &spec.outputs;
    let enriched = outputs.enriched.as_ref().map(|enriched| &enriched.topic);
    let alerts = outputs.alerts.as_ref().map(|alerts| &alerts.topic);
    [
        (Purpose::Input, Some(Cow::Borrowed(&spec.input.topic))),
        (Purpose::Enriched, enriched.map(Cow::Borrowed)),
        (Purpose::Alerts, alerts.map(Cow::Borrowed)),
        (
            Purpose::DeadLetter,
            Some(Cow::Borrowed(&outputs.dead_letter.topic)),
        ),
        (Purpose::Link, link(id, spec).map(Cow::Owned)),
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

/// The topic between the two stages, if a window needs the second.
fn link(id: &PipelineId, spec: &SensorPipelineSpec) -> Option<Declared> {
    let Input { topic: input, .. } = &spec.input;
    let mut windows = spec.windows.iter();
    let linked = windows.any(|window| window.stage(&spec.input) == Stage::Second);
    linked.then(|| Declared {
        name: id.link_topic(),
        partitions: input.partitions,
        replication_factor: input.replication_factor,
        config: link_config(&input.config),
    })
}

/// Nothing is deleted but what the second stage has written down; a message holds what one commit came
/// to. What keeps the input safe keeps this safe.
fn link_config(input: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    const IN_SYNC: &str = "min.insync.replicas";
    let own = [
        ("cleanup.policy", "delete"),
        ("retention.ms", "-1"),
        ("retention.bytes", "-1"),
        ("max.message.bytes", "8388608"),
    ];
    let in_sync = input.get(IN_SYNC).map(|replicas| (IN_SYNC, &**replicas));
    own.into_iter()
        .chain(in_sync)
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// The topics to ask about.
pub fn names(id: &PipelineId, spec: &SensorPipelineSpec) -> TopicNames {
    let wanted = topics(id, spec);
    let link = wanted.iter().find(|topic| topic.purpose == Purpose::Link);
    TopicNames {
        input: spec.input.topic.name.clone(),
        link: link.map(|topic| topic.declared.name.clone()),
        outputs: wanted
            .into_iter()
            .filter(|topic| topic.purpose.is_output())
            .map(|topic| topic.declared.name.clone())
            .collect(),
    }
}
