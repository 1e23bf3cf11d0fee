//! A run as JSON, an object a line, each with its `event`.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Facts, summary::Summary};
use crate::run::progress::Progress;

/// How often there is an object with figures.
const EVERY: Duration = Duration::from_secs(1);

/// Writes JSON.
pub struct Json {
    facts: Facts,
    next: Duration,
}

impl Json {
    /// Begins with what the run is made of.
    pub(super) fn new(facts: Facts) -> Self {
        for note in &facts.notes {
            say(&json!({ "event": "note", "message": note }));
        }
        Self {
            facts,
            next: Duration::ZERO,
        }
    }

    pub(super) fn ready(&self, seconds: f64) {
        let facts = &self.facts;
        say(&json!({
            "event": "ready",
            "seconds": seconds,
            "pipeline": facts.pipeline,
            "api": facts.dashboard,
            "dashboard": facts.has_dashboard,
            "kafka": facts.kafka,
        }));
    }

    pub(super) fn warn(warning: &str) {
        say(&json!({ "event": "warning", "message": warning }));
    }

    pub(super) fn progress(&mut self, progress: &Progress) {
        if progress.elapsed < self.next {
            return;
        }
        self.next = progress.elapsed + EVERY;
        say(&json!({
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

    pub(super) fn end(summary: &Summary) {
        let tables: serde_json::Map<String, Value> = summary
            .tables
            .iter()
            .map(|(name, rows)| (name.clone(), (*rows).into()))
            .collect();
        say(&json!({
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

fn say(event: &Value) {
    println!("{event}");
}
