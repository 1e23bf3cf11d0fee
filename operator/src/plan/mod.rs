//! What to change. Pure and synchronous: from what was observed to Kubernetes objects, topic
//! changes, table changes and claims together. Planning again after applying yields nothing.
//!
//! - [`lifecycle`]: which workloads should run now: running, pausing, draining.
//! - [`topics`], [`tables`], [`claims`]: the ground that workloads stand on.
//! - [`readers`]: who may read what the pipeline writes.
//! - [`kubernetes`]: the objects, one file a kind; [`drift`] tells whether the live one is it.
//! - [`deletion`]: the same for a resource that is being deleted.

pub mod claims;
pub mod deletion;
pub mod drift;
pub mod kubernetes;
pub mod lifecycle;
pub mod quantity;
pub mod readers;
pub mod tables;
pub mod topics;

use jiff::Timestamp;
use kube::ResourceExt;
use sensorstream_ledger::claims::Claim;

use crate::{FINALIZER, observe::objects::ObjectKey, role::Role, validate::ValidPipeline};
use kubernetes::{DesiredObject, Kind, Site, installation::Installation, revision};
use lifecycle::{Lifecycle, Situation};
use readers::Readers;
use tables::migration::TableMigration;
use topics::TopicChange;

/// Everything to be changed, in the order of applying.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Whether the finalizer is to be added: before the first thing is made.
    pub add_finalizer: bool,
    /// Things to be claimed.
    pub claims: Vec<Claim>,
    /// Changes to topics.
    pub topics: Vec<TopicChange>,
    /// Changes to tables.
    pub migrations: Vec<TableMigration>,
    /// Changes to who may read.
    pub readers: Readers,
    /// Changes to Kubernetes objects.
    pub objects: Vec<ObjectChange>,
    /// What can be done about the workloads when the ground can't be laid: nothing but to
    /// start and stop them.
    pub scales: Vec<Scale>,
    /// Which workloads should run, and why.
    pub lifecycle: Lifecycle,
}

/// A change to a Kubernetes object.
#[derive(Clone, Debug, PartialEq)]
pub enum ObjectChange {
    /// Make it so.
    Apply(DesiredObject),
    /// Remove it.
    Delete(ObjectKey),
}

/// A change to a Deployment's number of pods and to nothing else of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale {
    /// The Deployment.
    pub deployment: String,
    /// How many pods.
    pub replicas: i32,
}

impl Plan {
    /// Whether there is nothing to change.
    pub fn is_empty(&self) -> bool {
        !self.add_finalizer
            && self.claims.is_empty()
            && self.topics.is_empty()
            && self.migrations.is_empty()
            && self.readers.is_empty()
            && self.objects.is_empty()
            && self.scales.is_empty()
    }

    /// Whether something outside Kubernetes is to be changed.
    pub fn changes_ground(&self) -> bool {
        !self.claims.is_empty() || !self.topics.is_empty() || !self.migrations.is_empty()
    }
}

/// Plans a pipeline that is not being deleted.
pub fn plan(valid: &ValidPipeline<'_>, installation: &Installation, now: Timestamp) -> Plan {
    let observation = valid.observation;
    let pipeline = &observation.pipeline;
    let lifecycle = lifecycle::lifecycle(&Situation::of(observation, now));
    let (claims, migrations, readers) = match observation.database.seen() {
        Some(database) => (
            claims::wanted(valid, database),
            tables::migrations(&valid.tables, database),
            readers::changes(valid, database),
        ),
        None => (Vec::new(), Vec::new(), Readers::default()),
    };
    // Without PostgreSQL nobody knows whose a topic is.
    let topics = match (observation.topics.seen(), observation.database.seen()) {
        (Some(topics), Some(database)) => topics::changes(valid, topics, database),
        _ => Vec::new(),
    };
    let ground = observation.topics.seen().and(observation.database.seen());
    let ground_seen = ground.is_some();
    let objects = if let Some(database) = ground {
        let site = Site {
            valid,
            installation,
            lifecycle: &lifecycle,
            revision: revision::of(valid, database),
        };
        let mut changes = object_changes(valid, kubernetes::desired(&site));
        if readers.hold_api() {
            // What its pods start with is not known before their Secret is.
            changes.retain(|change| !is_api(valid, change));
        }
        changes
    } else {
        Vec::new()
    };
    let makes_something = !(claims.is_empty()
        && topics.is_empty()
        && migrations.is_empty()
        && readers.is_empty()
        && objects.is_empty());
    let held = pipeline
        .finalizers()
        .iter()
        .any(|finalizer| finalizer == FINALIZER);
    // Applying the objects starts and stops the workloads too; scaling alone is for when the
    // ground is out of reach, or fails on the way.
    let ground_changes = !(claims.is_empty() && topics.is_empty() && migrations.is_empty());
    let scales = if ground_seen && !ground_changes {
        Vec::new()
    } else {
        scales(valid, &lifecycle)
    };
    Plan {
        add_finalizer: makes_something && !held,
        claims,
        topics,
        migrations,
        readers,
        objects,
        scales,
        lifecycle,
    }
}

fn scales(valid: &ValidPipeline<'_>, lifecycle: &Lifecycle) -> Vec<Scale> {
    let spec = &valid.observation.pipeline.spec;
    Role::ALL
        .into_iter()
        .filter_map(|role| {
            let rollout = valid.observation.objects.workload(role).rollout?;
            let replicas = kubernetes::deployment::replicas(role, spec, lifecycle)?;
            let deployment = role.object_name(&valid.observation.id.name);
            (rollout.wanted != replicas).then_some(Scale {
                deployment,
                replicas,
            })
        })
        .collect()
}

/// What the objects lack: what is missing or another is applied, and what nobody wants any more goes.
pub fn object_changes(valid: &ValidPipeline<'_>, desired: Vec<DesiredObject>) -> Vec<ObjectChange> {
    let live = &valid.observation.objects.live;
    let unwanted: Vec<ObjectChange> = live
        .keys()
        .filter(|key| !desired.iter().any(|object| object.key == **key))
        .cloned()
        .map(ObjectChange::Delete)
        .collect();
    desired
        .into_iter()
        .filter(|object| {
            !live
                .get(&object.key)
                .is_some_and(|live| drift::covers(&object.manifest, live))
        })
        .map(ObjectChange::Apply)
        .chain(unwanted)
        .collect()
}

/// Whether it is the Deployment of the API that changes.
fn is_api(valid: &ValidPipeline<'_>, change: &ObjectChange) -> bool {
    let name = Role::Api.object_name(&valid.observation.id.name);
    matches!(change, ObjectChange::Apply(object)
        if object.key.kind == Kind::Deployment && object.key.name == name)
}

#[cfg(test)]
mod tests;
