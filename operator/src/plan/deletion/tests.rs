use std::time::Duration;

use sensorstream_crds::SensorPipeline;
use sensorstream_ledger::claims::ClaimKind;
use serde_json::json;

use super::*;
use crate::fixtures::{
    World, claim, deleted, environment_with, later, now, pod, running, with_every_output,
};
use crate::plan::readers::Dismissal;

const GRACE: Duration = Duration::from_mins(2);

/// A pipeline that ran, with its objects gone already.
fn stopped(policy: &str) -> (World, SensorPipeline) {
    let (mut world, pipeline) = running(environment_with(&json!({ "deletionPolicy": policy })));
    world.objects.clear();
    (world, deleted(pipeline, now()))
}

/// The API's login goes with the pipeline, whatever else stays, and nothing waits for that.
fn dismissal() -> Then {
    let id = sensorstream_crds::PipelineId::new("default", "environment");
    Then::CleanUp {
        kafka: Vec::new(),
        database: vec![DatabaseChange::Dismiss(dismissed(&id))],
        orphans: None,
        give_up: true,
    }
}

fn dismissed(id: &sensorstream_crds::PipelineId) -> Dismissal {
    Dismissal {
        pipeline: id.clone(),
        role: "sensorstream_api_default_environment_c1db29fc62".into(),
        made: true,
    }
}

fn next(world: &World, pipeline: &SensorPipeline, seconds: i64) -> Deletion {
    deletion(&world.observe(pipeline), GRACE, later(seconds))
}

#[test]
fn objects_go_first_and_pods_are_waited_for() {
    let (mut world, pipeline) = running(environment_with(&json!({})));
    let pipeline = deleted(pipeline, now());
    world.pods.insert(Role::Processor, vec![pod("processor-1")]);
    let step = next(&world, &pipeline, 1);
    assert_eq!(step.objects.len(), world.objects.len());
    assert!(
        matches!(&step.then, Then::Wait(why) if why.contains("processor-1")),
        "{step:?}"
    );
    world.objects.clear();
    assert!(matches!(next(&world, &pipeline, 1).then, Then::Wait(_)));
    world.pods.clear();
    assert_eq!(next(&world, &pipeline, 1).then, dismissal());
}

#[test]
fn a_pod_that_never_ends_does_not_hold_the_resource_for_ever() {
    let (mut world, pipeline) = stopped("Retain");
    world.pods.insert(Role::Processor, vec![pod("processor-1")]);
    assert!(matches!(next(&world, &pipeline, 119).then, Then::Wait(_)));
    assert_eq!(next(&world, &pipeline, 120).then, dismissal());
}

#[test]
fn delete_takes_what_the_pipeline_made() {
    let (world, pipeline) = stopped("Delete");
    let Then::CleanUp {
        kafka,
        database,
        orphans: None,
        give_up: false,
    } = next(&world, &pipeline, 1).then
    else {
        panic!("everything is there to be deleted");
    };
    assert_eq!(
        kafka,
        [
            KafkaChange::DeleteTopic("sensor-data".into()),
            KafkaChange::DeleteTopic("sensor-data.dead-letter".into()),
            KafkaChange::DeleteGroup("sensorstream.default.environment".into()),
            KafkaChange::DeleteGroup("sensorstream.default.environment.link".into()),
            KafkaChange::DeleteGroup("sensorstream.default.environment.dead-letter".into()),
        ]
    );
    let table = TableName {
        schema: "environment".into(),
        table: "sensor_data".into(),
    };
    let id = sensorstream_crds::PipelineId::new("default", "environment");
    assert_eq!(
        database,
        [
            DatabaseChange::DropTable(table),
            DatabaseChange::Dismiss(dismissed(&id)),
            DatabaseChange::Forget(id)
        ]
    );
}

