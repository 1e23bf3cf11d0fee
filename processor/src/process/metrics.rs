//! The role's metrics, each defined once. Every one has the label `stage`: `input` for what the stage does
//! that reads the input topic, `link` for the one that merges windows over several partitions.

use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    core::Collector, exponential_buckets,
};
use sensorstream_crds::windows::Stage;

/// The role's metrics. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Records committed, whatever became of them, by partition.
    pub records_read: IntCounterVec,
    /// Bytes of their keys and values.
    pub bytes_read: IntCounter,
    /// Readings committed to the table.
    pub records_accepted: IntCounter,
    /// Records decided to be dead letters, by reason.
    pub records_dead_lettered: IntCounterVec,
    /// Records committed to the output topics, by output.
    pub records_sent: IntCounterVec,
    /// Offsets that vanished from the topic before they were read.
    pub offsets_lost: IntCounter,
    /// Offsets between the topic's end and what is committed, by partition.
    pub lag: IntGaugeVec,
    /// Time of a commit, repetitions included.
    pub commit_seconds: Histogram,
    /// Records in a commit.
    pub commit_records: Histogram,
    /// Commits that were tried again.
    pub commit_retries: IntCounter,
    /// Commits that changed nothing because another owner had the shard.
    pub stale_commits: IntCounter,
    /// Whether a sink makes shards wait: how many.
    pub sink_blocked: IntGaugeVec,
    /// Assignments and revocations of partitions.
    pub rebalances: IntCounter,
    /// Shards owned now.
    pub shards_owned: IntGauge,
    /// Owned shards that stand still because records were lost.
    pub shards_halted: IntGauge,
    /// Readings that came too late, by window; one that belongs to several instances counts for each.
    pub window_late: IntCounterVec,
    /// Rows of windows written.
    pub window_rows: IntCounter,
    /// Window rows that another shard had written before: the key is not what shares out the readings.
    pub rows_of_others: IntCounter,
    /// Readings that alerts were made for, by rule.
    pub alerts: IntCounterVec,
    /// Alerts beyond the rules' rate limits, by rule.
    pub alerts_suppressed: IntCounterVec,
    /// Bytes that the state of open windows takes, by partition.
    pub state_bytes: IntGaugeVec,
    /// Records read again to rebuild the state of windows.
    pub records_repeated: IntCounter,
    /// Files written to the lake.
    pub lake_files: IntCounter,
    /// Readings in them.
    pub lake_rows: IntCounter,
    /// Their bytes.
    pub lake_bytes: IntCounter,
    /// Readings deleted because they were older than the table keeps them.
    pub rows_expired: IntCounter,
}

impl Metrics {
    /// Defines the metrics of a stage.
    ///
    /// # Panics
    /// When the registry has metrics of these names and this stage already.
    pub fn new(registry: &Registry, stage: Stage) -> Self {
        let define = Definer { registry, stage };
        Self {
            records_read: define.counters("records_read_total", "Records committed", "partition"),
            bytes_read: define.counter("bytes_read_total", "Bytes of committed keys and values"),
            records_accepted: define.counter("records_accepted_total", "Readings committed"),
            records_dead_lettered: define.counters(
                "records_dead_lettered_total",
                "Records decided to be dead letters",
                "reason",
            ),
            records_sent: define.counters(
                "records_sent_total",
                "Records committed to the output topics",
                "output",
            ),
            offsets_lost: define.counter(
                "offsets_lost_total",
                "Offsets that vanished before they were read",
            ),
            lag: define.gauges("lag_records", "Offsets not yet committed", "partition"),
            commit_seconds: define.histogram(
                "commit_duration_seconds",
                "Time of a commit, repetitions included",
                0.001,
            ),
            commit_records: define.histogram("commit_records", "Records in a commit", 1.0),
            commit_retries: define.counter("commit_retries_total", "Commits tried again"),
            stale_commits: define.counter(
                "stale_commits_total",
                "Commits refused because the shard moved on",
            ),
            sink_blocked: define.gauges("sink_blocked", "Shards that wait for a sink", "sink"),
            rebalances: define.counter("rebalances_total", "Assignments and revocations"),
            shards_owned: define.gauge("shards_owned", "Shards owned"),
            shards_halted: define.gauge(
                "shards_halted",
                "Owned shards that stand still because of lost records",
            ),
            window_late: define.counters(
                "window_late_total",
                "Readings too late for a window",
                "window",
            ),
            window_rows: define.counter("window_rows_total", "Rows of windows written"),
            rows_of_others: define.counter(
                "window_rows_of_others_total",
                "Rows of windows not written because another shard had written them",
            ),
            alerts: define.counters("alerts_total", "Alerts decided", "rule"),
            alerts_suppressed: define.counters(
                "alerts_suppressed_total",
                "Alerts beyond the rate limit",
                "rule",
            ),
            state_bytes: define.gauges(
                "state_bytes",
                "Memory for the state of open windows",
                "partition",
            ),
            records_repeated: define.counter(
                "records_repeated_total",
                "Records read again to rebuild state",
            ),
            lake_files: define.counter("lake_files_total", "Files written to the lake"),
            lake_rows: define.counter("lake_rows_total", "Readings in files of the lake"),
            lake_bytes: define.counter("lake_bytes_total", "Bytes of files of the lake"),
            rows_expired: define.counter("rows_expired_total", "Readings past their retention"),
        }
    }
}

impl Metrics {
    /// Counts records that the output topics have got.
    pub fn sent(&self, dead_letters: usize, enriched: usize, alerts: usize) {
        let outputs = [
            ("dead-letter", dead_letters),
            ("enriched", enriched),
            ("alerts", alerts),
        ];
        for (output, count) in outputs {
            self.records_sent
                .with_label_values(&[output])
                .inc_by(count as u64);
        }
    }
}

struct Definer<'a> {
    registry: &'a Registry,
    stage: Stage,
}

impl Definer<'_> {
    fn register<C: Collector + Clone + 'static>(&self, metric: prometheus::Result<C>) -> C {
        let metric = metric.expect("the definition is sound");
        self.registry
            .register(Box::new(metric.clone()))
            .expect("each name is defined once");
        metric
    }

    fn options(&self, name: &str, help: &str) -> Opts {
        let stage = match self.stage {
            Stage::First => "input",
            Stage::Second => "link",
        };
        Opts::new(format!("sensorstream_processor_{name}"), help).const_label("stage", stage)
    }

    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.register(IntCounter::with_opts(self.options(name, help)))
    }

    fn counters(&self, name: &str, help: &str, label: &str) -> IntCounterVec {
        self.register(IntCounterVec::new(self.options(name, help), &[label]))
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.register(IntGauge::with_opts(self.options(name, help)))
    }

    fn gauges(&self, name: &str, help: &str, label: &str) -> IntGaugeVec {
        self.register(IntGaugeVec::new(self.options(name, help), &[label]))
    }

    fn histogram(&self, name: &str, help: &str, first: f64) -> Histogram {
        let buckets = exponential_buckets(first, 2.0, 15).expect("the buckets grow");
        let options = HistogramOpts::from(self.options(name, help)).buckets(buckets);
        self.register(Histogram::with_opts(options))
    }
}
