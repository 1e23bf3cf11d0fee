//! The ways of a stop, step by step.

use jiff::Timestamp;
use sensorstream_crds::SensorPipelineStatus;
use serde_json::{Value, json};

use super::*;
use crate::{
    backends::Span,
    fixtures::{World, environment_with, later, now, pod, running, shard},
    observe::objects::ObjectKey,
    plan::kubernetes::Kind,
};

/// A pipeline that ran and is asked to stop, and the world around it.
struct Stopping {
    world: World,
    state: &'static str,
    outputs: Value,
    status: SensorPipelineStatus,
}

impl Stopping {
    fn new(state: &'static str) -> Self {
        let (mut world, _) = running(environment_with(&json!({})));
        world.pods.insert(Role::Producer, vec![pod("producer-1")]);
        world.pods.insert(Role::Processor, vec![pod("processor-1")]);
        Self {
            world,
            state,
            outputs: json!({}),
            status: SensorPipelineStatus::default(),
        }
    }

    /// Decides, and does to the pods what was decided.
    fn step(&mut self, now: Timestamp) -> Lifecycle {
        let mut pipeline = environment_with(
            &json!({ "state": self.state, "stopDeadline": "5m", "outputs": self.outputs }),
        );
        pipeline.status = Some(self.status.clone());
        let observation = self.world.observe(&pipeline);
        let decided = lifecycle(&Situation::of(&observation, now));
        self.scale(Role::Producer, decided.producer);
        self.scale(Role::Processor, decided.processor);
        self.status.stop = decided.stop.clone();
        decided
    }

    fn scale(&mut self, role: Role, run: bool) {
        let name = role.object_name("environment");
        let key = ObjectKey {
            kind: Kind::Deployment,
            name,
        };
        self.world.objects.get_mut(&key).unwrap()["spec"]["replicas"] = i32::from(run).into();
    }

    fn pods_end(&mut self, role: Role) {
        self.world.pods.remove(&role);
    }

    fn offsets(&mut self, end: i64) {
        self.world.offsets.insert(0, Span { begin: 0, end });
    }

    fn drained_before(&mut self) {
        self.status.conditions = vec![Condition {
            type_: "Stopped".into(),
            status: "True".into(),
            reason: "Drained".into(),
            message: String::new(),
            observed_generation: Some(1),
            last_transition_time: Time(now()),
        }];
    }
}

#[test]
fn a_running_pipeline_has_no_stop() {
    let decided = Stopping::new("Running").step(now());
    let expected = Lifecycle {
        producer: true,
        processor: true,
        stop: None,
        phase: Phase::Running,
    };
    assert_eq!(decided, expected);
}

#[test]
fn a_pause_is_done_when_no_pod_is_left() {
    let mut stopping = Stopping::new("Paused");
    let first = stopping.step(now());
    assert!(!first.producer && !first.processor);
    assert_eq!(
        first.phase,
        Phase::Pausing(vec!["producer-1".into(), "processor-1".into()])
    );
    stopping.pods_end(Role::Producer);
    assert_eq!(
        stopping.step(later(1)).phase,
        Phase::Pausing(vec!["processor-1".into()])
    );
    stopping.pods_end(Role::Processor);
    let last = stopping.step(later(2));
    assert_eq!(last.phase, Phase::Paused);
    assert_eq!(last.stop.unwrap().started_at, Time(now()));
}

#[test]
fn a_pause_that_takes_too_long_names_the_pods() {
    let mut stopping = Stopping::new("Paused");
    stopping.step(now());
    let Phase::Overdue { left, stopped } = stopping.step(later(300)).phase else {
        panic!("the deadline passed");
    };
    assert!(left.contains("processor-1") && !stopped);
}

