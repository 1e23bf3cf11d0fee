//! The role's metrics, each defined once. Every one has the label `stage`: `input` for what the stage does
//! that reads the input topic, `link` for the one that merges windows over several partitions.

use prometheus::{
    Counter, CounterVec, GaugeVec, Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
};
use sensorstream_crds::{Reason, windows::Stage};
use sensorstream_telemetry::metrics::Catalog;

/// From a millisecond, doubled, to half a minute.
const SECONDS: [f64; 16] = [
    0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096,
    8.192, 16.384, 32.768,
];
/// From ten milliseconds to a day: how late readings are is up to those who send them.
const LATENESS: [f64; 14] = [
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0, 86_400.0,
];
/// From one, four times as many each, to a million.
const RECORDS: [f64; 11] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
];

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
    /// Records decided to be left out, by reason.
    pub records_dropped: IntCounterVec,
    /// Records committed to the output topics, by output.
    pub records_sent: IntCounterVec,
    /// Offsets that vanished from the topic before they were read.
    pub offsets_lost: IntCounter,
    /// Records that were read and are in no account, by partition.
    pub records_unaccounted: IntGaugeVec,
    /// Offsets between the topic's end and what is committed, by partition.
    pub lag: IntGaugeVec,
    /// The watermark, as seconds since 1970, by partition.
    pub watermark: GaugeVec,
    /// Time from when Kafka had a record until it was committed.
    pub record_to_commit_seconds: Histogram,
    /// Time from when a reading was taken until it was committed.
    pub event_to_commit_seconds: Histogram,
    /// Time of a commit, repetitions included.
    pub commit_seconds: Histogram,
    /// Records in a commit.
    pub commit_records: Histogram,
    /// Commits that were tried again.
    pub commit_retries: IntCounter,
    /// Commits that changed nothing because another owner had the shard.
    pub stale_commits: IntCounter,
    sink_errors: IntCounterVec,
    sink_blocked: IntGaugeVec,
    sink_blocked_seconds: CounterVec,
    /// Assignments and revocations of partitions.
    pub rebalances: IntCounter,
    /// Times that the group was joined anew, because reading could not go on.
    pub rejoins: IntCounter,
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
    /// Windows that are open and have readings, by partition.
    pub windows_open: IntGaugeVec,
    /// Bytes that the state of open windows takes, by partition.
    pub state_bytes: IntGaugeVec,
    /// Records read again to rebuild the state of windows.
    pub records_repeated: IntCounter,
    /// Readings that alerts were made for, by rule.
    pub alerts: IntCounterVec,
    /// Alerts beyond the rules' rate limits, by rule.
    pub alerts_suppressed: IntCounterVec,
    /// Files written to the lake.
    pub lake_files: IntCounter,
    /// Readings in them.
    pub lake_rows: IntCounter,
    /// Their bytes.
    pub lake_bytes: IntCounter,
    /// Readings deleted because they were older than the table keeps them.
    pub rows_expired: IntCounter,
}

/// How a sink does.
#[derive(Clone, Debug)]
pub struct SinkMetrics {
    /// Attempts that failed.
    pub errors: IntCounter,
    /// Shards that wait for it.
    pub blocked: IntGauge,
    /// How long shards have waited for it, in seconds.
    pub blocked_seconds: Counter,
}

/// A stage, as labels of metrics and attributes of spans have it: by what it reads.
pub fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::First => "input",
        Stage::Second => "link",
    }
}

/// What the values of labels will be.
#[derive(Clone, Copy, Debug)]
pub struct Series<'a> {
    /// Why records may be dead letters.
    pub reasons: &'a [Reason],
    /// The sinks.
    pub sinks: &'a [&'a str],
    /// The outputs that are topics.
    pub outputs: &'a [&'a str],
    /// The windows.
    pub windows: &'a [&'a str],
    /// The rules.
    pub rules: &'a [&'a str],
}

/// The outputs that are topics, in the order of [`Metrics::sent`].
pub const OUTPUTS: [&str; 3] = ["dead-letter", "enriched", "alerts"];

