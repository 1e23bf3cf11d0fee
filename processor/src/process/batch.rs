//! Records of one shard that are committed together: the readings as rows, the rest as dead
//! letters, what they change in windows, what goes to the output topics, and how far the log has
//! been read.
//!
//! Where a batch ends is a matter of time and memory and shows in no result: the outcome of a
//! record does not depend on its neighbours.

use sensorstream_broker::partition_queue::Record;
use sensorstream_crds::Reason;
use sensorstream_engine::WindowChanges;
use sensorstream_ledger::shard::{buckets::Bucket, links::RangeEnd};

use super::{
    accounts::Accounts,
    copy_binary::Rows,
    decode::{MAX_VALUE_BYTES, Problem},
    lake::LakeChange,
    outbox::Outgoing,
    traced::Traced,
};

/// Records at which a batch is full. Only a shard that is far behind has as many while the last batch is
/// being committed; then each commit is worth its cost.
pub const MAX_RECORDS: usize = 500_000;
/// Bytes at which a batch is full.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Of so many records, the first one's times are kept to see how long they waited.
const SAMPLE: usize = 256;

/// What a record weighs in memory besides its bytes.
const LETTER_OVERHEAD: usize = 512;

/// A record that is a dead letter, with all that goes to the dead letter topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Where the record is in the source topic.
    pub offset: i64,
    /// Why it is a dead letter.
    pub problem: Problem,
    /// The record itself.
    pub content: Content,
}

impl Letter {
    /// How much memory it takes.
    pub fn size(&self) -> usize {
        let content = match &self.content {
            Content::Kept(copied) => copied.size(),
            Content::Lost => 0,
        };
        content + LETTER_OVERHEAD
    }
}

/// What a dead letter keeps of its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The record.
    Kept(Copied),
    /// The record was deleted from the source topic before it could be copied.
    Lost,
}

/// A copy of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The value, or as much of it as any dead letter may hold.
    pub value: Option<Vec<u8>>,
    /// The size of the whole value.
    pub value_size: usize,
    /// The headers.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Copied {
    /// Copies a record on loan.
    pub fn of(record: &Record<'_>) -> Self {
        let value = record.payload();
        Self {
            key: record.key().map(<[u8]>::to_vec),
            // A record too large to be read may be far larger than a dead letter can be.
            value: value.map(|value| value[..value.len().min(MAX_VALUE_BYTES)].to_vec()),
            value_size: value.map_or(0, <[u8]>::len),
            headers: record.headers(),
        }
    }

    /// How much memory the copy takes.
    pub fn size(&self) -> usize {
        let headers: usize = self
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.as_ref().map_or(0, Vec::len))
            .sum();
        self.key.as_ref().map_or(0, Vec::len) + self.value.as_ref().map_or(0, Vec::len) + headers
    }
}

/// Consecutive records of one shard.
#[derive(Debug)]
pub struct Batch {
    from: i64,
    to: i64,
    records: usize,
    bytes_read: usize,
    accepted: usize,
    rows: Rows,
    row_offsets: Vec<i64>,
    letters: Vec<Letter>,
    letter_bytes: usize,
    outgoing: Outgoing,
    /// When Kafka had some of the records, in milliseconds since 1970.
    timestamps_ms: Vec<i64>,
    /// When some of the readings were taken, in microseconds since 1970.
    event_times_us: Vec<i64>,
    /// What follows from the readings so far, as the worker hands the batch over.
    pub consequences: Consequences,
    /// What of it is traced.
    pub traced: Traced,
}

/// What follows from a batch's readings and those before them.
#[derive(Debug, Default)]
pub struct Consequences {
    /// The shard's watermark, in microseconds since 1970.
    pub watermark_us: Option<i64>,
    /// What changes in each window's table.
    pub windows: Vec<WindowChanges>,
    /// What became of the readings in windows and rules.
    pub accounts: Accounts,
    /// Parts of the state to write down.
    pub buckets: Vec<Bucket>,
    /// Where the range ends that goes to the second stage, if anything does.
    pub range: Option<RangeEnd>,
    /// Whether the partition has had nothing to read for long.
    pub idle: bool,
    /// What is decided about the lake, if there is one.
    pub lake: Option<LakeChange>,
    /// Where the shard stands, to be told to the second stage if there is nothing else.
    pub standing: Vec<Vec<u8>>,
}

impl Batch {
    /// An empty batch that begins at an offset.
    pub fn starting_at(offset: i64) -> Self {
        Self {
            from: offset,
            to: offset,
            records: 0,
            bytes_read: 0,
            accepted: 0,
            rows: Rows::default(),
            row_offsets: Vec::new(),
            letters: Vec::new(),
            letter_bytes: 0,
            outgoing: Outgoing::default(),
            timestamps_ms: Vec::new(),
            event_times_us: Vec::new(),
            consequences: Consequences::default(),
            traced: Traced::default(),
        }
    }

