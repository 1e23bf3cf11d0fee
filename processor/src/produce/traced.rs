//! Spans of records on their way to Kafka, whose context travels with the records. Only where traces are on, and
//! of those that are kept.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use rdkafka::{
    error::KafkaError,
    message::{Header, OwnedHeaders},
};
use tracing::{Span, debug_span, field::Empty};

use super::kind::Kind;
use crate::telemetry::traces;

/// How many spans are kept of records that the broker has not answered for: a buffer may have 100,000 of these.
pub(super) const MOST: usize = 1_000;

/// A record whose sending is traced.
#[derive(Debug)]
pub(super) struct Traced {
    /// Ends when it is dropped.
    pub(super) span: Span,
    /// What carries the trace's context.
    pub(super) headers: OwnedHeaders,
}

/// Begins the span of sending a record, if its trace is kept.
pub(super) fn begin(topic: &str, kind: Kind) -> Option<Traced> {
    if !traces::are_on() {
        return None;
    }
    let span = debug_span!(
        "send",
        otel.name = %format_args!("send {topic}"),
        otel.kind = "producer",
        otel.status_code = Empty,
        otel.status_description = Empty,
        error.type = Empty,
        messaging.system = "kafka",
        messaging.operation.name = "send",
        messaging.operation.type = "send",
        messaging.destination.name = topic,
        messaging.destination.partition.id = Empty,
        messaging.kafka.offset = Empty,
        sensorstream.kind = kind.as_str(),
    );
    let context = traces::context_of(&span)?;
    let headers = OwnedHeaders::new().insert(Header {
        key: traces::HEADER,
        value: Some(&context),
    });
    Some(Traced { span, headers })
}

/// Ends the span of a record that was not sent.
pub(super) fn failed(span: &Span, error: &KafkaError) {
    let code = error.rdkafka_error_code();
    span.record(
        "error.type",
        code.map_or_else(|| "_OTHER".to_owned(), |code| format!("{code:?}")),
    );
    traces::failed(span, error);
}

/// A record's number among those whose sending is traced; none of one that is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(pub(super) Option<usize>);

/// The spans of records that are on their way.
#[derive(Debug, Default)]
pub(super) struct OnTheWay {
    spans: Mutex<HashMap<usize, Span>>,
    last: AtomicUsize,
}

impl OnTheWay {
    /// Whether there is room for one more.
    pub(super) fn has_room(&self) -> bool {
        self.spans().len() < MOST
    }

    /// Keeps a span until the broker has answered.
    pub(super) fn keep(&self, span: Span) -> Ticket {
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        self.spans().insert(number, span);
        Ticket(Some(number))
    }

    /// The broker has answered, or nothing was sent: takes the span out.
    pub(super) fn take(&self, ticket: Ticket) -> Option<Span> {
        self.spans().remove(&ticket.0?)
    }

    fn spans(&self) -> MutexGuard<'_, HashMap<usize, Span>> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
