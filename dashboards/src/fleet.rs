//! All pipelines at a glance: which are well, whether data flows, and who is behind.

use crate::{
    grafana::{Column, Dashboard, Panel, Row, Source, TAG},
    links,
    promql::{Scope, max, or_zero, sum},
    variables,
};

/// What the dashboard is known by.
pub const UID: &str = "sensorstream-fleet";

const FLEET: Scope = Scope::Fleet;
/// What tells one pipeline from another.
const EACH: &str = "namespace, pipeline";
const NAME: &str = "{{namespace}}/{{pipeline}}";

/// The dashboard.
pub fn dashboard() -> Dashboard {
    Dashboard {
        uid: UID.into(),
        title: "SensorStream / Fleet".into(),
        description: "All pipelines: which are well, whether data flows, and who is behind.".into(),
        source: Source::Prometheus,
        tag: TAG,
        variables: variables::fleet(),
        links: links::from(UID),
        from: "now-1h",
        rows: vec![overview(), pipelines(), flow(), delay(), pods()],
    }
}

/// One for each pipeline of which the condition has the status, with the labels that the pods' metrics have.
fn condition(type_: &str, status: &str) -> String {
    let matchers = format!(r#"condition="{type_}", status=~"{status}""#);
    let selected =
        Scope::Conditions.select_where("sensorstream_operator_pipeline_condition", &matchers);
    max(
        EACH,
        &format!(r#"label_replace({selected}, "namespace", "$1", "pipeline_namespace", "(.+)")"#),
    )
}

/// One for each pipeline of which the condition is true, and zero for the others.
fn truth(type_: &str) -> String {
    format!(
        "{} or 0 * {}",
        condition(type_, "True"),
        condition(type_, ".+")
    )
}

fn how_many(type_: &str, status: &str) -> String {
    or_zero(&format!("count({})", condition(type_, status)))
}

fn records(by: &str) -> String {
    FLEET.rate_where(
        "sensorstream_processor_records_read_total",
        r#"stage="input""#,
        by,
    )
}

/// The share of dead letters among the records read; late readings are no such share, for they are accepted.
fn dead_letter_share(by: &str) -> String {
    let dead = FLEET.rate_where(
        "sensorstream_processor_records_dead_lettered_total",
        r#"stage="input", reason!~"late|idle""#,
        by,
    );
    format!("{dead} / ({} > 0)", records(by))
}

fn watermark_delay(by: &str) -> String {
    let watermark = FLEET.select_where(
        "sensorstream_processor_watermark_timestamp_seconds",
        r#"stage="input""#,
    );
    max(by, &format!("time() - {watermark}"))
}

fn overview() -> Row {
    Row::new(
        "Overview",
        [
            Panel::number("Pipelines", "Pipelines that the operator looks after.")
                .query(how_many("Ready", ".+"), ""),
            Panel::number("Not ready", "Pipelines that are not ready, those aside that are stopped as asked. The table below says which.")
                .query(
                    or_zero(&format!(
                        "count({})",
                        max("pipeline_namespace, pipeline", &Scope::Conditions.select_where(
                            "sensorstream_operator_pipeline_condition",
                            r#"condition="Ready", status!="True", reason!~"Pausing|Paused|Draining|Drained""#,
                        ))
                    )),
                    "",
                )
                .steps([(1.0, "red")]),
            Panel::number("No data flowing", "Pipelines into which nothing came lately. A pipeline without input is healthy and idle.")
                .query(how_many("DataFlowing", "False|Unknown"), "")
                .steps([(1.0, "yellow")]),
            Panel::number("Records", "Records committed a second, of all pipelines.")
                .unit("cps")
                .query(records(""), ""),
            Panel::number("Lag", "Records that wait in the topics, of all pipelines.")
                .query(FLEET.lag(""), "")
                .steps([(10_000.0, "yellow"), (1_000_000.0, "red")]),
            Panel::number("Alerts firing", "Alerts of SensorStream that fire now.")
                .query(
                    or_zero(r#"count(ALERTS{alertname=~"SensorStream.+", alertstate="firing"})"#),
                    "",
                )
                .steps([(1.0, "red")]),
        ],
    )
}

fn pipelines() -> Row {
    let column = |title, unit, steps: &[(f64, &'static str)]| Column {
        title,
        unit,
        link: None,
        steps: steps.to_vec(),
    };
    let columns = vec![
        Column {
            link: Some(
                "/d/sensorstream-pipeline?${datasource:queryparam}&var-namespace=${__data.fields.namespace}&var-pipeline=${__data.fields.pipeline}&${__url_time_range}",
            ),
            ..column("Ready", "bool_yes_no", &[])
        },
        column("Data flows", "bool_yes_no", &[]),
        column("Records/s", "cps", &[]),
        column(
            "Lag",
            "short",
            &[(10_000.0, "yellow"), (1_000_000.0, "red")],
        ),
        column("Watermark delay", "s", &[]),
        column(
            "Dead letters",
            "percentunit",
            &[(0.01, "yellow"), (0.05, "red")],
        ),
    ];
    let table = Panel::table(
        "Pipelines",
        "A row for each pipeline, as the operator and the pods say. `Ready` leads to it in depth.",
        columns,
    );
    let queries = [
        truth("Ready"),
        truth("DataFlowing"),
        records(EACH),
        FLEET.lag(EACH),
        watermark_delay(EACH),
        dead_letter_share(EACH),
    ];
    let table = queries
        .into_iter()
        .fold(table, |table, query| table.query(query, ""));
    Row::new("Pipelines", [table])
}

fn flow() -> Row {
    Row::new(
        "Flow",
        [
            Panel::graph("Records read", "Records committed a second, by pipeline.")
                .unit("cps")
                .query(records(EACH), NAME),
            Panel::graph(
                "Dead letters",
                "The share of records that could not be used, by pipeline.",
            )
            .unit("percentunit")
            .query(dead_letter_share(EACH), NAME)
            .steps([(0.05, "red")]),
            Panel::timeline(
                "Ready",
                "Whether each pipeline was ready. A gap: the operator said nothing.",
            )
            .unit("bool_yes_no")
            .size(8, 8)
            .query(truth("Ready"), NAME),
        ],
    )
}

fn delay() -> Row {
    Row::new(
        "Delay",
        [
            Panel::graph("Lag", "Records in the topic that are not committed yet, by pipeline.")
                .query(FLEET.lag(EACH), NAME),
            Panel::graph(
                "Watermark delay",
                "How far the event time up to which readings are complete is behind the present, by pipeline: of its partitions, the one that is furthest behind. It grows while a partition has no input.",
            )
            .unit("s")
            .query(watermark_delay(EACH), NAME),
            Panel::graph(
                "Record to commit, 99 %",
                "Time from when Kafka has a record until it is committed: 99 of 100 take no longer. By pipeline.",
            )
            .unit("s")
            .query(
                FLEET.quantile_where(
                    "0.99",
                    "sensorstream_processor_record_to_commit_duration_seconds",
                    r#"stage="input""#,
                    EACH,
                ),
                NAME,
            ),
        ],
    )
}

fn pods() -> Row {
    Row::new(
        "Pods",
        [
            Panel::graph("CPU", "Cores that the pods of each pipeline use.")
                .query(FLEET.rate("process_cpu_seconds_total", EACH), NAME),
            Panel::graph("Memory", "Memory that the pods of each pipeline have resident.")
                .unit("bytes")
                .query(
                    sum(EACH, &FLEET.select("process_resident_memory_bytes")),
                    NAME,
                ),
            Panel::graph("Restarts", "How often containers of each pipeline were started again, in an hour. A pod that is replaced is another pod.")
                .query(
                    sum(
                        EACH,
                        &format!("changes({}[1h])", FLEET.select("process_start_time_seconds")),
                    ),
                    NAME,
                ),
        ],
    )
}
