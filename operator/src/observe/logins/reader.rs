//! The login that the API reads with, and the tokens that it lets people in by.

use sensorstream_crds::{PipelineId, SensorPipelineSpec};
use sha2::{Digest, Sha256};
use sqlx::postgres::PgConnectOptions;
use url::Url;

use super::{SecretProblem, text, uri};
use crate::{backends::DatabaseUri, observe::secrets::Contents, password};

/// The key of the URI in the Secret that the operator makes.
pub const KEY: &str = "uri";
/// How short a token may be.
const SHORTEST_TOKEN: usize = 16;
/// The longest name that `PostgreSQL` does not cut.
const LONGEST_ROLE: usize = 63;
/// What in a URI's query says who logs in to what, as its front does.
const OVERRIDES: [&str; 6] = ["user", "password", "dbname", "host", "port", "passfile"];

/// Who the API logs in to `PostgreSQL` as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reader {
    /// A role that was there before. Its password is its maker's business.
    Given(String),
    /// A role that the operator makes.
    Managed {
        /// Its name.
        role: String,
        /// The digest of the password in its Secret, if the rest of the URI there is as it should be.
        held: Option<String>,
    },
}

impl Reader {
    /// The role.
    pub fn role(&self) -> &str {
        match self {
            Self::Given(role) | Self::Managed { role, .. } => role,
        }
    }
}

/// The name of the Secret that the operator makes for the API of a pipeline.
pub fn secret_name(pipeline: &str) -> String {
    format!("{pipeline}-api-db")
}

/// The Secret and the key with the API's login, if the pipeline has an API.
pub fn secret_key(pipeline: &str, spec: &SensorPipelineSpec) -> Option<(String, String)> {
    let api = spec.api.as_ref()?;
    Some(match &api.postgres {
        Some(login) => {
            let reference = &login.secret_key_ref;
            (reference.name.clone(), reference.key.clone())
        }
        None => (secret_name(pipeline), KEY.to_owned()),
    })
}

/// Who the API logs in as, if the pipeline has one.
pub(super) fn read<'a>(
    id: &PipelineId,
    spec: &SensorPipelineSpec,
    of_pipeline: &DatabaseUri,
    find: &impl Fn(&str) -> Option<&'a Contents>,
) -> Result<Option<Reader>, SecretProblem> {
    let Some(api) = &spec.api else {
        return Ok(None);
    };
    let pipelines = Place::of(of_pipeline);
    let Some(login) = &api.postgres else {
        let role = role_name(id, &pipelines.database);
        let held = find(&secret_name(&id.name)).and_then(|contents| {
            let held = std::str::from_utf8(contents.data.get(KEY)?).ok()?;
            let password = Url::parse(held).ok()?.password()?.to_owned();
            let fits = managed_uri(of_pipeline, &role, &password)? == held;
            fits.then(|| password::digest(&password))
        });
        return Ok(Some(Reader::Managed { role, held }));
    };
    let reference = &login.secret_key_ref;
    let place = Place::of(&uri(id, reference, find)?);
    let problem =
        |why| SecretProblem::Malformed(reference.name.clone(), reference.key.clone(), why);
    if !place.is_where(&pipelines) {
        return Err(problem(
            "it names another host, port or database than the pipeline's; the API reads where the \
             pipeline writes",
        ));
    }
    if place.user == pipelines.user {
        return Err(problem(
            "its user is the pipeline's own, which may write; name one that only reads, or leave \
             spec.api.postgres out",
        ));
    }
    Ok(Some(Reader::Given(place.user)))
}

/// Whether the tokens are such as nobody guesses.
pub(super) fn tokens<'a>(
    spec: &SensorPipelineSpec,
    find: &impl Fn(&str) -> Option<&'a Contents>,
) -> Result<(), SecretProblem> {
    let auth = spec.api.as_ref().and_then(|api| api.auth.as_ref());
    let Some(token) = auth.and_then(|auth| auth.bearer_token.as_ref()) else {
        return Ok(());
    };
    let reference = &token.secret_key_ref;
    let (name, key) = (&reference.name, &reference.key);
    let contents = find(name).ok_or_else(|| SecretProblem::Missing(name.clone()))?;
    let tokens = text(contents, name, key)?
        .ok_or_else(|| SecretProblem::NamedKeyMissing(name.clone(), key.clone()))?;
    let mut lines = tokens.lines().filter(|line| !line.is_empty()).peekable();
    let good = |token: &str| {
        token.len() >= SHORTEST_TOKEN && token.bytes().all(|byte| byte.is_ascii_graphic())
    };
    if lines.peek().is_some() && lines.all(good) {
        return Ok(());
    }
    let why = "it must hold tokens of 16 or more printable characters without spaces, one a line";
    Err(SecretProblem::Malformed(name.clone(), key.clone(), why))
}

/// The role that the operator makes. Roles belong to the whole server, so the end tells databases apart
/// too, and names that had to be cut.
fn role_name(id: &PipelineId, database: &str) -> String {
    let digest = Sha256::digest(format!("{database}\n{id}"));
    let end = format!("_{}", hex::encode(&digest[..5]));
    let mut name = format!("sensorstream_api_{}_{}", id.namespace, id.name);
    // Names in Kubernetes are ASCII.
    name.truncate(LONGEST_ROLE - end.len());
    name + &end
}

/// The pipeline's URI with another login.
pub fn managed_uri(of_pipeline: &DatabaseUri, role: &str, password: &str) -> Option<String> {
    let place = Place::of(of_pipeline);
    let mut url = Url::parse(&of_pipeline.0).ok()?;
    let parameters: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| !OVERRIDES.contains(&name.as_ref()))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    url.set_username(role).ok()?;
    url.set_password(Some(password)).ok()?;
    url.set_port(Some(place.port)).ok()?;
    if url.path().len() <= 1 || url.query_pairs().any(|(name, _)| name == "dbname") {
        url.set_path(&place.database);
    }
    url.set_query(None);
    if !parameters.is_empty() {
        url.query_pairs_mut().extend_pairs(parameters);
    }
    Some(url.into())
}

/// What a URI leads to.
struct Place {
    host: String,
    port: u16,
    database: String,
    user: String,
}

impl Place {
    fn of(uri: &DatabaseUri) -> Self {
        // What was read as a URI before parses again; the host is qualified already.
        let options = sensorstream_ledger::connect::options(&uri.0, "default", "")
            .unwrap_or_else(|_| PgConnectOptions::new());
        let user = options.get_username().to_owned();
        Self {
            host: options.get_host().to_owned(),
            port: options.get_port(),
            database: options.get_database().unwrap_or(&user).to_owned(),
            user,
        }
    }

    fn is_where(&self, other: &Self) -> bool {
        let place = |of: &Self| (of.host.to_lowercase(), of.port, of.database.clone());
        place(self) == place(other)
    }
}

#[cfg(test)]
mod tests;
