//! Whether the operator looks alive, by its Deployment and its Lease. Pure.

use jiff::{SignedDuration, Timestamp};

use super::{
    advice::{Level, Place},
    explain::{Finding, page},
};
use crate::terminal::age;

/// A leader that has not renewed its Lease for that much longer than it lasts is none.
const PATIENCE: SignedDuration = SignedDuration::from_secs(30);

/// What there is of the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operator {
    /// It can't be looked for, and why.
    Unseen(String),
    /// There is none.
    Absent,
    /// It is installed.
    Installed(Installed),
}

/// An operator that is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Its namespace.
    pub namespace: String,
    /// Its Deployment.
    pub deployment: String,
    /// How many of its pods are ready.
    pub ready: i32,
    /// Who leads; `None` where the Lease was never taken.
    pub leader: Option<Leader>,
}

/// Who leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leader {
    /// The pod.
    pub holder: String,
    /// When it last said so.
    pub renewed: Option<Timestamp>,
    /// How long that is good for.
    pub lasts: SignedDuration,
}

impl Operator {
    /// Namespace and Deployment.
    pub fn place(&self) -> Option<(&str, &str)> {
        match self {
            Self::Installed(installed) => Some((&installed.namespace, &installed.deployment)),
            Self::Unseen(_) | Self::Absent => None,
        }
    }
}

/// What to say of the operator.
pub fn finding(operator: &Operator, place: &Place<'_>, now: Timestamp) -> Finding {
    let say = |level, reason: &str, message: String, short: &str| Finding {
        level,
        about: "Operator".into(),
        reason: reason.into(),
        since: None,
        message,
        todo: String::new(),
        commands: vec![],
        runbook: None,
        short: short.into(),
    };
    let installed = match operator {
        Operator::Unseen(why) => {
            return say(
                Level::Good,
                "Unseen",
                format!("whether it runs can't be seen from here: {why}"),
                "",
            );
        }
        Operator::Absent => {
            return Finding {
                todo: "Install it. Until then the status is what it was, and nothing follows an edit.".into(),
                commands: vec![
                    "helm install sensorstream charts/sensorstream -n sensorstream-system --create-namespace".into(),
                ],
                runbook: Some(page("SensorStreamOperatorAbsent")),
                ..say(
                    Level::Wrong,
                    "Absent",
                    "no operator is installed in the cluster".into(),
                    "there is no operator",
                )
            };
        }
        Operator::Installed(installed) => installed,
    };
    let Installed {
        namespace,
        deployment,
        ready,
        leader,
    } = installed;
    if *ready == 0 {
        let selector = "app.kubernetes.io/name=sensorstream-operator";
        return Finding {
            todo: "See why its pods do not run. Until then the status is what it was, and nothing follows an edit.".into(),
            commands: vec![
                place.kubectl(&format!("describe pods -n {namespace} -l {selector}")),
                place.kubectl(&format!("logs -n {namespace} -l {selector} --prefix --tail 50")),
            ],
            runbook: Some(page("SensorStreamOperatorAbsent")),
            ..say(
                Level::Wrong,
                "NotReady",
                format!("no pod of Deployment {deployment} in namespace {namespace} is ready"),
                "the operator does not run",
            )
        };
    }
    let current = leader.as_ref().and_then(|leader| {
        let renewed = leader.renewed?;
        let good = now.duration_since(renewed) <= leader.lasts.saturating_add(PATIENCE);
        (good && !leader.holder.is_empty()).then_some((leader, renewed))
    });
    match current {
        Some((leader, renewed)) => say(
            Level::Good,
            "Leads",
            format!(
                "{} leads, and said so {} ago",
                leader.holder,
                age(renewed, now)
            ),
            "the operator runs",
        ),
        None => Finding {
            todo: "Its pods run, and none does the work. Their log says why.".into(),
            commands: vec![place.kubectl(&format!(
                "logs -n {namespace} deployment/{deployment} --tail 100"
            ))],
            runbook: Some(page("SensorStreamOperatorNoLeader")),
            ..say(
                Level::Wrong,
                "NoLeader",
                match leader {
                    Some(Leader {
                        renewed: Some(renewed),
                        ..
                    }) => format!(
                        "nobody has held its Lease in namespace {namespace} for {}",
                        age(*renewed, now)
                    ),
                    _ => format!("nobody holds its Lease in namespace {namespace}"),
                },
                "no replica of the operator leads",
            )
        },
    }
}
