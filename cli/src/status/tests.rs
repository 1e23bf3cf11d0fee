//! Explanations of what operators say, as people read them.

use jiff::{SignedDuration, Timestamp};
use sensorstream_crds::{ConditionReason, ConditionType, SensorPipeline};
use serde_json::{Value, json};

use super::{
    advice::Level,
    explain::{Explanation, Health, Seen, Warning, explain},
    list,
    operator::{Installed, Leader, Operator},
    text::render,
};
use crate::terminal::Paint;

fn now() -> Timestamp {
    "2026-03-04T12:00:00Z".parse().unwrap()
}

fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

/// The first example, of no status yet.
pub(super) fn pipeline() -> SensorPipeline {
    let text = include_str!("../../../examples/environment.yaml");
    let mut object: Value = serde_yaml_ng::from_str(text).unwrap();
    object["metadata"] = json!({
        "namespace": "plant", "name": "line", "generation": 3, "creationTimestamp": ago(86_400),
    });
    serde_json::from_value(object).unwrap()
}

/// The operator at work.
fn working() -> Operator {
    Operator::Installed(Installed {
        namespace: "sensorstream-system".into(),
        deployment: "sensorstream-operator".into(),
        ready: 1,
        leader: Some(Leader {
            holder: "sensorstream-operator-1".into(),
            renewed: Some(ago(3)),
            lasts: SignedDuration::from_secs(15),
        }),
    })
}

fn condition(type_: &str, status: &str, reason: &str, message: &str, seconds: i64) -> Value {
    json!({
        "type": type_, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": ago(seconds), "observedGeneration": 3,
    })
}

/// What the operator says of a pipeline that does what it should.
fn well() -> Value {
    json!({
        "observedGeneration": 3, "state": "Running", "replicas": 1, "lag": 0, "rate": "50.2/s",
        "watermark": ago(5), "lastCommitTime": ago(1),
        "records": { "read": 1000, "accepted": 997, "deadLettered": 3, "dropped": 0, "lost": 0 },
        "endpoints": { "api": "http://line-api.plant.svc:80" },
        "conditions": [
            condition("Ready", "True", "Ready", "everything is in place and running", 7_300),
            condition("SpecValid", "True", "Valid", "the spec can be carried out", 7_400),
            condition("TopicsReady", "True", "Ready", "the topics are as declared", 7_350),
            condition("ProcessorReady", "True", "Ready", "1 pod is ready", 7_310),
            condition("DataFlowing", "True", "Flowing", "readings are being committed", 7_300),
        ],
    })
}

fn seen(status: &Value) -> Seen {
    let mut pipeline = pipeline();
    pipeline.status = serde_json::from_value(status.clone()).unwrap();
    Seen {
        pipeline,
        warnings: Vec::new(),
        operator: working(),
        context: None,
    }
}

/// The pipeline that is well, but for one condition.
fn with(type_: &str, status: &str, reason: &str, message: &str, seconds: i64) -> Seen {
    let mut object = well();
    let conditions = object["conditions"].as_array_mut().unwrap();
    conditions.retain(|other| other["type"] != type_ && other["type"] != "Ready");
    let ready = format!("{type_}: {message}");
    conditions.push(condition("Ready", "False", reason, &ready, seconds));
    conditions.push(condition(type_, status, reason, message, seconds));
    seen(&object)
}

fn text(seen: &Seen) -> (Explanation, String) {
    let explanation = explain(seen, now());
    let text = render(&explanation, now(), Paint::default());
    (explanation, text)
}

#[test]
fn a_pipeline_that_is_well() {
    let (explanation, text) = text(&seen(&well()));
    assert_eq!(explanation.health, Health::Healthy);
    insta::assert_snapshot!(text);
}

#[test]
fn a_secret_that_is_missing() {
    let message = "there is no Secret sensorstream-db in the pipeline's namespace; create it";
    let (explanation, text) = text(&with("SpecValid", "False", "SecretNotFound", message, 300));
    assert_eq!(explanation.health, Health::Unhealthy);
    insta::assert_snapshot!(text);
}

