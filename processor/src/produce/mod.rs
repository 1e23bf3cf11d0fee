//! The simulator: makes readings to a recipe, with declared faults, and counts what it sends, so
//! that what comes out of a pipeline can be checked against what went in.
//!
//! ```text
//! pace ─► reading (generators, faults, encode) ─► link ─► Kafka ─► delivery ─► metrics
//!            ▲        a timeline that is not live ─► line ─► Kafka ─► marker ────▲
//!         timeline
//! ```
//! Everything up to the bytes of a record is pure: the same seed and spec make the same
//! readings, but for their times. Only `send` and `link`, and `history` and `line`, do I/O.
//!
//! Live readings are sent by `send`: on and on, and from the beginning of the sequence when the pod
//! restarts. Those of another timeline are sent by `history`, in transactions that also hold how far
//! they go, so that each is in the topic once for readers of what is committed. Their counters go on after
//! a restart: what they show is what was sent since the simulator began the timeline.

mod delivery;
mod encode;
mod faults;
mod generators;
mod grid;
mod history;
mod kind;
mod line;
mod link;
mod marker;
pub(crate) mod metrics;
pub mod pace;
mod partition;
mod progress;
mod reading;
mod send;
mod timeline;
mod traced;

use axum::Router;
use rdkafka::error::KafkaError;
use sensorstream_crds::runtime::ProduceConfig;
use tokio::task::{JoinError, spawn_blocking};
use tokio_util::sync::CancellationToken;

use self::{history::History, metrics::Metrics, send::Sending};
pub use self::{
    kind::Kind,
    reading::{Reading, Simulation, Times},
    timeline::Timeline,
};
use crate::http::{Liveness, Readiness, Server};

/// Why the role stopped.
#[derive(Debug, thiserror::Error)]
pub enum ProduceError {
    /// The spec can't be acted on.
    #[error("the simulator can't be set up")]
    Recipe(#[from] RecipeError),
    /// librdkafka refuses its settings.
    #[error("setting up the Kafka producer")]
    Kafka(#[from] KafkaError),
    /// Health and metrics can't be served.
    #[error("serving health and metrics")]
    Http(#[from] std::io::Error),
}

/// A generator that does not suit its field.
#[derive(Debug, thiserror::Error)]
#[error(
    "spec.simulator.fields: the generator of `{0}` makes no value that the field can hold; choose another one"
)]
pub struct RecipeError(pub(crate) String);

/// Runs the role until `shutdown`.
pub async fn run(
    config: ProduceConfig,
    server: Server,
    shutdown: CancellationToken,
) -> Result<(), ProduceError> {
    let simulation = Simulation::new(&config.input, &config.simulator)?;
    let metrics = Metrics::new(&server.metrics);
    let (ready, alive) = (server.ready.clone(), server.alive.clone());
    let stop_sending = shutdown.child_token();
    let stop_serving = CancellationToken::new();
    let stop = stop_sending.clone();
    let sender = match Timeline::of(&config.simulator) {
        Some(timeline) => {
            let history = History::new(config, timeline, simulation, metrics, stop);
            Sender::History(Box::new(history))
        }
        None => Sender::Live(Box::new(Sending::new(&config, simulation, metrics, stop)?)),
    };
    // The counters can be read until the last record is acknowledged.
    let serving = server.serve(Router::new(), stop_serving.clone());
    let mut sending = spawn_blocking(move || sender.run(&ready, &alive));
    tokio::pin!(serving);
    tokio::select! {
        result = &mut serving => {
            stop_sending.cancel();
            finished(sending.await)?;
            result.map_err(ProduceError::Http)
        }
        sent = &mut sending => {
            stop_serving.cancel();
            finished(sent)?;
            serving.await.map_err(ProduceError::Http)
        }
    }
}

/// The loop that suits the timeline.
enum Sender {
    Live(Box<Sending>),
    History(Box<History>),
}

impl Sender {
    fn run(self, ready: &Readiness, alive: &Liveness) -> Result<(), KafkaError> {
        match self {
            Self::Live(sending) => sending.run(ready, alive),
            Self::History(history) => {
                history.run(ready, alive);
                Ok(())
            }
        }
    }
}

/// A panic on the sending thread is one of the whole role.
fn finished(sent: Result<Result<(), KafkaError>, JoinError>) -> Result<(), ProduceError> {
    match sent {
        Ok(result) => result.map_err(ProduceError::Kafka),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

#[cfg(test)]
mod tests;
