//! Exactly once, whatever is killed, frozen or taken away. Each test compares independent counts: the
//! simulator's own, the rows of the table, what a window counted, and the dead letters, alerts and
//! enriched readings that `read_committed` shows. `SENSORSTREAM_TORTURE` runs them at full length.
//!
//! They break what others use, so they run one after the other.

use std::time::{Duration, Instant};

use k8s_openapi::api::{coordination::v1::Lease, core::v1::Pod};
use kube::{Api, ResourceExt, api::ListParams};
use sensorstream_e2e::{
    cluster::{OPERATOR_NAMESPACE, torture},
    counts::{Sent, committed_records, dead_letters, sent, table_count},
    faults::{crash_backend, processes, random_moments, scale_backend, signal},
    pipeline::{dead_letter_topic, environment, input_topic, is_current, many_devices, schema},
    scope::Scope,
    wait::{secs, until},
};
use serde_json::json;
use sqlx::Row;
use tokio::sync::Mutex;

static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// Readings a second while things break.
const RATE: i64 = 2_000;

/// Seconds of load: the subset that every run has, or the full length.
fn load_seconds() -> i64 {
    if torture() { 300 } else { 40 }
}

/// A busy pipeline with faults, that stops by itself.
async fn busy(scope: &Scope, replicas: i32) {
    let pipeline = environment(scope, "busy", |spec| {
        many_devices(spec, 100);
        spec["input"]["topic"]["partitions"] = json!(3);
        spec["simulator"]["rate"] = json!(RATE);
        spec["simulator"]["limit"] = json!(RATE * load_seconds());
        spec["simulator"]["faults"] =
            json!({ "malformed": "1%", "duplicate": "0.5%", "late": "0.5%", "fastClock": "0.1%" });
        let window = |name: &str, group_by: &[&str]| {
            json!({
                "name": name,
                "tumbling": { "size": "5s" },
                "groupBy": group_by,
                "aggregates": [{ "as": "readings", "count": {} }],
            })
        };
        spec["windows"] = json!([window("moments", &["sensor_id"]), window("everywhere", &[])]);
        spec["rules"] = json!([{ "name": "hot", "when": "temperature > 28.0" }]);
        let topic = input_topic(&scope.namespace, "busy");
        for output in ["alerts", "enriched"] {
            spec["outputs"][output] = json!({ "topic": { "name": format!("{topic}.{output}") } });
        }
        spec["processor"] = json!({ "replicas": replicas });
    });
    scope.apply(&pipeline).await;
    scope.until_flowing("busy").await;
}

/// Waits until all is sent and processed, then holds the three counts against each other.
async fn settle_and_compare(scope: &Scope) {
    let limit = secs(u64::try_from(load_seconds()).unwrap() * 2 + 120);
    let sent = until("the simulator to be done", limit, || async {
        let sent = sent(scope, "busy").await?;
        if sent.finished {
            Ok(sent)
        } else {
            Err(format!("{sent:?}"))
        }
    })
    .await;
    let topic = dead_letter_topic(&scope.namespace, "busy");
    until("everything to arrive", secs(120), || async {
        let rows = table_count(scope, "busy").await.rows;
        let pending: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM sensorstream.pending_dead_letters WHERE starts_with(pipeline, $1)",
        )
        .bind(&scope.namespace)
        .fetch_one(&scope.cluster.postgres)
        .await
        .map_err(|error| error.to_string())?;
        if rows >= sent.readings() && pending == 0 {
            return Ok(());
        }
        Err(format!("{rows} rows of {}, {pending} dead letters pending", sent.readings()))
    })
    .await;
    compare(scope, &sent, &topic).await;
    compare_window(scope, &sent, "moments").await;
    compare_window(scope, &sent, "everywhere").await;
    compare_topics(scope, &sent).await;
}

