//! The seam between reconciling and the world outside Kubernetes: what is asked of Kafka and
//! `PostgreSQL`, and what is changed there. [`crate::connections`] is the real thing; tests
//! put a small world in its place.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use futures::future::BoxFuture;
use jiff::Timestamp;
use sensorstream_broker::connection::Credentials;
use sensorstream_crds::{PipelineId, runtime::KafkaEndpoint};
use sensorstream_ledger::{claims::Claim, figures::ShardFigures, readers::Reader};
use serde_json::Value;

use crate::{
    password::Password,
    plan::{
        readers::{Admission, Dismissal},
        tables::migration::TableMigration,
        topics::TopicChange,
    },
};

/// Where Kafka is and how to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaLogin {
    /// Where it is.
    pub endpoint: KafkaEndpoint,
    /// How to log in.
    pub credentials: Credentials,
}

/// Where a database is and how to log in: a URI that holds a password, with a host that
/// resolves from any namespace.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatabaseUri(pub String);

impl fmt::Debug for DatabaseUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUri(…)")
    }
}

/// The topics to ask about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicNames {
    /// The topic that is read.
    pub input: String,
    /// The topics that are written.
    pub outputs: BTreeSet<String>,
    /// The one of them that the second stage reads.
    pub link: Option<String>,
}

/// What Kafka says about a pipeline's topics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topics {
    /// The input topic, if it exists.
    pub input: Option<Topic>,
    /// The topics that are written, by name, as far as they exist.
    pub outputs: BTreeMap<String, Topic>,
    /// Where the input topic's partitions begin and end; those without a leader are absent.
    pub offsets: BTreeMap<i32, Span>,
    /// The same of the link topic.
    pub link_offsets: BTreeMap<i32, Span>,
}

/// A topic as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Kafka's id: another one when the topic is made anew.
    pub id: String,
    /// Number of partitions.
    pub partitions: i32,
    /// Partitions that have no leader.
    pub leaderless: Vec<i32>,
    /// Every setting in force.
    pub config: BTreeMap<String, String>,
}

/// The offsets that a partition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The oldest record that still exists.
    pub begin: i64,
    /// The next record to be written.
    pub end: i64,
}

/// A table's full name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
pub struct TableName {
    /// The schema.
    pub schema: String,
    /// The table.
    pub table: String,
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

/// What to look for in `PostgreSQL`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sought {
    /// Tables.
    pub tables: Vec<TableName>,
    /// The role that the API logs in as.
    pub role: Option<String>,
}

/// What `PostgreSQL` says about a pipeline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Database {
    /// The shards of the pipeline, of every incarnation of its topic.
    pub shards: Vec<ShardFigures>,
    /// Every claim in the database.
    pub claims: Vec<Claim>,
    /// Whether the schema of the pipeline's tables exists.
    pub schema_exists: bool,
    /// The pipeline's tables, as far as they exist.
    pub tables: BTreeMap<TableName, Table>,
    /// The logins that may read of the pipeline in the commit log.
    pub readers: Vec<Reader>,
    /// Whether the status of the pipeline is in the commit log.
    pub reported: bool,
    /// The role that the API logs in as, if one was sought and exists.
    pub role: Option<LoginRole>,
    /// Whether the pipeline's own login may make roles; only known where a role was sought.
    pub makes_roles: bool,
    /// When this was read.
    pub read_at: Timestamp,
}

/// A role in `PostgreSQL` as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoginRole {
    /// Whether it can log in.
    pub can_log_in: bool,
    /// Whether its transactions read only, unless it asks for another.
    pub reads_only: bool,
    /// Whether it may do more than it was granted: as a superuser, as one that makes databases or roles, that
    /// replicates or is above row security, or as a member of another role.
    pub is_powerful: bool,
    /// What it was to read and may not, be it because that does not exist.
    pub unreadable: Vec<TableName>,
}

/// A table, or something else of its name, as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
pub struct Table {
    /// Whether it is a table that rows can be written to.
    pub is_table: bool,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// Its indexes.
    pub indexes: Vec<Index>,
}

