//! The role at work: in this process, or as one that can be killed.

use std::{
    path::PathBuf,
    process::{Child, Command},
    time::Duration,
};

use sensorstream_processor::process::ProcessError;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The role, running in this process.
pub struct Running {
    pub(super) told: CancellationToken,
    pub(super) task: JoinHandle<Result<(), ProcessError>>,
}

impl Running {
    /// Stops it in an orderly way.
    pub async fn stop(self) {
        self.told.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(15), self.task).await;
        ended
            .expect("it stops in time")
            .expect("it does not panic")
            .expect("it stops well");
    }
}

/// The role, running as a process.
pub struct Process {
    pub(super) child: Child,
    pub(super) config: PathBuf,
}

impl Process {
    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, by its name.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // SIGKILL: whatever it was at, it is at no longer.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.config);
    }
}
