//! The lake: readings collect in open files, a commit decides which of them are full, and only then
//! are these written, each once.
//!
//! ```text
//! worker: Filler ──closed files──► commit records them ──► writer (a task) ──► object store
//! ```
//! A file's name and bytes follow from what the commit recorded and from the log, so that a new owner,
//! which reads the log again from the lake's cursor, writes the same file, and a stale one does no harm.

mod writer;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use sensorstream_crds::{input::Input, outputs};
use sensorstream_expressions::Value;
use sensorstream_lake::{
    ClosedFile, Decided, Extent, Hour, Limits, OpenFiles, Schema, Settings, Store, StoreError,
    UriError, cursor,
};
use sensorstream_ledger::shard::lake::LakeFile;

pub use writer::{SINK, Writer};

/// Why there is no way to the lake.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// Its URI can't be used.
    #[error("reading spec.outputs.lake.uri")]
    Uri(#[from] UriError),
    /// The store can't be used.
    #[error("opening the lake")]
    Store(#[from] StoreError),
}

/// Where the lake is and what its files are like.
#[derive(Debug)]
pub struct Lake {
    schema: Arc<Schema>,
    limits: Limits,
    store: Store,
}

impl Lake {
    /// The lake of a pipeline, with the login of the pod's environment.
    pub fn new(input: &Input, lake: &outputs::Lake) -> Result<Self, LakeError> {
        Ok(Self {
            schema: Arc::new(Schema::of(input)),
            limits: Limits::of(&lake.roll),
            store: Store::open(&lake.uri.parse()?, &Settings::from_environment())?,
        })
    }
}

/// The files that are decided and not known to be written. The worker adds, the writer removes.
#[derive(Clone, Debug, Default)]
pub struct Unwritten(Arc<Mutex<BTreeSet<Extent>>>);

impl Unwritten {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<Extent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a commit decides about the lake.
#[derive(Debug, Default)]
pub struct LakeChange {
    /// Files that get no more readings.
    pub closed: Vec<ClosedFile>,
    /// Every reading below is in a file that is written.
    pub cursor: i64,
}

impl LakeChange {
    /// The files, as the commit log has them.
    pub fn files(&self) -> Vec<LakeFile> {
        self.closed.iter().map(|file| noted(&file.extent)).collect()
    }
}

fn noted(extent: &Extent) -> LakeFile {
    LakeFile {
        hour: extent.hour.0,
        first: extent.first,
        last: extent.last,
        rows: extent.rows,
        written: false,
    }
}

/// Puts a shard's readings into files.
#[derive(Debug)]
pub struct Filler {
    files: OpenFiles,
    /// Readings below are in files that are written.
    from: i64,
    unwritten: Unwritten,
    /// The cursor that the last commit got.
    told: i64,
}

impl Filler {
    /// A filler of a shard of which `decided` is noted down, that gets its log again from `from` on.
    pub fn new(lake: &Lake, from: i64, decided: &[LakeFile], unwritten: &Unwritten) -> Self {
        let decided: Vec<Decided> = decided
            .iter()
            .map(|file| Decided {
                extent: Extent {
                    hour: Hour(file.hour),
                    first: file.first,
                    last: file.last,
                    rows: file.rows,
                },
                written: file.written,
            })
            .collect();
        let waiting = decided.iter().filter(|decided| !decided.written);
        unwritten
            .lock()
            .extend(waiting.map(|decided| decided.extent));
        Self {
            files: OpenFiles::resume(Arc::clone(&lake.schema), lake.limits, decided),
            from,
            unwritten: unwritten.clone(),
            told: from,
        }
    }

    /// Takes an accepted reading.
    pub fn push(&mut self, offset: i64, event_time_us: i64, values: &[Value<'_>]) {
        if offset >= self.from {
            self.files.push(offset, event_time_us, values);
        }
    }

    /// Files that earlier owners decided and may not have written, now that the log has been read up to
    /// `to`.
    pub fn recovered(&mut self, to: i64) -> Vec<ClosedFile> {
        self.files.recovered(to)
    }

    /// Whether files have been open for long enough.
    pub fn is_due(&self, now: Instant) -> bool {
        self.files.is_due(now)
    }

    /// Whether a file is open.
    pub fn has_open_files(&self) -> bool {
        !self.files.is_empty()
    }

    /// Closes the files that are full, or all of them, at the end of a batch that ends at `to`.
    pub fn close(&mut self, to: i64, now: Instant, all: bool) -> LakeChange {
        let closed = if all {
            self.files.flush()
        } else {
            self.files.close(now)
        };
        let files = closed.iter().map(|file| file.extent);
        self.unwritten.lock().extend(files);
        self.told = self.cursor(to);
        LakeChange {
            closed,
            cursor: self.told,
        }
    }

    /// Whether files have been written that no commit knows of, of a shard that has been read up to `to`.
    pub fn has_news(&self, to: i64) -> bool {
        self.cursor(to) > self.told
    }

    fn cursor(&self, to: i64) -> i64 {
        let unwritten = self.unwritten.lock();
        let decided = unwritten.iter().map(|extent| Decided {
            extent: *extent,
            written: false,
        });
        cursor(to, self.files.oldest_offset(), decided)
    }
}
