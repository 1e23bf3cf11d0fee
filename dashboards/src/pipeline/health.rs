//! How the pipeline is, in a few numbers.

use super::PODS;
use crate::{
    grafana::{Panel, Row},
    promql::{Scope, max, or_zero, sum},
};

pub(super) fn row() -> Row {
    let conditions = Scope::Conditions.select("sensorstream_operator_pipeline_condition");
    let watermark = PODS.select_where(
        "sensorstream_processor_watermark_timestamp_seconds",
        r#"stage="input""#,
    );
    let records = PODS.rate_where(
        "sensorstream_processor_records_read_total",
        r#"stage="input""#,
        "",
    );
    let dead = PODS.rate_where(
        "sensorstream_processor_records_dead_lettered_total",
        r#"stage="input", reason!~"late|idle""#,
        "",
    );
    Row::new(
        "Health",
        [
            Panel::table(
                "Conditions",
                "What the operator says of the pipeline, as `kubectl describe` shows it too.",
                vec![],
            )
            .size(12, 8)
            .query(max("condition, status, reason", &conditions), ""),
            Panel::number("Records", "Records committed a second.")
                .unit("cps")
                .query(&records, ""),
            Panel::number("Lag", "Records in the topics that are not committed yet.")
                .query(PODS.lag(""), "")
                .steps([(10_000.0, "yellow"), (1_000_000.0, "red")]),
            Panel::number(
                "Watermark delay",
                "How far the event time up to which readings are complete is behind the present, of the partition that is furthest behind.",
            )
            .unit("s")
            .query(max("", &format!("time() - {watermark}")), ""),
            Panel::number("Dead letters", "The share of records that could not be used.")
                .unit("percentunit")
                .query(format!("{dead} / ({records} > 0) or vector(0)"), "")
                .steps([(0.01, "yellow"), (0.05, "red")]),
            Panel::number(
                "Unaccounted",
                "Records read that are neither accepted nor dead letters nor dropped. Anything but zero is a fault of SensorStream.",
            )
            .query(
                or_zero(&sum(
                    "",
                    &format!(
                        "abs({})",
                        PODS.select("sensorstream_processor_records_unaccounted")
                    ),
                )),
                "",
            )
            .steps([(1.0, "red")]),
            Panel::number("Lost", "Offsets that vanished from the topics before they were read, while the dashboard's time passed.")
                .query(PODS.grown("sensorstream_processor_offsets_lost_total"), "")
                .steps([(1.0, "red")]),
        ],
    )
}