#[test]
fn delete_takes_the_tables_and_topics_of_windows_and_outputs_that_are_gone_too() {
    let (mut world, before) = running(with_every_output());
    world.objects.clear();
    // Since then the windows were taken out of the spec; what they left is still the pipeline's.
    let pipeline = SensorPipeline {
        metadata: before.metadata,
        ..environment_with(&json!({ "deletionPolicy": "Delete" }))
    };
    for held in &mut world.claims {
        held.adopted = held.name == "enriched" || held.name == "environment.visits";
    }
    let Then::CleanUp {
        kafka, database, ..
    } = next(&world, &deleted(pipeline, now()), 1).then
    else {
        panic!("everything is there to be deleted");
    };
    let topics: Vec<&str> = kafka
        .iter()
        .filter_map(|change| match change {
            KafkaChange::DeleteTopic(name) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    let link = "sensorstream.default.environment.link";
    assert_eq!(
        topics,
        ["sensor-data", "alerts", "sensor-data.dead-letter", link]
    );
    let tables: Vec<&str> = database
        .iter()
        .filter_map(|change| match change {
            DatabaseChange::DropTable(name) => Some(name.table.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(tables, ["sensor_data", "by_minute", "lately"]);
}

#[test]
fn retain_leaves_every_table_and_topic_but_not_the_apis_login() {
    let (mut world, mut pipeline) = running(with_every_output());
    world.objects.clear();
    pipeline = deleted(pipeline, now());
    assert_eq!(next(&world, &pipeline, 1).then, dismissal());
    world.readers.clear();
    assert_eq!(next(&world, &pipeline, 1).then, Then::Release);
    world
        .statuses
        .insert("default/environment".into(), json!({}));
    let id = sensorstream_crds::PipelineId::new("default", "environment");
    let step = next(&world, &pipeline, 1).then;
    assert!(
        matches!(&step, Then::CleanUp { database, .. } if *database == [DatabaseChange::ForgetStatus(id)]),
        "{step:?}"
    );
}

#[test]
fn retain_does_not_wait_for_the_database_and_names_the_login_that_is_left() {
    let (mut world, pipeline) = stopped("Retain");
    world.postgres_down = true;
    let Then::CleanUp {
        database,
        orphans: Some(orphans),
        give_up: true,
        ..
    } = next(&world, &pipeline, 1).then
    else {
        panic!("there is a login left");
    };
    assert_eq!(database, []);
    assert!(
        orphans.contains("role sensorstream_api_default_environment"),
        "{orphans}"
    );
}

#[test]
fn a_login_that_was_there_before_is_not_dropped() {
    let (mut world, pipeline) = stopped("Delete");
    world.readers[0].login_digest.clear();
    let Then::CleanUp { database, .. } = next(&world, &pipeline, 1).then else {
        panic!("everything is there to be deleted");
    };
    let dropped = database
        .iter()
        .any(|change| matches!(change, DatabaseChange::Dismiss(dismissal) if dismissal.made));
    assert!(!dropped, "{database:?}");
}

#[test]
fn delete_leaves_what_was_there_before_and_what_others_made() {
    let (mut world, pipeline) = stopped("Delete");
    let me = "default/environment";
    world.claims = vec![
        claim(ClaimKind::Topic, "sensor-data.dead-letter", me, true),
        claim(ClaimKind::Topic, "sensor-data", "default/other", false),
        claim(ClaimKind::Table, "environment.sensor_data", me, true),
    ];
    let Then::CleanUp {
        kafka, database, ..
    } = next(&world, &pipeline, 1).then
    else {
        panic!("groups and positions are there to be deleted");
    };
    assert!(
        kafka
            .iter()
            .all(|change| matches!(change, KafkaChange::DeleteGroup(_))),
        "{kafka:?}"
    );
    assert!(
        matches!(
            &database[..],
            [DatabaseChange::Dismiss(_), DatabaseChange::Forget(_)]
        ),
        "{database:?}"
    );
}

#[test]
fn delete_waits_for_kafka_and_then_names_what_is_left() {
    let (mut world, pipeline) = stopped("Delete");
    world.kafka_down = true;
    assert!(matches!(next(&world, &pipeline, 60).then, Then::Wait(why) if why.contains("Kafka")));
    let step = next(&world, &pipeline, 120);
    let Then::CleanUp {
        kafka,
        database,
        orphans: Some(orphans),
        give_up: true,
    } = step.then
    else {
        panic!("the grace time is over");
    };
    assert_eq!(kafka, []);
    assert_eq!(database.len(), 3, "PostgreSQL is cleaned up all the same");
    for left in [
        "topic sensor-data.dead-letter",
        "consumer group sensorstream.default.environment",
    ] {
        assert!(orphans.contains(left), "{orphans}");
    }
}

#[test]
fn without_the_record_nothing_is_deleted_on_a_guess() {
    let (mut world, pipeline) = stopped("Delete");
    world.postgres_down = true;
    assert!(matches!(next(&world, &pipeline, 60).then, Then::Wait(_)));
    let Then::CleanUp {
        kafka,
        database,
        orphans: Some(orphans),
        give_up: true,
    } = next(&world, &pipeline, 120).then
    else {
        panic!("the grace time is over");
    };
    assert_eq!((kafka, database), (Vec::new(), Vec::new()));
    assert!(orphans.contains("environment.sensor_data"), "{orphans}");
}

#[test]
fn without_the_record_everything_that_may_be_left_is_named() {
    let (mut world, mut pipeline) = running(with_every_output());
    world.objects.clear();
    world.postgres_down = true;
    pipeline.spec.deletion_policy = DeletionPolicy::Delete;
    let Then::CleanUp {
        orphans: Some(orphans),
        ..
    } = next(&world, &deleted(pipeline, now()), 120).then
    else {
        panic!("the grace time is over");
    };
    for left in [
        "topics sensor-data, enriched, alerts, sensor-data.dead-letter, \
         sensorstream.default.environment.link;",
        "environment.visits",
        "role sensorstream_api_default_environment",
    ] {
        assert!(orphans.contains(left), "{orphans}");
    }
}

#[test]
fn topics_in_a_cluster_that_is_no_longer_named_are_told() {
    let (mut world, pipeline) = stopped("Delete");
    for held in &mut world.claims {
        if held.name == "sensor-data" {
            held.endpoint = "old-kafka.default.svc:9092".into();
        }
    }
    let Then::CleanUp { kafka, orphans, .. } = next(&world, &pipeline, 1).then else {
        panic!("the rest is deleted");
    };
    assert!(!kafka.contains(&KafkaChange::DeleteTopic("sensor-data".into())));
    assert!(orphans.unwrap().contains("topic sensor-data at old-kafka"));
}
