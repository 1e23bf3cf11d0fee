//! Random logs and plans: what the engine gives is what the definition says, however it is stopped,
//! resumed and asked for changes, and in whatever order messages come.

mod crash;
mod generate;
mod images;
mod links;
mod log;
mod oracle;
mod spec;
mod table;
