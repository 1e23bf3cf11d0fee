//! The reference of all metrics.

use std::fmt::Write;

use sensorstream_operator::metrics::Metrics as Operator;
use sensorstream_telemetry::metrics::Definition;

const INTRODUCTION: &str = "\
# Metrics

Every pod answers `GET /metrics` on port 8080, in Prometheus' text format. Beside what is listed here there is
what every process has: `process_cpu_seconds_total`, `process_resident_memory_bytes`, `process_open_fds`,
`process_start_time_seconds` and their like; a change of the last one is a restart.

All times are in seconds, all sizes in bytes. The values of labels are few: partitions, names out of the spec,
and closed lists. Everything that the pods of a pipeline say has the label `pipeline`, its name. `stage` is `input`
for what reads the input topic and `link` for what merges windows over several partitions.

<!-- Written by scripts/generate.sh from the definitions in the code. -->
";

/// The document, in Markdown.
pub(crate) fn document() -> String {
    let all = definitions();
    let mut text = INTRODUCTION.to_owned();
    for (title, prefix) in [
        ("Operator", "sensorstream_operator_"),
        ("Processor", "sensorstream_processor_"),
        ("Producer", "sensorstream_producer_"),
        ("API", "sensorstream_api_"),
    ] {
        section(&mut text, title, prefix, &all);
    }
    text
}

/// The metrics of both programs.
fn definitions() -> Vec<Definition> {
    let mut all = Operator::catalog().definitions();
    all.extend(sensorstream_processor::metrics().definitions());
    all
}

fn section(text: &mut String, title: &str, prefix: &str, all: &[Definition]) {
    let _ = write!(
        text,
        "\n## {title}\n\n| metric | type | labels | what it says |\n|---|---|---|---|\n"
    );
    for metric in all.iter().filter(|metric| metric.name.starts_with(prefix)) {
        let labels: Vec<String> = metric
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} |",
            metric.name,
            metric.kind.as_str(),
            labels.join(", "),
            metric.help
        );
    }
}

#[cfg(test)]
mod tests {
    use sensorstream_telemetry::metrics::Kind;

    use super::*;

    #[test]
    fn the_document_is_up_to_date() {
        assert_eq!(
            document(),
            include_str!("../../metrics.md"),
            "run scripts/generate.sh"
        );
    }

    #[test]
    fn every_metric_is_in_it() {
        let text = document();
        for metric in definitions() {
            assert!(text.contains(&format!("| `{}` |", metric.name)));
        }
    }

    // https://prometheus.io/docs/practices/naming/
    #[test]
    fn names_follow_the_conventions() {
        for metric in definitions() {
            let name = &metric.name;
            assert!(
                name.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
                "{name}"
            );
            assert_eq!(
                name.ends_with("_total"),
                metric.kind == Kind::Counter,
                "{name}"
            );
            for unit in ["_ms", "_millis", "_milliseconds", "_minutes", "_kb", "_mib"] {
                assert!(!name.contains(unit), "{name}");
            }
            if name.contains("_duration") {
                assert!(name.ends_with("_duration_seconds"), "{name}");
            }
            assert!(metric.help.ends_with('.'), "{name}: {}", metric.help);
        }
    }
}
