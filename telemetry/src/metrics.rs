//! Metrics: each is defined once, where it is counted, and with that listed for whoever documents or checks
//! them.

mod listed;

use std::sync::{Arc, Mutex, PoisonError};

use prometheus::{
    CounterVec, Encoder, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter,
    IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder, core::Collector,
    process_collector::ProcessCollector, proto::MetricFamily,
};

pub use listed::Listed;

/// The content type of [`Catalog::text`].
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// What kind of metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Only ever grows, until the process starts again.
    Counter,
    /// A value as it is now.
    Gauge,
    /// How often values were in a range.
    Histogram,
}

impl Kind {
    /// As Prometheus calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A metric, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its whole name.
    pub name: String,
    /// What kind it is of.
    pub kind: Kind,
    /// What it says, as a sentence.
    pub help: String,
    /// Its labels.
    pub labels: Vec<String>,
}

/// A program's metrics. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    registry: Registry,
    definitions: Arc<Mutex<Vec<Definition>>>,
}

impl Catalog {
    /// The process's own metrics, which need no definition: CPU, memory, files, and when it started. Each and
    /// all that follow have `labels`.
    ///
    /// # Panics
    /// When a label has a name that Prometheus does not take.
    pub fn new<const N: usize>(labels: [(&str, &str); N]) -> Self {
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let registry = Registry::new_custom(None, Some(labels.into_iter().collect()));
        let catalog = Self {
            registry: registry.expect("the labels are sound"),
            ..Self::default()
        };
        catalog
            .registry
            .register(Box::new(ProcessCollector::for_self()))
            .expect("nothing else is registered yet");
        catalog
    }

    /// Where metrics are defined whose names begin alike.
    pub fn group(&self, prefix: &'static str) -> Group<'_> {
        Group {
            catalog: self,
            prefix,
            label: None,
        }
    }

    /// What has been defined, in that order.
    pub fn definitions(&self) -> Vec<Definition> {
        let definitions = self.definitions.lock();
        definitions.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All values.
    pub fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }

    /// All values, as Prometheus reads them.
    ///
    /// # Panics
    /// Never: writing to memory does not fail.
    pub fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        TextEncoder::new()
            .encode(&self.gather(), &mut text)
            .expect("writing to memory does not fail");
        text
    }

    fn define(&self, definition: Definition) {
        let mut all = self
            .definitions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // One for each value of a label that is always there.
        if !all.contains(&definition) {
            all.push(definition);
        }
    }
}

/// Where metrics are defined whose names begin alike, and that have the same label, if any.
#[derive(Clone, Copy, Debug)]
pub struct Group<'c> {
    catalog: &'c Catalog,
    prefix: &'static str,
    label: Option<(&'static str, &'static str)>,
}

/// Each defines a metric by the rest of its name, help, which is a sentence, and its labels.
///
/// # Panics
/// When the name or a label is none that Prometheus takes, or is defined already.
#[allow(clippy::missing_panics_doc, reason = "said once, for all")]
impl Group<'_> {
    /// The same with a label that every metric has.
    #[must_use]
    pub fn with_label(self, name: &'static str, value: &'static str) -> Self {
        Self {
            label: Some((name, value)),
            ..self
        }
    }

    /// A counter.
    pub fn counter(&self, name: &str, help: &str) -> IntCounter {
        let options = self.options(Kind::Counter, name, help, &[]);
        self.register(IntCounter::with_opts(options))
    }

    /// A counter for each value of its labels.
    pub fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        let options = self.options(Kind::Counter, name, help, labels);
        self.register(IntCounterVec::new(options, labels))
    }

    /// A counter of fractions, such as seconds, for each value of its labels.
    pub fn fractions(&self, name: &str, help: &str, labels: &[&str]) -> CounterVec {
        let options = self.options(Kind::Counter, name, help, labels);
        self.register(CounterVec::new(options, labels))
    }

    /// A whole value.
    pub fn gauge(&self, name: &str, help: &str) -> IntGauge {
        let options = self.options(Kind::Gauge, name, help, &[]);
        self.register(IntGauge::with_opts(options))
    }

    /// A whole value for each value of its labels.
    pub fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        let options = self.options(Kind::Gauge, name, help, labels);
        self.register(IntGaugeVec::new(options, labels))
    }

    /// A value with fractions, such as a time in seconds, for each value of its labels.
    pub fn levels(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        let options = self.options(Kind::Gauge, name, help, labels);
        self.register(GaugeVec::new(options, labels))
    }

    /// Whole or other values of which nothing is kept: they are written down for each scrape.
    pub fn listed(&self, name: &str, help: &str, labels: &[&str]) -> Listed {
        let options = self.options(Kind::Gauge, name, help, labels);
        Listed {
            name: options.name,
            help: options.help,
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        }
    }

    /// How often values were below each of the bounds.
    pub fn histogram(&self, name: &str, help: &str, bounds: &[f64]) -> Histogram {
        let options = self.options(Kind::Histogram, name, help, &[]);
        let options = HistogramOpts::from(options).buckets(bounds.to_vec());
        self.register(Histogram::with_opts(options))
    }

    /// The same for each value of its labels.
    pub fn histograms(
        &self,
        name: &str,
        help: &str,
        bounds: &[f64],
        labels: &[&str],
    ) -> HistogramVec {
        let options = self.options(Kind::Histogram, name, help, labels);
        let options = HistogramOpts::from(options).buckets(bounds.to_vec());
        self.register(HistogramVec::new(options, labels))
    }

    fn options(&self, kind: Kind, name: &str, help: &str, labels: &[&str]) -> Opts {
        let name = format!("{}_{name}", self.prefix);
        let always = self.label.map(|(label, _)| label);
        let labels = always.iter().chain(labels).map(|label| (*label).to_owned());
        self.catalog.define(Definition {
            name: name.clone(),
            kind,
            help: help.to_owned(),
            labels: labels.collect(),
        });
        let options = Opts::new(name, help);
        match self.label {
            Some((label, value)) => options.const_label(label, value),
            None => options,
        }
    }

    fn register<C: Collector + Clone + 'static>(&self, metric: prometheus::Result<C>) -> C {
        let metric = metric.expect("the definition is sound");
        self.catalog
            .registry
            .register(Box::new(metric.clone()))
            .expect("each name is defined once");
        metric
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_defined_is_listed_once_and_shown() {
        let catalog = Catalog::new([("pipeline", "p")]);
        for stage in ["input", "link"] {
            let group = catalog.group("app").with_label("stage", stage);
            let seen = group.counters("things_seen_total", "Things seen.", &["kind"]);
            seen.with_label_values(&["round"]).inc();
        }
        catalog.group("app").gauge("doors", "Doors.").set(3);
        let listed: Vec<_> = catalog.definitions();
        assert_eq!(
            listed[0],
            Definition {
                name: "app_things_seen_total".into(),
                kind: Kind::Counter,
                help: "Things seen.".into(),
                labels: vec!["stage".into(), "kind".into()],
            }
        );
        assert_eq!(listed.len(), 2);
        let text = String::from_utf8(catalog.text()).unwrap();
        assert!(
            text.contains(r#"app_things_seen_total{kind="round",stage="link",pipeline="p"} 1"#)
        );
        assert!(text.contains(r#"app_doors{pipeline="p"} 3"#));
    }
}
