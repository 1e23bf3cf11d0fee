//! The one batch that is being committed while the next one is built.

use tokio::sync::oneshot;

use super::Abandoned;
use crate::process::batch::Batch;

/// The batch that is being committed.
pub(super) struct InFlight(Option<oneshot::Receiver<Batch>>);

impl InFlight {
    /// None is.
    pub(super) fn none() -> Self {
        Self(None)
    }

    /// The one that will be given back.
    pub(super) fn new(given_back: oneshot::Receiver<Batch>) -> Self {
        Self(Some(given_back))
    }

    /// A batch to build the next one in, if the last one is committed.
    pub(super) fn try_take(&mut self, spare: &mut Option<Batch>) -> Result<bool, Abandoned> {
        let Some(receiver) = &mut self.0 else {
            return Ok(true);
        };
        match receiver.try_recv() {
            Ok(batch) => {
                *spare = Some(batch);
                self.0 = None;
                Ok(true)
            }
            Err(oneshot::error::TryRecvError::Empty) => Ok(false),
            Err(oneshot::error::TryRecvError::Closed) => Err(Abandoned),
        }
    }

    /// Waits until the last one is committed.
    pub(super) fn wait(&mut self, spare: &mut Option<Batch>) -> Result<(), Abandoned> {
        if let Some(receiver) = self.0.take() {
            *spare = Some(receiver.blocking_recv().map_err(|_| Abandoned)?);
        }
        Ok(())
    }
}
