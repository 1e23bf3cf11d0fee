//! Watching the input topic from outside the group.

use std::{sync::Arc, time::Duration};

use rdkafka::consumer::{BaseConsumer, Consumer};
use sensorstream_broker::offsets;

use super::{
    super::incarnation::{Incarnation, IncarnationError},
    Notice, Notices,
};

/// How often Kafka is asked.
const EVERY: Duration = Duration::from_secs(5);

/// Looks, again and again, where partitions end and whether the topic is still the same.
pub(super) async fn watch(kafka: Arc<BaseConsumer>, topic: Incarnation, notices: Notices) {
    loop {
        match topic.confirm().await {
            Ok(()) => {}
            Err(IncarnationError::Replaced(_)) => notices.send(Notice::Replaced),
            Err(error) => tracing::warn!(%error, "watching the input topic"),
        }
        let (asked, name) = (Arc::clone(&kafka), topic.topic().to_owned());
        let ends = tokio::task::spawn_blocking(move || {
            let metadata = asked.fetch_metadata(Some(&name), EVERY)?;
            let partitions: Vec<i32> = metadata
                .topics()
                .iter()
                .flat_map(|topic| {
                    topic
                        .partitions()
                        .iter()
                        .map(rdkafka::metadata::MetadataPartition::id)
                })
                .collect();
            offsets::end_offsets(&asked, &name, partitions, EVERY)
        });
        match ends.await {
            Ok(Ok(ends)) => notices.send(Notice::Ends(ends)),
            Ok(Err(error)) => tracing::debug!(%error, "asking where partitions end"),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
        tokio::time::sleep(EVERY).await;
    }
}
