use super::*;
use crate::{
    backends::{Span, Topic},
    fixtures::{at, later, now, shard},
};

fn topics(spans: &[(i64, i64)]) -> Topics {
    let spans = spans.iter().map(|(begin, end)| Span {
        begin: *begin,
        end: *end,
    });
    let offsets: BTreeMap<i32, Span> = (0..).zip(spans).collect();
    let input = Topic {
        id: "id-of-sensor-data".into(),
        partitions: i32::try_from(offsets.len()).unwrap(),
        leaderless: Vec::new(),
        config: BTreeMap::new(),
    };
    Topics {
        input: Some(input),
        outputs: BTreeMap::new(),
        offsets,
        link_offsets: BTreeMap::new(),
    }
}

fn figures(topics: &Topics, shards: Vec<ShardFigures>) -> Figures {
    Figures::of(
        Some(topics),
        Some(&Database {
            shards,
            ..Database::default()
        }),
        None,
    )
}

#[test]
fn lag_counts_what_is_left_of_every_partition() {
    let topics = topics(&[(0, 100), (10, 60), (5, 5)]);
    // Partition 1 is taken by nobody yet; 2 holds nothing any more.
    assert_eq!(figures(&topics, vec![shard(0, 70)]).lag, Some(30 + 50));
}

#[test]
fn lag_does_not_count_what_expired_nor_go_below_zero() {
    assert_eq!(
        figures(&topics(&[(50, 100)]), vec![shard(0, 20)]).lag,
        Some(50)
    );
    assert_eq!(
        figures(&topics(&[(0, 100)]), vec![shard(0, 130)]).lag,
        Some(0)
    );
}

#[test]
fn a_topic_made_anew_starts_over() {
    let mut older = shard(0, 900);
    older.incarnation = "older".into();
    let seen = figures(&topics(&[(0, 10)]), vec![older]);
    assert_eq!(seen.lag, Some(10));
    assert_eq!(
        seen.records.unwrap().read,
        900,
        "what was read remains read"
    );
}

#[test]
fn what_can_not_be_seen_is_absent() {
    let blind = Figures::of(Some(&topics(&[(0, 1)])), None, Some(1.0));
    assert_eq!(blind, Figures::default());
    let database = Database {
        shards: vec![shard(0, 5)],
        ..Database::default()
    };
    let half = Figures::of(None, Some(&database), None);
    assert_eq!((half.lag, half.records.unwrap().read), (None, 5));
}

#[test]
fn the_watermark_is_the_least_of_the_partitions_with_data() {
    let with = |partition, watermark| ShardFigures {
        watermark_us: watermark,
        ..shard(partition, 1)
    };
    let shards = vec![
        with(0, Some(9_000_000)),
        with(1, Some(5_000_000)),
        with(2, None),
    ];
    assert_eq!(
        figures(&topics(&[(0, 1); 3]), shards).watermark,
        Some(at(5))
    );
}

#[test]
fn counts_are_summed_over_partitions_and_reasons() {
    let mut one = shard(0, 10);
    one.accepted = 7;
    one.dead_lettered = BTreeMap::from([("not_json".into(), 2), ("future".into(), 1)]);
    let records = figures(&topics(&[(0, 10), (0, 4)]), vec![one, shard(1, 4)])
        .records
        .unwrap();
    assert_eq!(
        (records.read, records.accepted, records.dead_lettered),
        (14, 11, 3)
    );
}

#[test]
fn a_sink_that_several_shards_wait_for_shows_once_since_the_first() {
    let sink = |since_us| BlockedSink {
        sink: "dead-letter".into(),
        since_us,
        error: "no".into(),
    };
    let shards = [(0, 30), (1, 20)].map(|(partition, since)| ShardFigures {
        blocked: vec![sink(since)],
        ..shard(partition, 0)
    });
    assert_eq!(
        figures(&topics(&[(0, 0); 2]), shards.to_vec()).blocked,
        [sink(20)]
    );
}

#[test]
fn a_rate_needs_two_samples_apart_and_starts_over_with_the_count() {
    let mut meter = Meter::default();
    assert_eq!(meter.take(100, now()), None);
    assert_eq!(meter.take(150, later(2)), None, "too soon to tell");
    assert_eq!(meter.take(600, later(10)), Some(50.0));
    assert_eq!(
        meter.take(600, later(12)),
        Some(50.0),
        "the last one holds meanwhile"
    );
    assert_eq!(meter.take(600, later(20)), Some(0.0));
    assert_eq!(meter.take(3, later(30)), None);
}