#[test]
fn a_drain_goes_through_its_steps() {
    let mut stopping = Stopping::new("Drained");
    stopping.offsets(100);
    stopping.world.shards = vec![shard(0, 40)];
    let first = stopping.step(now());
    assert!(!first.producer && first.processor, "the processor goes on");
    assert_eq!(
        first.phase,
        Phase::Draining(Draining::ProducerStopping(vec!["producer-1".into()]))
    );
    assert!(
        !first.stop.unwrap().captured,
        "nothing is captured while the simulator runs"
    );

    stopping.pods_end(Role::Producer);
    let second = stopping.step(later(1));
    assert_eq!(
        second.phase,
        Phase::Draining(Draining::Processing(vec![(0, 60)]))
    );
    let target = PartitionOffset {
        partition: 0,
        offset: 100,
    };
    assert_eq!(second.stop.unwrap().targets, [target]);

    // What comes in later is not waited for.
    stopping.offsets(500);
    stopping.world.shards = vec![shard(0, 120)];
    stopping.world.shards[0].pending_dead_letters = 2;
    let third = stopping.step(later(2));
    assert_eq!(
        third.phase,
        Phase::Draining(Draining::SendingDeadLetters(2))
    );
    assert_eq!(third.stop.unwrap().targets, [target], "captured once");

    stopping.world.shards[0].pending_dead_letters = 0;
    let fourth = stopping.step(later(3));
    assert!(!fourth.processor);
    let left = vec!["processor-1".into()];
    assert_eq!(
        fourth.phase,
        Phase::Draining(Draining::ProcessorStopping(left))
    );

    stopping.pods_end(Role::Processor);
    assert_eq!(stopping.step(later(4)).phase, Phase::Drained);
}

#[test]
fn a_drain_waits_until_alerts_are_sent() {
    let mut stopping = Stopping::new("Drained");
    stopping.pods_end(Role::Producer);
    stopping.offsets(100);
    stopping.world.shards = vec![shard(0, 100)];
    stopping.world.shards[0].sent_below = 90;
    stopping.step(now());
    // Without anything but dead letters to send, nobody keeps the cursor up.
    assert!(!stopping.step(later(1)).processor);

    stopping.outputs = json!({ "alerts": { "topic": { "name": "alerts" } } });
    let phase = stopping.step(later(2)).phase;
    assert_eq!(phase, Phase::Draining(Draining::Sending(10)));

    stopping.world.shards[0].sent_below = 100;
    assert!(!stopping.step(later(3)).processor);
}

#[test]
fn a_drain_waits_for_the_second_stage_of_windows() {
    let mut stopping = Stopping::new("Drained");
    stopping.pods_end(Role::Producer);
    stopping.offsets(100);
    let link = Span { begin: 5, end: 40 };
    stopping.world.link_offsets.insert(1, link);
    let mut first = shard(0, 100);
    (first.linked, first.sent_below) = (true, 70);
    stopping.world.shards = vec![first];
    stopping.step(now());
    let phase = stopping.step(later(1)).phase;
    assert_eq!(phase, Phase::Draining(Draining::Sending(30)));

    stopping.world.shards[0].sent_below = 100;
    let phase = stopping.step(later(1)).phase;
    assert_eq!(phase, Phase::Draining(Draining::Merging(vec![(1, 35)])));

    let mut second = shard(1, 38);
    second.stage = SECOND_STAGE;
    second.incarnation = "id-of-the-link-topic".into();
    stopping.world.shards.push(second);
    let decided = stopping.step(later(2));
    assert!(decided.processor);
    assert_eq!(
        decided.phase,
        Phase::Draining(Draining::Merging(vec![(1, 2)]))
    );

    stopping.world.shards[1].next_offset = 40;
    assert!(!stopping.step(later(3)).processor);
}

#[test]
fn a_drain_says_that_kafka_holds_it() {
    let mut stopping = Stopping::new("Drained");
    stopping.pods_end(Role::Producer);
    stopping.world.kafka_down = true;
    stopping.step(now());
    let Phase::Draining(Draining::Capturing(Some(why))) = stopping.step(later(1)).phase else {
        panic!("nothing can be captured");
    };
    assert!(why.contains("Kafka"), "{why}");
    stopping.world.kafka_down = false;
    stopping.offsets(7);
    assert!(stopping.step(later(2)).stop.unwrap().captured);
}

