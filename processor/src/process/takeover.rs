//! Taking shards over: becomes their owner in PostgreSQL, and finds where to read on.
//!
//! Kafka says where each partition begins and ends, PostgreSQL how far it is decided. If records
//! between the two have vanished, `onDataLoss` says whether the shard stops there or goes on.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use rdkafka::{consumer::BaseConsumer, error::KafkaError};
use sensorstream_broker::offsets;
use sensorstream_crds::{input::OnDataLoss, windows::Stage};
use sensorstream_engine::BUCKETS;
use sensorstream_ledger::shard::{
    self, Owner, ShardKey, ShardState,
    buckets::{self, Bucket},
    dead_letters::{self, PendingDeadLetter},
    lake::{self, LakeFile},
    links::{Links, RangeEnd},
    stalled,
};

use crate::{backoff::Backoff, telemetry};

use super::{
    accounts,
    incarnation::{Incarnation, IncarnationError},
    lanes::{LaneError, PATIENCE, within},
    role::Role,
};

/// How long Kafka may take to say where partitions begin and end.
const KAFKA_PATIENCE: Duration = Duration::from_secs(5);

/// A shard that was taken over.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Which shard.
    pub key: ShardKey,
    /// The epoch under which it is owned.
    pub epoch: i64,
    /// How far it is.
    pub state: ShardState,
    /// Whether decisions wait for the dead letter sink.
    pub pending_dead_letters: bool,
    /// Where the partition ends.
    pub end_offset: i64,
    /// What has to be done again of what is decided.
    pub recovery: Recovery,
}

/// What a new owner has to do again of what is decided already: rebuild the state of windows, and send
/// what may not have been sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Where to read from: at most the shard's next offset.
    pub read_from: i64,
    /// The shard's watermark there.
    pub watermark_us: Option<i64>,
    /// The parts of the state that were written down.
    pub buckets: Vec<Bucket>,
    /// Everything below has been sent.
    pub sent_below: i64,
    /// Dead letters from there on.
    pub letters: Vec<PendingDeadLetter>,
    /// From here on readings are of use to windows and to what is sent.
    pub engine_from: i64,
    /// The files of the lake that are decided.
    pub lake_files: Vec<LakeFile>,
}

#[derive(Debug, thiserror::Error)]
enum TakeOverError {
    #[error("confirming the input topic")]
    Topic(#[from] IncarnationError),
    #[error("asking Kafka where the partitions of {0} begin and end")]
    Offsets(String, #[source] KafkaError),
    #[error("Kafka does not say where partition {0} begins and ends")]
    NoOffsets(i32),
    #[error("taking the shards over in PostgreSQL")]
    Ledger(#[from] LaneError),
    #[error("partition {0} was taken over by somebody else meanwhile")]
    Overtaken(i32),
    #[error(
        "partition {partition} belongs to a later revision of the plan than this pod's, {revision}; \
         it waits to be replaced"
    )]
    LaterRevision { partition: i32, revision: i64 },
}

/// Where a partition begins and ends now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Extent {
    begin: i64,
    end: i64,
}

/// Takes shards over, however often it takes. Fails only if the topic is another one.
pub async fn take_over(
    role: &Role,
    topic: &Incarnation,
    kafka: &Arc<BaseConsumer>,
    partitions: &[i32],
) -> Result<Vec<Taken>, IncarnationError> {
    let mut backoff = Backoff::default();
    loop {
        let error = match try_once(role, topic, kafka, partitions).await {
            Ok(taken) => return Ok(taken),
            Err(TakeOverError::Topic(error @ IncarnationError::Replaced(_))) => return Err(error),
            Err(error) => error,
        };
        if let TakeOverError::Ledger(_) = &error {
            end_stalled_sessions(role).await;
        }
        let wait = backoff.after_failure(rand::random());
        tracing::warn!(
            ?partitions,
            error = telemetry::chain(&error),
            wait_ms = wait.as_millis() as u64,
            "taking the shards over is tried again"
        );
        tokio::time::sleep(wait).await;
    }
}

