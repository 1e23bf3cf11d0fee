//! From the Secrets that a spec names to logins. Pure: the Secrets are handed in.

pub mod reader;

use std::collections::{BTreeMap, BTreeSet};

use sensorstream_broker::connection::Credentials;
use sensorstream_crds::{
    ConditionReason, PipelineId, SensorPipelineSpec,
    connections::SecretKeyRef,
    runtime::{KafkaEndpoint, LAKE_KEYS, LAKE_OPTIONAL_KEYS, qualified_host},
};

use super::{Unseen, secrets::Contents};
use crate::backends::{DatabaseUri, KafkaLogin};
use reader::Reader;

/// How to log in, as far as the Secrets allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logins {
    /// To Kafka.
    pub kafka: Result<KafkaLogin, SecretProblem>,
    /// To `PostgreSQL`.
    pub database: Result<DatabaseUri, SecretProblem>,
    /// To the lake, which only the pods reach.
    pub lake: Result<(), SecretProblem>,
    /// Of the API to `PostgreSQL`, if there is an API.
    pub reader: Result<Option<Reader>, SecretProblem>,
    /// Of people to the API.
    pub tokens: Result<(), SecretProblem>,
    /// The versions of the Secrets, by name, so that pods follow a rotated password.
    pub versions: BTreeMap<String, String>,
}

impl Logins {
    /// The role that the API logs in as, if there is an API and it is known.
    pub fn role(&self) -> Option<&str> {
        self.reader.as_ref().ok()?.as_ref().map(Reader::role)
    }
}

/// Why a Secret can't be used. Holds nothing of what is in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretProblem {
    /// There is none.
    #[error("there is no Secret {0} in the pipeline's namespace; create it")]
    Missing(String),
    /// It lacks a key.
    #[error("Secret {0} has no key {1}; add it")]
    KeyMissing(String, &'static str),
    /// It lacks the key that the spec names.
    #[error("Secret {0} has no key {1}, which the spec names; add it or name another")]
    NamedKeyMissing(String, String),
    /// What is under a key is of no use.
    #[error("Secret {0}, key {1}: {2}")]
    Malformed(String, String, &'static str),
}

impl SecretProblem {
    /// One word for conditions.
    pub fn reason(&self) -> ConditionReason {
        match self {
            Self::Missing(_) => ConditionReason::SecretNotFound,
            _ => ConditionReason::SecretInvalid,
        }
    }

    /// The problem as the reason why something was not read.
    pub fn unseen(&self) -> Unseen {
        Unseen {
            reason: self.reason(),
            message: self.to_string(),
        }
    }
}

/// The names of the Secrets that a pipeline of this name and spec has to do with: those that the spec refers
/// to, and the one that the operator makes.
pub fn secret_names(name: &str, spec: &SensorPipelineSpec) -> BTreeSet<String> {
    let sasl = spec.kafka.sasl.as_ref().map(|sasl| &sasl.secret_ref.name);
    let tls = spec.kafka.tls.as_ref();
    let tls = tls.and_then(|tls| tls.secret_ref.as_ref());
    let lake = spec.outputs.lake.as_ref();
    let lake = lake.and_then(|lake| lake.secret_ref.as_ref());
    let auth = spec.api.as_ref().and_then(|api| api.auth.as_ref());
    let tokens = auth.and_then(|auth| auth.bearer_token.as_ref());
    let tokens = tokens.map(|token| &token.secret_key_ref.name);
    let reader = reader::secret_key(name, spec).map(|(secret, _)| secret);
    [
        Some(&spec.postgres.secret_key_ref.name),
        sasl,
        tls.map(|secret| &secret.name),
        lake.map(|secret| &secret.name),
        tokens,
    ]
    .into_iter()
    .flatten()
    .cloned()
    .chain(reader)
    .collect()
}

/// The logins that a spec and its Secrets give.
pub fn read<'a>(
    id: &PipelineId,
    spec: &SensorPipelineSpec,
    find: impl Fn(&str) -> Option<&'a Contents>,
) -> Logins {
    let versions = secret_names(&id.name, spec)
        .into_iter()
        .filter_map(|name| find(&name).map(|contents| (name, contents.version.clone())))
        .collect();
    let kafka = credentials(spec, &find).map(|credentials| KafkaLogin {
        endpoint: KafkaEndpoint::of(id, spec),
        credentials,
    });
    let database = uri(id, &spec.postgres.secret_key_ref, &find);
    Logins {
        kafka,
        reader: match &database {
            Ok(database) => reader::read(id, spec, database, &find),
            // Without the pipeline's own login there is nothing to read.
            Err(_) => Ok(None),
        },
        database,
        lake: lake(spec, &find),
        tokens: reader::tokens(spec, &find),
        versions,
    }
}

