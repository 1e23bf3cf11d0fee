//! A run as lines of text: for logs, and for terminals that are none.

use std::{fmt::Write as _, time::Duration};

use super::Facts;
use crate::run::progress::{Progress, Stage};

/// How often a line is written.
const EVERY: Duration = Duration::from_secs(2);

/// Writes lines.
pub struct Lines {
    facts: Facts,
    next: Duration,
    stage: Stage,
}

impl Lines {
    /// Begins with what the run is made of.
    pub(super) fn new(facts: Facts) -> Self {
        for note in &facts.notes {
            println!("note: {note}");
        }
        Self {
            facts,
            next: Duration::ZERO,
            stage: Stage::Starting,
        }
    }

    pub(super) fn ready(&self, seconds: f64) {
        let facts = &self.facts;
        println!("{} is ready after {seconds:.1} s", facts.pipeline);
        let what = if facts.has_dashboard {
            "dashboard"
        } else {
            "API      "
        };
        println!("  {what}  {}", facts.dashboard);
        println!("  Kafka      {}", facts.kafka);
        if let Some(psql) = &facts.psql {
            println!("  PostgreSQL {psql}");
        }
        if let Some(input) = &facts.input {
            println!("  input      {input}");
        }
    }

    pub(super) fn progress(&mut self, progress: &Progress) {
        let news = progress.stage != self.stage;
        if progress.stage == Stage::Starting || !(news || progress.elapsed >= self.next) {
            return;
        }
        self.stage = progress.stage;
        self.next = progress.elapsed + EVERY;
        println!("{}", line(progress));
    }
}

fn line(progress: &Progress) -> String {
    let seconds = progress.elapsed.as_secs();
    let counts = &progress.counts;
    let lag = progress.lag.map_or("?".to_owned(), |lag| lag.to_string());
    let mut line = format!(
        "{:02}:{:02} {:>8}  {:.1}/s  lag {lag}  accepted {}  dead-lettered {}  dropped {}",
        seconds / 60,
        seconds % 60,
        progress.stage.as_str(),
        progress.speed,
        counts.accepted,
        counts.dead_letters(),
        counts.left_out(),
    );
    if let Some(watermark) = progress.watermark {
        let _ = write!(line, "  watermark {watermark:.0}");
    }
    if let Some(trouble) = &progress.trouble {
        let _ = write!(line, "  {trouble}");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{newest::Newest, progress::Counts};

    #[test]
    fn a_line_has_the_figures() {
        let progress = Progress {
            stage: Stage::Running,
            elapsed: Duration::from_secs(75),
            speed: 49.96,
            curve: Vec::new(),
            lag: Some(3),
            watermark: Some("2026-03-01T10:00:00Z".parse().unwrap()),
            counts: Counts {
                read: 100,
                accepted: 98,
                dead_lettered: [("InvalidJson".to_owned(), 2)].into(),
                ..Counts::default()
            },
            newest: Newest::default(),
            trouble: None,
        };
        insta::assert_snapshot!(
            line(&progress),
            @"01:15  running  50.0/s  lag 3  accepted 98  dead-lettered 2  dropped 0  watermark 2026-03-01T10:00:00Z"
        );
    }
}
