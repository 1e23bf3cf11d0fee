//! Rules of good dashboards, as the linters of monitoring mixins check them, and that the files are up to date.

use std::collections::BTreeSet;

use regex::Regex;
use sensorstream_crds::{PipelineId, SensorPipeline};
use sensorstream_dashboards::{data, grafana::Dashboard, shared};
use serde_json::Value;

/// All dashboards, those of every example's data too.
fn dashboards() -> Vec<Dashboard> {
    let folder = format!("{}/../examples", env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(folder).unwrap();
    let examples = files.map(|file| {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let pipeline: SensorPipeline = serde_yaml_ng::from_str(&text).unwrap();
        let id = PipelineId::new("default", pipeline.metadata.name.unwrap());
        data::dashboard(&id, &pipeline.spec).unwrap()
    });
    shared()
        .into_iter()
        .map(|(_, dashboard)| dashboard)
        .chain(examples)
        .collect()
}

/// Every panel, with its dashboard's title and its own.
fn panels() -> Vec<(String, Value)> {
    let all = dashboards();
    let panels = all.iter().flat_map(|dashboard| {
        let document = dashboard.to_json();
        let panels = document["panels"].as_array().unwrap().clone();
        let title = document["title"].as_str().unwrap().to_owned();
        panels
            .into_iter()
            .filter(|panel| panel["type"] != "row")
            .map(move |panel| (format!("{title}: {}", panel["title"]), panel))
    });
    panels.collect()
}

/// Every query to Prometheus, with where it is.
fn queries() -> Vec<(String, String)> {
    let of_panel = |(place, panel): (String, Value)| {
        let targets = panel["targets"].as_array().unwrap().clone();
        targets
            .into_iter()
            .filter_map(move |target| Some((place.clone(), target["expr"].as_str()?.to_owned())))
    };
    panels().into_iter().flat_map(of_panel).collect()
}

#[test]
fn the_files_are_up_to_date() {
    for (name, dashboard) in shared() {
        for folder in ["", "../charts/sensorstream/files/dashboards/"] {
            let path = format!("{}/{folder}{name}", env!("CARGO_MANIFEST_DIR"));
            let file = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                file == dashboard.to_text(),
                "{path}: run scripts/generate.sh"
            );
        }
    }
}

#[test]
fn each_is_known_by_a_name_of_its_own_and_can_not_be_edited() {
    let all = dashboards();
    let uids: BTreeSet<&str> = all.iter().map(|dashboard| dashboard.uid.as_str()).collect();
    let titles: BTreeSet<&str> = all
        .iter()
        .map(|dashboard| dashboard.title.as_str())
        .collect();
    assert_eq!((uids.len(), titles.len()), (all.len(), all.len()));
    for dashboard in &all {
        assert!(dashboard.uid.len() <= 40, "{}", dashboard.uid);
        assert_eq!(dashboard.to_json()["editable"], false);
        assert!(!dashboard.links.is_empty(), "{}", dashboard.title);
    }
}

#[test]
fn the_data_source_is_chosen_and_everything_goes_by_it() {
    for dashboard in dashboards() {
        let document = dashboard.to_json();
        let variables = document["templating"]["list"].as_array().unwrap();
        assert_eq!(variables[0]["type"], "datasource");
        let uid = format!("${{{}}}", variables[0]["name"].as_str().unwrap());
        for variable in &variables[1..] {
            assert_eq!(variable["datasource"]["uid"], uid);
            assert!(!variable["label"].as_str().unwrap().is_empty());
        }
    }
    for (place, panel) in panels() {
        let named = match panel["datasource"]["type"].as_str().unwrap() {
            "prometheus" => "${datasource}",
            _ => "${postgres}",
        };
        assert_eq!(panel["datasource"]["uid"], named, "{place}");
        for target in panel["targets"].as_array().unwrap() {
            assert_eq!(target["datasource"], panel["datasource"], "{place}");
        }
    }
}

#[test]
fn links_hand_on_no_variable_that_means_something_else_there() {
    for dashboard in dashboards() {
        for link in dashboard.to_json()["links"].as_array().unwrap() {
            assert_eq!(link["includeVars"], false, "{}", dashboard.title);
            let url = link["url"].as_str().unwrap();
            assert!(
                !url.contains(&dashboard.uid),
                "{} leads to itself",
                dashboard.title
            );
        }
    }
}

#[test]
fn panels_have_titles_descriptions_units_and_queries() {
    for (place, panel) in panels() {
        assert!(!panel["title"].as_str().unwrap().is_empty(), "{place}");
        let description = panel["description"].as_str().unwrap();
        assert!(description.ends_with('.'), "{place}: {description}");
        let unit = panel["fieldConfig"]["defaults"]["unit"].as_str().unwrap();
        assert!(!unit.is_empty(), "{place}");
        let targets = panel["targets"].as_array().unwrap();
        assert!((1..=26).contains(&targets.len()), "{place}");
        let ids: BTreeSet<_> = targets.iter().map(|t| t["refId"].to_string()).collect();
        assert_eq!(ids.len(), targets.len(), "{place}");
    }
}

