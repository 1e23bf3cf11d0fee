//! `sensorstream-dashboards FOLDER`: writes the dashboards that are the same for everybody as JSON.
//! `scripts/generate.sh` calls it; a test fails when a file is stale.

use std::{env, fs, io, path::PathBuf, process::ExitCode};

fn main() -> ExitCode {
    let Some(folder) = env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: sensorstream-dashboards FOLDER");
        return ExitCode::FAILURE;
    };
    match write(&folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("writing to {}: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &std::path::Path) -> io::Result<()> {
    for (name, dashboard) in sensorstream_dashboards::shared() {
        fs::write(folder.join(name), dashboard.to_text())?;
    }
    Ok(())
}
