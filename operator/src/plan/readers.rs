//! Who may read of the pipeline in `PostgreSQL`: the login of its API, and nobody else. It is a role that
//! the operator makes, or one that was there before.
//!
//! A role of the operator's has a password that nobody but its Secret holds. The record of readers in the
//! database has the digest of it, so that a crash between the two shows: then there is a new password.

pub mod sql;

use sensorstream_crds::PipelineId;

use crate::{
    backends::{Database, LoginRole, TableName},
    observe::logins::reader::{Reader, secret_key},
    validate::ValidPipeline,
};

/// What of the commit log a reader reads. They show it nothing of other pipelines.
const VIEWS: [&str; 2] = ["reader_shards", "reader_statuses"];

/// What to change about who may read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readers {
    /// Who is let in.
    pub admission: Option<Admission>,
    /// Who is no longer.
    pub dismissals: Vec<Dismissal>,
    /// Whether the Secret with a login of the operator's is to be deleted.
    pub drops_secret: bool,
    /// Whether the status is to be deleted, for want of an API that shows it.
    pub forgets_status: bool,
    /// Why the API has no login, and what to do about it.
    pub refusal: Option<String>,
}

/// A role that is to read of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The pipeline.
    pub pipeline: PipelineId,
    /// The role.
    pub role: String,
    /// What it may not read so far.
    pub reads: Vec<TableName>,
    /// Where its password comes from.
    pub login: Login,
}

/// Where a role's password comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// From whoever made the role.
    Given,
    /// From the operator, which made one that is still good.
    Kept,
    /// From the operator, which is to make one.
    New,
}

/// A role that is to read of a pipeline no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dismissal {
    /// The pipeline.
    pub pipeline: PipelineId,
    /// The role.
    pub role: String,
    /// Whether the operator made it, and so drops it.
    pub made: bool,
}

impl Admission {
    /// The statements, in order, with what `PostgreSQL` keeps of a new password.
    pub fn sql(&self, exists: bool, verifier: &str) -> Vec<String> {
        let login = (self.login == Login::New).then(|| sql::login(&self.role, exists, verifier));
        let grants = self
            .reads
            .iter()
            .flat_map(|table| sql::grant(&self.role, table));
        login.into_iter().flatten().chain(grants).collect()
    }
}

impl Dismissal {
    /// The statements, in order. A role that was there before stays as it is.
    pub fn sql(&self) -> Vec<String> {
        let dropped = self.made.then(|| sql::drop_role(&self.role));
        dropped.into_iter().flatten().collect()
    }
}

impl Readers {
    /// Whether there is nothing to change.
    pub fn is_empty(&self) -> bool {
        self.admission.is_none() && self.dismissals.is_empty() && !self.forgets_status
    }

    /// Whether a role gets a new password, and the API's Secret with it.
    pub fn gives_password(&self) -> bool {
        let admission = self.admission.as_ref();
        admission.is_some_and(|admission| admission.login == Login::New)
    }

    /// Whether the API's pods have to wait for what they log in with.
    pub fn hold_api(&self) -> bool {
        self.refusal.is_some() || self.gives_password()
    }
}

/// What a reader of these tables reads.
pub fn readable(tables: &[TableName]) -> Vec<TableName> {
    let views = VIEWS.map(|view| TableName {
        schema: "sensorstream".to_owned(),
        table: view.to_owned(),
    });
    tables.iter().cloned().chain(views).collect()
}

/// Everybody who may read of a pipeline, to be dismissed with it.
pub fn dismissals<'a>(
    id: &'a PipelineId,
    database: &'a Database,
) -> impl Iterator<Item = Dismissal> + 'a {
    database.readers.iter().map(|reader| Dismissal {
        pipeline: id.clone(),
        role: reader.role_name.clone(),
        // Only what the operator made has a password that it knows.
        made: !reader.login_digest.is_empty(),
    })
}