impl Metrics {
    /// Defines the metrics of a stage.
    ///
    /// # Panics
    /// When the catalog has metrics of these names and this stage already.
    pub fn new(catalog: &Catalog, stage: Stage) -> Self {
        let define = catalog
            .group("sensorstream_processor")
            .with_label("stage", stage_name(stage));
        Self {
            records_read: define.counters(
                "records_read_total",
                "Records committed, whatever became of them.",
                &["partition"],
            ),
            bytes_read: define.counter(
                "read_bytes_total",
                "Bytes of the keys and values of committed records.",
            ),
            records_accepted: define.counter("records_accepted_total", "Readings committed."),
            records_dead_lettered: define.counters(
                "records_dead_lettered_total",
                "Records decided to be dead letters.",
                &["reason"],
            ),
            records_dropped: define.counters(
                "records_dropped_total",
                "Records decided to be left out on purpose.",
                &["reason"],
            ),
            records_sent: define.counters(
                "records_sent_total",
                "Records committed to the output topics.",
                &["output"],
            ),
            offsets_lost: define.counter(
                "offsets_lost_total",
                "Offsets that vanished from the topic before they were read.",
            ),
            records_unaccounted: define.gauges(
                "records_unaccounted",
                "Records read that are neither accepted nor dead letters nor dropped, which must be none.",
                &["partition"],
            ),
            lag: define.gauges(
                "lag_records",
                "Offsets between the end of the topic and what is committed.",
                &["partition"],
            ),
            watermark: define.levels(
                "watermark_timestamp_seconds",
                "The watermark, as a time since 1970: windows that end before are closed.",
                &["partition"],
            ),
            record_to_commit_seconds: define.histogram(
                "record_to_commit_duration_seconds",
                "Time from the timestamp that Kafka has of a record until its commit; one record of each few hundred when many come.",
                &SECONDS,
            ),
            event_to_commit_seconds: define.histogram(
                "event_to_commit_duration_seconds",
                "Time from a reading's event time until its commit; one reading of each few hundred when many come.",
                &LATENESS,
            ),
            commit_seconds: define.histogram(
                "commit_duration_seconds",
                "Time of a commit, repetitions included.",
                &SECONDS,
            ),
            commit_records: define.histogram(
                "commit_size_records",
                "Records in a commit.",
                &RECORDS,
            ),
            commit_retries: define.counter("commit_retries_total", "Commits tried again."),
            stale_commits: define.counter(
                "stale_commits_total",
                "Commits refused because the shard had another owner.",
            ),
            sink_errors: define.counters(
                "sink_errors_total",
                "Attempts to write to a sink that failed and are repeated.",
                &["sink"],
            ),
            sink_blocked: define.gauges(
                "sink_blocked_shards",
                "Shards that have waited for a sink for more than five seconds.",
                &["sink"],
            ),
            sink_blocked_seconds: define.fractions(
                "sink_blocked_seconds_total",
                "Time that shards have waited for a sink that failed.",
                &["sink"],
            ),
            rebalances: define.counter(
                "rebalances_total",
                "Assignments and revocations of partitions.",
            ),
            rejoins: define.counter(
                "rejoins_total",
                "Times that the consumer group was joined anew because reading could not go on.",
            ),
            shards_owned: define.gauge("shards_owned", "Shards owned."),
            shards_halted: define.gauge(
                "shards_halted",
                "Owned shards that stand still because records were lost.",
            ),
            window_late: define.counters(
                "window_late_total",
                "Readings too late for a window, once for each instance.",
                &["window"],
            ),
            window_rows: define.counter("window_rows_total", "Rows of windows written."),
            rows_of_others: define.counter(
                "window_rows_of_others_total",
                "Rows of windows not written because another shard had written them.",
            ),
            windows_open: define.gauges(
                "windows_open",
                "Instances of windows that are open and have readings; of sessions, how many.",
                &["partition"],
            ),
            state_bytes: define.gauges(
                "state_bytes",
                "Memory that the state of open windows takes.",
                &["partition"],
            ),
            records_repeated: define.counter(
                "records_repeated_total",
                "Records read again to rebuild the state of windows.",
            ),
            alerts: define.counters("alerts_total", "Alerts decided.", &["rule"]),
            alerts_suppressed: define.counters(
                "alerts_suppressed_total",
                "Alerts beyond a rule's rate limit.",
                &["rule"],
            ),
            lake_files: define.counter("lake_files_total", "Files written to the lake."),
            lake_rows: define.counter("lake_rows_total", "Readings in files of the lake."),
            lake_bytes: define.counter("lake_bytes_total", "Bytes of files of the lake."),
            rows_expired: define.counter(
                "rows_expired_total",
                "Readings deleted because they were older than the table keeps them.",
            ),
        }
    }

    /// Shows at zero what may yet be counted: a counter that appears with its first event has no rate for it.
    pub fn begin(&self, series: &Series<'_>) {
        for reason in series.reasons {
            self.records_dead_lettered
                .with_label_values(&[reason.as_str()]);
        }
        for sink in series.sinks {
            self.sink(sink);
        }
        for output in series.outputs {
            self.records_sent.with_label_values(&[output]);
        }
        for window in series.windows {
            self.window_late.with_label_values(&[window]);
        }
        for rule in series.rules {
            self.alerts.with_label_values(&[rule]);
            self.alerts_suppressed.with_label_values(&[rule]);
        }
    }

    /// Counts records that the output topics have got.
    pub fn sent(&self, dead_letters: usize, enriched: usize, alerts: usize) {
        for (output, count) in OUTPUTS.into_iter().zip([dead_letters, enriched, alerts]) {
            self.records_sent
                .with_label_values(&[output])
                .inc_by(count as u64);
        }
    }

    /// Those of a sink.
    pub fn sink(&self, name: &str) -> SinkMetrics {
        SinkMetrics {
            errors: self.sink_errors.with_label_values(&[name]),
            blocked: self.sink_blocked.with_label_values(&[name]),
            blocked_seconds: self.sink_blocked_seconds.with_label_values(&[name]),
        }
    }

    /// Forgets what was said of a partition, now that another pod has it: a series that stands still would
    /// look like a shard that is stuck.
    pub fn forget(&self, partition: i32) {
        let partition = partition.to_string();
        for gauges in [
            &self.lag,
            &self.records_unaccounted,
            &self.windows_open,
            &self.state_bytes,
        ] {
            // There may be none yet.
            let _ = gauges.remove_label_values(&[&partition]);
        }
        let _ = self.watermark.remove_label_values(&[&partition]);
    }
}
