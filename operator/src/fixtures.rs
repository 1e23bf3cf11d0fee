//! A small world for tests: Kafka, `PostgreSQL` and Kubernetes objects in memory, which can be
//! observed and takes plans.

mod world;

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use sensorstream_crds::SensorPipeline;
use sensorstream_ledger::{
    claims::{Claim, ClaimKind},
    figures::ShardFigures,
    shard::FIRST_STAGE,
};
use serde_json::{Value, json};

use crate::{
    observe::{objects::PodState, secrets::Contents},
    plan::{
        Plan,
        kubernetes::installation::{Image, Installation},
        plan,
    },
    validate::validate,
};
pub(crate) use world::{Rights, Shared, World};

/// The time it is in tests.
pub(crate) fn now() -> Timestamp {
    at(1_800_000_000)
}

/// A second since 1970.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// `now()` and so many seconds.
pub(crate) fn later(seconds: i64) -> Timestamp {
    at(now().as_second() + seconds)
}

/// How the operator is installed in tests.
pub(crate) fn installation() -> Installation {
    Installation {
        image: Image {
            name: "sensorstream/processor:test".into(),
            pull_policy: "IfNotPresent".into(),
        },
        scrape_annotations: true,
        dashboards: None,
        tracing: None,
    }
}

/// The environment example, as the API server gives it.
pub(crate) fn environment() -> SensorPipeline {
    example(include_str!("../../examples/environment.yaml"))
}

/// The heartbeat example, as the API server gives it.
pub(crate) fn heartbeat() -> SensorPipeline {
    example(include_str!("../../examples/heartbeat.yaml"))
}

fn example(text: &str) -> SensorPipeline {
    let mut pipeline: SensorPipeline = serde_yaml_ng::from_str(text).unwrap();
    pipeline.metadata.namespace = Some("default".into());
    pipeline.metadata.uid = Some("0d5e2b1c-0000-4000-8000-000000000001".into());
    pipeline.metadata.generation = Some(1);
    pipeline.metadata.resource_version = Some("100".into());
    pipeline
}

/// The environment example with some of its spec replaced, by a JSON merge patch.
pub(crate) fn environment_with(patch: &Value) -> SensorPipeline {
    let pipeline = environment();
    let mut spec = serde_json::to_value(&pipeline.spec).unwrap();
    merge(&mut spec, patch);
    SensorPipeline {
        spec: serde_json::from_value(spec).unwrap(),
        ..pipeline
    }
}

/// The environment example with a window of each kind, a rule, and every kind of output.
pub(crate) fn with_every_output() -> SensorPipeline {
    environment_with(&json!({
        "windows": [
            {
                "name": "by_minute",
                "tumbling": { "size": "1m" },
                "groupBy": ["sensor_id"],
                "aggregates": [
                    { "as": "readings", "count": {} },
                    { "as": "mean_temperature", "avg": { "field": "temperature" } },
                ],
            },
            {
                "name": "lately",
                "sliding": { "size": "5m", "slide": "1m" },
                "aggregates": [{ "as": "warmest", "max": { "field": "temperature" } }],
            },
            {
                "name": "visits",
                "session": {
                    "gap": "5m",
                    "columns": { "start": "began", "end": "ended", "duration": "lasted" },
                },
                "groupBy": ["sensor_id"],
            },
        ],
        "rules": [{ "name": "overheating", "when": "temperature > 85.0" }],
        "outputs": {
            "enriched": { "topic": { "name": "enriched" } },
            "alerts": { "topic": { "name": "alerts", "partitions": 3 } },
        },
    }))
}

pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let members = target.as_object_mut().unwrap();
    for (key, value) in patch {
        if value.is_null() {
            members.remove(key);
        } else {
            merge(members.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

/// The plan for a pipeline in a world.
pub(crate) fn planned(world: &World, pipeline: &SensorPipeline, now: Timestamp) -> Plan {
    let observation = world.observe(pipeline);
    let valid = validate(&observation).unwrap();
    plan(&valid, &installation(), now)
}

/// Plans and carries out until all is done: twice where the API gets a login, which its pods wait for.
pub(crate) fn settle(world: &mut World, pipeline: &mut SensorPipeline) {
    for _ in 0..2 {
        let plan = planned(world, pipeline, now());
        world.take(pipeline, &plan);
    }
}

/// A world where a pipeline runs, and the pipeline as it is then.
pub(crate) fn running(mut pipeline: SensorPipeline) -> (World, SensorPipeline) {
    let mut world = World::default();
    settle(&mut world, &mut pipeline);
    (world, pipeline)
}

/// A claim of the pipeline `pipeline`.
pub(crate) fn claim(kind: ClaimKind, name: &str, pipeline: &str, adopted: bool) -> Claim {
    let endpoint = match kind {
        ClaimKind::Topic => "kafka.default.svc:9092".to_owned(),
        ClaimKind::Table | ClaimKind::Lake => String::new(),
    };
    Claim {
        kind,
        endpoint,
        name: name.into(),
        pipeline: pipeline.into(),
        adopted,
    }
}

/// A shard of the environment example that has read up to `next_offset`.
pub(crate) fn shard(partition: i32, next_offset: i64) -> ShardFigures {
    ShardFigures {
        pipeline: "default/environment".into(),
        stage: FIRST_STAGE,
        topic: "sensor-data".into(),
        incarnation: "id-of-sensor-data".into(),
        partition,
        owner: "environment-processor-0".into(),
        revision: 1,
        next_offset,
        watermark_us: None,
        records_read: next_offset,
        accepted: next_offset,
        dead_lettered: BTreeMap::new(),
        dropped: BTreeMap::new(),
        lost: 0,
        last_commit_us: None,
        data_loss_at: None,
        rows_of_others: 0,
        sent_below: next_offset,
        linked: false,
        pending_dead_letters: 0,
        blocked: Vec::new(),
    }
}

/// A pod that works.
pub(crate) fn pod(name: &str) -> PodState {
    PodState {
        name: name.into(),
        trouble: None,
    }
}

/// A Secret that serves for every login.
pub(crate) fn secret() -> Contents {
    let pairs = [
        ("uri", "postgres://sensor:hidden@db:5432/sensors"),
        ("username", "sensor"),
        ("password", "hidden"),
        ("token", "hidden-0123456789"),
        ("ca.crt", "-----BEGIN CERTIFICATE-----"),
        ("AWS_ACCESS_KEY_ID", "sensor"),
        ("AWS_SECRET_ACCESS_KEY", "hidden"),
    ];
    let data = pairs
        .into_iter()
        .map(|(k, v)| (k.to_owned(), v.as_bytes().to_vec()))
        .collect();
    Contents {
        version: "7".into(),
        data,
    }
}

/// A pipeline whose deletion began at `since`.
pub(crate) fn deleted(mut pipeline: SensorPipeline, since: Timestamp) -> SensorPipeline {
    pipeline.metadata.deletion_timestamp = Some(Time(since));
    pipeline
}
