//! Readings out of a file in place of the simulator's: each line goes to the input topic as it is, so that a
//! bad one is found bad where all are. It goes to the partition of its key, as Kafka's own clients choose it.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rdkafka::{
    ClientContext,
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer},
};
use sensorstream_broker::connection::{Credentials, client_config};
use sensorstream_crds::{input::Input, runtime::ProcessConfig};
use sensorstream_processor::http::Readiness;
use serde_json::{Value, value::RawValue};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Lines that are read ahead.
const AHEAD: usize = 100;
/// How long to wait when librdkafka has no room.
const NO_ROOM: Duration = Duration::from_millis(10);
/// How often to look whether what was sent is acknowledged.
const FLUSH: Duration = Duration::from_millis(500);
/// How long that may take when told to stop.
const STOPPING: Duration = Duration::from_secs(30);
/// How long a line may be: Kafka takes no longer record.
const LONGEST: u64 = 1 << 20;

/// Where lines come from.
#[derive(Clone, Debug)]
pub struct Feed {
    path: PathBuf,
}

/// Why a file can't be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The file.
    #[error("reading {0}")]
    Read(String, #[source] io::Error),
    /// The producer.
    #[error("sending to Kafka")]
    Kafka(#[source] KafkaError),
    /// A line that Kafka does not take.
    #[error("{0}, line {1}: Kafka does not take it")]
    Line(String, u64, #[source] KafkaError),
    /// A line that has no end.
    #[error("{0}, line {1} has more than a megabyte: is it one JSON object a line?")]
    Endless(String, u64),
    /// Records that the broker did not take in the end.
    #[error("Kafka did not take {0} of the records")]
    Undelivered(u64, #[source] KafkaError),
}

impl Feed {
    /// Of a file, or of standard input where the path is `-`.
    ///
    /// # Errors
    /// When there is no such file.
    pub fn open(path: &Path) -> Result<Self, FeedError> {
        if path != Path::new("-") {
            let failed = |error| FeedError::Read(path.display().to_string(), error);
            let found = path.metadata().map_err(failed)?;
            if found.is_dir() {
                return Err(failed(io::ErrorKind::IsADirectory.into()));
            }
        }
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// Whether it is standard input.
    pub fn is_stdin(&self) -> bool {
        self.path == Path::new("-")
    }

    /// What people know it by.
    pub fn name(&self) -> String {
        if self.path == Path::new("-") {
            "standard input".to_owned()
        } else {
            self.path.display().to_string()
        }
    }
}

/// Sends every line, and ends at the end of the file, or when told to stop.
pub async fn run(
    feed: Feed,
    config: ProcessConfig,
    ready: Readiness,
    told: CancellationToken,
) -> Result<(), FeedError> {
    let (lines, read) = mpsc::channel(AHEAD);
    let (path, name) = (feed.path.clone(), feed.name());
    // Not one of the runtime's threads, which would have to end before the process does: nobody can wake
    // one that waits for standard input.
    std::thread::spawn(move || read_lines(&path, &lines));
    ready.set(true);
    let sending = tokio::task::spawn_blocking(move || send(&config, read, &told, &name));
    sending
        .await
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

fn read_lines(path: &Path, lines: &mpsc::Sender<io::Result<Vec<u8>>>) {
    let opened: io::Result<Box<dyn BufRead>> = if path == Path::new("-") {
        Ok(Box::new(io::stdin().lock()))
    } else {
        File::open(path).map(|file| Box::new(BufReader::with_capacity(1 << 20, file)) as _)
    };
    match opened {
        Ok(mut reader) => loop {
            let mut line = Vec::new();
            let read = (&mut reader).take(LONGEST).read_until(b'\n', &mut line);
            let line = match read {
                Ok(0) => return,
                Ok(_) => Ok(line),
                Err(error) => Err(error),
            };
            // Nobody listens any more when it is told to stop, or could not go on.
            if lines.blocking_send(line).is_err() {
                return;
            }
        },
        Err(error) => {
            let _ = lines.blocking_send(Err(error));
        }
    }
}

fn send(
    config: &ProcessConfig,
    mut lines: mpsc::Receiver<io::Result<Vec<u8>>>,
    told: &CancellationToken,
    name: &str,
) -> Result<(), FeedError> {
    let credentials = Credentials::of_pod(&config.kafka);
    let reports = Reports::default();
    let failures = Arc::clone(&reports.0);
    let producer: ThreadedProducer<Reports> = client_config(&config.kafka, &credentials)
        .set("enable.idempotence", "true")
        .set("partitioner", "murmur2_random")
        .set("compression.type", "zstd")
        .set("linger.ms", "5")
        // Waited for as long as it takes.
        .set("message.timeout.ms", "0")
        .create_with_context(reports)
        .map_err(FeedError::Kafka)?;
    let topic = &config.input.topic.name;
    let mut number = 0;
    while let Some(line) = next(&mut lines, told) {
        number += 1;
        let mut line = line.map_err(|error| FeedError::Read(name.to_owned(), error))?;
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if line.len() as u64 >= LONGEST {
            flush(&producer, told)?;
            return Err(FeedError::Endless(name.to_owned(), number));
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if line.is_empty() {
            continue;
        }
        let key = key(&config.input, &line);
        loop {
            let mut record = BaseRecord::<[u8], [u8]>::to(topic).payload(&line);
            record.key = key.as_deref();
            match producer.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    if told.is_cancelled() {
                        break;
                    }
                    std::thread::sleep(NO_ROOM);
                }
                Err((error, _)) => {
                    // What came before it is good.
                    flush(&producer, told)?;
                    return Err(FeedError::Line(name.to_owned(), number, error));
                }
            }
        }
    }
    flush(&producer, told)?;
    let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
    match failures.1.take() {
        Some(error) => Err(FeedError::Undelivered(failures.0, error)),
        None => Ok(()),
    }
}

/// Waits until everything that was sent is acknowledged, for as long as it takes; not much longer once it is told
/// to stop.
fn flush(producer: &ThreadedProducer<Reports>, told: &CancellationToken) -> Result<(), FeedError> {
    let mut stopping: Option<Instant> = None;
    loop {
        match producer.flush(FLUSH) {
            Ok(()) => return Ok(()),
            Err(error) if told.is_cancelled() => {
                if stopping.get_or_insert_with(Instant::now).elapsed() >= STOPPING {
                    return Err(FeedError::Kafka(error));
                }
            }
            Err(_) => {}
        }
    }
}

/// The next line; none at the end, or when told to stop.
fn next(
    lines: &mut mpsc::Receiver<io::Result<Vec<u8>>>,
    told: &CancellationToken,
) -> Option<io::Result<Vec<u8>>> {
    tokio::runtime::Handle::current().block_on(async {
        tokio::select! {
            biased;
            () = told.cancelled() => None,
            line = lines.recv() => line,
        }
    })
}

/// The key of a record, as the simulator writes it; none where the record has none that can be found.
fn key(input: &Input, line: &[u8]) -> Option<Vec<u8>> {
    let member = input
        .fields
        .iter()
        .find(|field| field.name == input.key)
        .map(sensorstream_crds::input::Field::member)?;
    let members: std::collections::BTreeMap<String, &RawValue> =
        serde_json::from_slice(line).ok()?;
    match serde_json::from_str(members.get(member)?.get()).ok()? {
        Value::String(text) => Some(text.into_bytes()),
        Value::Null => None,
        other => Some(other.to_string().into_bytes()),
    }
}

/// What became of records that the broker did not take: how many, and why the first.
#[derive(Clone, Default)]
struct Reports(Arc<Mutex<(u64, Option<KafkaError>)>>);

impl ClientContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            failures.0 += 1;
            failures.1.get_or_insert_with(|| error.clone());
        }
    }
}
