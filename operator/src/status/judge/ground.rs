//! Whether topics and tables are as declared.

use sensorstream_crds::ConditionType;

use super::super::{
    Account, Outcome,
    conditions::{Truth, Verdict},
};
use crate::{
    backends::Topic,
    observe::Observed,
    plan::{tables, topics},
    telemetry::chain,
    validate::{Ground, Refused, ValidPipeline},
};

pub(super) fn topics_ready(account: &Account<'_>) -> Verdict {
    let type_ = ConditionType::TopicsReady;
    let ground = Ground::Topics;
    let valid = match not_planned(account, type_, ground) {
        Ok(valid) => valid,
        Err(verdict) => return verdict,
    };
    let topics = match &account.observation.topics {
        Observed::Seen(topics) => topics,
        Observed::Unseen(unseen) => {
            return Verdict::new(type_, Truth::Unknown, unseen.reason, &unseen.message);
        }
    };
    let spec = &account.observation.pipeline.spec;
    let pairs = [
        (&spec.input.topic, &topics.input),
        (&spec.outputs.dead_letter.topic, &topics.dead_letter),
    ];
    let mut adopted = Vec::new();
    for (declared, live) in pairs {
        let name = &declared.name;
        let ours = account
            .observation
            .database
            .seen()
            .zip(valid.endpoint())
            .is_none_or(|(database, endpoint)| {
                topics::is_ours(database, endpoint, name, &account.observation.id)
            });
        let Some(live) = live else {
            return Verdict::new(
                type_,
                Truth::False,
                "Missing",
                format!("topic {name} is being made"),
            );
        };
        if let Some(verdict) = leaderless(type_, name, live) {
            return verdict;
        }
        if let Some(change) = topics::changes_of(declared, Some(live), ours).first() {
            return Verdict::new(type_, Truth::False, "Changing", change.action());
        }
        if !ours {
            adopted.push(name.as_str());
        }
    }
    let message = if adopted.is_empty() {
        "the topics are as declared".to_owned()
    } else {
        format!(
            "the topics are there; {} existed before the pipeline and stays as it is",
            adopted.join(" and ")
        )
    };
    Verdict::new(type_, Truth::True, "Ready", message)
}

fn leaderless(type_: ConditionType, name: &str, live: &Topic) -> Option<Verdict> {
    if live.leaderless.is_empty() {
        return None;
    }
    let message = format!(
        "partitions of topic {name} without a leader: {:?}; their brokers are down",
        live.leaderless
    );
    Some(Verdict::new(type_, Truth::False, "NoLeader", message))
}

pub(super) fn tables_ready(account: &Account<'_>) -> Verdict {
    let type_ = ConditionType::TablesReady;
    let valid = match not_planned(account, type_, Ground::Tables) {
        Ok(valid) => valid,
        Err(verdict) => return verdict,
    };
    let database = match &account.observation.database {
        Observed::Seen(database) => database,
        Observed::Unseen(unseen) => {
            return Verdict::new(type_, Truth::Unknown, unseen.reason, &unseen.message);
        }
    };
    let name = &valid.table.name;
    if database.table.is_none() {
        return Verdict::new(
            type_,
            Truth::False,
            "Missing",
            format!("table {name} is being made"),
        );
    }
    if !tables::migrations(&valid.table, database).is_empty() {
        return Verdict::new(
            type_,
            Truth::False,
            "Changing",
            format!("table {name} is being changed"),
        );
    }
    let ours = tables::is_ours(database, name, &account.observation.id.to_string());
    let message = if ours {
        format!("table {name} is as declared")
    } else {
        format!("table {name} existed before the pipeline and fits")
    };
    Verdict::new(type_, Truth::True, "Ready", message)
}

/// The pipeline, or what to say of its ground when there was no plan or the plan failed at it.
fn not_planned<'a>(
    account: &Account<'a>,
    type_: ConditionType,
    ground: Ground,
) -> Result<&'a ValidPipeline<'a>, Verdict> {
    match account.outcome {
        Outcome::Refused(refused) => Err(match about(refused, ground) {
            Some((reason, message)) => Verdict::new(type_, Truth::False, reason, message),
            None => Verdict::new(type_, Truth::Unknown, "NotJudged", "the spec is refused"),
        }),
        Outcome::Planned { valid, failure, .. } => match failure {
            Some(failure) if failure.ground() == Some(ground) => {
                Err(Verdict::new(type_, Truth::False, "Failed", chain(failure)))
            }
            _ => Ok(valid),
        },
        Outcome::Deleting(_) => Err(Verdict::new(
            type_,
            Truth::Unknown,
            "Deleting",
            "the pipeline is being deleted",
        )),
    }
}

fn about(refused: &Refused, ground: Ground) -> Option<(&'static str, String)> {
    let mut found = refused
        .0
        .iter()
        .filter(|refusal| refusal.ground() == Some(ground))
        .peekable();
    let reason = found.peek()?.reason();
    let messages: Vec<String> = found.map(ToString::to_string).collect();
    Some((reason, messages.join("; ")))
}
