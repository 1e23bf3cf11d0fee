//! One test a condition and reason.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use sensorstream_crds::SensorPipeline;
use sensorstream_ledger::{
    claims::ClaimKind,
    figures::{BlockedSink, ShardFigures},
    shard::SECOND_STAGE,
};
use serde_json::{Value, json};

use super::*;
use crate::{
    backends::{BackendError, Span},
    fixtures::{
        Rights, World, claim, environment_with, installation, later, now, pod, running, shard,
    },
    observe::objects::{Objects, PodState, Rollout, Workload},
    plan::{plan, topics::TIMESTAMP_TYPE},
    validate::validate,
};

/// A pipeline, the world, and how its status is reached.
struct Scene {
    world: World,
    pipeline: SensorPipeline,
    previous: SensorPipelineStatus,
    /// In place of the workloads that have come to where they should be.
    workload: Option<(Role, Workload)>,
    failure: Option<ApplyError>,
    rate: Option<f64>,
}

impl Scene {
    /// The example, running.
    fn new(patch: &Value) -> Self {
        let (world, pipeline) = running(environment_with(patch));
        Self {
            world,
            pipeline,
            previous: SensorPipelineStatus::default(),
            workload: None,
            failure: None,
            rate: None,
        }
    }

    fn edit(mut self, patch: &Value) -> Self {
        let metadata = self.pipeline.metadata;
        self.pipeline = SensorPipeline {
            metadata,
            ..environment_with(patch)
        };
        self.pipeline.metadata.generation = Some(2);
        self
    }

    fn status(&self) -> SensorPipelineStatus {
        let mut pipeline = self.pipeline.clone();
        pipeline.status = Some(self.previous.clone());
        let mut observation = self.world.observe(&pipeline);
        if let Some((role, workload)) = &self.workload {
            let all = Role::ALL.map(|r| {
                let other = observation.objects.workload(r);
                (r, if r == *role { workload } else { other }.clone())
            });
            observation.objects = Objects::new(observation.objects.live.clone(), all.into());
        }
        let account = |outcome| Account {
            observation: &observation,
            outcome,
            previous: &self.previous,
            rate: self.rate,
        };
        match validate(&observation) {
            Err(refused) => status(&account(Outcome::Refused(&refused)), now()),
            Ok(valid) => {
                let plan = plan(&valid, &installation(), now());
                let failure = self.failure.as_ref();
                let outcome = Outcome::Planned {
                    valid: &valid,
                    plan: &plan,
                    failure,
                };
                status(&account(outcome), now())
            }
        }
    }

    fn condition(&self, type_: ConditionType) -> Option<(String, String, String)> {
        self.status().condition(type_).map(|c: &Condition| {
            assert_eq!(c.observed_generation, self.pipeline.metadata.generation);
            (c.status.clone(), c.reason.clone(), c.message.clone())
        })
    }

    /// Asserts a condition's status and reason, and gives its message.
    #[track_caller]
    fn says(&self, type_: ConditionType, status: &str, reason: &str) -> String {
        let (found, why, message) = self.condition(type_).expect("the condition is there");
        assert_eq!(
            (found.as_str(), why.as_str()),
            (status, reason),
            "{message}"
        );
        message
    }
}

fn flowing(mut scene: Scene) -> Scene {
    let mut shard = shard(0, 10);
    shard.last_commit_us = Some(later(-5).as_microsecond());
    scene.world.shards = vec![shard];
    scene.world.offsets.insert(0, Span { begin: 0, end: 10 });
    scene
}

use ConditionType as C;

#[test]
fn all_is_well() {
    let scene = flowing(Scene::new(&json!({})));
    let status = scene.status();
    for type_ in [
        C::Ready,
        C::SpecValid,
        C::TopicsReady,
        C::TablesReady,
        C::ProducerReady,
        C::ProcessorReady,
        C::ApiReady,
        C::DataFlowing,
    ] {
        assert!(status.is_true(type_), "{:?}", status.condition(type_));
    }
    for absent in [
        C::Stopped,
        C::DataLoss,
        C::SinkBlocked,
        C::WeakClockGuard,
        C::KeySpread,
        C::TopicReplaced,
    ] {
        assert_eq!(status.condition(absent), None);
    }
    assert_eq!(status.state, Some(ObservedState::Running));
    assert_eq!((status.lag, status.replicas), (Some(0), Some(1)));
    assert_eq!(
        status.endpoints.unwrap().api.unwrap(),
        "http://environment-api.default.svc"
    );
    assert!(
        status
            .selector
            .unwrap()
            .contains("app.kubernetes.io/component=processor")
    );
}