/// Whether the lake's Secret has what the pods will ask for.
fn lake<'a>(
    spec: &SensorPipelineSpec,
    find: &impl Fn(&str) -> Option<&'a Contents>,
) -> Result<(), SecretProblem> {
    let reference = spec.outputs.lake.as_ref();
    let Some(reference) = reference.and_then(|lake| lake.secret_ref.as_ref()) else {
        return Ok(());
    };
    let name = &reference.name;
    let contents = find(name).ok_or_else(|| SecretProblem::Missing(name.clone()))?;
    for key in LAKE_KEYS {
        text(contents, name, key)?.ok_or_else(|| SecretProblem::KeyMissing(name.clone(), key))?;
    }
    for key in LAKE_OPTIONAL_KEYS {
        text(contents, name, key)?;
    }
    Ok(())
}

fn credentials<'a>(
    spec: &SensorPipelineSpec,
    find: &impl Fn(&str) -> Option<&'a Contents>,
) -> Result<Credentials, SecretProblem> {
    let mut credentials = Credentials::default();
    if let Some(sasl) = &spec.kafka.sasl {
        let name = &sasl.secret_ref.name;
        let contents = find(name).ok_or_else(|| SecretProblem::Missing(name.clone()))?;
        let part = |key: &'static str| {
            text(contents, name, key)?.ok_or_else(|| SecretProblem::KeyMissing(name.clone(), key))
        };
        credentials.sasl = Some((part("username")?, part("password")?));
    }
    if let Some(reference) = spec
        .kafka
        .tls
        .as_ref()
        .and_then(|tls| tls.secret_ref.as_ref())
    {
        let name = &reference.name;
        let contents = find(name).ok_or_else(|| SecretProblem::Missing(name.clone()))?;
        credentials.ca_pem = pem(contents, name, "ca.crt")?;
        credentials.client_pem = match (
            pem(contents, name, "tls.crt")?,
            pem(contents, name, "tls.key")?,
        ) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) => return Err(SecretProblem::KeyMissing(name.clone(), "tls.key")),
            (None, Some(_)) => return Err(SecretProblem::KeyMissing(name.clone(), "tls.crt")),
        };
        if credentials.ca_pem.is_none() && credentials.client_pem.is_none() {
            return Err(SecretProblem::KeyMissing(name.clone(), "ca.crt"));
        }
    }
    Ok(credentials)
}

fn text(contents: &Contents, name: &str, key: &str) -> Result<Option<String>, SecretProblem> {
    let Some(bytes) = contents.data.get(key).filter(|bytes| !bytes.is_empty()) else {
        return Ok(None);
    };
    let malformed =
        || SecretProblem::Malformed(name.to_owned(), key.to_owned(), "it is not text in UTF-8");
    std::str::from_utf8(bytes)
        .map(|text| Some(text.to_owned()))
        .map_err(|_| malformed())
}

fn pem(contents: &Contents, name: &str, key: &str) -> Result<Option<String>, SecretProblem> {
    let found = text(contents, name, key)?;
    if found
        .as_ref()
        .is_some_and(|pem| !pem.contains("-----BEGIN "))
    {
        return Err(SecretProblem::Malformed(
            name.to_owned(),
            key.to_owned(),
            "it is not in PEM",
        ));
    }
    Ok(found)
}

fn uri<'a>(
    id: &PipelineId,
    reference: &SecretKeyRef,
    find: &impl Fn(&str) -> Option<&'a Contents>,
) -> Result<DatabaseUri, SecretProblem> {
    let contents =
        find(&reference.name).ok_or_else(|| SecretProblem::Missing(reference.name.clone()))?;
    let uri = text(contents, &reference.name, &reference.key)?.ok_or_else(|| {
        SecretProblem::NamedKeyMissing(reference.name.clone(), reference.key.clone())
    })?;
    let malformed = || {
        SecretProblem::Malformed(
            reference.name.clone(),
            reference.key.clone(),
            "it must be of the form postgres://user:password@host:port/database",
        )
    };
    // The ledger's own parsing decides, so that what passes here connects there.
    sensorstream_ledger::connect::options(&uri, &id.namespace, "sensorstream-operator")
        .map_err(|_| malformed())?;
    let mut parsed = url::Url::parse(uri.trim()).map_err(|_| malformed())?;
    let host = qualified_host(parsed.host_str().ok_or_else(malformed)?, &id.namespace);
    parsed.set_host(Some(&host)).map_err(|_| malformed())?;
    Ok(DatabaseUri(parsed.into()))
}

#[cfg(test)]
mod tests;
