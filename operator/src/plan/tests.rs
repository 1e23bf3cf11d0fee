//! Goldens of whole plans, and that planning again after applying changes nothing.

use proptest::prelude::*;
use sensorstream_crds::{SensorPipeline, admission::semantic_violations};
use serde_json::{Value, json};

use super::*;
use crate::{
    fixtures::{
        World, environment, environment_with, heartbeat, now, planned, running, settle,
        with_every_output,
    },
    plan::kubernetes::Kind,
    validate::validate,
};

/// A plan as people read it: the objects as YAML would have them, the rest in brief.
fn shown(world: &World, pipeline: &SensorPipeline) -> Value {
    let plan = planned(world, pipeline, now());
    let objects: Vec<Value> = plan
        .objects
        .iter()
        .map(|change| match change {
            ObjectChange::Apply(object) => json!({ "apply": object.manifest }),
            ObjectChange::Delete(key) => json!({ "delete": key.to_string() }),
        })
        .collect();
    json!({
        "addFinalizer": plan.add_finalizer,
        "claims": plan.claims.iter().map(|c| format!("{c:?}")).collect::<Vec<_>>(),
        "topics": plan.topics.iter().map(|c| format!("{c:?}")).collect::<Vec<_>>(),
        "migrations": plan.migrations.iter().flat_map(TableMigration::sql).collect::<Vec<_>>(),
        "scales": plan.scales.iter().map(|s| format!("{s:?}")).collect::<Vec<_>>(),
        "objects": objects,
    })
}

/// What a plan does outside Kubernetes.
fn ground(world: &World, pipeline: &SensorPipeline) -> Value {
    let plan = shown(world, pipeline);
    json!({
        "claims": plan["claims"],
        "topics": plan["topics"],
        "migrations": plan["migrations"],
    })
}

fn edited(patch: &Value) -> Value {
    let (world, before) = running(environment());
    let after = environment_with(patch);
    shown(
        &world,
        &SensorPipeline {
            metadata: before.metadata,
            ..after
        },
    )
}

#[test]
fn an_empty_world_gets_everything() {
    insta::assert_yaml_snapshot!(shown(&World::default(), &environment()));
}

#[test]
fn windows_rules_and_outputs_get_their_tables_and_topics() {
    insta::assert_yaml_snapshot!(ground(&World::default(), &with_every_output()));
}

#[test]
fn a_heartbeats_rows_are_numbered() {
    insta::assert_yaml_snapshot!(ground(&World::default(), &heartbeat()));
    let (world, pipeline) = running(heartbeat());
    assert!(planned(&world, &pipeline, now()).is_empty());
}

#[test]
fn a_window_and_an_output_more_are_added_to_what_is_there() {
    let (world, before) = running(environment());
    let pipeline = SensorPipeline {
        metadata: before.metadata,
        ..with_every_output()
    };
    insta::assert_yaml_snapshot!(ground(&world, &pipeline));
}

#[test]
fn tables_and_topics_that_are_there_already_are_adopted() {
    let (mut world, mut pipeline) = running(with_every_output());
    world.claims.clear();
    let plan = planned(&world, &pipeline, now());
    let adopted: Vec<&str> = plan
        .claims
        .iter()
        .map(|claim| claim.name.as_str())
        .collect();
    // The input topic is somebody else's to write to, and is not claimed.
    assert_eq!(
        adopted,
        [
            "enriched",
            "alerts",
            "sensor-data.dead-letter",
            "sensorstream.default.environment.link",
            "environment.sensor_data",
            "environment.by_minute",
            "environment.lately",
            "environment.visits",
        ]
    );
    assert!(plan.claims.iter().all(|claim| claim.adopted));
    assert_eq!((plan.topics.len(), plan.migrations.len()), (0, 0));
    world.take(&mut pipeline, &plan);
    assert!(planned(&world, &pipeline, now()).is_empty());
}

#[test]
fn logins_and_certificates_reach_the_pods_that_need_them() {
    let pipeline = environment_with(&json!({ "kafka": {
        "tls": { "secretRef": { "name": "kafka-tls" } },
        "sasl": { "mechanism": "SCRAM-SHA-512", "secretRef": { "name": "kafka-login" } },
    }}));
    insta::assert_yaml_snapshot!(shown(&World::default(), &pipeline));
}