#[test]
fn a_secret_that_is_of_no_use() {
    let message =
        "Secret sensorstream-db has no key uri, which the spec names; add it or name another";
    insta::assert_snapshot!(text(&with("SpecValid", "False", "SecretInvalid", message, 300)).1);
}

#[test]
fn pods_that_start() {
    let (explanation, text) = text(&with(
        "ProcessorReady",
        "False",
        "Starting",
        "none of 1 pods is ready yet",
        8,
    ));
    assert_eq!(explanation.health, Health::Changing);
    insta::assert_snapshot!(text);
}

#[test]
fn what_passes_by_itself_is_wrong_when_it_does_not() {
    let seen = with(
        "ProcessorReady",
        "False",
        "Starting",
        "none of 1 pods is ready yet",
        900,
    );
    let (explanation, text) = text(&seen);
    assert_eq!(explanation.health, Health::Unhealthy);
    assert!(
        text.starts_with("plant/line is not healthy: pods are starting, for 15 min."),
        "{text}"
    );
}

#[test]
fn a_pod_that_fails_with_its_warnings() {
    let message = "pod line-processor-1: ImagePullBackOff: no such image";
    let mut seen = with("ProcessorReady", "False", "PodFailing", message, 60);
    seen.context = Some("prod".into());
    seen.warnings = vec![Warning {
        at: Some(ago(60)),
        reason: "PodFailing".into(),
        note: format!("Ready is False: ProcessorReady: {message}"),
    }];
    insta::assert_snapshot!(text(&seen).1);
}

#[test]
fn an_outage_of_postgresql() {
    let mut object = well();
    let message = "PostgreSQL at db:5432 can't be reached: connection refused";
    object["state"] = json!("Degraded");
    object["conditions"] = json!([
        condition(
            "Ready",
            "False",
            "Unreachable",
            &format!("TablesReady: {message}"),
            40
        ),
        condition(
            "SpecValid",
            "True",
            "Valid",
            "the spec can be carried out",
            7_400
        ),
        condition("TablesReady", "Unknown", "Unreachable", message, 40),
        condition("DataFlowing", "Unknown", "Unreachable", message, 40),
    ]);
    insta::assert_snapshot!(text(&seen(&object)).1);
}

#[test]
fn a_pipeline_that_is_paused_as_asked() {
    let mut object = well();
    object["state"] = json!("Paused");
    object["replicas"] = json!(0);
    object["conditions"] = json!([
        condition("Ready", "False", "Paused", "paused, as asked", 600),
        condition(
            "ProcessorReady",
            "False",
            "Paused",
            "the processor is stopped, as asked",
            600
        ),
        condition(
            "DataFlowing",
            "False",
            "Stopped",
            "the pipeline is stopped, as asked",
            600
        ),
        condition(
            "Stopped",
            "True",
            "Paused",
            "no simulator or processor pod is left",
            590
        ),
    ]);
    let (explanation, text) = text(&seen(&object));
    assert_eq!(explanation.health, Health::Stopped);
    insta::assert_snapshot!(text);
}

#[test]
fn records_that_are_gone_and_a_sink_that_takes_nothing() {
    let mut object = well();
    let conditions = object["conditions"].as_array_mut().unwrap();
    conditions.push(condition(
        "DataLoss",
        "True",
        "Gap",
        "records were deleted: partition 0 goes on at offset 77",
        90,
    ));
    conditions.push(condition(
        "SinkBlocked",
        "True",
        "Waiting",
        "waiting for dead-letter: no leader",
        30,
    ));
    insta::assert_snapshot!(text(&seen(&object)).1);
}

#[test]
fn what_is_worth_a_look_and_many_dead_letters() {
    let mut object = well();
    object["records"] =
        json!({ "read": 100, "accepted": 90, "deadLettered": 10, "dropped": 0, "lost": 0 });
    let conditions = object["conditions"].as_array_mut().unwrap();
    conditions.push(condition(
        "WeakClockGuard",
        "True",
        "CreateTime",
        "topic sensor-data stamps records…",
        9_000,
    ));
    let (explanation, text) = text(&seen(&object));
    assert_eq!(explanation.health, Health::Healthy);
    insta::assert_snapshot!(text);
}

