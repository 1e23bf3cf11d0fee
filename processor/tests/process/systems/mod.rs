//! Whole systems, checked against a batch oracle: SQL over the raw records of the input topic, which
//! shares nothing with the engine, says what every table and topic has to hold.

mod clicks;
mod clickstream;
mod factory;
mod idle;
mod motors;
mod oracle;
mod sessions;
