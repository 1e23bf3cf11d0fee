//! Readings out of a file, or from standard input.

use std::{fmt::Write as _, fs, path::Path, process::Stdio};

use crate::program::{Run, example, output};

/// So many good readings of the environment, and one of each kind of bad ones.
fn readings(count: usize) -> String {
    // Older ones would fall to the table's retention.
    let now = jiff::Timestamp::now();
    let mut text = String::new();
    for number in 0..count {
        let _ = writeln!(
            text,
            r#"{{"sensor_id":"sensor-{}","timestamp":"{now}","temperature":21.5,"humidity":40}}"#,
            number % 5,
        );
    }
    text.push_str("no JSON\n");
    let _ = write!(
        text,
        r#"{{"sensor_id":"s","timestamp":"{now}","temperature":999,"humidity":40}}"#
    );
    text.push_str("\r\n\n");
    // The last line has no end.
    let _ = write!(
        text,
        r#"{{"sensor_id":"s","timestamp":"{now}","temperature":20}}"#
    );
    text
}

fn write(folder: &Path, count: usize) -> String {
    let path = folder.join("readings.ndjson");
    fs::write(&path, readings(count)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_file_is_processed_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), 2_000);
    let run = Run::start(
        &example("environment"),
        &["--input", &file, "--until-drained"],
    );
    let summary = run.succeed();
    assert_eq!(summary["records"]["read"], 2_003);
    assert_eq!(summary["records"]["accepted"], 2_000);
    let letters = &summary["records"]["deadLettered"];
    let expected = serde_json::json!({ "missing_field": 1, "not_json": 1, "out_of_range": 1 });
    assert_eq!(letters, &expected);
    assert_eq!(summary["tables"]["environment.sensor_data"], 2_000);
}

#[test]
fn standard_input_is_too() {
    let arguments = ["--input", "-", "--until-drained"];
    let mut run = Run::start_with(&example("environment"), &arguments, Stdio::piped());
    run.feed(readings(100).as_bytes());
    let summary = run.succeed();
    assert_eq!(summary["records"]["accepted"], 100);
}

#[test]
fn without_until_drained_it_stays_to_be_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), 10);
    let mut run = Run::start(&example("environment"), &["--input", &file]);
    let seen = run.until_read(13);
    assert_eq!(seen["stage"], "running");
    run.signal(libc::SIGTERM);
    assert_eq!(run.succeed()["records"]["read"], 13);
}

#[test]
fn tables_are_kept_and_added_to() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), 50);
    let data = folder.path().join("data");
    let arguments = [
        "--input",
        &file,
        "--until-drained",
        "--data",
        data.to_str().unwrap(),
    ];
    for rows in [50, 100] {
        let summary = Run::start(&example("environment"), &arguments).succeed();
        assert_eq!(summary["tables"]["environment.sensor_data"], rows);
        // Each run counts what it has read itself.
        assert_eq!(summary["records"]["read"], 53, "{summary:#}");
    }
}

#[test]
fn a_pipeline_that_is_to_be_stopped_in_the_cluster_runs_here() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), 10);
    let arguments = [
        "--input",
        &file,
        "--until-drained",
        "--set",
        "spec.state=Drained",
    ];
    let summary = Run::start(&example("environment"), &arguments).succeed();
    assert_eq!(summary["records"]["read"], 13);
}

#[test]
fn a_line_without_an_end_is_told_with_its_number() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("long.ndjson");
    fs::write(&file, format!("{}\n{}", readings(1), "[".repeat(3 << 20))).unwrap();
    let path = example("environment");
    let said = crate::program::refusal(&[
        "run",
        path.to_str().unwrap(),
        "--input",
        file.to_str().unwrap(),
        "--api-listen",
        &crate::program::free_address(),
    ]);
    assert!(said.contains("line 6 has more than a megabyte"), "{said}");
}

#[test]
fn as_lines_it_ends_with_a_summary() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), 5);
    let path = example("environment");
    let api = crate::program::free_address();
    let output = output(&[
        "run",
        path.to_str().unwrap(),
        "--input",
        &file,
        "--until-drained",
        "--api-listen",
        &api,
    ]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("environment is ready after"), "{text}");
    assert!(text.contains(&format!("dashboard  http://{api}")), "{text}");
    let summary = text.split_once("environment ran for").unwrap().1;
    let summary = summary.split_once('\n').unwrap().1;
    insta::assert_snapshot!(summary);
}
