//! Where results go.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    connections::SecretRef,
    input::Topic,
    scalars::{ByteSize, Duration},
};

/// Where results go. A pipeline needs at least one of table, enriched, alerts and lake, or a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// A table with every accepted reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(
        validation = Rule::new("self.name == oldSelf.name").message("the table can't be renamed in place: readings so far would stay in the old one; make a new pipeline").field_path(".name"),
        validation = Rule::new("has(self.identityColumn) == has(oldSelf.identityColumn) && (!has(self.identityColumn) || self.identityColumn == oldSelf.identityColumn)").message("identityColumn can't be added, changed or removed in place: it is fixed when the table is made; make a new pipeline").field_path(".identityColumn")
    )]
    pub table: Option<Table>,
    /// A topic with every accepted reading again, and when it was processed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enriched: Option<Enriched>,
    /// The topic for the alerts of the rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerts: Option<Alerts>,
    /// An object store with every accepted reading as Parquet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(
        validation = Rule::new("self.uri == oldSelf.uri").message("the lake can't be moved in place: readings so far would stay at the old uri; make a new pipeline").field_path(".uri")
    )]
    pub lake: Option<Lake>,
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
    /// A column that numbers the rows, `GENERATED ALWAYS AS IDENTITY`, and is the table's primary
    /// key; numbers may have gaps and say nothing about order. Fixed when the table is made. An existing
    /// table needs a column of this name, `integer` or `bigint`, that fills itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z][a-z0-9_]*$"))]
    pub identity_column: Option<String>,
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

/// An object store with every accepted reading as Parquet, under `date=YYYY-MM-DD/hour=HH/` in UTC by
/// event time. Each reading is in one file, and a file is never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Lake {
    /// Where: `s3://bucket/folder`, of Amazon S3 or whatever speaks its protocol and honours
    /// `If-None-Match`. The bucket must exist.
    #[schemars(
        length(min = 1, max = 512),
        regex(pattern = r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9][A-Za-z0-9._=-]*)*$")
    )]
    pub uri: String,
    /// Secret with `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, and as needed
    /// `AWS_SESSION_TOKEN`, `AWS_REGION` (us-east-1 by default) and `AWS_ENDPOINT_URL` (for other
    /// stores than Amazon's; plain HTTP if it says `http://`). Without it the pods' own identity is
    /// used: that of the service account of the pipeline's name, or of the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// When a file has enough readings.
    #[serde(default)]
    pub roll: Roll,
}

/// When a file has enough readings, whichever comes first. Readings show in the lake when their file
/// is complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Roll {
    /// The memory that a file's readings take before they are compressed. For each of its partitions
    /// a processor may need three times as much.
    #[serde(default = "default_roll_size")]
    pub size: ByteSize,
    /// How long a file stays open.
    #[serde(default = "default_roll_every")]
    pub every: Duration,
}

impl Default for Roll {
    fn default() -> Self {
        Self {
            size: default_roll_size(),
            every: default_roll_every(),
        }
    }
}

fn default_roll_size() -> ByteSize {
    "32Mi".into()
}

fn default_roll_every() -> Duration {
    "5m".into()
}
