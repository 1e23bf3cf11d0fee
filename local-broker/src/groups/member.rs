//! A member of a consumer group.

use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};

/// A member of a consumer group.
#[derive(Debug)]
pub(crate) struct Member<T> {
    pub(crate) instance: Option<String>,
    pub(crate) client_id: String,
    pub(crate) session_timeout: Duration,
    pub(crate) rebalance_timeout: Duration,
    /// The ways of sharing that it knows, best first, with what the leader has to know for each.
    pub(crate) protocols: Vec<(String, Bytes)>,
    pub(crate) assignment: Bytes,
    pub(crate) seen_at: Instant,
    /// Who waits for the others to join.
    pub(crate) joining: Option<T>,
    /// Who waits for the leader's assignment.
    pub(crate) syncing: Option<T>,
    /// Whether it has asked for its part in this generation.
    pub(crate) has_synced: bool,
}

impl<T> Member<T> {
    /// What the leader has to know for a way of sharing.
    pub(crate) fn metadata(&self, protocol: &str) -> Bytes {
        self.protocols
            .iter()
            .find(|(name, _)| name == protocol)
            .map_or_else(Bytes::new, |(_, metadata)| metadata.clone())
    }

    /// Whether it has not been heard of for too long. Who waits for an answer is not expected to speak.
    pub(super) fn is_gone(&self, now: Instant) -> bool {
        self.joining.is_none()
            && self.syncing.is_none()
            && now.saturating_duration_since(self.seen_at) > self.session_timeout
    }
}

/// The topics in what a consumer tells the leader; none if it can't be read.
pub(crate) fn subscribed_topics(metadata: &Bytes) -> Vec<String> {
    fn read(mut rest: &[u8]) -> Option<Vec<String>> {
        let _version = rest.try_get_i16().ok()?;
        let count = rest.try_get_i32().ok()?;
        let mut topics = Vec::new();
        for _ in 0..count {
            let length = usize::try_from(rest.try_get_i16().ok()?).ok()?;
            let (name, after) = rest.split_at_checked(length)?;
            rest = after;
            topics.push(String::from_utf8_lossy(name).into_owned());
        }
        Some(topics)
    }
    read(metadata).unwrap_or_default()
}
