//! What a person, or a program, sees of a run.
//!
//! - [`screen`]: a live view on a terminal.
//! - [`lines`]: lines of text.
//! - [`json`]: JSON, an object a line.
//! - [`summary`]: what it came to.

mod json;
mod lines;
mod screen;
pub mod summary;

use std::io::{self, IsTerminal};

use super::{arguments::Output, progress::Progress};
use json::Json;
use lines::Lines;
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
        let is_terminal = io::stdout().is_terminal() && io::stdin().is_terminal();
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
            Self::Json(_) => Json::warn(warning),
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

    /// Whether the person at the terminal asks for the end.
    pub fn asks_to_stop(&mut self) -> bool {
        match self {
            Self::Screen(_) => Screen::asks_to_stop(),
            Self::Lines(_) | Self::Json(_) => false,
        }
    }

    /// Shows what it came to.
    pub fn end(self, summary: &Summary) {
        match self {
            Self::Screen(screen) => {
                screen.close();
                print!("{summary}");
            }
            Self::Lines(_) => print!("{summary}"),
            Self::Json(_) => Json::end(summary),
        }
    }
}
