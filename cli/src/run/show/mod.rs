//! What a person, or a program, sees of a run.
//!
//! - [`screen`]: a live view on a terminal.
//! - [`lines`]: lines of text.
//! - [`json`]: JSON, an object a line.
//! - [`out`]: where both go.
//! - [`summary`]: what it came to.

mod json;
mod lines;
mod out;
mod screen;
pub mod summary;

use std::io::{self, IsTerminal};

use super::{arguments::Output, progress::Progress};
use json::Json;
use lines::Lines;
use out::Out;
use screen::Screen;
use summary::Summary;

/// What a run is made of, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The pipeline's name.
    pub pipeline: String,
    /// The address of the dashboard and the API.
    pub dashboard: String,
    /// Whether there is a dashboard at that address.
    pub has_dashboard: bool,
    /// Where Kafka is.
    pub kafka: String,
    /// How to look into the database, if it is one of the run's own.
    pub psql: Option<String>,
    /// Where readings come from, if not from the simulator.
    pub input: Option<String>,
    /// Whether that is standard input.
    pub reads_stdin: bool,
    /// What is other than the resource says.
    pub notes: Vec<String>,
}

/// A way to show a run.
pub enum Show {
    /// On a terminal.
    Screen(Box<Screen>),
    /// As lines.
    Lines(Lines),
    /// As JSON.
    Json(Json),
}

impl Show {
    /// The way that is asked for.
    pub fn new(output: Output, facts: Facts) -> io::Result<Self> {
        // The keys are for the view, unless they are the input.
        let has_keys = io::stdin().is_terminal() && !facts.reads_stdin;
        let is_terminal = io::stdout().is_terminal() && has_keys;
        Ok(match output {
            Output::Auto if is_terminal => Self::Screen(Box::new(Screen::open(facts)?)),
            Output::Auto | Output::Text => Self::Lines(Lines::new(facts)),
            Output::Json => Self::Json(Json::new(facts)),
        })
    }

    /// Says that everything runs, and after how long.
    pub fn ready(&mut self, seconds: f64) {
        match self {
            Self::Screen(screen) => screen.ready(seconds),
            Self::Lines(lines) => lines.ready(seconds),
            Self::Json(json) => json.ready(seconds),
        }
    }

    /// Passes a warning on.
    pub fn warn(&mut self, warning: &str) {
        match self {
            Self::Screen(screen) => screen.warn(warning),
            Self::Lines(_) => eprintln!("{warning}"),
            Self::Json(json) => json.warn(warning),
        }
    }

    /// Shows how it is getting on.
    pub fn progress(&mut self, progress: &Progress) -> io::Result<()> {
        match self {
            Self::Screen(screen) => screen.draw(progress),
            Self::Lines(lines) => {
                lines.progress(progress);
                Ok(())
            }
            Self::Json(json) => {
                json.progress(progress);
                Ok(())
            }
        }
    }

    /// Whether the person at the terminal asks for the end, or whoever reads the output is gone.
    pub fn asks_to_stop(&mut self) -> bool {
        match self {
            Self::Screen(_) => Screen::asks_to_stop(),
            Self::Lines(lines) => lines.out.closes(),
            Self::Json(json) => json.out.closes(),
        }
    }

    /// Whether rows are shown.
    pub fn has_rows(&self) -> bool {
        matches!(self, Self::Screen(_))
    }

    /// Gives the terminal back: from here on Ctrl-C is a signal again.
    pub fn release(&mut self) {
        if let Self::Screen(screen) = self {
            screen.give_back();
        }
    }

    /// Shows what it came to.
    pub fn end(mut self, summary: &Summary) {
        self.release();
        match &mut self {
            Self::Screen(_) => Out::default().write(summary),
            Self::Lines(lines) => lines.out.write(summary),
            Self::Json(json) => json.end(summary),
        }
    }
}
