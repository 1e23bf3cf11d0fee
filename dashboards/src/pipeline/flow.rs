//! What became of records.

use super::PODS;
use crate::{
    grafana::{Panel, Row},
    promql::or_zero,
};

pub(super) fn row() -> Row {
    let rate = |metric: &str, by: &str| {
        PODS.rate_where(
            &format!("sensorstream_processor_{metric}"),
            r#"stage="input""#,
            by,
        )
    };
    Row::new(
        "What became of records",
        [
            Panel::graph(
                "Records",
                "Records committed a second, and what became of them: read = accepted + dead letters + dropped. Late readings are accepted.",
            )
            .unit("cps")
            .query(rate("records_read_total", ""), "read")
            .query(rate("records_accepted_total", ""), "accepted")
            .query(
                PODS.rate_where(
                    "sensorstream_processor_records_dead_lettered_total",
                    r#"stage="input", reason!~"late|idle""#,
                    "",
                ),
                "dead letters",
            )
            .query(or_zero(&rate("records_dropped_total", "")), "dropped"),
            Panel::graph("Dead letters", "Dead letters a second, by reason.")
                .unit("cps")
                .stacked()
                .query(rate("records_dead_lettered_total", "reason"), "{{reason}}"),
            Panel::graph("Sent to topics", "Records a second that output topics were sent, by output.")
                .unit("cps")
                .query(rate("records_sent_total", "output"), "{{output}}"),
            Panel::graph("Bytes read", "Bytes of keys and values committed a second, by stage.")
                .unit("Bps")
                .query(
                    PODS.rate("sensorstream_processor_read_bytes_total", "stage"),
                    "{{stage}}",
                ),
            Panel::graph("Records by partition", "Records committed a second, by partition of the input topic.")
                .unit("cps")
                .query(rate("records_read_total", "partition"), "{{partition}}"),
            Panel::graph(
                "Repeated",
                "Records read again a second to rebuild the state of windows, after a partition moved.",
            )
            .unit("cps")
            .query(
                PODS.rate("sensorstream_processor_records_repeated_total", "stage"),
                "{{stage}}",
            ),
        ],
    )
}

pub(super) fn simulator() -> Row {
    let rate = |metric: &str, by: &str| PODS.rate(&format!("sensorstream_producer_{metric}"), by);
    Row::new(
        "Simulator",
        [
            Panel::graph(
                "Sent",
                "Records a second that Kafka acknowledged, by what they are.",
            )
            .unit("cps")
            .stacked()
            .query(rate("records_sent_total", "kind"), "{{kind}}"),
            Panel::graph(
                "Errors",
                "Errors and repetitions a second. What could not be sent is sent again.",
            )
            .unit("cps")
            .query(rate("errors_total", "cause"), "{{cause}}")
            .query(rate("retries_total", ""), "records sent again"),
            Panel::graph(
                "Buffered",
                "Records that were made and that Kafka has not acknowledged yet.",
            )
            .query(
                crate::promql::sum("", &PODS.select("sensorstream_producer_buffered_records")),
                "records",
            ),
        ],
    )
}
