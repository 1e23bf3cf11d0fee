//! A run as lines of text: for logs, and for terminals that are none.

use std::{fmt::Write as _, time::Duration};

use super::{Facts, out::Out};
use crate::run::progress::{Progress, Stage};

/// How often a line is written.
const EVERY: Duration = Duration::from_secs(2);

/// Writes lines.
pub struct Lines {
    pub(super) out: Out,
    facts: Facts,
    trouble: Option<String>,
    next: Duration,
    stage: Stage,
}

impl Lines {
    /// Begins with what the run is made of.
    pub(super) fn new(facts: Facts) -> Self {
        let mut out = Out::default();
        for note in &facts.notes {
            out.line(format_args!("note: {note}"));
        }
        Self {
            out,
            facts,
            trouble: None,
            next: Duration::ZERO,
            stage: Stage::Starting,
        }
    }

    pub(super) fn ready(&mut self, seconds: f64) {
        let Self { out, facts, .. } = self;
        out.line(format_args!(
            "{} is ready after {seconds:.1} s",
            facts.pipeline
        ));
        let what = if facts.has_dashboard {
            "dashboard"
        } else {
            "API      "
        };
        out.line(format_args!("  {what}  {}", facts.dashboard));
        out.line(format_args!("  Kafka      {}", facts.kafka));
        if let Some(psql) = &facts.psql {
            out.line(format_args!("  PostgreSQL {psql}"));
        }
        if let Some(input) = &facts.input {
            out.line(format_args!("  input      {input}"));
        }
    }

    pub(super) fn progress(&mut self, progress: &Progress) {
        let news = progress.stage != self.stage || progress.trouble != self.trouble;
        let is_quiet = progress.stage == Stage::Starting && progress.trouble.is_none();
        if is_quiet || !(news || progress.elapsed >= self.next) {
            return;
        }
        self.trouble.clone_from(&progress.trouble);
        self.stage = progress.stage;
        self.next = progress.elapsed + EVERY;
        self.out.line(line(progress));
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
