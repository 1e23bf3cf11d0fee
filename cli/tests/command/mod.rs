//! The program under test, run as a person runs it.

use std::{
    ffi::OsStr,
    io::Write,
    process::{Command, Stdio},
};

/// What it answered.
#[derive(Debug)]
pub struct Answer {
    /// Its exit status.
    pub status: i32,
    /// What it printed.
    pub stdout: String,
    /// What it said besides.
    pub stderr: String,
}

/// Runs it.
pub fn run<A: AsRef<OsStr>>(arguments: &[A]) -> Answer {
    run_with(arguments, "")
}

/// Runs it with something to read.
pub fn run_with<A: AsRef<OsStr>>(arguments: &[A], input: &str) -> Answer {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sensorstream"))
        .args(arguments)
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // It need not read it.
    let _ = child
        .stdin
        .take()
        .expect("standard input")
        .write_all(input.as_bytes());
    let output = child.wait_with_output().expect("the program ends");
    let text = |bytes| String::from_utf8(bytes).expect("it prints UTF-8");
    Answer {
        status: output.status.code().expect("it ends by itself"),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}
