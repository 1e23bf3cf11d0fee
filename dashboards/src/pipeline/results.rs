//! What comes of readings: windows, alerts, and the sinks that take it all.

use super::PODS;
use crate::{
    grafana::{Panel, Row},
    promql::sum,
};

fn rate(metric: &str, by: &str) -> String {
    PODS.rate(&format!("sensorstream_processor_{metric}"), by)
}

pub(super) fn windows() -> Row {
    let level = |metric: &str| {
        sum(
            "stage",
            &PODS.select(&format!("sensorstream_processor_{metric}")),
        )
    };
    Row::new(
        "Windows and rules",
        [
            Panel::graph("Open windows", "Instances of windows that are open and have readings; of sessions, how many.")
                .query(level("windows_open"), "{{stage}}"),
            Panel::graph("State", "Memory that the state of open windows takes.")
                .unit("bytes")
                .query(level("state_bytes"), "{{stage}}"),
            Panel::graph("Rows of windows", "Rows of windows written a second; and those not written because another shard had written them.")
                .unit("cps")
                .query(rate("window_rows_total", "stage"), "{{stage}}")
                .query(
                    rate("window_rows_of_others_total", "stage"),
                    "{{stage}}, another shard's",
                ),
            Panel::graph("Late readings", "Readings a second that were too late for a window, once for each instance.")
                .unit("cps")
                .query(rate("window_late_total", "window"), "{{window}}"),
            Panel::graph("Alerts", "Alerts decided a second, by rule.")
                .unit("cps")
                .query(rate("alerts_total", "rule"), "{{rule}}"),
            Panel::graph("Alerts suppressed", "Alerts a second beyond a rule's rate limit, by rule.")
                .unit("cps")
                .query(rate("alerts_suppressed_total", "rule"), "{{rule}}"),
        ],
    )
}

pub(super) fn sinks() -> Row {
    Row::new(
        "Sinks",
        [
            Panel::graph("Errors", "Attempts a second to write to a sink that failed and are repeated, by sink.")
                .unit("cps")
                .query(rate("sink_errors_total", "sink"), "{{sink}}"),
            Panel::graph("Shards blocked", "Shards that have waited for a sink for more than five seconds.")
                .query(
                    sum(
                        "sink",
                        &PODS.select("sensorstream_processor_sink_blocked_shards"),
                    ),
                    "{{sink}}",
                )
                .steps([(1.0, "red")]),
            Panel::graph("Time blocked", "Seconds that shards waited for a sink that failed, in each second.")
                .unit("s")
                .query(rate("sink_blocked_seconds_total", "sink"), "{{sink}}"),
            Panel::graph("Lake", "Readings a second that went to the lake, in files.")
                .unit("cps")
                .query(rate("lake_rows_total", ""), "readings")
                .query(rate("lake_files_total", ""), "files"),
            Panel::graph("Bytes to the lake", "Bytes a second that went to the lake.")
                .unit("Bps")
                .query(rate("lake_bytes_total", ""), "bytes"),
            Panel::graph("Rows expired", "Readings a second that were deleted because they were older than the table keeps them.")
                .unit("cps")
                .query(rate("rows_expired_total", ""), "rows"),
        ],
    )
}
