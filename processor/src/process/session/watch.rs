//! Watching the input topic from outside the group.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::consumer::{BaseConsumer, Consumer};
use sensorstream_broker::{offsets, topics};

use super::{
    super::incarnation::{Incarnation, IncarnationError},
    Notice, Notices,
};

/// How often Kafka is asked.
const EVERY: Duration = Duration::from_secs(5);

/// Looks, again and again, where partitions end, whether the topic is still the same, and whether the one
/// at the `other` end of the link still has as many partitions.
pub(super) async fn watch(
    kafka: Arc<BaseConsumer>,
    topic: Incarnation,
    other: Option<(String, u16)>,
    notices: Notices,
) {
    loop {
        match topic.confirm().await {
            Ok(()) => {}
            Err(IncarnationError::Replaced(_)) => notices.send(Notice::Replaced),
            Err(error) => tracing::warn!(%error, "watching the input topic"),
        }
        if let Some((name, partitions)) = other.clone() {
            let asked = Arc::clone(&kafka);
            let found = tokio::task::spawn_blocking(move || {
                topics::describe(asked.client(), &[&name], EVERY)
                    .map(|found| found.get(&name).map(|topic| topic.partitions))
            });
            match found.await {
                Ok(Ok(Some(found))) if found != i32::from(partitions) => {
                    notices.send(Notice::OtherEndChanged);
                }
                Ok(Ok(_)) => {}
                Ok(Err(error)) => tracing::debug!(%error, "asking about the link's other end"),
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        }
        let (asked, name) = (Arc::clone(&kafka), topic.topic().to_owned());
        let asked_at = Instant::now();
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
            Ok(Ok(ends)) => notices.send(Notice::Ends(ends, asked_at)),
            Ok(Err(error)) => tracing::debug!(%error, "asking where partitions end"),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
        tokio::time::sleep(EVERY).await;
    }
}