    /// Empties the batch and begins it anew, keeping its memory.
    pub fn restart_at(&mut self, offset: i64) {
        (self.from, self.to) = (offset, offset);
        self.records = 0;
        self.bytes_read = 0;
        self.accepted = 0;
        self.rows.clear();
        self.row_offsets.clear();
        self.letters.clear();
        self.letter_bytes = 0;
        self.outgoing.clear();
        self.timestamps_ms.clear();
        self.event_times_us.clear();
        self.consequences = Consequences::default();
        self.traced.end();
    }

    /// Notes that a record has been decided.
    pub fn count(&mut self, record: &Record<'_>) {
        if self.records.is_multiple_of(SAMPLE) {
            self.timestamps_ms.extend(record.timestamp_ms());
        }
        self.records += 1;
        let length = |part: Option<&[u8]>| part.map_or(0, <[u8]>::len);
        self.bytes_read += length(record.payload()) + length(record.key());
        self.to = record.offset() + 1;
    }

    /// Notes that a record is a reading, and when it was taken, in microseconds since 1970.
    pub fn accept(&mut self, event_time_us: i64) {
        if self.accepted.is_multiple_of(SAMPLE) {
            self.event_times_us.push(event_time_us);
        }
        self.accepted += 1;
    }

    /// Notes that a record is a message of the first stage.
    pub fn accept_message(&mut self) {
        self.accepted += 1;
    }

    /// The rows of the table, and the offset of each one's record.
    pub fn rows_mut(&mut self) -> (&mut Rows, &mut Vec<i64>) {
        (&mut self.rows, &mut self.row_offsets)
    }

    /// Takes in a dead letter.
    pub fn add_letter(&mut self, record: &Record<'_>, problem: Problem) {
        let letter = Letter {
            offset: record.offset(),
            problem,
            content: Content::Kept(Copied::of(record)),
        };
        self.letter_bytes += letter.size();
        self.letters.push(letter);
    }

    /// What goes to the output topics.
    pub fn outgoing_mut(&mut self) -> &mut Outgoing {
        &mut self.outgoing
    }

    /// Notes that the log has been read up to an offset.
    pub fn advance_to(&mut self, offset: i64) {
        self.to = self.to.max(offset);
    }

    /// Whether it should be committed before it takes more, given the bytes that it takes elsewhere.
    pub fn is_full(&self, elsewhere: usize) -> bool {
        let bytes = self.rows.size() + self.letter_bytes + self.outgoing.size() + elsewhere;
        self.records >= MAX_RECORDS || bytes >= MAX_BYTES
    }

    /// Whether it decides nothing.
    pub fn is_empty(&self) -> bool {
        self.from == self.to
    }

    /// The first offset it decides.
    pub fn from(&self) -> i64 {
        self.from
    }

    /// The first offset it does not decide.
    pub fn to(&self) -> i64 {
        self.to
    }

    /// Number of records.
    pub fn records(&self) -> usize {
        self.records
    }

    /// Bytes of their keys and values.
    pub fn bytes_read(&self) -> usize {
        self.bytes_read
    }

    /// How many of them are readings.
    pub fn accepted(&self) -> usize {
        self.accepted
    }

    /// The readings as rows, if there is a table for them.
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Where a row's record is in the source topic.
    pub fn row_offset(&self, row: usize) -> i64 {
        self.row_offsets[row]
    }

    /// The dead letters.
    pub fn letters(&self) -> &[Letter] {
        &self.letters
    }

    /// Takes the dead letters out, after the commit that decided them.
    pub fn take_letters(&mut self) -> Vec<Letter> {
        self.letter_bytes = 0;
        std::mem::take(&mut self.letters)
    }

    /// Takes out what goes to the output topics, after the commit that decided it.
    pub fn take_outgoing(&mut self) -> Outgoing {
        std::mem::take(&mut self.outgoing)
    }

    /// When Kafka had the batch's first record, and every so many of the others, in milliseconds since 1970.
    pub fn timestamps_ms(&self) -> &[i64] {
        &self.timestamps_ms
    }

    /// When the batch's first reading was taken, and every so many of the others, in microseconds since 1970.
    pub fn event_times_us(&self) -> &[i64] {
        &self.event_times_us
    }

    /// Why the latest of so many dead letters is one, if there are more by now.
    pub fn letter_since(&self, count: usize) -> Option<Reason> {
        let letter = self.letters.last().filter(|_| self.letters.len() > count);
        letter.map(|letter| letter.problem.reason)
    }

    /// How many dead letters there are for each reason.
    pub fn letters_by_reason(&self) -> impl Iterator<Item = (Reason, i64)> {
        Reason::ALL.into_iter().filter_map(|reason| {
            let count = self
                .letters
                .iter()
                .filter(|letter| letter.problem.reason == reason)
                .count();
            (count > 0).then_some((reason, count as i64))
        })
    }
}
