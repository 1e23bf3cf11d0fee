//! A shard's task that writes files to the lake, one after the other, however often it takes.

use std::sync::Arc;

use sensorstream_lake::{ClosedFile, EncodeError, Put, StoreError, encode, object_name};
use sensorstream_ledger::shard::{ShardKey, lake};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{backoff::Backoff, telemetry};

use super::{
    super::{
        blocked::SinkWatch,
        lanes::{LaneError, PATIENCE, within},
        role::Role,
    },
    Lake, Unwritten, noted,
};

/// The lake's name as a sink, in metrics and for the operator.
pub const SINK: &str = "lake";

/// Writes a shard's files.
pub struct Writer {
    /// What every part of the stage shares.
    pub role: Arc<Role>,
    /// Where the files go.
    pub lake: Arc<Lake>,
    /// Which shard.
    pub key: ShardKey,
    /// How the lake does.
    pub watch: SinkWatch,
    /// What is not written yet.
    pub unwritten: Unwritten,
    /// Files to write: decided by a commit.
    pub files: mpsc::Receiver<ClosedFile>,
    /// Says when to stop trying what fails.
    pub stop: CancellationToken,
}

#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error("writing a file as Parquet")]
    Encode(#[from] EncodeError),
    #[error("writing {0} to the lake")]
    Store(String, #[source] StoreError),
    #[error("noting down that {0} is written")]
    Ledger(String, #[source] LaneError),
}

impl Writer {
    /// Writes until no more files come, or until it is to stop and one can't be written at once.
    pub async fn run(mut self) {
        while let Some(file) = self.files.recv().await {
            if !file.is_whole() {
                tracing::error!(
                    partition = self.key.partition,
                    extent = ?file.extent,
                    rows = file.rows.len(),
                    "records of a file of the lake are gone from the topic; it is written without them"
                );
            }
            if !self.write(Arc::new(file)).await {
                return;
            }
        }
    }

    /// Whether the file is written; otherwise it is the next owner's.
    async fn write(&mut self, file: Arc<ClosedFile>) -> bool {
        let mut backoff = Backoff::default();
        loop {
            let last_attempt = self.stop.is_cancelled();
            let error = match self.attempt(&file).await {
                Ok(()) => {
                    self.watch.works().await;
                    return true;
                }
                Err(error) => error,
            };
            if last_attempt {
                return false;
            }
            let wait = backoff.after_failure(rand::random());
            tracing::warn!(
                partition = self.key.partition,
                error = telemetry::chain(&error),
                wait_ms = wait.as_millis() as u64,
                "writing to the lake is tried again"
            );
            self.watch.failed(&error).await;
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.stop.cancelled() => {}
            }
        }
    }

    async fn attempt(&self, file: &Arc<ClosedFile>) -> Result<(), WriteError> {
        let name = object_name(&self.key.incarnation, self.key.partition, &file.extent);
        let (schema, encoded) = (Arc::clone(&self.lake.schema), Arc::clone(file));
        let partition = self.key.partition;
        let bytes = tokio::task::spawn_blocking(move || encode(&schema, partition, &encoded))
            .await
            .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
        let length = bytes.len();
        let put = self.lake.store.put_once(&name, bytes).await;
        let put = put.map_err(|error| WriteError::Store(name.clone(), error))?;
        let noted_down = async {
            let mut lane = self.role.lanes.take().await?;
            let decided = noted(&file.extent);
            let written = lake::written(&mut lane, &self.key, &decided);
            within(PATIENCE, written).await?;
            lane.give_back();
            Ok(())
        };
        let noted_down: Result<(), LaneError> = noted_down.await;
        noted_down.map_err(|error| WriteError::Ledger(name, error))?;
        self.unwritten.lock().remove(&file.extent);
        if put == Put::Written {
            let metrics = &self.role.metrics;
            metrics.lake_files.inc();
            metrics.lake_rows.inc_by(file.rows.len() as u64);
            metrics.lake_bytes.inc_by(length as u64);
        }
        Ok(())
    }
}
