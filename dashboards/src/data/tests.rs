use sensorstream_crds::SensorPipeline;

use super::*;

fn example(name: &str) -> (PipelineId, SensorPipelineSpec) {
    let path = format!("{}/../examples/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let pipeline: SensorPipeline = serde_yaml_ng::from_str(&text).unwrap();
    (PipelineId::new("default", name), pipeline.spec)
}

/// Every panel's title and query.
fn panels(dashboard: &Dashboard) -> String {
    let document = dashboard.to_json();
    let panels = document["panels"].as_array().unwrap();
    let lines = panels.iter().map(|panel| {
        let title = panel["title"].as_str().unwrap();
        match panel["targets"][0]["rawSql"].as_str() {
            Some(query) => format!("{title}\n    {query}\n"),
            None => format!("# {title}\n"),
        }
    });
    lines.collect()
}

#[test]
fn heartbeats_are_drawn_by_patient() {
    let (id, spec) = example("heartbeat");
    insta::assert_snapshot!(panels(&dashboard(&id, &spec).unwrap()));
}

#[test]
fn windows_without_a_table_of_readings_are_drawn_too() {
    let (id, mut spec) = example("clickstream");
    spec.outputs.table = None;
    insta::assert_snapshot!(panels(&dashboard(&id, &spec).unwrap()));
}

#[test]
fn a_pipeline_without_tables_has_no_dashboard() {
    let (id, mut spec) = example("factory");
    spec.outputs.table = None;
    spec.windows.clear();
    assert!(dashboard(&id, &spec).is_none());
}

#[test]
fn what_it_is_known_by_is_stable_and_short() {
    let id = PipelineId::new("a".repeat(63), "b".repeat(50));
    assert_eq!(uid(&id), uid(&id.clone()));
    assert!(uid(&id).len() <= 40);
    assert_ne!(uid(&id), uid(&PipelineId::new("a", "b")));
}

#[test]
fn names_are_quoted() {
    assert_eq!(sql::Name::of("s", r#"a"b"#).to_string(), r#""s"."a""b""#);
}
