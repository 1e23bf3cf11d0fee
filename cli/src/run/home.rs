//! The folder that a run keeps its things in.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

/// A folder that is this run's alone.
#[derive(Debug)]
pub struct Home {
    folder: PathBuf,
    /// Goes with it, if it is to go.
    _temporary: Option<TempDir>,
    _lock: File,
    kept: bool,
}

/// Why there is no folder.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// It can't be made or used.
    #[error("using the folder {0}")]
    Io(PathBuf, #[source] io::Error),
    /// Another run has it.
    #[error("another run uses {0}; stop it, or name another folder with --data")]
    Taken(PathBuf),
    /// There is no place for one that goes with the run.
    #[error("making a temporary folder")]
    Temporary(#[source] io::Error),
}

impl Home {
    /// The folder `data`, or one that goes when the run does.
    pub fn open(data: Option<&Path>) -> Result<Self, HomeError> {
        let temporary = if data.is_some() {
            None
        } else {
            let made = tempfile::Builder::new().prefix("sensorstream-").tempdir();
            Some(made.map_err(HomeError::Temporary)?)
        };
        let folder = match (&temporary, data) {
            (Some(temporary), _) => temporary.path().to_owned(),
            (None, data) => data.unwrap_or(Path::new(".")).to_owned(),
        };
        let failed = |error| HomeError::Io(folder.clone(), error);
        let is_new = temporary.is_some() || !folder.exists();
        fs::create_dir_all(&folder).map_err(failed)?;
        let folder = folder.canonicalize().map_err(failed)?;
        if is_new {
            // PostgreSQL may run as somebody else, who has to get through to its own part.
            let passable = fs::Permissions::from_mode(0o711);
            fs::set_permissions(&folder, passable).map_err(failed)?;
        }
        let mut options = OpenOptions::new();
        let lock = options.write(true).create(true).truncate(false);
        let lock = lock
            .open(folder.join("sensorstream.lock"))
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(HomeError::Taken(folder)),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        Ok(Self {
            folder,
            kept: temporary.is_none(),
            _temporary: temporary,
            _lock: lock,
        })
    }

    /// Whether it stays when the run ends.
    pub fn is_kept(&self) -> bool {
        self.kept
    }

    /// The path of a part.
    pub fn part(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A folder in it, made if it is not there.
    pub fn folder(&self, name: &str) -> Result<PathBuf, HomeError> {
        let path = self.part(name);
        fs::create_dir_all(&path).map_err(|error| HomeError::Io(path.clone(), error))?;
        Ok(path)
    }
}