/// Ends what an owner that stopped in the middle of a commit would keep locked.
async fn end_stalled_sessions(role: &Role) {
    let ended = async {
        let mut lane = role.lanes.take().await?;
        let ended = within(PATIENCE, stalled::end_sessions(&mut lane, PATIENCE)).await?;
        lane.give_back();
        Ok::<_, LaneError>(ended)
    };
    match ended.await {
        Ok(0) => {}
        Ok(sessions) => {
            tracing::warn!(
                sessions,
                "ended sessions whose owners stopped in the middle of a commit"
            );
        }
        Err(error) => {
            tracing::debug!(
                error = telemetry::chain(&error),
                "looking for sessions whose owners stopped"
            );
        }
    }
}

async fn try_once(
    role: &Role,
    topic: &Incarnation,
    kafka: &Arc<BaseConsumer>,
    partitions: &[i32],
) -> Result<Vec<Taken>, TakeOverError> {
    let extents = extents(kafka, topic.topic(), partitions).await?;
    // Asked after the extents, so that these are the confirmed topic's.
    topic.confirm().await?;
    let mut lane = role.lanes.take().await?;
    let mut all = Vec::with_capacity(partitions.len());
    for (partition, extent) in extents {
        let key = ShardKey {
            pipeline: role.pipeline.to_string(),
            stage: role.stage_number(),
            incarnation: topic.id().to_owned(),
            partition,
        };
        let owner = Owner {
            pod: &role.owner,
            revision: role.revision,
        };
        let take = shard::take_over(&mut lane, &key, topic.topic(), owner, extent.begin);
        let mut taken = within(PATIENCE, take)
            .await?
            .ok_or(TakeOverError::LaterRevision {
                partition,
                revision: role.revision,
            })?;
        link(role, &mut taken.state);
        let begins = role.lake.is_some().then_some(taken.state.next_offset);
        taken.state.lake_cursor = begins.map(|begins| taken.state.lake_cursor.unwrap_or(begins));
        let recovery = recovery(role, &mut lane, &key, &taken).await?;
        let mut state = resume(&taken.state, recovery.read_from, extent, role.on_data_loss);
        link(role, &mut state);
        state.lake_cursor = state
            .lake_cursor
            .map(|cursor| cursor.min(state.next_offset));
        if state != taken.state {
            let from = taken.state.next_offset;
            let swap = shard::swap(&mut lane, &key, taken.epoch, from, &state, false, None);
            if !within(PATIENCE, swap).await? {
                return Err(TakeOverError::Overtaken(partition));
            }
            report(role, partition, &taken.state, &state, extent);
        }
        let page = dead_letters::page(&mut lane, &key, i64::MIN, i64::MAX, 1);
        let pending_dead_letters = !within(PATIENCE, page).await?.is_empty();
        tracing::info!(
            partition,
            epoch = taken.epoch,
            next_offset = state.next_offset,
            read_from = recovery.read_from,
            end_offset = extent.end,
            pending_dead_letters,
            "took the shard over"
        );
        all.push(Taken {
            key,
            epoch: taken.epoch,
            recovery: recovery.clipped(&state, extent),
            state,
            pending_dead_letters,
            end_offset: extent.end,
        });
    }
    lane.give_back();
    Ok(all)
}

/// How many pending dead letters are taken at once.
const LETTERS: i64 = 100_000;

/// What has to be done again. The lake may need the log from further back than the rest.
async fn recovery(
    role: &Role,
    lane: &mut sqlx::PgConnection,
    key: &ShardKey,
    taken: &shard::TakenShard,
) -> Result<Recovery, TakeOverError> {
    let mut recovery = recovery_of_engine(role, &mut *lane, key, taken).await?;
    recovery.engine_from = recovery.read_from;
    if let Some(cursor) = taken.state.lake_cursor {
        recovery.lake_files = within(PATIENCE, lake::read(&mut *lane, key)).await?;
        recovery.read_from = recovery.read_from.min(cursor);
    }
    Ok(recovery)
}

