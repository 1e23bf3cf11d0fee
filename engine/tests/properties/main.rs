//! Random logs and plans: what the engine gives is what the definition says, however it is stopped,
//! resumed and asked for changes.

mod crash;
mod generate;
mod images;
mod log;
mod oracle;
mod spec;
mod table;
