//! What a pipeline goes through on a cluster: applied, edited, paused, drained, scaled, deleted.

use k8s_openapi::api::{apps::v1::Deployment, core::v1::ConfigMap};
use kube::{
    ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams},
};
use sensorstream_e2e::{
    counts::{sent, table_count, topic_partitions, topics},
    pipeline::{
        condition, dead_letter_topic, environment, example, input_topic, is_current, many_devices,
        schema,
    },
    scope::Scope,
    wait::{secs, until},
};
use serde_json::{Value, json};
use sqlx::Row;

#[tokio::test(flavor = "multi_thread")]
async fn apply_runs_from_simulator_to_api() {
    let scope = Scope::new("apply").await;
    scope
        .apply(&environment(&scope, "env", |spec| spec["api"] = json!({})))
        .await;
    let pipeline = scope.until_flowing("env").await;
    let status = pipeline.status.unwrap();
    assert!(
        status
            .conditions
            .iter()
            .all(|c| c.observed_generation == pipeline.metadata.generation)
    );
    assert_eq!(status.replicas, Some(1));

    // The named columns first, in the spec's order, then the system's.
    let columns: Vec<String> = sqlx::query_scalar(
        "SELECT column_name::text FROM information_schema.columns
          WHERE table_schema = $1 AND table_name = 'env' ORDER BY ordinal_position",
    )
    .bind(schema(&scope.namespace))
    .fetch_all(&scope.cluster.postgres)
    .await
    .unwrap();
    assert_eq!(
        columns[..4],
        ["sensor_id", "timestamp", "temperature", "humidity"]
    );
    assert!(
        columns[4..].iter().all(|column| column.starts_with('_')),
        "{columns:?}"
    );
    let index: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_indexes WHERE schemaname = $1 AND indexdef LIKE '%(\"timestamp\" DESC)%'",
    )
    .bind(schema(&scope.namespace))
    .fetch_one(&scope.cluster.postgres)
    .await
    .unwrap();
    assert_eq!(index, 1, "an index on timestamp DESC");

    // The API answers with what the table holds.
    let pod = scope.pods("env", "api").await.remove(0).name_any();
    let latest: Value = serde_json::from_str(&scope.http(&pod, "/latest").await.unwrap()).unwrap();
    assert_eq!(latest["sensor_id"], "sensor-001");
    assert!(
        (20.0..=30.0).contains(&latest["temperature"].as_f64().unwrap()),
        "{latest}"
    );
    let history = scope.http(&pod, "/history?limit=5").await.unwrap();
    let history: Vec<Value> = serde_json::from_str(&history).unwrap();
    assert_eq!(history.len(), 5);
    assert!(history.is_sorted_by_key(|reading| reading["timestamp"].as_str().unwrap().to_owned()));
    scope.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heartbeat_numbers_its_rows() {
    let scope = Scope::new("heartbeat").await;
    let pipeline = example(&scope, "heartbeat", |spec| spec["api"] = json!({}));
    scope.apply(&pipeline).await;
    scope.until_flowing("heartbeat").await;

    let columns: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT column_name::text, data_type::text, concat_ws(' ', is_nullable, identity_generation)
           FROM information_schema.columns
          WHERE table_schema = $1 AND table_name = 'heartbeats' ORDER BY ordinal_position",
    )
    .bind(schema(&scope.namespace))
    .fetch_all(&scope.cluster.postgres)
    .await
    .unwrap();
    let columns: Vec<[&str; 3]> = columns.iter().map(|(n, t, o)| [&**n, t, o]).collect();
    assert_eq!(
        columns[..5],
        [
            ["id", "bigint", "NO ALWAYS"],
            ["patient_id", "integer", "NO"],
            ["timestamp", "timestamp with time zone", "NO"],
            ["heart_rate", "integer", "NO"],
            ["status", "text", "YES"],
        ]
    );
    assert!(
        columns[5..].iter().all(|[name, ..]| name.starts_with('_')),
        "{columns:?}"
    );
    let query = format!(
        "SELECT count(*), count(DISTINCT id) FROM \"{}\".heartbeats",
        schema(&scope.namespace)
    );
    let (rows, numbers): (i64, i64) = sqlx::query_as(sqlx::AssertSqlSafe(query))
        .fetch_one(&scope.cluster.postgres)
        .await
        .unwrap();
    assert!(rows > 0);
    assert_eq!(rows, numbers, "every row has a number of its own");

    // A patient's minutes are of the patient's readings.
    let query = format!(
        "SELECT count(*), count(*) FILTER (WHERE avg_heart_rate BETWEEN min_heart_rate AND max_heart_rate)
           FROM \"{}\".patient_minutes",
        schema(&scope.namespace)
    );
    until("the patients' minutes", secs(60), || async {
        let minutes: (i64, i64) = sqlx::query_as(sqlx::AssertSqlSafe(query.clone()))
            .fetch_one(&scope.cluster.postgres)
            .await
            .unwrap();
        match minutes {
            (all, sound) if all > 0 && all == sound => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;

    // The number is no part of a reading.
    let pod = scope.pods("heartbeat", "api").await.remove(0).name_any();
    let latest: Value = serde_json::from_str(&scope.http(&pod, "/latest").await.unwrap()).unwrap();
    let members: Vec<&str> = latest
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(members, ["patient_id", "timestamp", "heart_rate", "status"]);
    scope.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_take_effect_without_a_gap() {
    let scope = Scope::new("edit").await;
    scope
        .apply(&environment(&scope, "env", |spec| {
            spec["simulator"]["rate"] = json!(50);
        }))
        .await;
    scope.until_flowing("env").await;
    let mut fields = scope.pipeline("env").await.spec.input.fields;
    let mut field = fields[3].clone();
    field.name = "pressure".into();
    field.required = false;
    fields.push(field);
    let spec = json!({
        "input": { "fields": fields, "topic": { "partitions": 3 } },
        "simulator": { "rate": 80 }
    });
    scope.edit("env", spec).await;
    scope.until_flowing("env").await;
    let nullable: String = sqlx::query_scalar(
        "SELECT is_nullable::text FROM information_schema.columns
          WHERE table_schema = $1 AND table_name = 'env' AND column_name = 'pressure'",
    )
    .bind(schema(&scope.namespace))
    .fetch_one(&scope.cluster.postgres)
    .await
    .unwrap();
    assert_eq!(nullable, "YES");
    let topic = input_topic(&scope.namespace, "env");
    assert_eq!(
        topic_partitions(&scope.cluster.kafka, &topic).await.len(),
        3
    );
    drain_and_compare(&scope, "env").await;
    scope.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paused_stops_everything_but_the_api_and_resumes() {
    let scope = Scope::new("pause").await;
    scope
        .apply(&environment(&scope, "env", |spec| spec["api"] = json!({})))
        .await;
    scope.until_flowing("env").await;
    scope.edit("env", json!({ "state": "Paused" })).await;
    let paused = scope
        .until_pipeline("env", "paused", 60, |p| is_current(p, "Stopped", "True"))
        .await;
    assert_eq!(condition(&paused, "DataFlowing").unwrap().0, "False");
    assert!(scope.pods("env", "processor").await.is_empty());
    assert!(scope.pods("env", "producer").await.is_empty());
    assert_eq!(scope.pods("env", "api").await.len(), 1);
    scope.edit("env", json!({ "state": "Running" })).await;
    let resumed = scope.until_flowing("env").await;
    assert!(condition(&resumed, "Stopped").is_none_or(|(status, _)| status == "False"));
    drain_and_compare(&scope, "env").await;
    scope.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scaling_up_and_down_loses_and_doubles_nothing() {
    let scope = Scope::new("scale").await;
    let pipeline = environment(&scope, "env", |spec| {
        many_devices(spec, 60);
        spec["input"]["topic"]["partitions"] = json!(3);
        spec["simulator"]["rate"] = json!(300);
    });
    scope.apply(&pipeline).await;
    scope.until_flowing("env").await;
    for replicas in [3, 1] {
        scope
            .edit("env", json!({ "processor": { "replicas": replicas } }))
            .await;
        scope
            .until_pipeline("env", &format!("at {replicas} replicas"), 120, |p| {
                is_current(p, "Ready", "True")
                    && p.status.as_ref().unwrap().replicas == Some(replicas)
            })
            .await;
        // Whoever owns the shards now, all three move.
        let owners = owners(&scope).await;
        until("every partition to move on", secs(60), || async {
            let now = self::owners(&scope).await;
            let moved = now.len() == 3
                && now.iter().all(|(p, _, offset)| {
                    owners
                        .iter()
                        .any(|(q, _, before)| p == q && offset > before)
                });
            if moved {
                Ok(())
            } else {
                Err(format!("{now:?}"))
            }
        })
        .await;
    }
    drain_and_compare(&scope, "env").await;
    scope.close().await;
}

/// Partition, owner and next offset of each shard of the scope.
async fn owners(scope: &Scope) -> Vec<(i32, String, i64)> {
    sqlx::query(
        "SELECT partition, owner, next_offset FROM sensorstream.shards WHERE pipeline LIKE $1",
    )
    .bind(format!("{}/%", scope.namespace))
    .fetch_all(&scope.cluster.postgres)
    .await
    .unwrap()
    .iter()
    .map(|row| (row.get(0), row.get(1), row.get(2)))
    .collect()
}

/// Drains the pipeline and holds the table against the topic: every record a row, exactly once.
async fn drain_and_compare(scope: &Scope, name: &str) {
    scope.edit(name, json!({ "state": "Drained" })).await;
    let drained = scope
        .until_pipeline(name, "drained", 120, |p| is_current(p, "Stopped", "True"))
        .await;
    let (_, reason) = condition(&drained, "Stopped").unwrap();
    assert_eq!(reason, "Drained");
    let topic = input_topic(&scope.namespace, name);
    let ends = topic_partitions(&scope.cluster.kafka, &topic).await;
    let targets = &drained
        .status
        .as_ref()
        .unwrap()
        .stop
        .as_ref()
        .unwrap()
        .targets;
    assert_eq!(
        targets
            .iter()
            .map(|t| (t.partition, t.offset))
            .collect::<Vec<_>>(),
        ends.clone().into_iter().collect::<Vec<_>>()
    );
    let count = table_count(scope, name).await;
    assert_eq!(count.rows, count.sources, "no reading twice");
    let counts = drained.status.unwrap().records.unwrap();
    assert_eq!(counts.accepted, count.rows);
    assert_eq!(
        counts.read,
        counts.accepted + counts.dead_lettered + counts.dropped
    );
    // An idempotent producer leaves no gaps: a record an offset.
    assert_eq!(count.rows, ends.values().sum::<i64>());
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_with_retain_and_made_again_goes_on() {
    let scope = Scope::new("retain").await;
    let pipeline = environment(&scope, "env", |spec| spec["simulator"]["rate"] = json!(100));
    scope.apply(&pipeline).await;
    scope.until_flowing("env").await;
    scope.delete("env", 90).await;
    let topic = input_topic(&scope.namespace, "env");
    assert!(
        topics(&scope.cluster.kafka, &topic).await.contains(&topic),
        "the topic stays"
    );
    assert!(table_count(&scope, "env").await.rows > 0, "the table stays");
    assert!(
        scope
            .api::<Deployment>()
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
    scope.apply(&pipeline).await;
    scope.until_flowing("env").await;
    drain_and_compare(&scope, "env").await;
    scope.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_with_delete_leaves_nothing() {
    let scope = Scope::new("delete").await;
    scope
        .apply(&environment(&scope, "env", |spec| {
            spec["deletionPolicy"] = json!("Delete");
        }))
        .await;
    scope.until_flowing("env").await;
    scope.delete("env", 90).await;
    assert_eq!(
        topics(&scope.cluster.kafka, &scope.namespace).await,
        Vec::<String>::new()
    );
    for (what, query) in [
        (
            "tables",
            "SELECT count(*) FROM information_schema.tables WHERE table_schema || '/' = $1",
        ),
        (
            "shards",
            "SELECT count(*) FROM sensorstream.shards WHERE starts_with(pipeline, $1)",
        ),
        (
            "claims",
            "SELECT count(*) FROM sensorstream.claims WHERE starts_with(pipeline, $1)",
        ),
    ] {
        let prefix = match what {
            "tables" => format!("{}/", schema(&scope.namespace)),
            _ => format!("{}/", scope.namespace),
        };
        let count: i64 = sqlx::query_scalar(query)
            .bind(prefix)
            .fetch_one(&scope.cluster.postgres)
            .await
            .unwrap();
        assert_eq!(count, 0, "{what} are left");
    }
    scope.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deletion_ends_when_kafka_was_never_there() {
    let scope = Scope::new("nokafka").await;
    let pipeline = environment(&scope, "env", |spec| {
        spec["kafka"]["bootstrapServers"] = json!("nowhere:9092");
        spec["deletionPolicy"] = json!("Delete");
    });
    scope.apply(&pipeline).await;
    scope
        .until_pipeline("env", "waiting for Kafka", 60, |p| {
            condition(p, "TopicsReady").is_some_and(|(status, _)| status != "True")
                && is_current(p, "Ready", "False")
        })
        .await;
    scope.delete("env", 90).await;
    until(
        "an event that names what was orphaned",
        secs(10),
        || async {
            let events = scope.events("env").await;
            let orphaned = events
                .iter()
                .any(|event| event.reason.as_deref() == Some("Orphaned"));
            if orphaned {
                Ok(())
            } else {
                Err(format!(
                    "{:?}",
                    events.iter().map(|e| &e.reason).collect::<Vec<_>>()
                ))
            }
        },
    )
    .await;
    scope.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_put_back() {
    let scope = Scope::new("drift").await;
    scope.apply(&environment(&scope, "env", |_| {})).await;
    scope.until_flowing("env").await;
    let deployments = scope.api::<Deployment>();
    let patch = Patch::Merge(json!({ "spec": { "replicas": 4 } }));
    deployments
        .patch("env-processor", &PatchParams::default(), &patch)
        .await
        .unwrap();
    let configs = scope.api::<ConfigMap>();
    configs
        .delete("env-processor", &DeleteParams::default())
        .await
        .unwrap();
    until("the drift to be put back", secs(30), || async {
        let replicas = scope.replicas_asked("env-processor").await;
        let config = configs.get_opt("env-processor").await.unwrap();
        if replicas == Some(1) && config.is_some() {
            Ok(())
        } else {
            Err(format!(
                "{replicas:?} replicas, config map: {}",
                config.is_some()
            ))
        }
    })
    .await;
    scope.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_claim_to_a_table_or_topic_is_refused() {
    let scope = Scope::new("claim").await;
    scope.apply(&environment(&scope, "first", |_| {})).await;
    scope.until_flowing("first").await;
    let second = environment(&scope, "second", |spec| {
        spec["outputs"]["table"]["name"] = json!("first");
        spec["outputs"]["deadLetter"]["topic"]["name"] =
            json!(dead_letter_topic(&scope.namespace, "first"));
    });
    scope.apply(&second).await;
    scope
        .until_pipeline("second", "refused", 60, |p| {
            condition(p, "SpecValid") == Some(("False".into(), "Conflict".into()))
        })
        .await;
    assert!(scope.pods("second", "processor").await.is_empty());
    scope.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limited_simulator_sends_exactly_that() {
    let scope = Scope::new("limit").await;
    let pipeline = environment(&scope, "env", |spec| {
        spec["simulator"]["limit"] = json!(200);
        spec["simulator"]["rate"] = json!(100);
    });
    scope.apply(&pipeline).await;
    let sent = until("the simulator to be done", secs(120), || async {
        let sent = sent(&scope, "env").await?;
        if sent.finished {
            Ok(sent)
        } else {
            Err(format!("{sent:?}"))
        }
    })
    .await;
    assert_eq!(sent.readings(), 200);
    until("every reading in the table", secs(60), || async {
        let count = table_count(&scope, "env").await;
        if count.rows == 200 {
            Ok(())
        } else {
            Err(format!("{count:?}"))
        }
    })
    .await;
    scope.close().await;
}
