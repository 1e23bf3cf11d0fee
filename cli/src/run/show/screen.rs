//! A live view of a run on a terminal. It takes the whole of it, and gives it back.

use std::{collections::VecDeque, io, time::Duration};

use ratatui::{
    DefaultTerminal, Frame,
    crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers},
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style, Stylize},
    text::{Line, Span},
    widgets::{Block, Paragraph, Row, Sparkline, Table},
};

use super::Facts;
use crate::run::progress::{Counts, Progress, Stage};

/// Warnings that are shown.
const WARNINGS: usize = 3;
/// How wide a column of the newest rows may get.
const COLUMN: usize = 28;

/// The view.
pub struct Screen {
    terminal: DefaultTerminal,
    view: View,
    open: bool,
}

/// What is shown besides figures.
struct View {
    facts: Facts,
    ready: Option<f64>,
    warnings: VecDeque<String>,
}

impl Screen {
    /// Takes the terminal. It is given back when this goes, also by a panic.
    pub(super) fn open(facts: Facts) -> io::Result<Self> {
        Ok(Self {
            terminal: ratatui::try_init()?,
            view: View {
                facts,
                ready: None,
                warnings: VecDeque::new(),
            },
            open: true,
        })
    }

    pub(super) fn ready(&mut self, seconds: f64) {
        self.view.ready = Some(seconds);
    }

    pub(super) fn warn(&mut self, warning: &str) {
        if !self.open {
            eprintln!("{warning}");
            return;
        }
        let warnings = &mut self.view.warnings;
        if warnings.back().is_some_and(|last| last == warning) {
            return;
        }
        if warnings.len() == WARNINGS {
            warnings.pop_front();
        }
        warnings.push_back(warning.to_owned());
    }

    pub(super) fn draw(&mut self, progress: &Progress) -> io::Result<()> {
        let view = &self.view;
        self.terminal.draw(|frame| view.draw(frame, progress))?;
        Ok(())
    }

    /// Whether `q` or Ctrl-C was pressed, which the terminal does not turn into a signal meanwhile.
    pub(super) fn asks_to_stop() -> bool {
        let mut asked = false;
        while event::poll(Duration::ZERO).unwrap_or(false) {
            if let Ok(Event::Key(key)) = event::read()
                && key.kind == KeyEventKind::Press
            {
                let control = key.modifiers.contains(KeyModifiers::CONTROL);
                asked |=
                    key.code == KeyCode::Char('q') || (control && key.code == KeyCode::Char('c'));
            }
        }
        asked
    }

    /// Gives the terminal back. Warnings go to standard error from here on.
    pub(super) fn give_back(&mut self) {
        if std::mem::take(&mut self.open) {
            ratatui::restore();
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl View {
    fn draw(&self, frame: &mut Frame<'_>, progress: &Progress) {
        let warnings = self.warnings.len() as u16;
        let notes = if self.ready.is_some() {
            0
        } else {
            self.facts.notes.len() as u16
        };
        let [title, figures, rows, said, facts] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(7),
            Constraint::Min(3),
            Constraint::Length(warnings + notes),
            Constraint::Length(2 + u16::from(self.facts.psql.is_some())),
        ])
        .areas(frame.area());
        frame.render_widget(self.title(progress), title);
        let [speed, records] =
            Layout::horizontal([Constraint::Percentage(50), Constraint::Percentage(50)])
                .areas(figures);
        draw_speed(frame, speed, progress);
        frame.render_widget(records_of(&progress.counts), records);
        draw_newest(frame, rows, progress);
        frame.render_widget(self.said(notes > 0), said);
        frame.render_widget(self.facts(), facts);
    }

    fn title(&self, progress: &Progress) -> Paragraph<'_> {
        let seconds = progress.elapsed.as_secs();
        let colour = match progress.stage {
            Stage::Starting => Color::Yellow,
            Stage::Running => Color::Green,
            Stage::Draining => Color::Cyan,
        };
        let mut spans = vec![
            Span::from(format!(" {} ", self.facts.pipeline)).bold(),
            Span::styled(
                format!("● {}", progress.stage.as_str()),
                Style::new().fg(colour),
            ),
            Span::from(format!("  {:02}:{:02}", seconds / 60, seconds % 60)),
        ];
        if let Some(ready) = self.ready {
            spans.push(format!("  ready after {ready:.1} s").dim());
        }
        let hint = match progress.stage {
            Stage::Draining => "  processing what is left; again: stop at once",
            _ => "  q: process what is left and stop",
        };
        spans.push(hint.dim());
        Paragraph::new(Line::from(spans))
    }

