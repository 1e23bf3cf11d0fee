//! What people see of pipelines in Prometheus, Grafana and Jaeger: every panel has an answer, an alert fires and
//! clears, and a reading's trace leads from the producer to the commit.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use sensorstream_crds::{SensorPipeline, SensorPipelineSpec};
use sensorstream_e2e::{
    cluster::OPERATOR_NAMESPACE,
    grafana::{self, Query},
    monitoring,
    pipeline::{environment, example, is_current, schema, table},
    scope::Scope,
    wait::{secs, until},
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Row};

const EXAMPLES: [&str; 4] = ["environment", "factory", "clickstream", "heartbeat"];

/// An example with everything that it declares, and an API.
fn whole_example(scope: &Scope, name: &str) -> SensorPipeline {
    example(scope, name, |spec| {
        spec["api"] = json!({});
        if let Some(lake) = spec["outputs"].get_mut("lake") {
            lake["roll"] = json!({ "size": "1Mi", "every": "5s" });
        }
    })
}

/// The examples at work, each with an API that somebody asks.
async fn examples_at_work(scope: &Scope) {
    for name in EXAMPLES {
        scope.apply(&whole_example(scope, name)).await;
    }
    for name in EXAMPLES {
        scope.until_flowing(name).await;
    }
}

fn shared_dashboard(name: &str) -> Value {
    let path = format!("{}/../dashboards/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).expect("a dashboard is JSON")
}

/// Whether a pipeline has what a query asks for.
fn has(spec: &SensorPipelineSpec, query: &str) -> bool {
    let of_windows = ["_window_late_", "_windows_open", "_state_bytes"];
    (!query.contains("_alerts_") || !spec.rules.is_empty())
        && (!query.contains("sensorstream_api_") || spec.api.is_some())
        && (!of_windows.iter().any(|part| query.contains(part)) || !spec.windows.is_empty())
}

/// Waits until every query that may be asked has an answer that is a number.
async fn until_answered(
    scope: &Scope,
    what: &str,
    queries: Vec<Query>,
    namespace: &str,
    pipeline: &str,
) {
    assert!(!queries.is_empty(), "{what} asks for nothing");
    for Query { panel, text } in queries {
        let asked = grafana::promql(&text, namespace, pipeline);
        until(&format!("{what}, {panel}: {asked}"), secs(90), || async {
            let samples = monitoring::query(&scope.cluster, &asked).await?;
            if samples.iter().any(|sample| !sample.value.is_nan()) {
                Ok(())
            } else {
                Err(format!("{samples:?}"))
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_panel_has_an_answer_for_every_example() {
    let scope = Scope::new("panels").await;
    examples_at_work(&scope).await;
    let callers = EXAMPLES.map(|name| call_now_and_then(&scope, name));
    let looking = async {
        let namespace = scope.namespace.as_str();
        for dashboard in ["fleet", "pipeline", "operator"] {
            let document = shared_dashboard(dashboard);
            let queries = grafana::variables(&document);
            let namespace = if dashboard == "operator" {
                OPERATOR_NAMESPACE
            } else {
                namespace
            };
            until_answered(&scope, dashboard, queries, namespace, ".+").await;
        }
        let fleet = grafana::queries(&shared_dashboard("fleet"), "expr");
        until_answered(&scope, "fleet", fleet, namespace, ".+").await;
        let operator = grafana::queries(&shared_dashboard("operator"), "expr");
        until_answered(&scope, "operator", operator, OPERATOR_NAMESPACE, ".+").await;
        for name in EXAMPLES {
            let spec = scope.pipeline(name).await.spec;
            let mut queries = grafana::queries(&shared_dashboard("pipeline"), "expr");
            queries.retain(|query| has(&spec, &query.text));
            until_answered(&scope, name, queries, namespace, name).await;
        }
    };
    tokio::select! {
        () = looking => {}
        _ = futures::future::join_all(callers) => unreachable!("callers call for ever"),
    }
    scope.close().await;
}

/// Asks a pipeline's API every second, for ever, so that there is something to see.
async fn call_now_and_then(scope: &Scope, name: &str) {
    loop {
        for pod in scope.pods(name, "api").await {
            let _ = scope.http(&pod.name_any(), "/latest").await;
        }
        tokio::time::sleep(secs(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pipeline_has_a_dashboard_of_its_data() {
    let scope = Scope::new("data").await;
    examples_at_work(&scope).await;
    for name in EXAMPLES {
        let dashboard = data_dashboard(&scope, name).await;
        let key = a_key(&scope, &dashboard).await;
        for keys in ["'*'".to_owned(), format!("'{key}'")] {
            for Query { panel, text } in grafana::queries(&dashboard, "rawSql") {
                let asked = |now| grafana::sql(&text, &keys, now);
                until(
                    &format!("{name}, {panel} of {keys}: {text}"),
                    secs(150),
                    || async {
                        let rows = sqlx::query(AssertSqlSafe(asked(Timestamp::now())))
                            .fetch_all(&scope.cluster.postgres)
                            .await;
                        match rows {
                            Ok(rows) if rows.is_empty() => Err("no row".to_owned()),
                            Ok(_) => Ok(()),
                            Err(error) => panic!("{name}, {panel}: {error}"),
                        }
                    },
                )
                .await;
            }
        }
    }
    // It goes with the pipeline, and follows its spec.
    scope
        .edit(
            "environment",
            json!({ "input": { "fields": with_pressure(&scope).await } }),
        )
        .await;
    until("the new field's panel", secs(60), || async {
        let dashboard = data_dashboard(&scope, "environment").await;
        let queries = grafana::queries(&dashboard, "rawSql");
        let shown = queries.iter().any(|query| query.panel == "pressure");
        shown
            .then_some(())
            .ok_or_else(|| "no such panel".to_owned())
    })
    .await;
    scope.close().await;
}

/// The environment's fields and one more.
async fn with_pressure(scope: &Scope) -> Value {
    let mut fields = json!(scope.pipeline("environment").await.spec.input.fields);
    let pressure = json!({ "name": "pressure", "type": "double", "required": false });
    fields.as_array_mut().expect("fields").push(pressure);
    fields
}

/// The dashboard that the operator made for a pipeline, as Grafana's sidecar finds it.
async fn data_dashboard(scope: &Scope, name: &str) -> Value {
    let map: ConfigMap = scope
        .api()
        .get(&format!("{name}-dashboard"))
        .await
        .expect("the pipeline has a dashboard");
    assert_eq!(map.labels()["grafana_dashboard"], "1");
    let files = map.data.expect("a file");
    let file = format!("sensorstream-{}-{name}.json", scope.namespace);
    serde_json::from_str(&files[&file]).expect("a dashboard is JSON")
}

/// One of the senders that the dashboard's variable offers; any, if it has none.
async fn a_key(scope: &Scope, dashboard: &Value) -> String {
    let variables = dashboard["templating"]["list"]
        .as_array()
        .expect("variables");
    let Some(query) = variables
        .iter()
        .find_map(|variable| variable["definition"].as_str())
    else {
        return String::new();
    };
    let query = grafana::sql(query, "", Timestamp::now());
    let row = sqlx::query(AssertSqlSafe(query))
        .fetch_one(&scope.cluster.postgres)
        .await
        .expect("there are senders");
    row.get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_sink_is_alerted_and_the_alert_clears() {
    let scope = Scope::new("alert").await;
    scope.apply(&environment(&scope, "blocked", |_| {})).await;
    scope.until_flowing("blocked").await;
    let firing = format!(
        r#"ALERTS{{alertname="SensorStreamSinkBlocked", alertstate="firing", namespace="{}", pipeline="blocked"}}"#,
        scope.namespace
    );
    assert!(
        monitoring::query(&scope.cluster, &firing)
            .await
            .unwrap()
            .is_empty()
    );

    // Somebody locks the table, as a careless migration would.
    let mut lock = scope.cluster.postgres.begin().await.expect("a transaction");
    let statement = format!(
        "LOCK TABLE \"{}\".\"{}\" IN ACCESS EXCLUSIVE MODE",
        schema(&scope.namespace),
        table("blocked")
    );
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(&mut *lock)
        .await
        .expect("the lock");
    let alert = until("the alert to fire", secs(240), || async {
        let alerts = monitoring::query(&scope.cluster, &firing).await?;
        alerts
            .into_iter()
            .next()
            .ok_or_else(|| "it does not fire".to_owned())
    })
    .await;
    assert_eq!(alert.labels["sink"], "table", "{alert:?}");
    assert_eq!(alert.labels["severity"], "critical", "{alert:?}");
    let blocked = |pipeline: &SensorPipeline| is_current(pipeline, "SinkBlocked", "True");
    scope
        .until_pipeline("blocked", "blocked", 60, blocked)
        .await;

    lock.rollback().await.expect("the lock is given up");
    until("the alert to clear", secs(120), || async {
        let alerts = monitoring::query(&scope.cluster, &firing).await?;
        alerts
            .is_empty()
            .then_some(())
            .ok_or_else(|| format!("{alerts:?}"))
    })
    .await;
    scope.until_flowing("blocked").await;
    scope
        .until_pipeline("blocked", "blocked no more", 60, |pipeline| {
            !blocked(pipeline)
        })
        .await;
    scope.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_leads_from_the_producer_to_the_commit() {
    let scope = Scope::new("trace").await;
    // Traces are found by the names of services, which are the pipeline's.
    let name = scope.namespace.trim_start_matches("t-").to_owned();
    scope
        .apply(&environment(&scope, &name, |spec| {
            spec["simulator"]["rate"] = json!(100);
        }))
        .await;
    scope.until_flowing(&name).await;
    let producer = format!("{name}-producer");
    let whole = until("a trace from send to commit", secs(120), || async {
        let traces = monitoring::traces(&scope.cluster, &producer, &[]).await?;
        let whole = traces
            .iter()
            .find_map(|trace| send_process_commit(trace, &name));
        whole.ok_or_else(|| format!("{} traces, none whole", traces.len()))
    })
    .await;
    let [send, process, commit] = &whole;
    assert_eq!(tag(send, "span.kind"), "producer");
    assert_eq!(tag(process, "span.kind"), "consumer");
    assert_eq!(tag(process, "sensorstream.outcome"), "accepted");
    // Where the broker put the record, the processor found it.
    for attribute in [
        "messaging.kafka.offset",
        "messaging.destination.partition.id",
    ] {
        assert_eq!(tag(send, attribute), tag(process, attribute), "{attribute}");
    }
    let time = |span: &Value| span["startTime"].as_u64().expect("a time");
    assert!(time(send) <= time(process) && time(process) <= time(commit));

    let reconciled = until("a trace of a reconcile", secs(60), || async {
        let tags = json!({ "pipeline": name }).to_string();
        let traces = monitoring::traces(
            &scope.cluster,
            "sensorstream-operator",
            &[("operation", "reconcile"), ("tags", &tags)],
        )
        .await?;
        let steps = traces.iter().map(steps).find(|steps| steps.len() == 5);
        steps.ok_or_else(|| format!("{} traces", traces.len()))
    })
    .await;
    assert_eq!(
        reconciled,
        ["observe", "validate", "plan", "apply", "status"]
    );
    scope.close().await;
}

/// The spans of a record's way, each the child of the one before, if the trace has all of them.
fn send_process_commit(trace: &Value, name: &str) -> Option<[Value; 3]> {
    let spans = trace["spans"].as_array()?;
    let by = |service: &str, operation: &str, parent: Option<&Value>| {
        let found = spans.iter().find(|span| {
            let process = span["processID"].as_str().unwrap_or_default();
            trace["processes"][process]["serviceName"] == format!("{name}-{service}")
                && span["operationName"]
                    .as_str()
                    .is_some_and(|name| name.starts_with(operation))
                && parent.is_none_or(|parent| span["references"][0]["spanID"] == parent["spanID"])
        });
        found.cloned()
    };
    let send = by("producer", "send ", None)?;
    let process = by("processor", "process ", Some(&send))?;
    let commit = by("processor", "commit", Some(&process))?;
    Some([send, process, commit])
}

/// The steps of a reconcile, in their order, but for the writing of the status.
fn steps(trace: &Value) -> Vec<String> {
    let spans = trace["spans"].as_array().cloned().unwrap_or_default();
    let known = ["observe", "validate", "plan", "apply", "status"];
    let mut steps: Vec<(u64, String)> = spans
        .iter()
        .filter_map(|span| {
            let name = span["operationName"].as_str()?;
            known
                .contains(&name)
                .then_some((span["startTime"].as_u64()?, name.to_owned()))
        })
        .collect();
    steps.sort_by_key(|(time, _)| *time);
    steps.into_iter().map(|(_, name)| name).collect()
}

fn tag(span: &Value, name: &str) -> String {
    let tags = span["tags"].as_array().expect("tags");
    let found = tags.iter().find(|tag| tag["key"] == name);
    let value = &found.unwrap_or_else(|| panic!("no {name} in {span}"))["value"];
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
