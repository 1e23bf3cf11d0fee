//! The Secret with the API's login, where the operator makes that. Not among the objects that are held against
//! live ones: what is in it is made when it is written, and the operator remembers no Secret.

use k8s_openapi::{ByteString, api::core::v1::Secret};

use super::{DesiredObject, Kind, metadata};
use crate::{
    observe::{
        Observation,
        logins::reader::{KEY, secret_name},
        objects::ObjectKey,
    },
    role::Role,
};

/// Which Secret it is.
pub(crate) fn key(pipeline: &str) -> ObjectKey {
    ObjectKey {
        kind: Kind::Secret,
        name: secret_name(pipeline),
    }
}

/// The Secret with this URI in it.
pub(crate) fn secret(observation: &Observation, uri: String) -> DesiredObject {
    let key = key(&observation.id.name);
    let secret = Secret {
        metadata: metadata(observation, key.name.clone(), Some(Role::Api)),
        type_: Some("Opaque".to_owned()),
        data: Some([(KEY.to_owned(), ByteString(uri.into_bytes()))].into()),
        ..Secret::default()
    };
    let manifest = serde_json::to_value(secret).expect("Kubernetes' types are JSON");
    DesiredObject { key, manifest }
}
