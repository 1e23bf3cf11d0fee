//! The operator: whether it works, what it does, and whether it reaches Kafka and PostgreSQL.

use crate::{
    grafana::{Dashboard, Panel, Row, Source, TAG},
    links,
    promql::{Scope, max, or_zero, sum},
    variables,
};

/// What the dashboard is known by.
pub const UID: &str = "sensorstream-operator";

const OPERATOR: Scope = Scope::Operator;

/// The dashboard.
pub fn dashboard() -> Dashboard {
    Dashboard {
        uid: UID.into(),
        title: "SensorStream / Operator".into(),
        description:
            "The operator: whether it works, what it does, and whether it reaches Kafka and PostgreSQL."
                .into(),
        source: Source::Prometheus,
        tag: TAG,
        variables: variables::operator(),
        links: links::from(UID),
        from: "now-1h",
        rows: vec![overview(), reconciling(), surroundings(), pods()],
    }
}

fn metric(name: &str) -> String {
    OPERATOR.select(&format!("sensorstream_operator_{name}"))
}

fn overview() -> Row {
    Row::new(
        "Overview",
        [
            Panel::number("Leaders", "Replicas that lead. There is to be exactly one.")
                .query(sum("", &metric("leader")), ""),
            Panel::number("Pipelines", "Pipelines that the operator looks after.").query(
                or_zero(&sum(
                    "",
                    &OPERATOR.select_where(
                        "sensorstream_operator_pipelines",
                        r#"condition="SpecValid""#,
                    ),
                )),
                "",
            ),
            Panel::number("Under way", "Reconciles under way or waiting for their turn.")
                .query(sum("", &metric("reconciles_active")), ""),
            Panel::number("Failing", "Reconciles a second that failed and are tried again.")
                .unit("cps")
                .query(
                    or_zero(&OPERATOR.rate_where(
                        "sensorstream_operator_reconciles_total",
                        r#"outcome="failed""#,
                        "",
                    )),
                    "",
                )
                .steps([(0.01, "red")]),
            Panel::number("Backends away", "Kafka clusters and databases that did not answer when last asked.")
                .query(or_zero(&format!("count({} == 0)", metric("endpoint_up"))), "")
                .steps([(1.0, "red")]),
            Panel::number("Certificate ends in", "Time until the webhook's certificate ends. It is renewed when a third of its life is left.")
                .unit("s")
                .query(
                    format!(
                        "min({} > 0) - time()",
                        metric("webhook_certificate_expiry_timestamp_seconds")
                    ),
                    "",
                ),
        ],
    )
}

fn reconciling() -> Row {
    let step = "sensorstream_operator_reconcile_step_duration_seconds";
    Row::new(
        "Reconciling",
        [
            Panel::graph("Reconciles", "Reconciles a second, by outcome.")
                .unit("cps")
                .query(
                    OPERATOR.rate("sensorstream_operator_reconciles_total", "outcome"),
                    "{{outcome}}",
                ),
            Panel::graph(
                "Steps, 99 %",
                "Time that the steps of a reconcile take: 99 of 100 take no longer.",
            )
            .unit("s")
            .query(OPERATOR.quantile("0.99", step, "step"), "{{step}}"),
            Panel::graph(
                "Steps, on average",
                "Time that the steps of a reconcile take, on average.",
            )
            .unit("s")
            .query(
                format!(
                    "{} / {}",
                    OPERATOR.rate(&format!("{step}_sum"), "step"),
                    OPERATOR.rate(&format!("{step}_count"), "step"),
                ),
                "{{step}}",
            ),
        ],
    )
}

fn surroundings() -> Row {
    Row::new(
        "Pipelines and backends",
        [
            Panel::bars(
                "Conditions",
                "Pipelines by the status of each of their conditions.",
            )
            .size(12, 10)
            .query(
                sum("condition, status", &metric("pipelines")),
                "{{condition}}={{status}}",
            ),
            Panel::timeline(
                "Backends",
                "Whether Kafka and PostgreSQL answered when they were asked.",
            )
            .unit("bool_yes_no")
            .size(12, 10)
            .query(
                max("kind, address", &metric("endpoint_up")),
                "{{kind}} {{address}}",
            ),
        ],
    )
}

fn pods() -> Row {
    // Every process has these metrics; only the operator's replicas say whether they lead.
    let own = |query: &str| {
        sum(
            "pod",
            &format!("{query} and on (namespace, pod) {}", metric("leader")),
        )
    };
    Row::new(
        "Pods",
        [
            Panel::timeline("Leader", "Which replica leads.")
                .unit("bool_yes_no")
                .size(6, 8)
                .query(max("pod", &metric("leader")), "{{pod}}"),
            Panel::graph("CPU", "Cores that each replica uses.")
                .size(6, 8)
                .query(
                    own(&format!(
                        "rate({}[$__rate_interval])",
                        OPERATOR.select("process_cpu_seconds_total")
                    )),
                    "{{pod}}",
                ),
            Panel::graph("Memory", "Memory that each replica has resident.")
                .unit("bytes")
                .size(6, 8)
                .query(
                    own(&OPERATOR.select("process_resident_memory_bytes")),
                    "{{pod}}",
                ),
            Panel::graph(
                "Restarts",
                "How often each replica's container was started again, in an hour.",
            )
            .size(6, 8)
            .query(
                own(&format!(
                    "changes({}[1h])",
                    OPERATOR.select("process_start_time_seconds")
                )),
                "{{pod}}",
            ),
        ],
    )
}