/// What to change about who may read of a pipeline.
pub(super) fn changes(valid: &ValidPipeline<'_>, database: &Database) -> Readers {
    let observation = valid.observation;
    let id = &observation.id;
    let reader = observation.logins.reader.as_ref().ok();
    let Some(reader) = reader.and_then(Option::as_ref) else {
        return Readers {
            dismissals: dismissals(id, database).collect(),
            drops_secret: dismissals(id, database).any(|dismissal| dismissal.made),
            forgets_status: database.reported,
            ..Readers::default()
        };
    };
    let admitted = match reader {
        Reader::Given(role) => given(valid, role, database),
        Reader::Managed { role, held } => managed(valid, role, held.as_deref(), database),
    };
    match admitted {
        // Whoever the API logged in as before goes on until there is another.
        Err(refusal) => Readers {
            refusal: Some(refusal),
            ..Readers::default()
        },
        Ok(admission) => {
            let mut dismissals: Vec<Dismissal> = dismissals(id, database).collect();
            dismissals.retain(|dismissal| dismissal.role != reader.role());
            let given = matches!(reader, Reader::Given(_));
            Readers {
                admission,
                drops_secret: given && dismissals.iter().any(|dismissal| dismissal.made),
                dismissals,
                ..Readers::default()
            }
        }
    }
}

/// A role that was there before: it is let in as it is.
fn given(
    valid: &ValidPipeline<'_>,
    role: &str,
    database: &Database,
) -> Result<Option<Admission>, String> {
    let id = &valid.observation.id;
    let secret = secret_key(&id.name, &valid.observation.pipeline.spec);
    let secret = secret.map_or_else(String::new, |(name, _)| name);
    let Some(live) = &database.role else {
        return Err(format!(
            "the role {role}, which Secret {secret} names, does not exist in PostgreSQL; make it with \
             CREATE ROLE \"{role}\" LOGIN PASSWORD …, or leave spec.api.postgres out"
        ));
    };
    if !live.can_log_in {
        return Err(format!(
            "the role {role}, which Secret {secret} names, can't log in; ALTER ROLE \"{role}\" LOGIN lets it"
        ));
    }
    if live.is_powerful {
        return Err(format!(
            "the role {role}, which Secret {secret} names, may do more than read what it is granted: it is a superuser, \
             makes databases or roles, or is a member of another role; name one that is not"
        ));
    }
    let known = database.readers.iter().any(|r| r.role_name == role);
    Ok((!known || !live.unreadable.is_empty()).then(|| Admission {
        pipeline: id.clone(),
        role: role.to_owned(),
        reads: live.unreadable.clone(),
        login: Login::Given,
    }))
}

/// A role of the operator's: made, and given a new password whenever its Secret does not hold the one that it
/// has, or it is not as it was made.
fn managed(
    valid: &ValidPipeline<'_>,
    role: &str,
    held: Option<&str>,
    database: &Database,
) -> Result<Option<Admission>, String> {
    let known = database.readers.iter().find(|r| r.role_name == role);
    let holds_password = held.is_some() && held == known.map(|r| r.login_digest.as_str());
    let intact = |live: &LoginRole| live.can_log_in && live.reads_only;
    let login = match &database.role {
        Some(live) if live.is_powerful => {
            return Err(format!(
                "the role {role} may do more than read; DROP ROLE \"{role}\", and the operator makes it anew"
            ));
        }
        Some(live) if holds_password && intact(live) => Login::Kept,
        _ if !database.makes_roles => {
            return Err(
                "the login of spec.postgres may not make roles; ALTER ROLE … CREATEROLE lets it, or name a \
                 login that only reads in spec.api.postgres"
                    .to_owned(),
            );
        }
        _ => Login::New,
    };
    let names: Vec<TableName> = valid
        .tables
        .iter()
        .map(|table| table.name.clone())
        .collect();
    let live = database.role.as_ref();
    let reads = live.map_or_else(|| readable(&names), |live| live.unreadable.clone());
    Ok(
        (login == Login::New || !reads.is_empty()).then(|| Admission {
            pipeline: valid.observation.id.clone(),
            role: role.to_owned(),
            reads,
            login,
        }),
    )
}

#[cfg(test)]
mod tests;