#[test]
fn the_lakes_keys_reach_the_processor() {
    let pipeline = environment_with(&json!({ "outputs": {
        "lake": { "uri": "s3://lake/curated", "secretRef": { "name": "lake" } },
    }}));
    let plan = shown(&World::default(), &pipeline);
    let of_lake = |variable: &&Value| variable["valueFrom"]["secretKeyRef"]["name"] == "lake";
    let objects = plan["objects"].as_array().unwrap().iter();
    let deployments = objects
        .map(|object| &object["apply"])
        .filter(|object| object["kind"] == "Deployment");
    let environments: Vec<Value> = deployments
        .map(|deployment| {
            let container = &deployment["spec"]["template"]["spec"]["containers"][0];
            let variables = container["env"].as_array().unwrap().iter();
            let variables: Vec<&Value> = variables.filter(of_lake).collect();
            json!({ "container": container["name"], "variables": variables })
        })
        .collect();
    insta::assert_yaml_snapshot!(environments);
}

#[test]
fn more_partitions_and_fields_change_topic_table_and_config() {
    insta::assert_yaml_snapshot!(edited(&json!({
        "input": {
            "topic": { "partitions": 3, "config": { "retention.ms": "86400000" } },
            "fields": [
                { "name": "sensor_id", "type": "string", "maxLength": 255 },
                { "name": "timestamp", "type": "timestamp" },
                { "name": "temperature", "type": "double", "required": false },
                { "name": "pressure", "type": "double", "required": false },
            ],
        },
        "simulator": null,
    })));
}

#[test]
fn more_pods_bring_a_disruption_budget_and_no_api_takes_its_objects_away() {
    insta::assert_yaml_snapshot!(edited(
        &json!({ "processor": { "replicas": 3 }, "api": null })
    ));
}

#[test]
fn a_pause_changes_nothing_but_the_pods() {
    let plan = edited(&json!({ "state": "Paused" }));
    let objects = plan["objects"].as_array().unwrap();
    let changed: Vec<_> = objects
        .iter()
        .map(|o| {
            (
                o["apply"]["metadata"]["name"].as_str().unwrap(),
                &o["apply"]["spec"]["replicas"],
            )
        })
        .collect();
    assert_eq!(
        changed,
        [
            ("environment-producer", &json!(0)),
            ("environment-processor", &json!(0))
        ]
    );
    assert_eq!(plan["topics"], json!([]));
    assert_eq!(plan["migrations"], json!([]));
}

#[test]
fn while_kafka_is_down_pods_still_start_and_stop_and_nothing_else_changes() {
    let (mut world, before) = running(environment());
    world.kafka_down = true;
    let pipeline = SensorPipeline {
        metadata: before.metadata,
        ..environment_with(&json!({ "state": "Paused", "simulator": { "rate": 9 } }))
    };
    let plan = planned(&world, &pipeline, now());
    assert_eq!(plan.objects, []);
    assert_eq!(
        plan.scales,
        [
            Scale {
                deployment: "environment-producer".into(),
                replicas: 0
            },
            Scale {
                deployment: "environment-processor".into(),
                replicas: 0
            },
        ]
    );
}

#[test]
fn nothing_is_made_and_no_finalizer_added_before_kafka_was_seen() {
    let world = World {
        kafka_down: true,
        postgres_down: true,
        ..World::default()
    };
    assert!(planned(&world, &environment(), now()).is_empty());
}

#[test]
fn drift_is_put_back() {
    let (mut world, pipeline) = running(environment());
    let key = |kind, name: &str| ObjectKey {
        kind,
        name: name.into(),
    };
    let deployment = key(Kind::Deployment, "environment-processor");
    world.objects.get_mut(&deployment).unwrap()["spec"]["replicas"] = 5.into();
    world.objects.remove(&key(Kind::Service, "environment-api"));
    let changed: Vec<String> = planned(&world, &pipeline, now())
        .objects
        .iter()
        .map(|change| match change {
            ObjectChange::Apply(object) => object.key.to_string(),
            ObjectChange::Delete(key) => format!("delete {key}"),
        })
        .collect();
    assert_eq!(
        changed,
        [
            "Deployment environment-processor",
            "Service environment-api"
        ]
    );
}