#[test]
fn a_pipeline_without_simulator_and_api_has_no_such_conditions() {
    let status = Scene::new(&json!({ "simulator": null, "api": null })).status();
    assert_eq!(status.condition(C::ProducerReady), None);
    assert_eq!(status.condition(C::ApiReady), None);
    assert_eq!(status.endpoints, None);
}

#[test]
fn before_anything_is_made_everything_is_pending() {
    let scene = Scene {
        world: World::default(),
        ..Scene::new(&json!({}))
    };
    scene.says(C::TopicsReady, "False", "Missing");
    scene.says(C::TablesReady, "False", "Missing");
    scene.says(C::ProcessorReady, "False", "NotStarted");
    scene.says(C::DataFlowing, "False", "NoInput");
    scene.says(C::Ready, "False", "Missing");
    assert_eq!(scene.status().state, Some(ObservedState::Pending));
}

#[test]
fn an_invalid_spec_is_told_and_what_runs_is_still_judged() {
    let scene = Scene::new(&json!({})).edit(&json!({ "simulator": { "rate": "0.001" } }));
    let message = scene.says(C::SpecValid, "False", "Invalid");
    assert!(message.contains("spec.simulator.rate"), "{message}");
    scene.says(C::Ready, "False", "Invalid");
    scene.says(C::TopicsReady, "Unknown", "NotJudged");
    scene.says(C::ProcessorReady, "True", "Ready");
    assert_eq!(scene.status().state, Some(ObservedState::Failed));
    assert_eq!(scene.status().observed_generation, Some(2));
}

#[test]
fn a_conflict_names_the_other_pipeline() {
    let mut scene = Scene::new(&json!({}));
    scene.world.claims = vec![claim(
        ClaimKind::Table,
        "environment.sensor_data",
        "default/other",
        false,
    )];
    let message = scene.says(C::SpecValid, "False", "Conflict");
    assert!(message.contains("default/other"), "{message}");
    scene.says(C::TablesReady, "False", "Conflict");
}

#[test]
fn kafka_out_of_reach_leaves_topics_unknown_but_a_known_spec_valid() {
    let mut scene = Scene::new(&json!({}));
    scene.world.kafka_down = true;
    scene.says(C::SpecValid, "Unknown", "Unreachable");
    scene.world.kafka_down = false;
    scene.previous = scene.status();
    scene.world.kafka_down = true;
    scene.says(C::SpecValid, "True", "Valid");
    scene.says(C::TopicsReady, "Unknown", "Unreachable");
    scene.says(C::Ready, "False", "Unreachable");
    assert_eq!(scene.status().state, Some(ObservedState::Degraded));
    assert_eq!(
        scene.status().lag,
        None,
        "nothing is claimed that was not seen"
    );
    // A new generation was not seen to be valid yet.
    let scene = scene.edit(&json!({ "processor": { "replicas": 2 } }));
    scene.says(C::SpecValid, "Unknown", "Unreachable");
}

#[test]
fn postgresql_out_of_reach_leaves_tables_and_flow_unknown() {
    let mut scene = flowing(Scene::new(&json!({})));
    scene.world.postgres_down = true;
    scene.says(C::TablesReady, "Unknown", "Unreachable");
    scene.says(C::DataFlowing, "Unknown", "Unreachable");
    assert_eq!(scene.status().records, None);
}

#[test]
fn topics_being_changed_are_not_ready() {
    let scene = Scene::new(&json!({})).edit(&json!({ "input": { "topic": { "partitions": 4 } } }));
    let message = scene.says(C::TopicsReady, "False", "Changing");
    assert!(message.contains("4 partitions"), "{message}");
}

#[test]
fn a_partition_without_leader_is_told() {
    let mut scene = Scene::new(&json!({}));
    scene
        .world
        .topics
        .get_mut("sensor-data")
        .unwrap()
        .leaderless = vec![0];
    scene.says(C::TopicsReady, "False", "NoLeader");
}

#[test]
fn adopted_topics_are_ready_as_they_are() {
    let mut scene = Scene::new(&json!({}));
    scene
        .world
        .claims
        .retain(|claim| claim.name != "sensor-data");
    let message = scene.says(C::TopicsReady, "True", "Ready");
    assert!(
        message.contains("existed before") && message.ends_with(": sensor-data"),
        "{message}"
    );
}

/// The example with every kind of output, running.
fn with_every_output() -> Scene {
    let (world, pipeline) = running(crate::fixtures::with_every_output());
    Scene {
        world,
        pipeline,
        ..Scene::new(&json!({}))
    }
}