impl Table {
    /// The column of a name, if there is one.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// A column as it is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type as `PostgreSQL` writes it, such as `timestamp with time zone`.
    #[serde(rename = "type")]
    pub type_: String,
    /// Whether it refuses null.
    pub not_null: bool,
    /// Whether it fills itself when left out.
    pub has_default: bool,
}

/// An index over whole rows as it is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct Index {
    /// The columns it orders by; empty where it is an expression.
    pub columns: Vec<String>,
    /// Whether no two rows may have the same.
    pub unique: bool,
}

/// A change in Kafka.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KafkaChange {
    /// Makes or changes a topic.
    Topic(TopicChange),
    /// Deletes a topic and all it holds; one that is gone already counts as deleted.
    DeleteTopic(String),
    /// Deletes a consumer group; one that is gone already counts as deleted.
    DeleteGroup(String),
}

/// A change in `PostgreSQL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseChange {
    /// Says that a thing is the pipeline's.
    Claim(Claim),
    /// Gives up a claim.
    Release(Claim),
    /// Makes or changes a table, in one transaction.
    Migrate(TableMigration),
    /// Drops a table and all it holds; one that is gone already counts as dropped.
    DropTable(TableName),
    /// Deletes the pipeline's positions, claims, readers and status.
    Forget(PipelineId),
    /// Lets a role read of the pipeline. A password is given to a role of the operator's, which is made if
    /// there is none.
    Admit {
        /// Who may read what.
        admission: Admission,
        /// The new password.
        password: Option<Password>,
    },
    /// Lets a role read of the pipeline no more.
    Dismiss(Dismissal),
    /// Deletes the pipeline's status.
    ForgetStatus(PipelineId),
}

/// Why Kafka or `PostgreSQL` did not do as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// No answer, or none yet.
    #[error("{place} can't be reached: {why}")]
    Unreachable {
        /// What was asked, with its address.
        place: String,
        /// What went wrong.
        why: String,
    },
    /// It answered no.
    #[error("{place} refused {action}: {why}")]
    Refused {
        /// What was asked, with its address.
        place: String,
        /// What was to be done.
        action: String,
        /// What it said.
        why: String,
    },
    /// Another pipeline was quicker.
    #[error("{thing} belongs to the pipeline {owner}; choose another name")]
    Claimed {
        /// The topic or table.
        thing: String,
        /// The pipeline that owns it.
        owner: String,
    },
    /// Something of the name appeared since it was looked for.
    #[error("{thing} was made by somebody else just now; looking at it again")]
    Appeared {
        /// The topic.
        thing: String,
    },
}

/// Kafka and `PostgreSQL`, as a reconcile sees them. Every call ends within a few seconds.
pub trait Backends: Send + Sync {
    /// What there is in Kafka of a pipeline.
    fn topics<'a>(
        &'a self,
        login: &'a KafkaLogin,
        names: &'a TopicNames,
    ) -> BoxFuture<'a, Result<Topics, BackendError>>;

    /// What there is in `PostgreSQL` of a pipeline.
    fn database<'a>(
        &'a self,
        uri: &'a DatabaseUri,
        id: &'a PipelineId,
        sought: &'a Sought,
    ) -> BoxFuture<'a, Result<Database, BackendError>>;

    /// Makes a change in Kafka.
    fn change_kafka<'a>(
        &'a self,
        login: &'a KafkaLogin,
        change: &'a KafkaChange,
    ) -> BoxFuture<'a, Result<(), BackendError>>;

    /// Makes a change in `PostgreSQL`.
    fn change_database<'a>(
        &'a self,
        uri: &'a DatabaseUri,
        change: &'a DatabaseChange,
    ) -> BoxFuture<'a, Result<(), BackendError>>;

    /// Writes the status of a pipeline where its API reads it.
    fn report_status<'a>(
        &'a self,
        uri: &'a DatabaseUri,
        id: &'a PipelineId,
        status: &'a Value,
    ) -> BoxFuture<'a, Result<(), BackendError>>;
}