    fn said(&self, with_notes: bool) -> Paragraph<'_> {
        let notes = self.facts.notes.iter().filter(|_| with_notes);
        let notes = notes.map(|note| Line::from(format!(" {note}")).dim());
        let warnings = self.warnings.iter().map(|warning| {
            let colour = if warning.starts_with("error") {
                Color::Red
            } else {
                Color::Yellow
            };
            Line::styled(format!(" {warning}"), Style::new().fg(colour))
        });
        Paragraph::new(notes.chain(warnings).collect::<Vec<_>>())
    }

    fn facts(&self) -> Paragraph<'_> {
        let facts = &self.facts;
        let what = if facts.has_dashboard {
            "dashboard"
        } else {
            "API"
        };
        let named = |name: &str, value: &str| {
            Line::from(vec![
                Span::from(format!(" {name:<11}")).dim(),
                Span::from(value.to_owned()),
            ])
        };
        let mut lines = vec![
            named(what, &facts.dashboard).bold(),
            named("Kafka", &facts.kafka),
        ];
        lines.extend(facts.psql.iter().map(|psql| named("PostgreSQL", psql)));
        Paragraph::new(lines)
    }
}

fn draw_speed(frame: &mut Frame<'_>, area: Rect, progress: &Progress) {
    let block = Block::bordered().title(" throughput ");
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let [text, curve] = Layout::vertical([Constraint::Length(3), Constraint::Min(1)]).areas(inner);
    let lag = progress.lag.map_or("?".to_owned(), |lag| lag.to_string());
    let watermark = progress
        .watermark
        .map_or("-".to_owned(), |watermark| format!("{watermark:.0}"));
    let lines = vec![
        figure("records a second", format!("{:.1}", progress.speed)),
        figure("lag", lag),
        figure("watermark", watermark),
    ];
    frame.render_widget(Paragraph::new(lines), text);
    let newest = progress.curve.iter().rev().take(usize::from(curve.width));
    let mut data: Vec<u64> = newest.map(|speed| (speed * 10.0).round() as u64).collect();
    data.reverse();
    let sparkline = Sparkline::default()
        .data(data)
        .style(Style::new().fg(Color::Green));
    frame.render_widget(sparkline, curve);
}

fn records_of(counts: &Counts) -> Paragraph<'_> {
    let reasons = |counts: &std::collections::BTreeMap<String, i64>| {
        let parts: Vec<String> = counts
            .iter()
            .map(|(why, count)| format!("{why} {count}"))
            .collect();
        parts.join(", ")
    };
    let mut lines = vec![
        figure("read", counts.read.to_string()),
        figure("accepted", counts.accepted.to_string()),
        figure("dead-lettered", counts.dead_letters().to_string()),
        figure("dropped", counts.left_out().to_string()),
    ];
    let why = reasons(&counts.dead_lettered);
    if !why.is_empty() {
        lines.push(Line::from(format!(" {why}")).dim());
    }
    Paragraph::new(lines).block(Block::bordered().title(" records "))
}

fn figure(name: &str, value: String) -> Line<'static> {
    Line::from(vec![
        Span::from(format!(" {name:<18}")).dim(),
        Span::from(value).bold(),
    ])
}

fn draw_newest(frame: &mut Frame<'_>, area: Rect, progress: &Progress) {
    let newest = &progress.newest;
    let title = if newest.table.is_empty() {
        " newest rows ".to_owned()
    } else {
        format!(" newest rows of {} ", newest.table)
    };
    let block = Block::bordered().title(title);
    if let Some(trouble) = &progress.trouble {
        let text = Paragraph::new(format!(" {trouble}")).style(Style::new().fg(Color::Red));
        frame.render_widget(text.block(block), area);
        return;
    }
    let width = |index: usize| {
        let cells = newest.rows.iter().filter_map(|row| row.get(index));
        let longest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
        longest
            .max(newest.columns[index].chars().count())
            .min(COLUMN) as u16
    };
    let widths = (0..newest.columns.len()).map(|index| Constraint::Length(width(index)));
    let header = Row::new(newest.columns.clone()).style(Style::new().add_modifier(Modifier::DIM));
    let rows = newest.rows.iter().map(|row| Row::new(row.clone()));
    let table = Table::new(rows, widths).header(header).column_spacing(2);
    frame.render_widget(table.block(block), area);
}
