//! The role at work: in this process, or as one that can be killed.

use std::{
    path::PathBuf,
    process::{Child, Command},
    time::{Duration, Instant},
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
    pub(super) pod: String,
    pub(super) config: PathBuf,
}

impl Process {
    /// Sends a signal, by its name.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    }

    /// Kills it. Answers the name of its pod.
    pub fn kill(self) -> String {
        self.pod.clone()
    }

    /// Stops it in an orderly way.
    pub async fn stop(mut self) {
        self.signal("TERM");
        let deadline = Instant::now() + Duration::from_secs(15);
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not stop in time");
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        assert!(status.success(), "{status}");
    }

    /// The memory that it has now, in KiB.
    pub fn memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.unwrap()
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .unwrap()
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
