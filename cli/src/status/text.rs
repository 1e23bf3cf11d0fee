//! An explanation as people read it. Pure.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::{
    advice::Level,
    explain::{Explanation, Figures, Finding, Health, Warning},
};
use crate::terminal::{Colour, Paint, age};

/// Where the pages are for whoever has no copy of the repository.
const INDENT: &str = "    ";

/// The explanation as text.
pub fn render(explanation: &Explanation, now: Timestamp, paint: Paint) -> String {
    let mut text = String::new();
    let colour = match explanation.health {
        Health::Healthy | Health::Stopped => Colour::Green,
        Health::Changing => Colour::Yellow,
        Health::Unhealthy => Colour::Red,
    };
    let name = format!("{}/{}", explanation.namespace, explanation.name);
    let _ = writeln!(
        text,
        "{} {}.",
        paint.paint(Colour::Bold, &name),
        paint.paint(colour, &explanation.summary)
    );
    text.push('\n');
    for finding in &explanation.findings {
        render_finding(&mut text, finding, now, paint);
    }
    render_figures(&mut text, &explanation.figures, now);
    render_warnings(&mut text, &explanation.warnings, now);
    text
}

fn render_finding(text: &mut String, finding: &Finding, now: Timestamp, paint: Paint) {
    let (mark, colour) = match finding.level {
        Level::Wrong => ("✗", Colour::Red),
        Level::Passing => ("…", Colour::Yellow),
        Level::Note => ("!", Colour::Yellow),
        Level::Good => ("✓", Colour::Green),
    };
    let since = finding
        .since
        .map(|since| format!(", for {}", age(since, now)))
        .unwrap_or_default();
    let head = format!("{}: {}{since}", finding.about, finding.reason);
    let mark = paint.paint(colour, mark);
    // What is well takes one line.
    if finding.level == Level::Good {
        let _ = writeln!(text, "{mark} {head}: {}", finding.message);
    } else {
        let _ = writeln!(text, "{mark} {}", paint.paint(Colour::Bold, &head));
        indented(text, &finding.message);
    }
    if !finding.todo.is_empty() {
        indented(text, &finding.todo);
    }
    for command in &finding.commands {
        let _ = writeln!(
            text,
            "{INDENT}  {}",
            paint.paint(Colour::Bold, &format!("$ {command}"))
        );
    }
    if let Some(runbook) = &finding.runbook {
        let _ = writeln!(
            text,
            "{INDENT}{}",
            paint.paint(Colour::Faint, &format!("More: {runbook}"))
        );
    }
}

fn indented(text: &mut String, paragraph: &str) {
    for line in paragraph.lines() {
        let _ = writeln!(text, "{INDENT}{line}");
    }
}

fn render_figures(text: &mut String, figures: &Figures, now: Timestamp) {
    let mut rows = vec![(
        "processor",
        format!(
            "{} of {} pods ready",
            figures.replicas.ready, figures.replicas.wanted
        ),
    )];
    let moment = |at: Timestamp| format!("{at}, {} ago", age(at, now));
    let known = |name, value: Option<String>| value.map(|value| (name, value));
    rows.extend(known("rate", figures.rate.clone()));
    rows.extend(known(
        "lag",
        figures.lag.map(|lag| format!("{lag} records")),
    ));
    rows.extend(known("watermark", figures.watermark.map(moment)));
    rows.extend(known("last commit", figures.last_commit.map(moment)));
    if let Some(records) = figures.records {
        let lost = match records.lost {
            0 => String::new(),
            lost => format!("; {lost} lost before they were read"),
        };
        rows.push((
            "records",
            format!(
                "{} read = {} accepted + {} dead-lettered + {} dropped{lost}",
                records.read, records.accepted, records.dead_lettered, records.dropped
            ),
        ));
    }
    rows.extend(known("API", figures.api.clone()));
    text.push('\n');
    for (name, value) in rows {
        let _ = writeln!(text, "{name:<12} {value}");
    }
}

fn render_warnings(text: &mut String, warnings: &[Warning], now: Timestamp) {
    if warnings.is_empty() {
        return;
    }
    text.push_str("\nNewest warnings\n");
    for warning in warnings {
        let at = warning
            .at
            .map_or("?".to_owned(), |at| format!("{} ago", age(at, now)));
        let _ = writeln!(text, "  {at:<12} {}: {}", warning.reason, warning.note);
    }
}
