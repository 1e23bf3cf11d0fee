use sensorstream_crds::ConditionReason;
use sensorstream_ledger::claims::ClaimKind;
use serde_json::json;

use super::*;
use crate::{
    backends::{Column, Table, TableName, Topic},
    fixtures::{World, claim, environment, environment_with, running, with_every_output},
};

fn refusals(world: &World, patch: &serde_json::Value) -> Vec<Refusal> {
    validate(&world.observe(&environment_with(patch))).map_or_else(|refused| refused.0, |_| vec![])
}

fn topic(partitions: i32) -> Topic {
    let (id, leaderless) = ("x".into(), Vec::new());
    Topic {
        id,
        partitions,
        leaderless,
        config: std::collections::BTreeMap::default(),
    }
}

#[test]
fn the_example_passes_in_an_empty_world_and_in_its_own() {
    assert_eq!(refusals(&World::default(), &json!({})), []);
    let (world, _) = running(environment());
    assert_eq!(refusals(&world, &json!({})), []);
}

#[test]
fn rules_come_first() {
    let found = refusals(
        &World::default(),
        &json!({ "simulator": { "rate": "0.001" } }),
    );
    assert_eq!(
        found.iter().map(Refusal::reason).collect::<Vec<_>>(),
        [ConditionReason::Invalid]
    );
    assert!(
        found[0].to_string().contains("spec.simulator.rate"),
        "{}",
        found[0]
    );
}

#[test]
fn a_missing_secret_is_named() {
    let mut observation = World::default().observe(&environment());
    let problem = SecretProblem::Missing("sensorstream-db".into());
    observation.logins.database = Err(problem.clone());
    let of_lake = SecretProblem::Missing("lake".into());
    observation.logins.lake = Err(of_lake.clone());
    let refused = validate(&observation).unwrap_err();
    assert_eq!(
        refused.0,
        [Refusal::Secret(problem), Refusal::Secret(of_lake)]
    );
    assert_eq!(refused.0[0].reason().as_str(), "SecretNotFound");
}

