//! Where results go.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{input::Topic, scalars::Duration};

/// Where results go. A pipeline needs at least one of table, enriched and alerts, or a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// A table with every accepted reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(
        validation = Rule::new("self.name == oldSelf.name").message("the table can't be renamed in place: readings so far would stay in the old one; make a new pipeline").field_path(".name")
    )]
    pub table: Option<Table>,
    /// A topic with every accepted reading again, and when it was processed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enriched: Option<Enriched>,
    /// The topic for the alerts of the rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerts: Option<Alerts>,
    /// Where records that can't be used go, each with its reason.
    pub dead_letter: DeadLetter,
}

/// A table with every accepted reading: a column for each field, and an index on the event time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Table {
    /// The table's name. An existing table is used when its columns fit.
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z][a-z0-9_]*$"))]
    pub name: String,
    /// How long readings are kept, by event time. For ever when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Duration>,
}

/// The topic for records that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// The topic. It is made if it does not exist.
    #[x_kube(
        validation = Rule::new("self.name == oldSelf.name").message("the dead letter topic can't be renamed in place: records so far would stay in the old one; make a new pipeline").field_path(".name")
    )]
    pub topic: Topic,
}

/// A topic with every accepted reading as it came, in the order of its partition, and a member
/// `processing_time`. Read it with `isolation.level=read_committed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Enriched {
    /// The topic. It is made if it does not exist.
    #[x_kube(
        validation = Rule::new("self.name == oldSelf.name").message("the enriched topic can't be renamed in place: readings so far would stay in the old one; make a new pipeline").field_path(".name")
    )]
    pub topic: Topic,
}

/// The topic for the alerts of the rules, a JSON object each. Read it with
/// `isolation.level=read_committed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Alerts {
    /// The topic. It is made if it does not exist.
    #[x_kube(
        validation = Rule::new("self.name == oldSelf.name").message("the alerts topic can't be renamed in place: alerts so far would stay in the old one; make a new pipeline").field_path(".name")
    )]
    pub topic: Topic,
}
