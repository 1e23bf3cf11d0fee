use serde_json::json;

use super::*;

fn shard(stage: i16, incarnation: &str, partition: i32, next_offset: i64) -> ShardFigures {
    ShardFigures {
        pipeline: "plant/environment".into(),
        stage,
        topic: "sensor-data".into(),
        incarnation: incarnation.into(),
        partition,
        owner: "environment-processor-0".into(),
        revision: 1,
        next_offset,
        watermark_us: Some(1_755_432_000_000_000 + next_offset),
        records_read: next_offset,
        accepted: next_offset - 1,
        dead_lettered: BTreeMap::from([("not_json".into(), 1)]),
        dropped: BTreeMap::new(),
        lost: 0,
        last_commit_us: Some(1_755_432_000_000_000 + next_offset),
        data_loss_at: None,
        rows_of_others: 0,
        sent_below: next_offset,
        linked: false,
        pending_dead_letters: 0,
        blocked: Vec::new(),
    }
}

fn health(shards: &[ShardFigures], ends: Option<&BTreeMap<i32, i64>>) -> Health {
    let reported = ReportedStatus {
        status: json!({
            "state": "Running",
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "Ready", "message": "",
                "lastTransitionTime": "2025-08-17T12:00:00Z", "observedGeneration": 1,
            }],
        }),
        written_at_us: 1_755_432_000_000_000,
    };
    let observed = Observed {
        shards,
        ends,
        reported: Some(&reported),
        rate: Some(50.0),
    };
    Health::of(&observed, Timestamp::UNIX_EPOCH)
}

#[test]
fn lag_counts_partitions_that_nobody_took_yet() {
    let shards = [
        shard(1, "b", 1, 20),
        shard(1, "b", 0, 10),
        shard(2, "c", 0, 5),
    ];
    let ends = BTreeMap::from([(0, 12), (1, 20), (2, 7)]);
    let health = health(&shards, Some(&ends));
    assert_eq!(health.lag, Some(9));
    assert_eq!(health.records.read, 30);
    assert_eq!(health.records.dead_lettered["not_json"], 2);
    let lags: Vec<_> = health
        .partitions
        .iter()
        .map(|p| (p.partition, p.lag))
        .collect();
    assert_eq!(lags, [(0, Some(2)), (1, Some(0))]);
    assert_eq!(health.watermark.unwrap(), "2025-08-17T12:00:00.000010Z");
    assert_eq!(health.conditions[0].type_, "Ready");
}

#[test]
fn without_kafka_there_is_no_lag() {
    let health = health(&[shard(1, "b", 0, 10)], None);
    assert_eq!((health.lag, health.kafka.reachable), (None, false));
}

#[test]
fn records_of_a_topic_there_was_before_count_but_its_partitions_do_not() {
    let shards = [
        shard(1, "a", 0, 10),
        shard(1, "a", 1, 11),
        shard(1, "b", 0, 12),
    ];
    let health = health(&shards, None);
    assert_eq!(health.records.read, 33);
    assert_eq!(health.partitions.len(), 1);
    assert_eq!(health.partitions[0].next_offset, 12);
}

#[test]
fn a_pipeline_of_which_nothing_is_known_has_an_empty_health() {
    let observed = Observed {
        shards: &[],
        ends: None,
        reported: None,
        rate: None,
    };
    let health = Health::of(&observed, Timestamp::UNIX_EPOCH);
    insta::assert_json_snapshot!(health);
}
