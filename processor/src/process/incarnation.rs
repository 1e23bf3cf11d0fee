//! Is the topic still the one that was read from? A topic deleted and made again under its name
//! is another one, with offsets that start anew.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::consumer::{BaseConsumer, Consumer};
use sensorstream_broker::topics;
use tokio::sync::Mutex;

/// How long Kafka may take to describe the topic.
const PATIENCE: Duration = Duration::from_secs(5);

/// A topic as it was found when the processor joined the group.
#[derive(Clone)]
pub struct Incarnation(Arc<Shared>);

struct Shared {
    kafka: Arc<BaseConsumer>,
    topic: String,
    id: String,
    latest: Mutex<Option<Answer>>,
}

struct Answer {
    asked_at: Instant,
    result: Result<(), IncarnationError>,
}

/// Why the topic is not known to be the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IncarnationError {
    /// It is another one, or gone.
    #[error("topic {0} was deleted or made anew")]
    Replaced(String),
    /// Kafka could not be asked.
    #[error("Kafka does not say whether topic {topic} is still the same: {error}")]
    Unavailable {
        /// The topic.
        topic: String,
        /// What Kafka answers.
        error: String,
    },
}

impl Incarnation {
    /// The topic `topic`, which has the id `id` now.
    pub fn new(kafka: Arc<BaseConsumer>, topic: &str, id: &str) -> Self {
        Self(Arc::new(Shared {
            kafka,
            topic: topic.to_owned(),
            id: id.to_owned(),
            latest: Mutex::new(None),
        }))
    }

    /// The topic's name.
    pub fn topic(&self) -> &str {
        &self.0.topic
    }

    /// The topic's id.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Asks whether the topic is the same at some moment after this call. Those who ask while an
    /// earlier question is out share the next one: however many shards commit at once, Kafka is
    /// asked one question after the other.
    pub async fn confirm(&self) -> Result<(), IncarnationError> {
        let called_at = Instant::now();
        let mut latest = self.0.latest.lock().await;
        if let Some(answer) = latest
            .as_ref()
            .filter(|answer| answer.asked_at >= called_at)
        {
            return answer.result.clone();
        }
        let asked_at = Instant::now();
        let shared = Arc::clone(&self.0);
        let result = tokio::task::spawn_blocking(move || shared.ask())
            .await
            .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        *latest = Some(Answer {
            asked_at,
            result: result.clone(),
        });
        result
    }
}

impl Shared {
    fn ask(&self) -> Result<(), IncarnationError> {
        let unavailable = |error: topics::DescribeError| IncarnationError::Unavailable {
            topic: self.topic.clone(),
            error: error.to_string(),
        };
        let found =
            topics::describe(self.kafka.client(), &[&self.topic], PATIENCE).map_err(unavailable)?;
        match found.get(&self.topic) {
            Some(description) if description.id == self.id => Ok(()),
            _ => Err(IncarnationError::Replaced(self.topic.clone())),
        }
    }
}

impl std::fmt::Debug for Incarnation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Incarnation({}/{})", self.0.topic, self.0.id)
    }
}
