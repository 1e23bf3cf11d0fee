//! Each example runs on a machine with nothing set up, and does what it says.

use serde_json::Value;

use crate::program::{Run, example, get};

/// Runs an example faster than it would. Answers the summary; `look` may look at it while it runs.
fn run(name: &str, arguments: &[&str], look: impl FnOnce(&Value)) -> Value {
    let mut run = Run::start(&example(name), arguments);
    let ready = run.until_ready();
    run.until_read(300);
    look(&ready);
    run.signal(libc::SIGINT);
    run.succeed()
}

fn count(summary: &Value, pointer: &str) -> i64 {
    summary
        .pointer(pointer)
        .and_then(Value::as_i64)
        .unwrap_or(0)
}

#[test]
fn the_environment_with_its_dashboard_and_its_api() {
    let summary = run(
        "environment",
        &["--set", "spec.simulator.rate=200"],
        |ready| {
            let api = &ready["api"];
            assert_eq!(
                ready["dashboard"], true,
                "the dashboard is built before the tests"
            );
            let (status, page) = get(api, "/");
            assert_eq!(status, 200);
            assert!(page.contains("<title>"), "{page}");
            let (status, latest) = get(api, "/latest");
            assert_eq!(status, 200, "{latest}");
            assert!(latest.contains("sensor-001"), "{latest}");
            let (status, health) = get(api, "/health");
            assert_eq!(status, 200, "{health}");
            assert!(health.contains("\"Ready\""), "{health}");
        },
    );
    let accepted = count(&summary, "/records/accepted");
    assert!(accepted >= 300);
    assert_eq!(summary["tables"]["environment.sensor_data"], accepted);
}

#[test]
fn the_factory_with_windows_alerts_and_a_lake() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let arguments = ["--set", "spec.simulator.rate=500", "--data", folder];
    let summary = run("factory", &arguments, |ready| {
        let (status, windows) = get(&ready["api"], "/windows/device_minutes");
        assert_eq!(status, 200, "{windows}");
    });
    let accepted = count(&summary, "/records/accepted");
    assert_eq!(summary["tables"]["factory.sensor_readings"], accepted);
    assert!(count(&summary, "/tables/factory.device_minutes") > 0);
    let files = std::fs::read_dir(data.path().join("lake")).unwrap().count();
    assert!(files > 0, "the lake has the days of the readings");
}

#[test]
fn the_clickstream_with_windows_over_all_partitions() {
    let summary = run("clickstream", &["--set", "spec.simulator.rate=300"], |_| {});
    for table in ["page_view_counts", "active_users", "user_sessions"] {
        let rows = summary["tables"][format!("clickstream.{table}")].as_i64();
        assert!(rows > Some(0), "{table}: {summary:#}");
    }
}

#[test]
fn the_heartbeat_with_numbered_rows() {
    let summary = run("heartbeat", &["--set", "spec.simulator.rate=300"], |_| {});
    let accepted = count(&summary, "/records/accepted");
    assert_eq!(summary["tables"]["heartbeat.heartbeats"], accepted);
    assert!(count(&summary, "/tables/heartbeat.patient_minutes") > 0);
}

#[test]
fn a_past_that_is_made_up_is_processed_to_its_end() {
    let settings = [
        "--set",
        "spec.simulator.timeline.live=null,spec.simulator.timeline.spread.over=15m",
        "--set",
        "spec.simulator.timeline.spread.readings=9000",
        "--set",
        "spec.simulator.rate=5000",
        "--until-drained",
    ];
    let run = Run::start(&example("clickstream"), &settings);
    let summary = run.succeed();
    let read = count(&summary, "/records/read");
    // Repetitions come on top of them.
    assert!(read >= 9_000, "{summary:#}");
}
