//! How a run ends.

use crate::program::{Run, example};

#[test]
fn an_interrupt_processes_what_is_left() {
    let mut run = Run::start(
        &example("environment"),
        &["--set", "spec.simulator.rate=500"],
    );
    run.until_read(100);
    run.signal(libc::SIGINT);
    let summary = run.succeed();
    let records = &summary["records"];
    assert_eq!(records["read"], records["accepted"]);
}

#[test]
fn a_second_interrupt_ends_it_at_once() {
    // Nobody takes from this table: draining would go on for ever.
    let mut run = Run::start(
        &example("environment"),
        &["--set", "spec.simulator.rate=200000"],
    );
    run.until_read(10_000);
    run.signal(libc::SIGINT);
    run.until("it drains", |event| event["stage"] == "draining");
    run.signal(libc::SIGINT);
    let (summary, status) = run.end();
    // It may have been done by then.
    let done = summary["success"] == true;
    assert_eq!(
        status.code(),
        Some(if done { 0 } else { 130 }),
        "{summary:#}"
    );
}

#[test]
fn it_runs_for_as_long_as_it_is_told() {
    let run = Run::start(&example("environment"), &["--for", "1s"]);
    let summary = run.succeed();
    assert!(summary["seconds"].as_f64() >= Some(1.0));
}