#[test]
fn a_rotated_secret_replaces_the_pods_that_read_it() {
    assert_eq!(
        replaced_by_a_new("sensorstream-db"),
        ["environment-processor"]
    );
    assert_eq!(replaced_by_a_new("environment-api-db"), ["environment-api"]);
    assert_eq!(replaced_by_a_new("lake"), ["environment-processor"]);
}

/// The Deployments that change when this Secret does.
fn replaced_by_a_new(secret: &str) -> Vec<String> {
    let (world, pipeline) = running(environment_with(&json!({ "outputs": {
        "lake": { "uri": "s3://lake", "secretRef": { "name": "lake" } },
    }})));
    let mut observation = world.observe(&pipeline);
    observation
        .logins
        .versions
        .insert(secret.into(), "8".into());
    let valid = validate(&observation).unwrap();
    plan(&valid, &crate::fixtures::installation(), now())
        .objects
        .into_iter()
        .filter_map(|change| match change {
            ObjectChange::Apply(object) => Some(object.key.name),
            ObjectChange::Delete(_) => None,
        })
        .collect()
}

#[test]
fn no_password_is_in_any_object() {
    let plan = shown(&World::default(), &environment()).to_string();
    assert!(!plan.contains("hidden"), "{plan}");
}

#[test]
fn the_apis_pods_have_their_own_login_kafka_and_the_tokens() {
    let mut pipeline = environment_with(&json!({
        "kafka": {
            "tls": { "secretRef": { "name": "kafka-tls" } },
            "sasl": { "mechanism": "SCRAM-SHA-512", "secretRef": { "name": "kafka-login" } },
        },
        "api": { "auth": { "bearerToken": { "secretKeyRef": { "name": "tokens", "key": "token" } } } },
    }));
    let mut world = World::default();
    let first = planned(&world, &pipeline, now());
    world.take(&mut pipeline, &first);
    insta::assert_yaml_snapshot!(shown(&world, &pipeline)["objects"]);
}

/// Patches of the example that the API server would take, whatever their parts.
fn any_patch() -> impl Strategy<Value = Value> {
    let field = |name: &'static str| {
        let kinds = prop_oneof![
            Just("double"),
            Just("integer"),
            Just("boolean"),
            Just("string")
        ];
        (kinds, any::<bool>()).prop_map(
            move |(kind, required)| json!({ "name": name, "type": kind, "required": required }),
        )
    };
    let fields = proptest::sample::subsequence(vec!["a", "b", "c", "d"], 0..=4)
        .prop_flat_map(move |names| names.into_iter().map(field).collect::<Vec<_>>());
    let resources = prop_oneof![
        Just(Value::Null),
        Just(
            json!({ "requests": { "cpu": "0.5", "memory": "1024Mi" }, "limits": { "memory": "2e9" } })
        ),
    ];
    let kafka = prop_oneof![
        Just(json!({})),
        Just(json!({ "tls": {} })),
        Just(json!({
            "tls": { "secretRef": { "name": "tls" } },
            "sasl": { "mechanism": "PLAIN", "secretRef": { "name": "login" } },
        })),
    ];
    let state = prop_oneof![Just("Running"), Just("Paused")];
    let api = prop_oneof![
        Just(Value::Null),
        (1..3).prop_map(|replicas| json!({ "replicas": replicas, "cors": null })),
    ];
    (
        (fields, any_outputs()),
        resources,
        kafka,
        state,
        api,
        1..4,
        1..5,
    )
        .prop_map(
            |(
                (fields, (windows, mut outputs)),
                resources,
                kafka,
                state,
                api,
                replicas,
                partitions,
            )| {
                if !api.is_null() {
                    outputs.as_object_mut().unwrap().remove("table");
                }
                let mut all = vec![
                    json!({ "name": "sensor_id", "type": "string" }),
                    json!({ "name": "timestamp", "type": "timestamp" }),
                ];
                all.extend(fields);
                json!({
                    "state": state,
                    "kafka": kafka,
                    "input": { "fields": all, "topic": { "partitions": partitions } },
                    "windows": windows,
                    "rules": if outputs["alerts"].is_null() { json!([]) } else {
                        json!([{ "name": "hot", "when": "sensor_id == 'a'" }])
                    },
                    "outputs": outputs,
                    "simulator": null,
                    "processor": { "replicas": replicas, "resources": resources,
                        "tolerations": [{ "key": "edge", "operator": "Exists" }] },
                    "api": api,
                })
            },
        )
}