#[test]
fn a_drain_does_not_capture_while_a_partition_has_no_leader() {
    let mut stopping = Stopping::new("Drained");
    stopping.pods_end(Role::Producer);
    stopping
        .world
        .topics
        .get_mut("sensor-data")
        .unwrap()
        .partitions = 2;
    stopping.step(now());
    let decided = stopping.step(later(1));
    assert!(matches!(
        decided.phase,
        Phase::Draining(Draining::Capturing(Some(_)))
    ));
}

#[test]
fn a_drain_that_takes_too_long_stops_and_names_what_is_left() {
    let mut stopping = Stopping::new("Drained");
    stopping.pods_end(Role::Producer);
    stopping.offsets(100);
    stopping.world.shards = vec![shard(0, 40)];
    stopping.step(now());
    stopping.step(later(1));
    let decided = stopping.step(later(301));
    assert!(!decided.processor);
    let Phase::Overdue { left, stopped } = decided.phase else {
        panic!("the deadline passed")
    };
    assert!(left.contains("0 by 60") && !stopped, "{left}");
    stopping.pods_end(Role::Processor);
    assert!(matches!(
        stopping.step(later(302)).phase,
        Phase::Overdue { stopped: true, .. }
    ));
}

#[test]
fn what_is_drained_stays_so_when_nobody_can_look() {
    let mut stopping = Stopping::new("Drained");
    stopping.pods_end(Role::Producer);
    stopping.offsets(10);
    stopping.world.shards = vec![shard(0, 10)];
    stopping.step(now());
    stopping.step(later(1));
    stopping.pods_end(Role::Processor);
    assert_eq!(stopping.step(later(1)).phase, Phase::Drained);
    stopping.drained_before();
    stopping.world.postgres_down = true;
    stopping.world.kafka_down = true;
    let decided = stopping.step(later(2));
    assert_eq!((decided.processor, decided.phase), (false, Phase::Drained));
}

#[test]
fn shards_of_an_older_topic_do_not_count() {
    let mut stopping = Stopping::new("Drained");
    stopping.pods_end(Role::Producer);
    stopping.offsets(10);
    let mut older = shard(0, 999);
    older.incarnation = "another-id".into();
    stopping.world.shards = vec![older];
    stopping.step(now());
    let decided = stopping.step(later(1));
    assert_eq!(
        decided.phase,
        Phase::Draining(Draining::Processing(vec![(0, 10)]))
    );
}

#[test]
fn records_that_expired_are_not_waited_for() {
    let mut stopping = Stopping::new("Drained");
    stopping.pods_end(Role::Producer);
    stopping
        .world
        .offsets
        .insert(0, Span { begin: 10, end: 10 });
    stopping.step(now());
    let decided = stopping.step(later(1));
    assert!(matches!(
        decided.phase,
        Phase::Draining(Draining::ProcessorStopping(_))
    ));
}

#[test]
fn a_drain_after_a_pause_processes_what_is_left() {
    let mut stopping = Stopping::new("Paused");
    stopping.pods_end(Role::Producer);
    stopping.pods_end(Role::Processor);
    stopping.offsets(10);
    stopping.step(now());
    assert_eq!(stopping.step(later(1)).phase, Phase::Paused);
    stopping.state = "Drained";
    let decided = stopping.step(later(1000));
    assert!(decided.processor, "{decided:?}");
    assert_eq!(
        decided.stop.unwrap().started_at,
        Time(later(1000)),
        "its deadline is its own"
    );
}

#[test]
fn running_again_forgets_the_stop() {
    let mut stopping = Stopping::new("Drained");
    stopping.step(now());
    stopping.state = "Running";
    assert_eq!(stopping.step(later(1)).stop, None);
}
