//! Keeping the link topic short: Kafka keeps everything in it, and what is in all written parts of a
//! shard's state is read by nobody again.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions},
    client::DefaultClientContext,
    error::KafkaError,
};
use sensorstream_ledger::shard::buckets::Bucket;

use super::role::Role;

/// How often messages are deleted.
const EVERY: Duration = Duration::from_mins(1);
/// How long Kafka may take to delete them.
const PATIENCE: Duration = Duration::from_secs(30);

/// Deletes what is no longer needed of one partition of the link topic.
#[derive(Debug)]
pub struct Trimmer {
    /// At which offset each part of the state was written.
    offsets: Vec<i64>,
    trimmed_at: Instant,
    trimmed_below: i64,
}

impl Trimmer {
    /// A trimmer of a shard whose parts were written at these offsets.
    pub fn new(offsets: Vec<i64>, now: Instant) -> Self {
        Self {
            offsets,
            trimmed_at: now,
            trimmed_below: i64::MIN,
        }
    }

    /// Parts were committed. Deletes messages, in a task of its own, if it is time.
    pub fn committed(&mut self, role: &Arc<Role>, partition: i32, parts: &[Bucket]) {
        for part in parts {
            if let Some(offset) = self.offsets.get_mut(part.number as usize) {
                *offset = part.at_offset;
            }
        }
        let least = self.offsets.iter().copied().min().unwrap_or(i64::MIN);
        if least <= self.trimmed_below || self.trimmed_at.elapsed() < EVERY {
            return;
        }
        self.trimmed_at = Instant::now();
        self.trimmed_below = least;
        let asked = Arc::clone(role);
        role.task("trim", async move {
            if let Err(error) = delete_below(&asked, partition, least).await {
                tracing::warn!(partition, least, %error, "deleting messages of the link topic");
            }
        });
    }
}

async fn delete_below(role: &Role, partition: i32, offset: i64) -> Result<(), KafkaError> {
    let admin: AdminClient<DefaultClientContext> = role.client_config().create()?;
    let mut below = TopicPartitionList::new();
    below.add_partition_offset(&role.topic, partition, Offset::Offset(offset))?;
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
    let deleted = admin.delete_records(&below, &options).await?;
    for element in deleted.elements() {
        element.error()?;
    }
    Ok(())
}