/// The rows of a window, and what its accounts say, against the readings.
async fn compare_window(scope: &Scope, sent: &Sent, window: &str) {
    until("the window's rows", secs(60), || async {
        let counted = format!(
            "SELECT coalesce(sum(readings), 0)::bigint,
                    (SELECT sum((windows->'{window}'->>'offered')::bigint)::bigint
                       FROM sensorstream.shards WHERE starts_with(pipeline, $1)),
                    (SELECT sum((windows->'{window}'->>'late')::bigint)::bigint
                       FROM sensorstream.shards WHERE starts_with(pipeline, $1))
               FROM \"{}\".{window}",
            schema(&scope.namespace)
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(counted))
            .bind(&scope.namespace)
            .fetch_one(&scope.cluster.postgres)
            .await
            .map_err(|error| error.to_string())?;
        let (counted, offered, late): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
        if offered == sent.readings() && counted + late == offered {
            return Ok(());
        }
        Err(format!(
            "{counted} counted, {late} late, {offered} offered: {sent:?}"
        ))
    })
    .await;
}

/// Alerts and enriched readings, once each.
async fn compare_topics(scope: &Scope, sent: &Sent) {
    let hot = format!(
        "SELECT count(*) FROM \"{}\".busy WHERE temperature > 28",
        schema(&scope.namespace)
    );
    let hot: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(hot))
        .fetch_one(&scope.cluster.postgres)
        .await
        .unwrap();
    let topic = input_topic(&scope.namespace, "busy");
    // They are sent after the commit that decides them.
    until("alerts and enriched readings", secs(60), || async {
        let alerts = committed_records(&scope.cluster.kafka, &format!("{topic}.alerts")).await;
        let enriched = committed_records(&scope.cluster.kafka, &format!("{topic}.enriched")).await;
        if (alerts, enriched) == (hot, sent.readings()) {
            return Ok(());
        }
        Err(format!(
            "{alerts} alerts of {hot}, {enriched} enriched of {}",
            sent.readings()
        ))
    })
    .await;
}