#[test]
fn accounts_that_do_not_add_up() {
    let mut object = well();
    object["records"]["accepted"] = json!(900);
    let (explanation, text) = text(&seen(&object));
    assert_eq!(explanation.health, Health::Unhealthy);
    assert!(
        text.contains("1000 records were read, and 903 are accounted for"),
        "{text}"
    );
}

#[test]
fn a_status_of_an_earlier_spec() {
    let mut seen = seen(&well());
    seen.pipeline.metadata.generation = Some(4);
    let (explanation, before) = text(&seen);
    assert_eq!(
        explanation.health,
        Health::Unhealthy,
        "the spec is a day old:\n{before}"
    );
    seen.pipeline.metadata.creation_timestamp = None;
    seen.pipeline.metadata.managed_fields = serde_json::from_value(json!([
        { "manager": "kubectl", "operation": "Apply", "time": ago(2) },
        { "manager": "sensorstream-operator", "operation": "Apply", "subresource": "status", "time": ago(1) },
    ]))
    .unwrap();
    let (explanation, text) = text(&seen);
    assert_eq!(explanation.health, Health::Changing);
    insta::assert_snapshot!(text);
}

#[test]
fn a_pipeline_that_nobody_has_looked_at() {
    let mut seen = seen(&Value::Null);
    seen.operator = Operator::Absent;
    insta::assert_snapshot!(text(&seen).1);
}

#[test]
fn an_operator_that_is_down_or_leads_nothing() {
    let mut seen = seen(&well());
    let Operator::Installed(installed) = working() else {
        unreachable!()
    };
    let stale = Installed {
        leader: Some(Leader {
            renewed: Some(ago(300)),
            ..installed.leader.clone().unwrap()
        }),
        ..installed.clone()
    };
    for (operator, reason) in [
        (
            Operator::Installed(Installed {
                ready: 0,
                ..installed.clone()
            }),
            "NotReady",
        ),
        (Operator::Installed(stale), "NoLeader"),
        (
            Operator::Installed(Installed {
                leader: None,
                ..installed
            }),
            "NoLeader",
        ),
    ] {
        seen.operator = operator;
        let explanation = explain(&seen, now());
        assert_eq!(explanation.health, Health::Unhealthy);
        assert_eq!(explanation.findings[0].reason, reason);
        assert!(explanation.findings[0].runbook.is_some());
    }
    seen.operator = Operator::Unseen("deployments.apps is forbidden".into());
    assert_eq!(explain(&seen, now()).health, Health::Healthy);
}

#[test]
fn what_a_later_operator_says_is_told_as_it_is() {
    let seen = with(
        "SpecValid",
        "False",
        "Bewitched",
        "there is a spell on it",
        60,
    );
    let (explanation, text) = text(&seen);
    assert_eq!(explanation.health, Health::Unhealthy);
    assert!(text.contains("there is a spell on it"), "{text}");
}

#[test]
fn every_reason_of_every_condition_is_explained() {
    for type_ in ConditionType::ALL {
        for reason in ConditionReason::ALL {
            let explanation = explain(
                &with(type_.as_str(), "False", reason.as_str(), "so it is", 5),
                now(),
            );
            let finding = explanation
                .findings
                .iter()
                .find(|finding| finding.about == type_.as_str())
                .unwrap();
            let says_what_to_do = !finding.todo.is_empty();
            assert!(
                finding.level == Level::Good || says_what_to_do,
                "{type_:?} {reason:?}"
            );
        }
    }
}

#[test]
fn many_pipelines_take_a_line_each() {
    let message = "there is no Secret sensorstream-db in the pipeline's namespace; create it";
    let explanations = [
        explain(&seen(&well()), now()),
        explain(
            &with("SpecValid", "False", "SecretNotFound", message, 300),
            now(),
        ),
    ];
    let lines = list::lines(&explanations);
    insta::assert_snapshot!(list::render(&lines, true, now()));
    insta::assert_json_snapshot!(lines);
}

#[test]
fn programs_get_the_same() {
    let message = "there is no Secret sensorstream-db in the pipeline's namespace; create it";
    let explanation = explain(
        &with("SpecValid", "False", "SecretNotFound", message, 300),
        now(),
    );
    insta::assert_json_snapshot!(explanation);
}
