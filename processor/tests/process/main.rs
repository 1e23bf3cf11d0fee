//! The role `process` against a real Kafka and a real PostgreSQL.
//!
//! Every test has a database and topics of its own and removes them at the end. `DATABASE_URL`
//! (of a user that may create databases) and `KAFKA_BOOTSTRAP` say where the two are.

mod commits;
mod crashes;
mod dead_letters;
mod edits;
mod flow;
mod soak;
mod systems;
mod topics;
mod world;