#[test]
fn series_of_one_graph_can_be_told_apart() {
    for (place, panel) in panels() {
        let targets = panel["targets"].as_array().unwrap();
        if panel["type"] != "timeseries" || targets[0]["expr"].is_null() {
            continue;
        }
        let legends: BTreeSet<_> = targets
            .iter()
            .map(|t| t["legendFormat"].to_string())
            .collect();
        assert_eq!(legends.len(), targets.len(), "{place}");
        assert!(!legends.contains("\"\""), "{place}");
    }
}

#[test]
fn panels_do_not_overlap_and_stay_within_24_columns() {
    for dashboard in dashboards() {
        let document = dashboard.to_json();
        let mut taken = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for panel in document["panels"].as_array().unwrap() {
            assert!(ids.insert(panel["id"].as_u64().unwrap()));
            let at = |name: &str| panel["gridPos"][name].as_u64().unwrap();
            assert!(
                at("x") + at("w") <= 24,
                "{}: {}",
                dashboard.title,
                panel["title"]
            );
            for x in at("x")..at("x") + at("w") {
                for y in at("y")..at("y") + at("h") {
                    assert!(
                        taken.insert((x, y)),
                        "{}: {}",
                        dashboard.title,
                        panel["title"]
                    );
                }
            }
        }
    }
}

#[test]
fn queries_select_by_job_and_by_pod_or_pipeline() {
    let selector = Regex::new(r"([a-z_]+)\{([^}]*)\}").unwrap();
    for (place, query) in queries() {
        for found in selector.captures_iter(&query) {
            let (metric, matchers) = (&found[1], &found[2]);
            // Alerts have the labels that their rules leave.
            if metric == "ALERTS" {
                continue;
            }
            assert!(matchers.contains(r#"job=~"$job""#), "{place}: {query}");
            let pods = ["pod=~\"$pod\"", "pipeline=~\"$pipeline\""];
            assert!(
                pods.iter().any(|pod| matchers.contains(pod)),
                "{place}: {query}"
            );
        }
        assert!(
            !query.contains("ALERTS{") || query.contains("SensorStream"),
            "{place}"
        );
    }
}

#[test]
fn rates_are_of_counters_over_the_rate_interval() {
    let rate = Regex::new(r"\brate\(([a-z_]+)\{[^}]*\}\[([^\]]+)\]\)").unwrap();
    for (place, query) in queries() {
        assert_eq!(
            query.matches("rate(").count(),
            rate.captures_iter(&query).count(),
            "{place}: {query}"
        );
        for found in rate.captures_iter(&query) {
            assert_eq!(&found[2], "$__rate_interval", "{place}: {query}");
            let counts = ["_total", "_bucket", "_sum", "_count"];
            assert!(
                counts.iter().any(|end| found[1].ends_with(end)),
                "{place}: {query}"
            );
        }
        assert!(!query.contains("irate("), "{place}: {query}");
    }
}

#[test]
fn every_metric_asked_for_is_defined_and_every_one_that_counts_work_is_shown() {
    let defined: BTreeSet<String> = sensorstream_operator::metrics::Metrics::catalog()
        .definitions()
        .into_iter()
        .chain(sensorstream_processor::metrics().definitions())
        .map(|metric| metric.name)
        .collect();
    let name = Regex::new(r"\bsensorstream_[a-z_]+").unwrap();
    let mut shown = BTreeSet::new();
    for (place, query) in queries() {
        for found in name.find_iter(&query) {
            let base = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| found.as_str().strip_suffix(end))
                .unwrap_or(found.as_str());
            assert!(defined.contains(base), "{place}: {base}");
            shown.insert(base.to_owned());
        }
    }
    // What a pod says of its own state, not of the pipeline's.
    let left_out = [
        "sensorstream_producer_finished",
        "sensorstream_producer_sent_bytes_total",
    ];
    let missing: Vec<&String> = defined
        .iter()
        .filter(|name| !shown.contains(*name) && !left_out.contains(&name.as_str()))
        .collect();
    assert!(missing.is_empty(), "in no dashboard: {missing:?}");
}

#[test]
fn variables_ask_for_metrics_that_are_defined() {
    for dashboard in shared().map(|(_, dashboard)| dashboard) {
        let document = dashboard.to_json();
        for variable in &document["templating"]["list"].as_array().unwrap()[1..] {
            let query = variable["query"]["query"].as_str().unwrap();
            assert!(query.starts_with("label_values("), "{query}");
        }
    }
}