async fn recovery_of_engine(
    role: &Role,
    lane: &mut sqlx::PgConnection,
    key: &ShardKey,
    taken: &shard::TakenShard,
) -> Result<Recovery, TakeOverError> {
    let next_offset = taken.state.next_offset;
    let mut recovery = Recovery {
        read_from: next_offset,
        watermark_us: taken.state.watermark_us,
        sent_below: next_offset,
        ..Recovery::default()
    };
    if role.products.are_sent() {
        recovery.sent_below = taken.outbox_cursor.min(next_offset);
        recovery.read_from = recovery.sent_below;
        let (from, below) = (recovery.sent_below, next_offset);
        let page = dead_letters::page(&mut *lane, key, from, below, LETTERS);
        recovery.letters = within(PATIENCE, page).await?;
    }
    let first_range = taken
        .state
        .links
        .as_ref()
        .and_then(|links| links.ranges.first());
    if let Some(range) = first_range
        && range.to <= recovery.read_from
    {
        recovery.read_from = range.to;
        recovery.watermark_us = range.watermark_us;
    }
    if !role.has_state() {
        return Ok(recovery);
    }
    recovery.buckets = within(PATIENCE, buckets::read(&mut *lane, key)).await?;
    let usable = match role.stage {
        Stage::First => accounts::has_state(&role.plan, &taken.state),
        // How far the first stage is does not depend on the windows.
        Stage::Second => !recovery.buckets.is_empty(),
    };
    if !usable {
        // From before anything that has to be sent again, so that it follows from the same state.
        let (at, watermark) = (recovery.read_from, recovery.watermark_us);
        let (epoch, count) = (taken.epoch, BUCKETS as i16);
        let reset = buckets::reset(&mut *lane, key, epoch, count, at, watermark);
        within(PATIENCE, reset).await?;
        recovery.buckets = within(PATIENCE, buckets::read(&mut *lane, key)).await?;
    }
    // Nothing is written down before it has been sent, so these come before what is sent again.
    if let Some(oldest) = recovery
        .buckets
        .iter()
        .min_by_key(|bucket| bucket.at_offset)
    {
        recovery.read_from = oldest.at_offset.min(next_offset);
        recovery.watermark_us = oldest.watermark_us;
    }
    Ok(recovery)
}

/// Begins what the shard sends to the second stage, or ends it, as the plan says.
fn link(role: &Role, state: &mut ShardState) {
    if !role.products.linked {
        (state.links, state.link_watermark_us) = (None, None);
        return;
    }
    let follows = state
        .links
        .as_ref()
        .and_then(Links::end)
        .is_some_and(|end| end.to == state.next_offset);
    if follows {
        return;
    }
    // The first of all, or the shard went on after records that were lost.
    let now = jiff::Timestamp::now().as_microsecond();
    let series = state
        .links
        .as_ref()
        .map_or(now, |links| now.max(links.series + 1));
    state.link_watermark_us = state.link_watermark_us.max(state.watermark_us);
    let start = RangeEnd {
        to: state.next_offset,
        watermark_us: state.watermark_us,
        link_watermark_us: state.link_watermark_us,
    };
    state.links = Some(Links::starting_at(series, start));
}

impl Recovery {
    /// What can be done of it, given what is left of the partition and where the shard goes on.
    fn clipped(mut self, state: &ShardState, extent: Extent) -> Self {
        let next_offset = state.next_offset;
        self.read_from = self
            .read_from
            .clamp(extent.begin.min(next_offset), next_offset);
        for bucket in &mut self.buckets {
            // A broker that came back with less uses these offsets for other records.
            bucket.at_offset = bucket.at_offset.min(next_offset);
        }
        self
    }
}

async fn extents(
    kafka: &Arc<BaseConsumer>,
    topic: &str,
    partitions: &[i32],
) -> Result<BTreeMap<i32, Extent>, TakeOverError> {
    let (kafka, name, asked) = (Arc::clone(kafka), topic.to_owned(), partitions.to_vec());
    let answer = tokio::task::spawn_blocking(move || {
        let numbers = || asked.iter().copied();
        let begin = offsets::beginning_offsets(&kafka, &name, numbers(), KAFKA_PATIENCE)?;
        let end = offsets::end_offsets(&kafka, &name, numbers(), KAFKA_PATIENCE)?;
        Ok((begin, end))
    });
    let (begin, end) = answer
        .await
        .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
        .map_err(|error| TakeOverError::Offsets(topic.to_owned(), error))?;
    partitions
        .iter()
        .map(|partition| {
            let extent = begin.get(partition).zip(end.get(partition));
            let (begin, end) = extent.ok_or(TakeOverError::NoOffsets(*partition))?;
            Ok((
                *partition,
                Extent {
                    begin: *begin,
                    end: *end,
                },
            ))
        })
        .collect()
}

