//! What is chosen at the top of the dashboards that ask Prometheus: the variables behind each
//! [`Scope`](crate::promql::Scope).

use crate::grafana::Variable;

/// All that there are.
const ANY: &str = ".+";

/// The jobs that scrape pipelines and the operator. With the Prometheus operator these are two.
fn job() -> Variable {
    Variable::several(
        "job",
        "Job",
        r#"label_values({__name__=~"sensorstream_(processor_shards_owned|operator_leader)"}, job)"#,
        // These jobs, not any: other programs have metrics of their processes too.
        "",
    )
}

// By what the operator says: a pipeline without a pod is one that people look for.
const NAMESPACES: &str =
    r#"label_values(sensorstream_operator_pipeline_condition{job=~"$job"}, pipeline_namespace)"#;
const PIPELINES: &str = r#"label_values(sensorstream_operator_pipeline_condition{job=~"$job", pipeline_namespace=~"$namespace"}, pipeline)"#;

/// Of [`Scope::Fleet`](crate::promql::Scope::Fleet): any of the pipelines.
pub fn fleet() -> Vec<Variable> {
    vec![
        job(),
        Variable::several("namespace", "Namespace", NAMESPACES, ANY),
        Variable::several("pipeline", "Pipeline", PIPELINES, ANY),
    ]
}

/// Of [`Scope::Pods`](crate::promql::Scope::Pods): one pipeline, and any of its pods.
pub fn pods() -> Vec<Variable> {
    vec![
        job(),
        Variable::one("namespace", "Namespace", NAMESPACES),
        Variable::one("pipeline", "Pipeline", PIPELINES),
        Variable::several(
            "pod",
            "Pod",
            r#"label_values(process_start_time_seconds{job=~"$job", namespace=~"$namespace", pipeline=~"$pipeline"}, pod)"#,
            ANY,
        ),
    ]
}

/// Of [`Scope::Operator`](crate::promql::Scope::Operator): any of its pods.
pub fn operator() -> Vec<Variable> {
    vec![
        job(),
        Variable::several(
            "namespace",
            "Namespace",
            r#"label_values(sensorstream_operator_leader{job=~"$job"}, namespace)"#,
            ANY,
        ),
        Variable::several(
            "pod",
            "Pod",
            r#"label_values(sensorstream_operator_leader{job=~"$job", namespace=~"$namespace"}, pod)"#,
            ANY,
        ),
    ]
}
