//! What every reason of a condition means to whoever reads it, and what to do about it. The match has no
//! default on purpose: a reason that is new to the operator does not compile here until it has advice. Pure.

use sensorstream_crds::{ConditionReason, ConditionType, SensorPipelineSpec};
use serde::Serialize;

use super::secrets;

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It is wrong, and does not become right by itself.
    Wrong,
    /// It is not right yet, and is being seen to.
    Passing,
    /// Worth a look. The pipeline does what it should.
    Note,
    /// As it should be.
    Good,
}

/// What to make of a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// How bad it is.
    pub level: Level,
    /// What it is, in a few words, as the end of "is not healthy: …".
    pub short: &'static str,
    /// What to do.
    pub todo: &'static str,
    /// What to type for it.
    pub commands: Vec<String>,
    /// The page of `docs/runbooks` that has more.
    pub runbook: Option<&'static str>,
}

/// Whose condition it is, for the commands.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The pipeline's namespace.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its spec.
    pub spec: &'a SensorPipelineSpec,
    /// The context of the kubeconfig, if one was asked for.
    pub context: Option<&'a str>,
    /// Where the operator is, if it was seen.
    pub operator: Option<(&'a str, &'a str)>,
}

impl Place<'_> {
    /// A command of kubectl on this cluster.
    pub fn kubectl(&self, command: &str) -> String {
        match self.context {
            Some(context) => format!("kubectl --context {context} {command}"),
            None => format!("kubectl {command}"),
        }
    }

    /// A command of kubectl in the pipeline's namespace.
    pub fn here(&self, command: &str) -> String {
        self.kubectl(&format!("{command} -n {}", self.namespace))
    }

    fn patch(&self, spec: &str) -> String {
        let name = self.name;
        self.here(&format!(
            "patch sp {name} --type merge -p '{{\"spec\":{spec}}}'"
        ))
    }

    fn pods(&self, verb: &str, component: &str) -> String {
        let name = self.name;
        self.here(&format!(
            "{verb} -l app.kubernetes.io/instance={name},app.kubernetes.io/component={component}"
        ))
    }

    /// What the operator wrote about the pipeline.
    pub fn operator_log(&self) -> String {
        let (namespace, deployment) = self
            .operator
            .unwrap_or(("sensorstream-system", "sensorstream-operator"));
        let log = format!("logs -n {namespace} deployment/{deployment} --tail 200");
        format!(
            "{} | grep '\"pipeline\":\"{}\"'",
            self.kubectl(&log),
            self.name
        )
    }
}

