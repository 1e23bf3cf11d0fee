//! What a run came to.

use std::{collections::BTreeMap, fmt, time::Duration};

use crate::run::progress::Counts;

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The pipeline's name.
    pub pipeline: String,
    /// For how long it ran.
    pub ran: Duration,
    /// What became of every record.
    pub counts: Counts,
    /// The alerts of each rule.
    pub alerts: BTreeMap<String, i64>,
    /// The rows in each table.
    pub tables: Vec<(String, i64)>,
    /// How it ended.
    pub ending: Ending,
    /// Where results are kept; `None` if they went with the run.
    pub kept: Option<String>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Everything was processed.
    Drained,
    /// Something was left undone.
    Overdue(String),
    /// It was stopped at once.
    Interrupted,
}

impl Summary {
    /// Whether all is processed and accounted for.
    pub fn is_good(&self) -> bool {
        self.problem().is_none()
    }

    /// What is not as it should be.
    pub fn problem(&self) -> Option<String> {
        match &self.ending {
            Ending::Interrupted => Some("stopped at once: what was left is not processed".into()),
            Ending::Overdue(left) => Some(format!("it did not get done: {left}")),
            Ending::Drained if self.counts.lost > 0 => {
                Some("records are missing from the input topic".to_owned())
            }
            Ending::Drained if !self.counts.add_up() => {
                Some("the accounts do not add up; please report it".to_owned())
            }
            Ending::Drained => None,
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = &self.counts;
        writeln!(
            f,
            "{} ran for {:.1} s",
            self.pipeline,
            self.ran.as_secs_f64()
        )?;
        writeln!(f, "  {:<14}{:>12}", "read", counts.read)?;
        writeln!(f, "  {:<14}{:>12}", "accepted", counts.accepted)?;
        let (letters, left_out) = (&counts.dead_lettered, &counts.dropped);
        let dead = counts.dead_letters();
        writeln!(f, "  {:<14}{dead:>12}{}", "dead-lettered", reasons(letters))?;
        let dropped = counts.left_out();
        writeln!(f, "  {:<14}{dropped:>12}{}", "dropped", reasons(left_out))?;
        if counts.lost > 0 {
            writeln!(f, "  {:<14}{:>12}", "lost", counts.lost)?;
        }
        if !self.alerts.is_empty() {
            let alerts: i64 = self.alerts.values().sum();
            writeln!(f, "  {:<14}{alerts:>12}{}", "alerts", reasons(&self.alerts))?;
        }
        for (table, rows) in &self.tables {
            let plural = if *rows == 1 { "row" } else { "rows" };
            writeln!(f, "  table {table}: {rows} {plural}")?;
        }
        match &self.kept {
            Some(place) => writeln!(f, "results are in {place}")?,
            None => writeln!(f, "results went with the run; --data FOLDER keeps them")?,
        }
        match self.problem() {
            None => writeln!(f, "everything that came in is processed and accounted for"),
            Some(problem) => writeln!(f, "{problem}"),
        }
    }
}

fn reasons(counts: &BTreeMap<String, i64>) -> String {
    if counts.is_empty() {
        return String::new();
    }
    let parts: Vec<String> = counts
        .iter()
        .map(|(reason, count)| format!("{reason} {count}"))
        .collect();
    format!("  ({})", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(ending: Ending) -> Summary {
        Summary {
            pipeline: "factory".to_owned(),
            ran: Duration::from_millis(30_120),
            counts: Counts {
                read: 1_500,
                accepted: 1_484,
                dead_lettered: [("InvalidJson".to_owned(), 10), ("OutOfRange".to_owned(), 6)]
                    .into(),
                ..Counts::default()
            },
            alerts: [("overheating".to_owned(), 31)].into(),
            tables: vec![("factory.device_minutes".to_owned(), 200)],
            ending,
            kept: None,
        }
    }

    #[test]
    fn a_summary_has_what_became_of_every_record() {
        insta::assert_snapshot!(summary(Ending::Drained));
    }

    #[test]
    fn what_was_left_undone_is_no_success() {
        let overdue = summary(Ending::Overdue("partition 0 by 7".to_owned()));
        assert!(!overdue.is_good());
        assert!(overdue.to_string().contains("partition 0 by 7"));
        let mut odd = summary(Ending::Drained);
        odd.counts.accepted -= 1;
        assert!(!odd.is_good());
    }
}
