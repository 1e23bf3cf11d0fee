//! `kubectl sensorstream …`: kubectl runs a program of this name, which becomes `sensorstream`.

use std::{env, os::unix::process::CommandExt, path::PathBuf, process::Command};

fn main() {
    let mut command = Command::new(program());
    command.args(env::args_os().skip(1));
    // It comes back only if it fails.
    let error = command.exec();
    eprintln!(
        "error: running {}: {error}; install it beside this program",
        command.get_program().to_string_lossy()
    );
    std::process::exit(1);
}

/// The program beside this one, or else in the PATH.
fn program() -> PathBuf {
    let beside = env::current_exe()
        .and_then(|own| own.canonicalize())
        .ok()
        .map(|own| own.with_file_name("sensorstream"));
    beside
        .filter(|program| program.is_file())
        .unwrap_or_else(|| PathBuf::from("sensorstream"))
}