#[test]
fn topics_and_tables_are_ready_when_all_of_them_are() {
    let scene = with_every_output();
    scene.says(C::TopicsReady, "True", "Ready");
    scene.says(C::TablesReady, "True", "Ready");
    for topic in ["enriched", "alerts", "sensor-data.dead-letter"] {
        let mut scene = with_every_output();
        scene.world.topics.remove(topic);
        let message = scene.says(C::TopicsReady, "False", "Missing");
        assert_eq!(message, format!("topic {topic} is being made"));
    }
    for table in ["sensor_data", "by_minute", "lately", "visits"] {
        let mut scene = with_every_output();
        scene.world.tables.retain(|name, _| name.table != table);
        let message = scene.says(C::TablesReady, "False", "Missing");
        assert_eq!(message, format!("table environment.{table} is being made"));
        let mut scene = with_every_output();
        scene
            .world
            .claims
            .retain(|claim| !claim.name.ends_with(table));
        let message = scene.says(C::TablesReady, "True", "Ready");
        assert!(message.ends_with(table), "{message}");
    }
}

#[test]
fn a_pipeline_that_needs_no_tables_says_so() {
    let mut pipeline = crate::fixtures::with_every_output();
    pipeline.spec.outputs.table = None;
    pipeline.spec.windows.clear();
    pipeline.spec.api = None;
    let (world, pipeline) = running(pipeline);
    let scene = Scene {
        world,
        pipeline,
        ..Scene::new(&json!({}))
    };
    let message = scene.says(C::TablesReady, "True", "Ready");
    assert_eq!(message, "the pipeline needs no tables");
}

#[test]
fn a_failed_change_is_told_where_it_failed() {
    let mut scene = Scene::new(&json!({}));
    let refused = || BackendError::Refused {
        place: "Kafka at kafka:9092".into(),
        action: "making topic x".into(),
        why: "policy violation".into(),
    };
    scene.failure = Some(ApplyError::Topics(refused()));
    let message = scene.says(C::TopicsReady, "False", "Failed");
    assert!(message.contains("policy violation"), "{message}");
    scene.failure = Some(ApplyError::Tables(refused()));
    scene.says(C::TablesReady, "False", "Failed");
    let (action, object) = ("applying", "Service environment-api".into());
    scene.failure = Some(ApplyError::Timeout { action, object });
    scene.says(C::Ready, "False", "ApplyFailed");
}

#[test]
fn a_table_being_changed_is_not_ready() {
    let fields = json!([
        { "name": "sensor_id", "type": "string" },
        { "name": "timestamp", "type": "timestamp" },
        { "name": "pressure", "type": "double" },
    ]);
    let patch = json!({ "input": { "fields": fields }, "simulator": null });
    Scene::new(&json!({}))
        .edit(&patch)
        .says(C::TablesReady, "False", "Changing");
}

fn processor(rollout: Rollout, trouble: Option<(&str, &str)>) -> Scene {
    let trouble = trouble.map(|(reason, message)| (reason.to_owned(), message.to_owned()));
    let pods = vec![PodState {
        name: "environment-processor-1".into(),
        trouble,
    }];
    let workload = Workload {
        rollout: Some(rollout),
        pods,
    };
    Scene {
        workload: Some((Role::Processor, workload)),
        ..Scene::new(&json!({}))
    }
}

#[test]
fn a_workload_is_ready_only_when_the_latest_pods_are() {
    let well = Rollout {
        observed: true,
        wanted: 2,
        existing: 2,
        updated: 2,
        ready: 2,
    };
    processor(well, None).says(C::ProcessorReady, "True", "Ready");
    for (rollout, reason) in [
        (
            Rollout {
                observed: false,
                ..well
            },
            "RollingOut",
        ),
        (Rollout { updated: 1, ..well }, "RollingOut"),
        (
            Rollout {
                existing: 3,
                ..well
            },
            "RollingOut",
        ),
        (Rollout { ready: 1, ..well }, "RollingOut"),
        (Rollout { ready: 0, ..well }, "Starting"),
    ] {
        processor(rollout, None).says(C::ProcessorReady, "False", reason);
    }
}

#[test]
fn what_ails_a_pod_is_told() {
    let stuck = Rollout {
        observed: true,
        wanted: 1,
        existing: 1,
        updated: 1,
        ready: 0,
    };
    let scene = processor(stuck, Some(("ImagePullBackOff", "no such image")));
    let message = scene.says(C::ProcessorReady, "False", "PodFailing");
    assert_eq!(
        message,
        "pod environment-processor-1: ImagePullBackOff: no such image"
    );
    let message = scene.says(C::Ready, "False", "PodFailing");
    assert!(message.starts_with("ProcessorReady: "), "{message}");
}

