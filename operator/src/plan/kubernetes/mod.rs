//! A pipeline's Kubernetes objects, one file a kind. Names and labels follow from the
//! pipeline's name; each object carries an owner reference, so that it goes with the resource,
//! and a digest of itself, so that a field that is no longer wanted is taken away.

pub mod config_map;
pub mod dashboard;
pub mod deployment;
pub mod disruption_budget;
pub mod installation;
pub mod labels;
pub mod pod;
pub mod reader_secret;
pub mod revision;
pub mod service;
pub mod service_account;

use std::{collections::BTreeMap, fmt};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::{Resource, core::ApiResource};
use sensorstream_crds::SensorPipeline;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::lifecycle::Lifecycle;
use crate::{
    observe::{Observation, objects::ObjectKey},
    role::Role,
    validate::ValidPipeline,
};
use installation::Installation;

/// Annotation with the digest of the object as the operator wants it.
pub const DIGEST: &str = "sensorstream.dev/digest";

/// What objects are made from.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// The pipeline.
    pub valid: &'a ValidPipeline<'a>,
    /// How the operator is installed.
    pub installation: &'a Installation,
    /// Which workloads should run.
    pub lifecycle: &'a Lifecycle,
    /// Which revision of the plan the processor runs.
    pub revision: i64,
}

/// The kinds of objects that a pipeline consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `v1/ServiceAccount`
    ServiceAccount,
    /// `v1/ConfigMap`
    ConfigMap,
    /// `apps/v1/Deployment`
    Deployment,
    /// `v1/Service`
    Service,
    /// `policy/v1/PodDisruptionBudget`
    PodDisruptionBudget,
    /// `v1/Secret`
    Secret,
}

impl Kind {
    /// The kinds of which every object is watched, and kept in memory. Secrets are not.
    pub const WATCHED: [Self; 5] = [
        Self::ServiceAccount,
        Self::ConfigMap,
        Self::Deployment,
        Self::Service,
        Self::PodDisruptionBudget,
    ];

    /// How the API server calls it.
    pub fn api_resource(self) -> ApiResource {
        use k8s_openapi::api::{
            apps::v1::Deployment,
            core::v1::{ConfigMap, Secret, Service, ServiceAccount},
            policy::v1::PodDisruptionBudget,
        };
        match self {
            Self::ServiceAccount => ApiResource::erase::<ServiceAccount>(&()),
            Self::ConfigMap => ApiResource::erase::<ConfigMap>(&()),
            Self::Deployment => ApiResource::erase::<Deployment>(&()),
            Self::Service => ApiResource::erase::<Service>(&()),
            Self::PodDisruptionBudget => ApiResource::erase::<PodDisruptionBudget>(&()),
            Self::Secret => ApiResource::erase::<Secret>(&()),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// An object as it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct DesiredObject {
    /// Which one.
    pub key: ObjectKey,
    /// The whole of it, as it is applied.
    pub manifest: Value,
}

impl Site<'_> {
    fn pipeline(&self) -> &SensorPipeline {
        &self.valid.observation.pipeline
    }

    fn name(&self) -> &str {
        &self.valid.observation.id.name
    }

    /// Metadata of an object of a role, or of the whole pipeline.
    fn metadata(&self, name: String, role: Option<Role>) -> ObjectMeta {
        metadata(self.valid.observation, name, role)
    }
}

fn metadata(observation: &Observation, name: String, role: Option<Role>) -> ObjectMeta {
    let id = &observation.id;
    let owner = OwnerReference {
        api_version: SensorPipeline::api_version(&()).into_owned(),
        kind: SensorPipeline::kind(&()).into_owned(),
        name: id.name.clone(),
        uid: observation
            .pipeline
            .metadata
            .uid
            .clone()
            .unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    };
    ObjectMeta {
        name: Some(name),
        namespace: Some(id.namespace.clone()),
        labels: Some(labels::of(&id.name, role)),
        owner_references: Some(vec![owner]),
        ..ObjectMeta::default()
    }
}

/// Every object of a pipeline, in the order of applying: what a pod needs comes before it.
pub fn desired(site: &Site<'_>) -> Vec<DesiredObject> {
    let roles = Role::ALL
        .into_iter()
        .filter(|role| config_map::document(site, *role).is_some());
    let roles: Vec<Role> = roles.collect();
    let mut objects = vec![object(
        Kind::ServiceAccount,
        &service_account::service_account(site),
    )];
    objects.extend(
        roles
            .iter()
            .filter_map(|role| config_map::config_map(site, *role))
            .map(|config_map| object(Kind::ConfigMap, &config_map)),
    );
    objects.extend(
        roles
            .iter()
            .filter_map(|role| deployment::deployment(site, *role))
            .map(|deployment| object(Kind::Deployment, &deployment)),
    );
    objects.extend(service::service(site).map(|service| object(Kind::Service, &service)));
    objects
        .extend(dashboard::config_map(site).map(|config_map| object(Kind::ConfigMap, &config_map)));
    objects.extend(
        disruption_budget::disruption_budget(site)
            .map(|budget| object(Kind::PodDisruptionBudget, &budget)),
    );
    objects
}

fn object<K: Resource<DynamicType = ()> + Serialize>(kind: Kind, object: &K) -> DesiredObject {
    let mut manifest = serde_json::to_value(object).expect("Kubernetes' types are JSON");
    let digest = digest(manifest.to_string().as_bytes());
    manifest["metadata"]["annotations"][DIGEST] = digest.into();
    let name = object.meta().name.clone().unwrap_or_default();
    DesiredObject {
        key: ObjectKey { kind, name },
        manifest,
    }
}

/// A short digest of `bytes`.
fn digest(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes)[..10])
}

fn string_map<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}
