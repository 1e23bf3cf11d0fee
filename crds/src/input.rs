//! What comes in: the topic, the readings' fields and their event time.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scalars::{Decimal, Duration};

/// The topic with the readings and what a reading looks like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.fields.exists(f, f.name == self.key)").message("key must name one of input.fields").field_path(".key"),
    validation = Rule::new("self.fields.exists(f, f.name == self.eventTime.field && f.type == 'timestamp' && f.required)").message("eventTime.field must name one of input.fields that is required and of type timestamp").field_path(".eventTime.field"),
    validation = Rule::new("self.key == oldSelf.key").message("key can't be changed in place: readings already in the topic are partitioned by it; make a new pipeline").field_path(".key"),
    validation = Rule::new("self.partitioning == oldSelf.partitioning").message("partitioning can't be changed in place: open windows would begin anew in another stage; make a new pipeline").field_path(".partitioning"),
    validation = Rule::new("self.eventTime.field == oldSelf.eventTime.field").message("eventTime.field can't be changed in place: the table is indexed and expired by it; make a new pipeline").field_path(".eventTime.field")
)]
pub struct Input {
    /// The topic that is read, from its earliest offset. It is made if it does not exist.
    #[x_kube(
        validation = Rule::new("self.name == oldSelf.name").message("the input topic can't be renamed in place: readings in the old one would be left out; make a new pipeline").field_path(".name")
    )]
    pub topic: Topic,
    /// The field that identifies who sent a reading; it is also the records' key.
    #[schemars(length(min = 1, max = 63))]
    pub key: String,
    /// Whether all records of a key are in one partition.
    #[serde(default)]
    pub partitioning: Partitioning,
    /// How a record's value is written.
    #[serde(default)]
    pub format: Format,
    /// The fields of a reading. What a record holds besides is ignored.
    #[schemars(length(min = 1, max = 100))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub fields: Vec<Field>,
    /// When a reading was taken, as opposed to when it arrived.
    pub event_time: EventTime,
    /// What to do when records were deleted from the topic before they were read.
    #[serde(default)]
    pub on_data_loss: OnDataLoss,
}

/// A Kafka topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.partitions >= oldSelf.partitions").message("partitions can't be reduced: Kafka would have to delete records").field_path(".partitions"),
    validation = Rule::new("!has(oldSelf.replicationFactor) || (has(self.replicationFactor) && self.replicationFactor == oldSelf.replicationFactor)").message("replicationFactor can't be changed in place; reassign the partitions with Kafka's own tools").field_path(".replicationFactor")
)]
pub struct Topic {
    /// The topic's name.
    #[schemars(length(min = 1, max = 249), regex(pattern = "^[a-zA-Z0-9._-]+$"))]
    #[x_kube(
        validation = Rule::new("self != '.' && self != '..' && !self.startsWith('__')").message("'.', '..' and names that start with '__' are reserved by Kafka")
    )]
    pub name: String,
    /// Number of partitions. It can grow, never shrink.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1000))]
    pub partitions: i32,
    /// Copies of each record, on as many brokers. The cluster's default when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 9))]
    pub replication_factor: Option<i32>,
    /// Topic settings in Kafka's own names, such as `retention.ms`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 50))]
    pub config: BTreeMap<String, String>,
}

fn one() -> i32 {
    1
}

/// Whether all records of a key are in one partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Partitioning {
    /// Producers choose the partition by the record's key, all in the same way, and the record's key is
    /// the key field's value: Kafka's default. Windows that are grouped by the key need no second stage.
    #[default]
    ByKey,
    /// Readings of a key may be in any partition.
    Unknown,
}

/// How a record's value is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Format {
    /// One JSON object a record.
    #[default]
    Json,
}

/// One field of a reading: a member of the JSON object and a column of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!(has(self.minimum) || has(self.maximum)) || self.type in ['double', 'integer', 'long']").message("minimum and maximum are for the types double, integer and long"),
    validation = Rule::new("!(has(self.maxLength) || has(self.enum)) || self.type == 'string'").message("maxLength and enum are for the type string"),
    validation = Rule::new("self.type == oldSelf.type").message("a field's type can't be changed in place: its column holds values of the old type; add a field with another name").field_path(".type")
)]
pub struct Field {
    /// The field's name, and its column's.
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z][a-z0-9_]*$"))]
    pub name: String,
    /// The type of its values.
    #[serde(rename = "type")]
    pub type_: FieldType,
    /// Whether a reading without it is malformed. An optional field may also be null.
    #[serde(default = "yes")]
    pub required: bool,
    /// The member of the JSON object that holds it, when that differs from the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255), regex(pattern = "^[^/]"))]
    pub from: Option<String>,
    /// The least value allowed; write a fraction in quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Decimal>,
    /// The greatest value allowed; write a fraction in quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<Decimal>,
    /// The greatest length allowed, in characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub max_length: Option<u32>,
    /// The only values allowed.
    #[serde(default, rename = "enum", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(max = 255)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub enum_: Vec<String>,
}

impl Field {
    /// The JSON member the field is read from.
    pub fn member(&self) -> &str {
        self.from.as_deref().unwrap_or(&self.name)
    }
}

fn yes() -> bool {
    true
}

/// The type of a field's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FieldType {
    /// Text; `text` in PostgreSQL.
    String,
    /// A number with a fraction; `double precision` in PostgreSQL.
    Double,
    /// A whole number of 32 bits; `integer` in PostgreSQL.
    Integer,
    /// A whole number of 64 bits; `bigint` in PostgreSQL.
    Long,
    /// True or false; `boolean` in PostgreSQL.
    Boolean,
    /// An RFC 3339 time with offset or Z, years 2000 to 2100; `timestamptz` in PostgreSQL.
    Timestamp,
}

/// When a reading was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventTime {
    /// The timestamp field that holds it.
    #[schemars(length(min = 1, max = 63))]
    pub field: String,
    /// How much later than a newer one a reading may arrive. The watermark trails the newest
    /// reading by this much.
    #[serde(default = "default_max_delay")]
    pub max_delay: Duration,
    /// How long a partition may have nothing to read until windows over several partitions no longer
    /// wait for it. Readings that it has after all, of times up to which the others had come
    /// meanwhile, are late for these windows.
    #[serde(default = "default_idle_after")]
    pub idle_after: Duration,
    /// How far a reading may be ahead of the broker's clock. One further ahead goes to the
    /// dead letter topic, so that one fast clock can't make every other reading late.
    #[serde(default = "default_max_future_skew")]
    pub max_future_skew: Duration,
}

fn default_max_delay() -> Duration {
    "1m".into()
}

fn default_idle_after() -> Duration {
    "1m".into()
}

fn default_max_future_skew() -> Duration {
    "5m".into()
}

/// What to do when records were deleted from the topic before they were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnDataLoss {
    /// Stop at the gap, and say so, until somebody decides.
    #[default]
    Fail,
    /// Go on after the gap; what was lost is counted and shown.
    Continue,
}