/// Windows, and a patch of the outputs; there is always a result.
fn any_outputs() -> impl Strategy<Value = (Value, Value)> {
    let aggregates = proptest::sample::subsequence(
        vec![
            json!({ "as": "readings", "count": {} }),
            json!({ "as": "sensors", "countDistinct": { "field": "sensor_id" } }),
            json!({ "as": "earliest", "min": { "field": "timestamp" } }),
        ],
        1..=3,
    );
    let others = proptest::sample::subsequence(
        vec![
            json!({ "name": "visits", "session": { "gap": "5m" }, "groupBy": ["sensor_id"] }),
            json!({ "name": "lately", "sliding": { "size": "5m", "slide": "1m" },
                "groupBy": ["sensor_id"], "aggregates": [{ "as": "n", "count": {} }] }),
        ],
        0..=2,
    );
    let topic = |name: &'static str| {
        prop_oneof![
            Just(Value::Null),
            Just(json!({ "topic": { "name": name } }))
        ]
    };
    let table = prop_oneof![
        Just(json!({})),
        Just(json!({ "identityColumn": "id" })),
        Just(Value::Null)
    ];
    let lake = prop_oneof![
        Just(Value::Null),
        Just(json!({ "uri": "s3://lake" })),
        Just(json!({ "uri": "s3://lake", "secretRef": { "name": "lake" } })),
    ];
    (
        aggregates,
        others,
        topic("enriched"),
        topic("alerts"),
        table,
        lake,
    )
        .prop_map(|(aggregates, others, enriched, alerts, table, lake)| {
            let mut windows = vec![json!({ "name": "by_minute", "tumbling": { "size": "1m" },
                "groupBy": ["sensor_id"], "aggregates": aggregates })];
            windows.extend(others);
            let outputs =
                json!({ "enriched": enriched, "alerts": alerts, "table": table, "lake": lake });
            (json!(windows), outputs)
        })
}

/// Whether the API server would take `after` in place of `before`: partitions do not shrink,
/// fields keep their types, and rows are numbered or not as before.
fn is_edit(before: &SensorPipeline, after: &SensorPipeline) -> bool {
    let tables = before.spec.outputs.table.as_ref();
    let tables = tables.zip(after.spec.outputs.table.as_ref());
    if tables.is_some_and(|(before, after)| before.identity_column != after.identity_column) {
        return false;
    }
    let (before, after) = (&before.spec.input, &after.spec.input);
    after.topic.partitions >= before.topic.partitions
        && after.fields.iter().all(|field| {
            let same = before.fields.iter().find(|old| old.name == field.name);
            same.is_none_or(|old| old.type_ == field.type_)
        })
}

proptest! {
    #[test]
    fn planning_again_changes_nothing(first in any_patch(), second in any_patch()) {
        let mut pipeline = environment_with(&first);
        prop_assert_eq!(semantic_violations(&pipeline), []);
        let mut world = World::default();
        let plan = planned(&world, &pipeline, now());
        prop_assert!(plan.add_finalizer && !plan.objects.is_empty());
        settle(&mut world, &mut pipeline);
        let again = planned(&world, &pipeline, now());
        prop_assert!(again.is_empty(), "{again:#?}");

        let mut edited = environment_with(&second);
        if is_edit(&pipeline, &edited) {
            edited.metadata = pipeline.metadata;
            settle(&mut world, &mut edited);
            let again = planned(&world, &edited, now());
            prop_assert!(again.is_empty(), "{again:#?}");
        }
    }
}
