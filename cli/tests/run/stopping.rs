//! How a run ends.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use crate::program::{PATIENCE, Run, example, free_address, program};

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

#[test]
fn it_ends_when_nobody_reads_what_it_says() {
    let mut child = program()
        .arg("run")
        .arg(example("environment"))
        .args(["--api-listen", &free_address()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("is ready"));
    drop(lines);
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            panic!("it goes on");
        }
        thread::sleep(Duration::from_millis(50));
    };
    assert!(status.success(), "{status}");
}

#[test]
fn an_interrupt_before_anything_runs_ends_it_too() {
    let run = Run::start(&example("environment"), &[]);
    // Its database is being made.
    thread::sleep(Duration::from_millis(300));
    run.signal(libc::SIGINT);
    let (summary, status) = run.end();
    assert_eq!(status.code(), Some(130), "{summary:#}");
}
