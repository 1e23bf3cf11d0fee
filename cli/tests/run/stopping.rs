//! How a run ends.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use crate::{
    oracle::{Database, runtime},
    program::{PATIENCE, Run, example, free_address, program},
};

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
    runtime().block_on(async {
        let database = Database::make("second").await;
        let arguments = ["--database-url", &database.uri];
        let mut run = Run::start(&example("environment"), &arguments);
        run.until_read(1);
        // Nothing is committed any more, so that draining would take for ever.
        let mut held = database.pool.begin().await.unwrap();
        sqlx::query("LOCK TABLE sensorstream.shards IN SHARE ROW EXCLUSIVE MODE")
            .execute(&mut *held)
            .await
            .unwrap();
        thread::sleep(Duration::from_millis(1_500));
        run.signal(libc::SIGINT);
        run.until("it drains", |event| event["stage"] == "draining");
        run.signal(libc::SIGINT);
        let (summary, status) = run.end();
        assert_eq!(status.code(), Some(130), "{summary:#}");
        assert_eq!(summary["success"], false);
        held.rollback().await.unwrap();
        database.remove().await;
    });
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
