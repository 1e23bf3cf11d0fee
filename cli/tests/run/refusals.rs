//! What makes no sense is refused before anything is started, with what to do.

use std::fs;

use crate::program::{Run, example, refusal};

fn path(name: &str) -> String {
    example(name).to_str().unwrap().to_owned()
}

#[test]
fn a_file_that_is_not_there() {
    assert!(refusal(&["run", "nowhere.yaml"]).contains("nowhere.yaml"));
}

#[test]
fn a_resource_that_is_wrong_with_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wrong.yaml");
    let text = fs::read_to_string(example("environment")).unwrap();
    fs::write(&file, text.replace("key: sensor_id", "key: sensor")).unwrap();
    let said = refusal(&["run", file.to_str().unwrap()]);
    assert!(said.contains("wrong.yaml:13:"), "{said}");
    assert!(said.contains("spec.input.key"), "{said}");
}

#[test]
fn a_setting_that_is_wrong() {
    let said = refusal(&[
        "run",
        &path("environment"),
        "--set",
        "spec.simulator.rate=fast",
    ]);
    assert!(said.contains("spec.simulator.rate"), "{said}");
    assert!(said.contains("--set") || said.contains("fast"), "{said}");
}

#[test]
fn waiting_for_an_end_that_never_comes() {
    let said = refusal(&["run", &path("environment"), "--until-drained"]);
    assert!(said.contains("--for"), "{said}");
}

#[test]
fn a_pipeline_that_nothing_comes_into() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("quiet.yaml");
    let text = fs::read_to_string(example("environment")).unwrap();
    let (before, after) = text.split_once("  simulator:").unwrap();
    let api = after.split_once("  api:").unwrap().1;
    fs::write(&file, format!("{before}  api:{api}")).unwrap();
    let said = refusal(&["run", file.to_str().unwrap()]);
    assert!(said.contains("--input"), "{said}");
}

#[test]
fn an_input_that_is_not_there() {
    let said = refusal(&["run", &path("environment"), "--input", "nothing.ndjson"]);
    assert!(said.contains("nothing.ndjson"), "{said}");
}

#[test]
fn a_time_that_is_none() {
    let output = crate::program::output(&["run", &path("environment"), "--for", "soon"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_folder_that_another_run_has() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let mut first = Run::start(&example("environment"), &["--data", data]);
    first.until_ready();
    let said = refusal(&["run", &path("environment"), "--data", data]);
    assert!(said.contains("another run"), "{said}");
    first.signal(libc::SIGINT);
    first.succeed();
}

#[test]
fn an_address_that_is_taken() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = refusal(&["run", &path("environment"), "--api-listen", &address]);
    assert!(said.contains("the API stopped"), "{said}");
}

#[test]
fn one_standard_input_for_two() {
    let said = refusal(&["run", "-", "--input", "-"]);
    assert!(said.contains("standard input"), "{said}");
}

#[test]
fn an_open_address_for_an_api_with_a_login() {
    let arguments = [
        "--api-listen",
        "0.0.0.0:0",
        "--set",
        "spec.api.auth.bearerToken.secretKeyRef.name=tokens",
        "--set",
        "spec.api.auth.bearerToken.secretKeyRef.key=key",
    ];
    let path = path("environment");
    let said = refusal(&[&["run", &path], &arguments[..]].concat());
    assert!(said.contains("spec.api.auth"), "{said}");
}

#[test]
fn a_database_that_does_not_answer() {
    let address = crate::program::free_address();
    let uri = format!("postgres://nobody:secret@{address}/nothing");
    let api = crate::program::free_address();
    let path = path("environment");
    let said = refusal(&["run", &path, "--database-url", &uri, "--api-listen", &api]);
    assert!(said.contains("PostgreSQL"), "{said}");
    assert!(!said.contains("secret"), "{said}");
}
