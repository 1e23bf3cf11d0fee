//! Partitions: how far behind they are, how they are committed, and who owns them.

use super::PODS;
use crate::{
    grafana::{Panel, Row},
    promql::{max, sum},
};

const PARTITION: &str = "stage, partition";
const PARTITION_NAME: &str = "{{stage}} {{partition}}";

pub(super) fn delay() -> Row {
    let watermark = PODS.select("sensorstream_processor_watermark_timestamp_seconds");
    Row::new(
        "Delay",
        [
            Panel::graph("Lag by partition", "Records between the end of the topic and what is committed.")
                .query(
                    max(PARTITION, &PODS.select("sensorstream_processor_lag_records")),
                    PARTITION_NAME,
                ),
            Panel::graph(
                "Watermark delay by partition",
                "How far the event time up to which readings are complete is behind the present. It grows while a partition has no input.",
            )
            .unit("s")
            .query(
                max(PARTITION, &format!("time() - {watermark}")),
                PARTITION_NAME,
            ),
            quantiles(
                "Record to commit",
                "Time from when Kafka has a record until it is committed.",
                "sensorstream_processor_record_to_commit_duration_seconds",
                STAGES,
            ),
            quantiles(
                "Event to commit",
                "Time from when a reading was taken until it is committed: what is on the way to Kafka counts too.",
                "sensorstream_processor_event_to_commit_duration_seconds",
                // Messages of the first stage have no event time of their own.
                r#"stage="input""#,
            ),
        ]
        .map(|panel| panel.size(6, 8)),
    )
}

pub(super) fn commits() -> Row {
    Row::new(
        "Commits",
        [
            quantiles(
                "Commit duration",
                "Time of a commit, repetitions included.",
                "sensorstream_processor_commit_duration_seconds",
                STAGES,
            ),
            Panel::graph("Commit size", "Records in a commit, on average.")
                .query(
                    format!(
                        "{} / {}",
                        PODS.rate("sensorstream_processor_commit_size_records_sum", "stage"),
                        PODS.rate("sensorstream_processor_commit_size_records_count", "stage"),
                    ),
                    "{{stage}}",
                ),
            Panel::graph(
                "Commits",
                "Commits a second; those that were tried again; and those that were refused because the shard had another owner.",
            )
            .unit("cps")
            .query(
                PODS.rate("sensorstream_processor_commit_duration_seconds_count", "stage"),
                "{{stage}}",
            )
            .query(
                PODS.rate("sensorstream_processor_commit_retries_total", "stage"),
                "{{stage}}, tried again",
            )
            .query(
                PODS.rate("sensorstream_processor_stale_commits_total", "stage"),
                "{{stage}}, refused",
            ),
        ],
    )
}

pub(super) fn group() -> Row {
    Row::new(
        "Consumer groups",
        [
            Panel::graph("Shards owned", "Partitions that each pod has. Their sum is the topic's.")
                .stacked()
                .query(
                    sum(
                        "stage, pod",
                        &PODS.select("sensorstream_processor_shards_owned"),
                    ),
                    "{{stage}} {{pod}}",
                ),
            Panel::graph("Shards halted", "Partitions that stand still because records were lost.")
                .query(
                    sum(
                        "stage, pod",
                        &PODS.select("sensorstream_processor_shards_halted"),
                    ),
                    "{{stage}} {{pod}}",
                )
                .steps([(1.0, "red")]),
            Panel::graph(
                "Rebalances",
                "Assignments and revocations of partitions in an hour, and how often a pod joined its group anew because reading could not go on.",
            )
            .query(hourly("rebalances_total"), "{{stage}}, rebalances")
            .query(hourly("rejoins_total"), "{{stage}}, joined anew"),
        ],
    )
}

fn hourly(metric: &str) -> String {
    let metric = PODS.select(&format!("sensorstream_processor_{metric}"));
    sum("stage", &format!("increase({metric}[1h])"))
}

/// Both stages of a pipeline.
const STAGES: &str = r#"stage=~"input|link""#;

fn quantiles(title: &str, description: &str, metric: &str, stages: &str) -> Panel {
    let panel = Panel::graph(
        title,
        format!("{description} Half and 99 of 100 take no longer."),
    )
    .unit("s");
    [("0.5", "50 %"), ("0.99", "99 %")]
        .into_iter()
        .fold(panel, |panel, (q, name)| {
            panel.query(
                PODS.quantile_where(q, metric, stages, "stage"),
                format!("{{{{stage}}}}, {name}"),
            )
        })
}
