//! Queries to Prometheus. Each selects by the dashboard's variables, so that no panel shows what the others
//! leave out.

use std::fmt::Write;

/// Which of the dashboard's variables a metric is selected by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of pipelines' pods, by job, namespace and pipeline.
    Fleet,
    /// The same, and by pod.
    Pods,
    /// Those of the operator's pods, by job, namespace and pod.
    Operator,
    /// What the operator says of pipelines. The pipeline's namespace is a label of its own, for `namespace` is
    /// the operator's.
    Conditions,
}

impl Scope {
    fn matchers(self) -> &'static str {
        match self {
            Self::Fleet => r#"job=~"$job", namespace=~"$namespace", pipeline=~"$pipeline""#,
            Self::Pods => {
                r#"job=~"$job", namespace=~"$namespace", pipeline=~"$pipeline", pod=~"$pod""#
            }
            Self::Operator => r#"job=~"$job", namespace=~"$namespace", pod=~"$pod""#,
            Self::Conditions => {
                r#"job=~"$job", pipeline_namespace=~"$namespace", pipeline=~"$pipeline""#
            }
        }
    }

    /// A metric.
    pub fn select(self, metric: &str) -> String {
        self.select_where(metric, "")
    }

    /// A metric, by further matchers.
    pub fn select_where(self, metric: &str, matchers: &str) -> String {
        let mut text = format!("{metric}{{{}", self.matchers());
        if !matchers.is_empty() {
            let _ = write!(text, ", {matchers}");
        }
        text.push('}');
        text
    }

    /// Records that are not committed yet, added up by labels that tell pipelines apart. A partition that moves
    /// may be shown by two pods for a moment, and counts once.
    pub fn lag(self, by: &str) -> String {
        let each = if by.is_empty() {
            "namespace, pipeline, stage, partition".to_owned()
        } else {
            format!("{by}, stage, partition")
        };
        let lag = self.select("sensorstream_processor_lag_records");
        sum(by, &max(&each, &lag))
    }

    /// How much a counter grows in a second, added up by labels; without any, altogether.
    pub fn rate(self, metric: &str, by: &str) -> String {
        self.rate_where(metric, "", by)
    }

    /// The same, by further matchers.
    pub fn rate_where(self, metric: &str, matchers: &str, by: &str) -> String {
        sum(
            by,
            &format!(
                "rate({}[$__rate_interval])",
                self.select_where(metric, matchers)
            ),
        )
    }

    /// By how much a counter grew while the dashboard's time passed, with what it had at once when it was first
    /// seen: some things happen just when a pod has started.
    pub fn grown(self, metric: &str) -> String {
        let metric = self.select(metric);
        or_zero(&format!(
            "sum(increase({metric}[$__range]) > 0 or ({metric} > 0 unless {metric} offset $__range))"
        ))
    }

    /// A quantile of a histogram, by labels.
    pub fn quantile(self, q: &str, metric: &str, by: &str) -> String {
        self.quantile_where(q, metric, "", by)
    }

    /// The same, by further matchers.
    pub fn quantile_where(self, q: &str, metric: &str, matchers: &str, by: &str) -> String {
        let by = if by.is_empty() {
            "le".to_owned()
        } else {
            format!("le, {by}")
        };
        format!(
            "histogram_quantile({q}, {})",
            self.rate_where(&format!("{metric}_bucket"), matchers, &by)
        )
    }
}

/// The sum by labels; without any, of everything.
pub fn sum(by: &str, of: &str) -> String {
    aggregate("sum", by, of)
}

/// The greatest by labels.
pub fn max(by: &str, of: &str) -> String {
    aggregate("max", by, of)
}

fn aggregate(how: &str, by: &str, of: &str) -> String {
    if by.is_empty() {
        format!("{how}({of})")
    } else {
        format!("{how} by ({by}) ({of})")
    }
}

/// The query, or zero where there is nothing to answer with.
pub fn or_zero(query: &str) -> String {
    format!("{query} or vector(0)")
}
