//! The query API against a real PostgreSQL and a real Kafka, named by the environment variables
//! `DATABASE_URL` and `KAFKA_BOOTSTRAP`. Each test has a schema of its own and drops it at the end.

mod access;
mod events;
mod fixture;
mod lists;
mod readings;
mod topics;