/// What to make of a reason of a condition that says `message`.
pub fn advice(
    reason: ConditionReason,
    of: ConditionType,
    message: &str,
    place: &Place<'_>,
) -> Advice {
    use ConditionReason as R;
    let name = place.name;
    let component = component(of);
    let spec = place.spec;
    let kafka = &spec.kafka.bootstrap_servers;
    let topic = &spec.input.topic.name;
    let edit = || vec![place.here(&format!("edit sp {name}"))];
    let good = |short| Advice {
        level: Level::Good,
        short,
        todo: "",
        commands: vec![],
        runbook: None,
    };
    let say = |level, short, todo, commands, runbook| Advice {
        level,
        short,
        todo,
        commands,
        runbook,
    };
    match reason {
        R::Valid => good("the spec can be carried out"),
        R::Ready => good("everything is in place"),
        R::Flowing => good("data flows"),
        R::Invalid => say(
            Level::Wrong,
            "the spec breaks a rule",
            "Change the spec as the message says and apply it again. What ran before runs on as it was.",
            edit(),
            Some("SensorStreamSpecRefused"),
        ),
        R::SecretNotFound => say(
            Level::Wrong,
            "a Secret is missing",
            "Create the Secret. The operator sees it and goes on by itself.",
            secrets::create(place, message),
            Some("SensorStreamSecretUnusable"),
        ),
        R::SecretInvalid => say(
            Level::Wrong,
            "a Secret is of no use",
            "Put what the message asks for into the Secret. The operator sees it and goes on by itself.",
            secrets::replace(place, message),
            Some("SensorStreamSecretUnusable"),
        ),
        R::Conflict => say(
            Level::Wrong,
            "something belongs to another pipeline",
            "Choose another name in the spec, or delete the other pipeline with deletionPolicy: Delete.",
            [place.kubectl("get sp -A")]
                .into_iter()
                .chain(edit())
                .collect(),
            Some("SensorStreamSpecRefused"),
        ),
        R::TopicIncompatible => say(
            Level::Wrong,
            "an existing topic does not fit",
            "Change the topic with Kafka's own tools as the message says, or name another one in the spec.",
            [format!(
                "kafka-topics.sh --bootstrap-server {kafka} --describe --topic {topic}"
            )]
            .into_iter()
            .chain(edit())
            .collect(),
            Some("SensorStreamSpecRefused"),
        ),
        R::TableIncompatible => say(
            Level::Wrong,
            "an existing table does not fit",
            "Change the table in PostgreSQL as the message says, or name another one in the spec.",
            edit(),
            Some("SensorStreamSpecRefused"),
        ),
        R::NotJudged => say(
            Level::Wrong,
            "the spec is refused",
            "Nobody looks at it while the spec is refused. Do first what SpecValid asks for.",
            vec![],
            None,
        ),
        R::Unreachable => say(
            Level::Wrong,
            "a backend does not answer",
            "See that Kafka and PostgreSQL run and are reached from the cluster at the addresses of the spec and its Secret. \
             Nothing is lost meanwhile; the pipeline goes on by itself.",
            vec![place.operator_log()],
            Some("SensorStreamBackendUnreachable"),
        ),
        R::Refused => say(
            Level::Wrong,
            "a backend refuses the login",
            "Let the login of the spec's Secret do what the message names, or give the Secret another login.",
            vec![place.operator_log()],
            Some("SensorStreamBackendUnreachable"),
        ),
        R::Missing => say(
            Level::Passing,
            "something is being made",
            "Wait: it takes seconds. If it does not end, the operator's log says why.",
            vec![place.operator_log()],
            Some("SensorStreamPipelineNotReady"),
        ),
        R::Changing => say(
            Level::Passing,
            "something is being changed",
            "Wait: it takes seconds, for a large table minutes. If it does not end, the operator's log says why.",
            vec![place.operator_log()],
            Some("SensorStreamPipelineNotReady"),
        ),
        R::NoLeader => say(
            Level::Wrong,
            "brokers of Kafka are down",
            "Start the brokers that hold these partitions.",
            vec![format!(
                "kafka-topics.sh --bootstrap-server {kafka} --describe --unavailable-partitions"
            )],
            Some("SensorStreamPipelineNotReady"),
        ),
        R::Failed | R::ApplyFailed => say(
            Level::Wrong,
            "a change by the operator fails",
            "Remove what the message names. The operator tries again by itself.",
            vec![place.operator_log()],
            Some("SensorStreamReconcileFailing"),
        ),
        R::NotStarted => say(
            Level::Passing,
            "pods are not there yet",
            "Wait: pods are made once topics and tables are ready. What keeps those, their own conditions say.",
            vec![],
            Some("SensorStreamPipelineNotReady"),
        ),
        R::Starting => say(
            Level::Passing,
            "pods are starting",
            "Wait: it takes seconds. If it does not end, look at the pods.",
            vec![place.pods("describe pods", component)],
            Some("SensorStreamPipelineNotReady"),
        ),
        R::RollingOut => say(
            Level::Passing,
            "pods are being replaced",
            "Wait: the old pods work until the new ones do. If it does not end, look at the pods.",
            vec![place.pods("get pods", component)],
            Some("SensorStreamPipelineNotReady"),
        ),
        R::PodFailing => say(
            Level::Wrong,
            "a pod does not run",
            "Look at what the pod said last, and remove the cause.",
            vec![
                place.pods("describe pods", component),
                place.pods("logs --previous --prefix --tail 50", component),
            ],
            Some(if of == ConditionType::ProcessorReady {
                "SensorStreamProcessorRestarting"
            } else {
                "SensorStreamPipelineNotReady"
            }),
        ),
        R::LoginRefused => say(
            Level::Wrong,
            "the API has no login to PostgreSQL",
            "Let the pipeline's login make roles (as an administrator: ALTER ROLE … CREATEROLE), or name a login that \
             exists in api.postgres.secretKeyRef.",
            edit(),
            Some("SensorStreamPipelineNotReady"),
        ),
        R::Pausing | R::Draining => say(
            Level::Passing,
            "it is being stopped, as asked",
            "Wait: it ends by itself, at stopDeadline at the latest.",
            vec![place.here(&format!("get sp {name} -w"))],
            None,
        ),
        R::Paused | R::Drained | R::Stopped => Advice {
            todo: "To let it run again:",
            commands: vec![place.patch("{\"state\":\"Running\"}")],
            ..good("it is stopped, as asked")
        },
        R::DeadlineExceeded => say(
            Level::Wrong,
            "stopping took longer than stopDeadline",
            "What is left stays in the topic, and is processed when the pipeline runs again. To wait longer, raise stopDeadline.",
            vec![place.patch("{\"state\":\"Running\"}")],
            Some("SensorStreamPipelineNotReady"),
        ),
        R::NoInput => say(
            Level::Note,
            "nothing arrives",
            "Everything sent so far is processed. If there should be more, look at whoever writes to the topic.",
            vec![if spec.simulator.is_some() {
                place.pods("logs --prefix --tail 50", "producer")
            } else {
                format!("kafka-get-offsets.sh --bootstrap-server {kafka} --topic {topic}")
            }],
            Some("SensorStreamDataStopped"),
        ),
        R::ProcessorNotReady => say(
            Level::Passing,
            "records wait for the processor",
            "Wait for the processor; what keeps it, ProcessorReady says. Nothing is lost.",
            vec![],
            None,
        ),
        R::Stalled => say(
            Level::Wrong,
            "records wait, and none is processed",
            "The processor's log says what it waits for.",
            vec![place.pods("logs --prefix --tail 100", "processor")],
            Some("SensorStreamLagGrowing"),
        ),
        R::DataLoss | R::Gap => say(
            Level::Wrong,
            "records are gone from the topic",
            "Kafka deleted records before they were read, and they can't be had again. To go on without them, and have \
             them counted as lost:",
            vec![place.patch("{\"input\":{\"onDataLoss\":\"Continue\"}}")],
            Some("SensorStreamRecordsLost"),
        ),
        R::RecordsLost => say(
            Level::Note,
            "records were lost",
            "Keep records in the topic for longer than the pipeline may be down: raise the topic's retention.",
            vec![format!(
                "kafka-configs.sh --bootstrap-server {kafka} --describe --entity-type topics --entity-name {topic}"
            )],
            Some("SensorStreamRecordsLost"),
        ),
        R::Waiting => say(
            Level::Wrong,
            "an output takes nothing",
            "Let the output that the message names take records again. Nothing is lost; the pipeline goes on by itself.",
            vec![place.pods("logs --prefix --tail 100", "processor")],
            Some("SensorStreamSinkBlocked"),
        ),
        R::CreateTime => say(
            Level::Note,
            "the topic has its senders' times",
            "Let the brokers stamp the records of the topic:",
            vec![format!(
                "kafka-configs.sh --bootstrap-server {kafka} --alter --entity-type topics --entity-name {topic} \
                 --add-config message.timestamp.type=LogAppendTime"
            )],
            None,
        ),
        R::SeveralPartitions => say(
            Level::Note,
            "readings of one key are spread",
            "Have whoever writes to the topic partition by the key, or make a pipeline with input.partitioning: Unknown.",
            vec![],
            Some("SensorStreamKeysSpread"),
        ),
        R::MadeAnew => say(
            Level::Note,
            "the input topic was made anew",
            "Find out who deleted the topic. Rows of windows that were open then have only the later readings.",
            vec![],
            None,
        ),
        R::Deleting => say(
            Level::Passing,
            "it is being deleted",
            "Wait until what the message names is done. The operator has to run for it.",
            vec![place.operator_log()],
            Some("SensorStreamPipelineNotReady"),
        ),
    }
}

/// Whose pods a condition is about.
fn component(of: ConditionType) -> &'static str {
    match of {
        ConditionType::ProducerReady => "producer",
        ConditionType::ApiReady => "api",
        _ => "processor",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{super::tests::pipeline, *};

    #[test]
    fn every_reason_has_advice_and_every_page_exists() {
        let pipeline = pipeline();
        let place = Place {
            namespace: "plant",
            name: "line",
            spec: &pipeline.spec,
            context: None,
            operator: None,
        };
        let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/runbooks");
        for reason in ConditionReason::ALL {
            let advice = advice(reason, ConditionType::Ready, "", &place);
            assert!(!advice.short.is_empty(), "{reason:?}");
            if advice.level != Level::Good {
                assert!(!advice.todo.is_empty(), "{reason:?}");
                assert!(
                    !advice.commands.is_empty()
                        || advice.runbook.is_some()
                        || advice.todo.ends_with('.'),
                    "{reason:?}"
                );
            }
            if let Some(page) = advice.runbook {
                assert!(
                    pages.join(format!("{page}.md")).is_file(),
                    "{reason:?}: {page}"
                );
            }
        }
    }
}
