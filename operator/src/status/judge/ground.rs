//! Whether topics and tables are as declared.

use sensorstream_crds::{ConditionReason, ConditionType};

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
    let mut adopted = Vec::new();
    let observation = account.observation;
    for wanted in topics::wanted::topics(&observation.id, &observation.pipeline.spec) {
        let name = &wanted.declared.name;
        let ours = account
            .observation
            .database
            .seen()
            .zip(valid.endpoint())
            .is_none_or(|(database, endpoint)| {
                topics::is_ours(database, endpoint, name, &account.observation.id)
            });
        let Some(live) = wanted.live(topics) else {
            return Verdict::new(
                type_,
                Truth::False,
                ConditionReason::Missing,
                format!("topic {name} is being made"),
            );
        };
        if let Some(verdict) = leaderless(type_, name, live) {
            return verdict;
        }
        if let Some(change) = topics::changes_of(&wanted, Some(live), ours).first() {
            return Verdict::new(
                type_,
                Truth::False,
                ConditionReason::Changing,
                change.action(),
            );
        }
        if !ours {
            adopted.push(name.clone());
        }
    }
    let message = if adopted.is_empty() {
        "the topics are as declared".to_owned()
    } else {
        format!(
            "the topics are there; these existed before the pipeline and stay as they are: {}",
            adopted.join(", ")
        )
    };
    Verdict::new(type_, Truth::True, ConditionReason::Ready, message)
}

fn leaderless(type_: ConditionType, name: &str, live: &Topic) -> Option<Verdict> {
    if live.leaderless.is_empty() {
        return None;
    }
    let message = format!(
        "partitions of topic {name} without a leader: {:?}; their brokers are down",
        live.leaderless
    );
    Some(Verdict::new(
        type_,
        Truth::False,
        ConditionReason::NoLeader,
        message,
    ))
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
    if let Some(migration) = tables::migrations(&valid.tables, database).first() {
        let name = &migration.table;
        let (reason, doing) = if database.tables.contains_key(name) {
            (ConditionReason::Changing, "changed")
        } else {
            (ConditionReason::Missing, "made")
        };
        let message = format!("table {name} is being {doing}");
        return Verdict::new(type_, Truth::False, reason, message);
    }
    let pipeline = account.observation.id.to_string();
    let names = valid.tables.iter().map(|table| &table.name);
    let adopted: Vec<String> = names
        .filter(|name| !tables::is_ours(database, name, &pipeline))
        .map(ToString::to_string)
        .collect();
    let message = if valid.tables.is_empty() {
        "the pipeline needs no tables".to_owned()
    } else if adopted.is_empty() {
        "the tables are as declared".to_owned()
    } else {
        format!(
            "the tables are there; these existed before the pipeline and fit: {}",
            adopted.join(", ")
        )
    };
    Verdict::new(type_, Truth::True, ConditionReason::Ready, message)
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
            None => Verdict::new(
                type_,
                Truth::Unknown,
                ConditionReason::NotJudged,
                "the spec is refused",
            ),
        }),
        Outcome::Planned { valid, failure, .. } => match failure {
            Some(failure) if failure.ground() == Some(ground) => Err(Verdict::new(
                type_,
                Truth::False,
                ConditionReason::Failed,
                chain(failure),
            )),
            _ => Ok(valid),
        },
        Outcome::Deleting(_) => Err(Verdict::new(
            type_,
            Truth::Unknown,
            ConditionReason::Deleting,
            "the pipeline is being deleted",
        )),
    }
}

fn about(refused: &Refused, ground: Ground) -> Option<(ConditionReason, String)> {
    let mut found = refused
        .0
        .iter()
        .filter(|refusal| refusal.ground() == Some(ground))
        .peekable();
    let reason = found.peek()?.reason();
    let messages: Vec<String> = found.map(ToString::to_string).collect();
    Some((reason, messages.join("; ")))
}
