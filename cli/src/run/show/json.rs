//! A run as JSON, an object a line, each with its `event`.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Facts, out::Out, summary::Summary};
use crate::run::progress::{Progress, Stage};

/// How often there is an object with figures.
const EVERY: Duration = Duration::from_secs(1);

/// Writes JSON.
pub struct Json {
    pub(super) out: Out,
    facts: Facts,
    next: Duration,
    stage: Option<Stage>,
}

impl Json {
    /// Begins with what the run is made of.
    pub(super) fn new(facts: Facts) -> Self {
        let mut out = Out::default();
        for note in &facts.notes {
            out.line(json!({ "event": "note", "message": note }));
        }
        Self {
            out,
            facts,
            next: Duration::ZERO,
            stage: None,
        }
    }

    pub(super) fn ready(&mut self, seconds: f64) {
        let facts = &self.facts;
        self.out.line(json!({
            "event": "ready",
            "seconds": seconds,
            "pipeline": facts.pipeline,
            "api": facts.dashboard,
            "dashboard": facts.has_dashboard,
            "kafka": facts.kafka,
        }));
    }

    pub(super) fn warn(&mut self, warning: &str) {
        self.out
            .line(json!({ "event": "warning", "message": warning }));
    }

    pub(super) fn progress(&mut self, progress: &Progress) {
        if progress.elapsed < self.next && self.stage == Some(progress.stage) {
            return;
        }
        self.stage = Some(progress.stage);
        self.next = progress.elapsed + EVERY;
        self.out.line(json!({
            "event": "progress",
            "seconds": progress.elapsed.as_secs_f64(),
            "stage": progress.stage.as_str(),
            "recordsPerSecond": progress.speed,
            "lag": progress.lag,
            "watermark": progress.watermark.map(|watermark| watermark.to_string()),
            "records": progress.counts,
            "trouble": progress.trouble,
        }));
    }

    pub(super) fn end(&mut self, summary: &Summary) {
        let tables: serde_json::Map<String, Value> = summary
            .tables
            .iter()
            .map(|(name, rows)| (name.clone(), (*rows).into()))
            .collect();
        self.out.line(json!({
            "event": "summary",
            "pipeline": summary.pipeline,
            "seconds": summary.ran.as_secs_f64(),
            "records": summary.counts,
            "alerts": summary.alerts,
            "tables": tables,
            "success": summary.is_good(),
            "problem": summary.problem(),
        }));
    }
}
