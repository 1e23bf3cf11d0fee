//! Letting logins in and out: in the database, and then in the Secret that the API's pods read.

use super::{ApplyError, kubernetes::Kubernetes};
use crate::{
    backends::{Backends, DatabaseChange},
    observe::{Observation, logins::reader::managed_uri},
    password::Password,
    plan::{
        kubernetes::reader_secret,
        readers::{Login, Readers},
    },
};

/// Lets in who is to read. The Secret comes last: it holds nothing that does not log in.
pub(super) async fn admit(
    kubernetes: &Kubernetes,
    backends: &dyn Backends,
    observation: &Observation,
    readers: &Readers,
    changes: &mut usize,
) -> Result<(), ApplyError> {
    if let Some(uri) = let_in(backends, observation, readers, changes).await? {
        let secret = reader_secret::secret(observation, uri);
        kubernetes
            .apply(&observation.pipeline, &secret, false)
            .await?;
        *changes += 1;
    }
    Ok(())
}

/// Lets in who is to read, in the database. Answers the URI to log in with, if there is a new password.
pub async fn let_in(
    backends: &dyn Backends,
    observation: &Observation,
    readers: &Readers,
    changes: &mut usize,
) -> Result<Option<String>, ApplyError> {
    let (Ok(uri), Some(admission)) = (&observation.logins.database, &readers.admission) else {
        return Ok(None);
    };
    let password = (admission.login == Login::New).then(Password::random);
    let change = DatabaseChange::Admit {
        admission: admission.clone(),
        password: password.clone(),
    };
    let admitted = backends.change_database(uri, &change).await;
    admitted.map_err(ApplyError::Access)?;
    *changes += 1;
    Ok(password.and_then(|password| managed_uri(uri, &admission.role, password.text())))
}

/// Lets out who is to read no longer. The record of them goes last: it is what tells of the rest.
pub(super) async fn dismiss(
    kubernetes: &Kubernetes,
    backends: &dyn Backends,
    observation: &Observation,
    readers: &Readers,
    changes: &mut usize,
) -> Result<(), ApplyError> {
    let Ok(uri) = &observation.logins.database else {
        return Ok(());
    };
    if readers.drops_secret {
        let key = reader_secret::key(&observation.id.name);
        kubernetes.delete(&observation.pipeline, &key).await?;
        *changes += 1;
    }
    for dismissal in &readers.dismissals {
        let change = DatabaseChange::Dismiss(dismissal.clone());
        let dismissed = backends.change_database(uri, &change).await;
        dismissed.map_err(ApplyError::Access)?;
        *changes += 1;
    }
    if readers.forgets_status {
        let change = DatabaseChange::ForgetStatus(observation.id.clone());
        let forgotten = backends.change_database(uri, &change).await;
        forgotten.map_err(ApplyError::Access)?;
        *changes += 1;
    }
    Ok(())
}