async fn compare(scope: &Scope, sent: &Sent, topic: &str) {
    let table = table_count(scope, "busy").await;
    assert_eq!(
        table.rows,
        sent.readings(),
        "every accepted reading once: {sent:?}"
    );
    assert_eq!(table.sources, table.rows, "no record twice");
    let letters = dead_letters(&scope.cluster.kafka, topic).await;
    assert_eq!(
        letters.by_reason,
        sent.refused(),
        "every bad record once, for its reason"
    );
    assert_eq!(letters.sources, letters.total(), "no bad record twice");
    let row = sqlx::query(
        "SELECT sum(records_read)::bigint, sum(accepted)::bigint,
                sum((SELECT coalesce(sum(value::bigint), 0) FROM jsonb_each_text(dead_lettered)))::bigint,
                sum(lost)::bigint
           FROM sensorstream.shards WHERE starts_with(pipeline, $1) AND stage = 1",
    )
    .bind(&scope.namespace)
    .fetch_one(&scope.cluster.postgres)
    .await
    .unwrap();
    let (read, accepted, dead, lost): (i64, i64, i64, i64) =
        (row.get(0), row.get(1), row.get(2), row.get(3));
    assert_eq!(
        (read, lost),
        (accepted + dead, 0),
        "everything is accounted for"
    );
    assert_eq!((accepted, dead), (table.rows, letters.total()));
    println!(
        "{}: {} readings, {} dead letters {:?}: all exactly once",
        scope.namespace,
        table.rows,
        letters.total(),
        letters.by_reason
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_processor_killed_ten_times_at_random_moments() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let scope = Scope::new("kill").await;
    busy(&scope, 1).await;
    let kills = if torture() { 30 } else { 10 };
    let span = Duration::from_secs(u64::try_from(load_seconds()).unwrap()).mul_f64(0.9);
    let start = Instant::now();
    for moment in random_moments(kills, span, 7) {
        tokio::time::sleep(moment.saturating_sub(start.elapsed())).await;
        // It may be down from the last blow still: strike when it is up.
        until("a processor to kill", secs(90), || async {
            let pods = scope.pods("busy", "processor").await;
            pods.first()
                .ok_or_else(|| "no pod".to_owned())
                .and_then(|pod| signal(pod, "KILL"))
        })
        .await;
    }
    settle_and_compare(&scope).await;
    scope.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_owner_that_wakes_after_its_partitions_moved_changes_nothing() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let scope = Scope::new("freeze").await;
    busy(&scope, 2).await;
    let epochs = || async {
        let query = "SELECT partition, epoch, owner FROM sensorstream.shards
                      WHERE starts_with(pipeline, $1) ORDER BY partition";
        let rows = sqlx::query(query)
            .bind(&scope.namespace)
            .fetch_all(&scope.cluster.postgres)
            .await
            .unwrap();
        rows.iter()
            .map(|r| (r.get(0), r.get(1), r.get(2)))
            .collect::<Vec<(i32, i64, String)>>()
    };
    let before = epochs().await;
    let pods = scope.pods("busy", "processor").await;
    let frozen = pods
        .iter()
        .find(|pod| before.iter().any(|(_, _, owner)| *owner == pod.name_any()))
        .unwrap_or_else(|| panic!("an owner among {before:?}"));
    signal(frozen, "STOP").unwrap();
    until("its partitions to move", secs(90), || async {
        let now = epochs().await;
        if now.iter().all(|(_, _, owner)| *owner != frozen.name_any()) {
            Ok(())
        } else {
            Err(format!("{now:?}"))
        }
    })
    .await;
    // The kubelet may have ended it by now for not answering: then there is nobody to wake.
    if processes(frozen).is_ok() {
        signal(frozen, "CONT").unwrap();
    }
    settle_and_compare(&scope).await;
    scope.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_and_kafka_restarted() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let scope = Scope::new("backends").await;
    busy(&scope, 2).await;
    crash_backend(&scope.cluster, "postgres").await;
    crash_backend(&scope.cluster, "kafka").await;
    settle_and_compare(&scope).await;
    scope
        .until_pipeline("busy", "ready again", 120, |p| {
            is_current(p, "Ready", "True")
        })
        .await;
    scope.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_with_kafka_down() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let scope = Scope::new("kafkadown").await;
    let pipeline = environment(&scope, "env", |spec| {
        spec["deletionPolicy"] = json!("Delete");
    });
    scope.apply(&pipeline).await;
    scope.until_flowing("env").await;
    scale_backend(&scope.cluster, "kafka", 0).await;
    scope.delete("env", 120).await;
    let events = scope.events("env").await;
    scale_backend(&scope.cluster, "kafka", 1).await;
    let orphaned = events
        .iter()
        .find(|event| event.reason.as_deref() == Some("Orphaned"));
    let message = orphaned
        .and_then(|event| event.message.clone())
        .expect("an event about what was orphaned");
    assert!(
        message.contains(&scope.namespace),
        "the topics are named: {message}"
    );
    scope.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_leader_is_replaced() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let scope = Scope::new("leader").await;
    let client = &scope.cluster.client;
    let leases: Api<Lease> = Api::namespaced(client.clone(), OPERATOR_NAMESPACE);
    let pods: Api<Pod> = Api::namespaced(client.clone(), OPERATOR_NAMESPACE);
    let holder = || async {
        let leases = leases
            .list(&ListParams::default())
            .await
            .map_err(|e| e.to_string())?;
        let lease = leases.items.into_iter().next().ok_or("no lease")?;
        let holder = lease
            .spec
            .and_then(|spec| spec.holder_identity)
            .unwrap_or_default();
        if holder.is_empty() {
            Err("nobody leads".to_owned())
        } else {
            Ok(holder)
        }
    };
    let leader = until("a leader", secs(60), holder).await;
    let pod = pods
        .list(&ListParams::default())
        .await
        .unwrap()
        .items
        .into_iter()
        .find(|pod| leader.contains(&pod.name_any()))
        .expect("the leader's pod");
    // Frozen first, so that it can't hand over; a kill alone restarts it within the lease.
    signal(&pod, "STOP").unwrap();
    let next = until("another leader", secs(60), || async {
        let holder = holder().await?;
        if holder == leader {
            Err(holder)
        } else {
            Ok(holder)
        }
    })
    .await;
    assert_ne!(next, leader);
    signal(&pod, "KILL").unwrap();
    scope.apply(&environment(&scope, "env", |_| {})).await;
    scope.until_flowing("env").await;
    scope.close().await;
}
