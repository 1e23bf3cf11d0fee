//! What of a batch is traced: the batch itself, and those of its records that came with the context of a trace.
//!
//! ```text
//! producer: send ──traceparent──► process ─► commit     (a record's own trace)
//!                                    ▲ linked
//!                                  batch ─► commit      (a batch's)
//! ```
//! A span of a record begins when the record is decided and ends with the commit that decides it for everybody.
//! While traces are off nothing is looked at, and there are no spans.

use std::ffi::CStr;

use sensorstream_broker::partition_queue::Record;
use tracing::{Span, debug_span, field::Empty};

use crate::telemetry::traces::{self, Parent};

use super::{metrics::stage_name, role::Role};

/// [`traces::HEADER`], as librdkafka takes it.
const HEADER: &CStr = c"traceparent";
/// Of how many records of a batch there are spans. A batch may have half a million.
const MOST: usize = 32;
/// At how many records of a batch it is looked whether they come with a context: most that do may be of traces that
/// are not kept.
const MOST_LOOKS: usize = 10_000;

/// The spans of a batch.
#[derive(Debug, Default)]
pub struct Traced {
    batch: Option<Span>,
    records: Vec<Span>,
    looks: usize,
}

impl Traced {
    /// Takes note of a record that has been decided: `reason` is why it is a dead letter, if it is one.
    pub fn decided(
        &mut self,
        role: &Role,
        partition: i32,
        record: &Record<'_>,
        reason: Option<&'static str>,
    ) {
        if self.records.len() == MOST || self.looks == MOST_LOOKS {
            return;
        }
        self.looks += 1;
        let Some(parent) = record.header(HEADER).and_then(Parent::of) else {
            return;
        };
        let topic = role.topic.as_str();
        let span = debug_span!(
            "process",
            otel.name = %format_args!("process {topic}"),
            otel.kind = "consumer",
            otel.status_code = Empty,
            otel.status_description = Empty,
            messaging.system = "kafka",
            messaging.operation.name = "process",
            messaging.operation.type = "process",
            messaging.destination.name = topic,
            messaging.destination.partition.id = %partition,
            messaging.consumer.group.name = role.group(),
            messaging.kafka.offset = record.offset(),
            sensorstream.outcome = reason.unwrap_or("accepted"),
        );
        parent.take(&span);
        self.records.push(span);
    }

    /// Begins the span of the batch, which decides what is from one offset up to another.
    pub fn hand_over(
        &mut self,
        role: &Role,
        partition: i32,
        (from, to): (i64, i64),
        records: usize,
    ) {
        let span = debug_span!(
            parent: None,
            "batch",
            otel.name = %format_args!("batch {}", role.topic),
            otel.kind = "consumer",
            otel.status_code = Empty,
            otel.status_description = Empty,
            messaging.system = "kafka",
            messaging.operation.name = "batch",
            messaging.operation.type = "process",
            messaging.destination.name = role.topic,
            messaging.destination.partition.id = %partition,
            messaging.batch.message_count = records,
            sensorstream.stage = stage_name(role.stage),
            sensorstream.from = from,
            sensorstream.to = to,
        );
        for record in &self.records {
            traces::link(&span, record);
        }
        self.batch = Some(span);
    }

    /// The commit that is under way now, as spans of the batch and of each record.
    pub fn commit(&self) -> Commit {
        let of = |parent: &Span| {
            debug_span!(
                parent: parent,
                "commit",
                otel.kind = "client",
                otel.status_code = Empty,
                otel.status_description = Empty,
                db.system.name = "postgresql",
                db.operation.name = "COMMIT",
            )
        };
        Commit {
            batch: self.batch.as_ref().map_or_else(Span::none, of),
            records: self.records.iter().map(of).collect(),
        }
    }

    /// Ends the spans: the commit has been made.
    pub fn end(&mut self) {
        self.batch = None;
        self.records.clear();
        self.looks = 0;
    }

    /// Ends the spans, as those of something that did not come about: whoever has the shard next decides the
    /// records anew.
    pub fn give_up(&mut self, commit: &Commit, why: &str) {
        let of_commit = commit.records.iter().chain([&commit.batch]);
        for span in self.records.iter().chain(&self.batch).chain(of_commit) {
            traces::failed(span, &why);
        }
        self.end();
    }
}

/// Spans that end with a commit.
#[derive(Debug)]
pub struct Commit {
    /// Of the batch.
    pub batch: Span,
    records: Vec<Span>,
}
