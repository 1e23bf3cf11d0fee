//! `sensorstream run`, as a person would use it: the program itself, on a terminal and without one. Nothing is set
//! up for it but where a test says so.

mod examples;
mod input;
mod oracle;
mod program;
mod refusals;
mod stopping;
mod terminal;
