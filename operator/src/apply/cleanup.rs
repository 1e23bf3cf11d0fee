//! Deleting what a pipeline made. Every step may be repeated.

use crate::{
    backends::{BackendError, Backends, DatabaseChange, KafkaChange},
    observe::Observation,
};

/// Deletes what the pipeline made, in Kafka and then in `PostgreSQL`, whose record of it goes
/// last. The errors are of things that could not be deleted: one does not keep the next from
/// being tried.
pub async fn clean_up(
    backends: &dyn Backends,
    observation: &Observation,
    kafka: &[KafkaChange],
    database: &[DatabaseChange],
    give_up: bool,
) -> Vec<BackendError> {
    let mut errors = Vec::new();
    if let Ok(login) = &observation.logins.kafka {
        for change in kafka {
            errors.extend(backends.change_kafka(login, change).await.err());
        }
    }
    // The record tells the next attempt what is left to delete; it goes only with the rest.
    if !errors.is_empty() && !give_up {
        return errors;
    }
    if let Ok(uri) = &observation.logins.database {
        for change in database {
            if let Err(error) = backends.change_database(uri, change).await {
                errors.push(error);
                if !give_up {
                    break;
                }
            }
        }
    }
    errors
}
