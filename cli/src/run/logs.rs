//! What the parts of a run log: warnings and errors for the person, and everything to a file if one is named.

use std::{
    collections::VecDeque,
    fmt::Write as _,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter, Layer, filter::LevelFilter, fmt, layer::Context, layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// How many warnings wait to be shown.
const KEPT: usize = 100;
/// What libraries say that is of no use to whoever runs a pipeline.
const QUIET: &str = "tansu=error,tansu_service=error,sqlx::postgres::notice=warn,rdkafka=error";

/// Warnings and errors that are yet to be shown. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Warnings(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<String>,
    /// What was said last: it is not said again.
    last: String,
}

/// The file can't be written.
#[derive(Debug, thiserror::Error)]
#[error("writing logs to {0}")]
pub struct LogError(PathBuf, #[source] io::Error);

impl Warnings {
    /// What was said since this was asked last.
    pub fn take(&self) -> Vec<String> {
        self.all().lines.drain(..).collect()
    }

    fn add(&self, line: String) {
        let mut all = self.all();
        if all.last == line {
            return;
        }
        if all.lines.len() == KEPT {
            all.lines.pop_front();
        }
        all.last.clone_from(&line);
        all.lines.push_back(line);
    }

    fn all(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins to listen. Once a process.
pub fn start(file: Option<&Path>) -> Result<Warnings, LogError> {
    let warnings = Warnings::default();
    let shown = Shown(warnings.clone())
        .with_filter(LevelFilter::WARN)
        .with_filter(EnvFilter::new(format!("warn,{QUIET}")));
    let written = match file {
        None => None,
        Some(path) => {
            let file = File::create(path).map_err(|error| LogError(path.to_owned(), error))?;
            let asked = std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_else(|_| "info".into());
            let layer = fmt::layer().json().flatten_event(true);
            let filter = EnvFilter::new(format!("{QUIET},{asked}"));
            Some(layer.with_writer(Mutex::new(file)).with_filter(filter))
        }
    };
    tracing_subscriber::registry()
        .with(shown)
        .with(written)
        .init();
    Ok(warnings)
}

struct Shown(Warnings);

impl<S: Subscriber> Layer<S> for Shown {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = match *event.metadata().level() {
            Level::ERROR => "error",
            _ => "warning",
        };
        let mut line = Line::default();
        event.record(&mut line);
        self.0
            .add(format!("{level}: {}{}", line.message, line.rest));
    }
}

/// An event as a sentence.
#[derive(Default)]
struct Line {
    message: String,
    rest: String,
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message.push_str(value),
            // When it is tried again is of no interest, and differs each time.
            "wait_ms" => {}
            "error" => {
                let _ = write!(self.rest, ": {value}");
            }
            name => {
                let _ = write!(self.rest, ", {name} {value}");
            }
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}
