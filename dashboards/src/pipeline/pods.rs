//! What the pods take, and how the query API does.

use super::PODS;
use crate::{
    grafana::{Panel, Row},
    promql::sum,
};

pub(super) fn row() -> Row {
    Row::new(
        "Pods",
        [
            Panel::graph("CPU", "Cores that each pod uses.")
                .query(PODS.rate("process_cpu_seconds_total", "pod"), "{{pod}}"),
            Panel::graph("Memory", "Memory that each pod has resident.")
                .unit("bytes")
                .query(
                    sum("pod", &PODS.select("process_resident_memory_bytes")),
                    "{{pod}}",
                ),
            Panel::graph(
                "Restarts",
                "How often each pod's container was started again, in an hour.",
            )
            .query(
                sum(
                    "pod",
                    &format!("changes({}[1h])", PODS.select("process_start_time_seconds")),
                ),
                "{{pod}}",
            ),
        ],
    )
}

pub(super) fn api() -> Row {
    Row::new(
        "Query API",
        [
            Panel::graph(
                "Requests",
                "Requests answered a second, by route and status.",
            )
            .unit("reqps")
            .size(12, 8)
            .query(
                PODS.rate("sensorstream_api_requests_total", "route, status"),
                "{{route}} {{status}}",
            ),
            Panel::graph(
                "Time to answer, 99 %",
                "Time to answer a request: 99 of 100 take no longer. By route.",
            )
            .unit("s")
            .size(12, 8)
            .query(
                PODS.quantile("0.99", "sensorstream_api_request_duration_seconds", "route"),
                "{{route}}",
            ),
            Panel::graph(
                "Requests refused",
                "Requests refused before they were looked at, a second: for want of a login, or for a limit of api.limits.",
            )
            .unit("reqps")
            .size(12, 8)
            .query(
                PODS.rate("sensorstream_api_refused_total", "reason"),
                "{{reason}}",
            ),
            Panel::graph(
                "Streams of events",
                "Open streams of server-sent events, by pod: about one for each dashboard that somebody looks at.",
            )
            .size(12, 8)
            .query(
                sum("pod", &PODS.select("sensorstream_api_event_streams")),
                "{{pod}}",
            ),
        ],
    )
}