#[test]
fn data_flows_while_commits_are_recent() {
    let mut scene = flowing(Scene::new(&json!({})));
    scene.says(C::DataFlowing, "True", "Flowing");
    let last = |scene: &mut Scene, seconds: i64| {
        scene.world.shards[0].last_commit_us = Some(later(-seconds).as_microsecond());
    };
    last(&mut scene, 31);
    scene.says(C::DataFlowing, "False", "NoInput");
    scene.world.offsets.insert(0, Span { begin: 0, end: 11 });
    scene.says(C::DataFlowing, "False", "Stalled");
    // A simulator of one reading in ten seconds is allowed thirty between them.
    let mut slow = flowing(Scene::new(&json!({ "simulator": { "rate": "0.1" } })));
    last(&mut slow, 30);
    slow.says(C::DataFlowing, "True", "Flowing");
}

#[test]
fn records_that_wait_for_a_starting_processor_are_not_stalled() {
    let stuck = Rollout {
        observed: true,
        wanted: 1,
        existing: 1,
        updated: 1,
        ready: 0,
    };
    let mut scene = processor(stuck, None);
    scene.world.offsets.insert(0, Span { begin: 0, end: 5 });
    scene.says(C::DataFlowing, "False", "ProcessorNotReady");
}

#[test]
fn kafka_out_of_reach_does_not_hide_that_data_flows() {
    let mut scene = flowing(Scene::new(&json!({})));
    scene.world.kafka_down = true;
    scene.says(C::DataFlowing, "True", "Flowing");
    scene.world.shards.clear();
    scene.says(C::DataFlowing, "Unknown", "Unreachable");
}

#[test]
fn an_api_without_a_login_says_what_to_do() {
    let mut scene = Scene::new(&json!({}));
    scene.world.rights = Rights::NoRoles;
    scene.world.readers.clear();
    let message = scene.says(C::ApiReady, "False", "LoginRefused");
    assert!(message.contains("CREATEROLE"), "{message}");
    scene.says(C::Ready, "False", "LoginRefused");
    scene.says(C::TablesReady, "True", "Ready");

    let mut scene = Scene::new(&json!({}));
    let (place, action, why) = ("db".into(), "letting role x read".into(), "no".into());
    scene.failure = Some(ApplyError::Access(BackendError::Refused {
        place,
        action,
        why,
    }));
    let message = scene.says(C::ApiReady, "False", "LoginRefused");
    assert_eq!(message, "db refused letting role x read: no");
    scene.says(C::Ready, "False", "LoginRefused");
    // Without an API there is no such condition to say it.
    let mut scene = scene.edit(&json!({ "api": null }));
    scene.world.readers.clear();
    scene.says(C::Ready, "False", "ApplyFailed");
}

#[test]
fn a_paused_pipeline_says_so_everywhere_but_at_the_api() {
    let mut scene = Scene::new(&json!({})).edit(&json!({ "state": "Paused" }));
    scene
        .world
        .pods
        .insert(Role::Processor, vec![pod("environment-processor-1")]);
    let message = scene.says(C::Stopped, "False", "Pausing");
    assert!(message.contains("environment-processor-1"), "{message}");
    assert_eq!(scene.status().state, Some(ObservedState::Pausing));
    let plan = crate::fixtures::planned(&scene.world, &scene.pipeline, now());
    scene.world.take(&mut scene.pipeline, &plan);
    scene.world.pods.clear();
    scene.says(C::Stopped, "True", "Paused");
    scene.says(C::ProducerReady, "False", "Paused");
    scene.says(C::ProcessorReady, "False", "Paused");
    scene.says(C::ApiReady, "True", "Ready");
    scene.says(C::DataFlowing, "False", "Stopped");
    scene.says(C::Ready, "False", "Paused");
    assert_eq!(scene.status().state, Some(ObservedState::Paused));
}

#[test]
fn a_drained_pipeline_carries_its_offsets() {
    let mut scene = flowing(Scene::new(&json!({})).edit(&json!({ "state": "Drained" })));
    scene.says(C::Stopped, "False", "Draining");
    for _ in 0..3 {
        scene.previous = scene.status();
        let mut pipeline = scene.pipeline.clone();
        pipeline.status = Some(scene.previous.clone());
        let plan = crate::fixtures::planned(&scene.world, &pipeline, now());
        scene.world.take(&mut pipeline, &plan);
    }
    let message = scene.says(C::Stopped, "True", "Drained");
    assert!(message.ends_with("0: 10"), "{message}");
    assert_eq!(scene.status().state, Some(ObservedState::Drained));
}