/// The state to go on from, given what is left of the partition and where it has to be read from. A
/// shard that has to stop has `data_loss_at` set.
///
/// Two things may have gone: records still to be read, because the topic keeps them no longer; and
/// records read already, because a broker came back with less than it had. In the second case
/// new records reuse offsets, so reading goes on at the new end. Records to be read still are also
/// those decided that windows have to be rebuilt from: without them, windows lack them.
fn resume(
    state: &ShardState,
    read_from: i64,
    extent: Extent,
    on_data_loss: OnDataLoss,
) -> ShardState {
    let mut resumed = state.clone();
    let expected = state.next_offset;
    let reachable = expected.clamp(extent.begin, extent.end.max(extent.begin));
    resumed.data_loss_at = None;
    let lost = (extent.begin - read_from).max(0);
    if reachable != expected || lost > 0 {
        match on_data_loss {
            OnDataLoss::Fail if reachable == expected => resumed.data_loss_at = Some(extent.begin),
            OnDataLoss::Fail => resumed.data_loss_at = Some(reachable),
            OnDataLoss::Continue => {
                resumed.lost += lost;
                resumed.next_offset = reachable;
            }
        }
    }
    resumed
}

fn report(role: &Role, partition: i32, before: &ShardState, after: &ShardState, extent: Extent) {
    let Extent { begin, end } = extent;
    let expected = before.next_offset;
    if let Some(first) = after.data_loss_at {
        tracing::error!(
            partition,
            expected,
            begin,
            end,
            first,
            "records are gone from the topic; the shard stands still until input.onDataLoss is \
             Continue"
        );
    } else if after.next_offset != expected || after.lost != before.lost {
        role.metrics
            .offsets_lost
            .inc_by((after.lost - before.lost) as u64);
        tracing::error!(
            partition,
            expected,
            begin,
            end,
            lost = after.lost - before.lost,
            "records are gone from the topic; the shard goes on after the gap, as \
             input.onDataLoss says"
        );
    } else {
        tracing::info!(partition, expected, "the shard no longer stands still");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(next_offset: i64) -> ShardState {
        ShardState {
            next_offset,
            ..ShardState::default()
        }
    }

    fn resume_unread(state: &ShardState, extent: Extent, on_data_loss: OnDataLoss) -> ShardState {
        resume(state, state.next_offset, extent, on_data_loss)
    }

    #[test]
    fn a_shard_within_its_partition_goes_on() {
        for next in [10, 15, 20] {
            let extent = Extent { begin: 10, end: 20 };
            assert_eq!(resume_unread(&at(next), extent, OnDataLoss::Fail), at(next));
        }
    }

    #[test]
    fn a_gap_stops_the_shard_or_is_counted() {
        let extent = Extent { begin: 10, end: 20 };
        let failed = resume_unread(&at(4), extent, OnDataLoss::Fail);
        assert_eq!(
            (failed.next_offset, failed.data_loss_at, failed.lost),
            (4, Some(10), 0)
        );
        let continued = resume_unread(&failed, extent, OnDataLoss::Continue);
        assert_eq!(
            (
                continued.next_offset,
                continued.data_loss_at,
                continued.lost
            ),
            (10, None, 6)
        );
    }

    #[test]
    fn a_log_cut_short_stops_the_shard_or_goes_on_at_its_end() {
        let extent = Extent { begin: 0, end: 20 };
        let failed = resume_unread(&at(30), extent, OnDataLoss::Fail);
        assert_eq!((failed.next_offset, failed.data_loss_at), (30, Some(20)));
        let continued = resume_unread(&at(30), extent, OnDataLoss::Continue);
        assert_eq!((continued.next_offset, continued.lost), (20, 0));
    }

    #[test]
    fn a_gap_that_is_gone_again_is_forgotten() {
        let stopped = ShardState {
            data_loss_at: Some(20),
            ..at(30)
        };
        let extent = Extent { begin: 0, end: 40 };
        assert_eq!(resume_unread(&stopped, extent, OnDataLoss::Fail), at(30));
    }

    #[test]
    fn records_that_windows_need_again_are_missed_too() {
        let extent = Extent { begin: 10, end: 40 };
        let failed = resume(&at(30), 4, extent, OnDataLoss::Fail);
        assert_eq!((failed.next_offset, failed.data_loss_at), (30, Some(10)));
        let continued = resume(&failed, 4, extent, OnDataLoss::Continue);
        assert_eq!(
            (
                continued.next_offset,
                continued.data_loss_at,
                continued.lost
            ),
            (30, None, 6)
        );
    }
}
