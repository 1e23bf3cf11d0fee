//! The broker as librdkafka sees it.

mod admin;
mod groups;
mod limits;
mod records;
mod transactions;
mod world;