#[test]
fn a_stop_that_took_too_long_is_told() {
    let mut scene =
        Scene::new(&json!({})).edit(&json!({ "state": "Paused", "stopDeadline": "5s" }));
    scene
        .world
        .pods
        .insert(Role::Processor, vec![pod("environment-processor-1")]);
    let mut begun = scene.status();
    begun.stop.as_mut().unwrap().started_at = Time(later(-10));
    scene.previous = begun;
    scene.says(C::Stopped, "False", "DeadlineExceeded");
    scene.says(C::Ready, "False", "DeadlineExceeded");
}

#[test]
fn a_gap_stops_a_pipeline_that_should_stop_at_gaps() {
    let mut scene = flowing(Scene::new(&json!({})));
    scene.world.shards[0].data_loss_at = Some(77);
    let message = scene.says(C::DataLoss, "True", "Gap");
    assert!(message.contains("offset 77"), "{message}");
    scene.says(C::Ready, "False", "DataLoss");
}

#[test]
fn a_gap_before_the_second_stage_stops_a_pipeline_too() {
    let mut scene = flowing(Scene::new(&json!({})));
    scene.world.shards.push(ShardFigures {
        stage: SECOND_STAGE,
        topic: "link".to_owned(),
        data_loss_at: Some(5),
        ..scene.world.shards[0].clone()
    });
    let message = scene.says(C::DataLoss, "True", "Gap");
    assert!(message.contains("partition 0 of link"), "{message}");
    scene.says(C::Ready, "False", "DataLoss");
}

#[test]
fn lost_records_stay_told_without_stopping_the_pipeline() {
    let mut scene = flowing(Scene::new(
        &json!({ "input": { "onDataLoss": "Continue" } }),
    ));
    scene.world.shards[0].lost = 12;
    scene.says(C::DataLoss, "True", "RecordsLost");
    scene.says(C::Ready, "True", "Ready");
}

#[test]
fn a_sink_that_is_waited_for_is_named() {
    let mut scene = flowing(Scene::new(&json!({})));
    scene.world.shards[0].blocked = vec![BlockedSink {
        sink: "dead-letter".into(),
        since_us: now().as_microsecond(),
        error: "no leader".into(),
    }];
    let message = scene.says(C::SinkBlocked, "True", "Waiting");
    assert!(
        message.contains("dead-letter") && message.contains("no leader"),
        "{message}"
    );
}

#[test]
fn senders_clocks_are_warned_of() {
    let mut scene = Scene::new(&json!({}));
    scene
        .world
        .claims
        .retain(|claim| claim.name != "sensor-data");
    let topic = scene.world.topics.get_mut("sensor-data").unwrap();
    topic
        .config
        .insert(TIMESTAMP_TYPE.into(), "CreateTime".into());
    scene.says(C::WeakClockGuard, "True", "CreateTime");
    scene.previous = scene.status();
    scene.world.kafka_down = true;
    scene.says(C::WeakClockGuard, "True", "CreateTime");
}

#[test]
fn a_key_in_several_partitions_is_warned_of() {
    let mut scene = flowing(Scene::new(&json!({})));
    scene.world.shards[0].rows_of_others = 3;
    let message = scene.says(C::KeySpread, "True", "SeveralPartitions");
    assert!(message.contains("partitioning: Unknown"), "{message}");
    scene.says(C::Ready, "True", "Ready");
}

#[test]
fn a_topic_made_anew_is_warned_of() {
    let mut scene = flowing(Scene::new(&json!({})));
    let mut former = scene.world.shards[0].clone();
    former.incarnation = "id-of-another-sensor-data".into();
    former.records_read = 7;
    scene.world.shards.push(former);
    let message = scene.says(C::TopicReplaced, "True", "MadeAnew");
    assert!(message.contains("anew once: 7 records"), "{message}");
    scene.previous = scene.status();
    scene.world.kafka_down = true;
    scene.says(C::TopicReplaced, "True", "MadeAnew");
}

#[test]
fn deleting_says_what_it_waits_for() {
    let scene = Scene::new(&json!({}));
    let observation = scene.world.observe(&scene.pipeline);
    let outcome = Outcome::Deleting("pods are left");
    let account = Account {
        observation: &observation,
        outcome,
        previous: &scene.previous,
        rate: None,
    };
    let status = status(&account, now());
    assert_eq!(status.state, Some(ObservedState::Deleting));
    assert_eq!(status.condition(C::Ready).unwrap().message, "pods are left");
}
