//! The web dashboard's files, which the program has in it.

use std::{fs, path::PathBuf};

use super::home::{Home, HomeError};

include!(concat!(env!("OUT_DIR"), "/dashboard.rs"));

/// Whether the program was built with the dashboard.
pub fn is_there() -> bool {
    !FILES.is_empty()
}

/// Puts the files where the API serves them from. Answers the folder.
pub fn unpack(home: &Home) -> Result<PathBuf, HomeError> {
    let folder = home.folder("dashboard")?;
    for (name, bytes) in FILES {
        let path = folder.join(name);
        let failed = |error| HomeError::Io(path.clone(), error);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        fs::write(&path, bytes).map_err(failed)?;
    }
    Ok(folder)
}