#[test]
fn a_table_and_a_dead_letter_topic_of_another_pipeline_are_refused() {
    let world = World {
        claims: vec![
            claim(
                ClaimKind::Table,
                "environment.sensor_data",
                "default/first",
                false,
            ),
            claim(
                ClaimKind::Topic,
                "sensor-data.dead-letter",
                "default/second",
                false,
            ),
        ],
        ..World::default()
    };
    let found = refusals(&world, &json!({}));
    let owners: Vec<_> = found
        .iter()
        .map(|refusal| match refusal {
            Refusal::Conflict { ground, owner, .. } => (*ground, owner.as_str()),
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(
        owners,
        [
            (Some(Ground::Tables), "default/first"),
            (Some(Ground::Topics), "default/second")
        ]
    );
    assert_eq!(found[0].reason().as_str(), "Conflict");
}

#[test]
fn every_table_and_output_topic_of_another_pipeline_is_refused() {
    let pipeline = with_every_output();
    let other = |kind, name| claim(kind, name, "default/other", false);
    let world = World {
        claims: vec![
            other(ClaimKind::Table, "environment.visits"),
            other(ClaimKind::Table, "environment.by_minute"),
            other(ClaimKind::Topic, "alerts"),
            other(ClaimKind::Topic, "enriched"),
        ],
        ..World::default()
    };
    let refused = validate(&world.observe(&pipeline)).unwrap_err();
    let things: Vec<&str> = refused
        .0
        .iter()
        .map(|refusal| match refusal {
            Refusal::Conflict { thing, .. } => thing.as_str(),
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(
        things,
        [
            "table environment.by_minute",
            "table environment.visits",
            "enriched topic enriched",
            "alerts topic alerts",
        ]
    );
}

#[test]
fn a_place_in_the_lake_that_another_pipeline_fills_is_refused() {
    let patch = json!({ "outputs": { "lake": {
        "uri": "s3://lake/rooms/", "secretRef": { "name": "lake" } } } });
    let world = World {
        claims: vec![claim(
            ClaimKind::Lake,
            "s3://lake/rooms",
            "default/other",
            true,
        )],
        ..World::default()
    };
    let found = refusals(&world, &patch);
    let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "the lake's place s3://lake/rooms/ belongs to the pipeline default/other; choose another name"
        ]
    );
    assert_eq!(
        (found[0].reason().as_str(), found[0].ground()),
        ("Conflict", None)
    );
}

#[test]
fn an_output_topic_of_others_with_too_few_partitions_is_not_grown() {
    let mut world = World::default();
    world.topics.insert("alerts".into(), topic(2));
    let refused = validate(&world.observe(&with_every_output())).unwrap_err();
    let text = refused.to_string();
    assert!(
        text.contains("2 partitions")
            && text.contains("lower spec.outputs.alerts.topic.partitions"),
        "{text}"
    );
}

#[test]
fn a_window_table_that_does_not_fit_is_refused() {
    let (mut world, pipeline) = running(with_every_output());
    let visits = |name: &TableName| name.table == "visits";
    let (_, table) = world
        .tables
        .iter_mut()
        .find(|(name, _)| visits(name))
        .unwrap();
    table.indexes.clear();
    let refused = validate(&world.observe(&pipeline)).unwrap_err();
    assert_eq!(refused.0[0].reason().as_str(), "TableIncompatible");
    assert!(
        refused.to_string().contains("(sensor_id, began)"),
        "{refused}"
    );
}

#[test]
fn a_window_that_has_no_table_is_refused() {
    // Only a resource that the API server never saw can be so.
    let mut pipeline = with_every_output();
    pipeline.spec.windows[0].aggregates[0].count = None;
    let refused = validate(&World::default().observe(&pipeline)).unwrap_err();
    assert_eq!(refused.0[0].reason().as_str(), "Invalid");
    assert!(refused.to_string().contains("readings"), "{refused}");
}

#[test]
fn an_input_topic_of_another_pipeline_may_be_read() {
    let mut world = World {
        claims: vec![claim(
            ClaimKind::Topic,
            "sensor-data",
            "default/other",
            false,
        )],
        ..World::default()
    };
    world.topics.insert("sensor-data".into(), topic(1));
    assert_eq!(refusals(&world, &json!({})), []);
}

#[test]
fn a_topic_of_others_with_too_few_partitions_is_not_grown() {
    let mut world = World::default();
    world.topics.insert("sensor-data".into(), topic(1));
    let found = refusals(
        &world,
        &json!({ "input": { "topic": { "partitions": 3 } } }),
    );
    assert_eq!(
        found.iter().map(Refusal::reason).collect::<Vec<_>>(),
        [ConditionReason::TopicIncompatible]
    );
    let text = found[0].to_string();
    assert!(
        text.contains("1 partitions") && text.contains("spec.input.topic.partitions"),
        "{text}"
    );
    // Its own it grows.
    let (world, _) = running(environment());
    assert_eq!(
        refusals(
            &world,
            &json!({ "input": { "topic": { "partitions": 3 } } })
        ),
        []
    );
}

#[test]
fn a_table_that_does_not_fit_is_refused_with_what_to_change() {
    let mut world = World::default();
    let column = Column {
        name: "humidity".into(),
        type_: "text".into(),
        not_null: false,
        has_default: false,
    };
    let name = TableName {
        schema: "environment".into(),
        table: "sensor_data".into(),
    };
    let table = Table {
        is_table: true,
        columns: vec![column],
        indexes: Vec::new(),
    };
    world.tables.insert(name, table);
    let found = refusals(&world, &json!({}));
    assert_eq!(
        found.iter().map(Refusal::reason).collect::<Vec<_>>(),
        [ConditionReason::TableIncompatible]
    );
    assert!(
        found[0].to_string().contains("needs double precision"),
        "{}",
        found[0]
    );
}

#[test]
fn what_can_not_be_seen_is_not_refused() {
    let world = World {
        kafka_down: true,
        postgres_down: true,
        ..World::default()
    };
    assert_eq!(refusals(&world, &json!({})), []);
}
