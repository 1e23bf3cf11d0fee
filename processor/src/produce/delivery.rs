//! What became of each record: acknowledged ones are counted, the others kept to be sent again.
//! A record is one or the other, so the counters are exact.

use std::{
    ffi::c_void,
    ptr,
    sync::{Mutex, PoisonError},
};

use rdkafka::{
    ClientContext, IntoOpaque, Message,
    error::KafkaError,
    producer::{DeliveryResult, ProducerContext},
};
use tracing::field::display;

use super::{
    kind::Kind,
    metrics::{Cause, Metrics},
    traced::{self, OnTheWay, Ticket},
};

/// A record that is to be sent again.
#[derive(Debug)]
pub(super) struct Undelivered {
    pub(super) kind: Kind,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Vec<u8>,
    pub(super) error: KafkaError,
}

/// What is noted of a record until its report comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) kind: Kind,
    pub(super) ticket: Ticket,
}

/// How many bits of a note say the kind.
const KIND_BITS: u32 = 8;

/// librdkafka keeps one word a record.
impl IntoOpaque for Note {
    fn into_ptr(self) -> *mut c_void {
        let ticket = self.ticket.0.unwrap_or(0);
        ptr::without_provenance_mut((ticket << KIND_BITS) | self.kind as usize)
    }

    unsafe fn from_ptr(word: *mut c_void) -> Self {
        let word = word.addr();
        let ticket = word >> KIND_BITS;
        Self {
            kind: Kind::ALL[word & ((1 << KIND_BITS) - 1)],
            ticket: Ticket((ticket > 0).then_some(ticket)),
        }
    }
}

/// Receives librdkafka's delivery reports.
pub(super) struct Deliveries {
    metrics: Metrics,
    undelivered: Mutex<Vec<Undelivered>>,
    traced: OnTheWay,
}

impl Deliveries {
    pub(super) fn new(metrics: Metrics) -> Self {
        Self {
            metrics,
            undelivered: Mutex::default(),
            traced: OnTheWay::default(),
        }
    }

    /// The spans of records that the broker has not answered for.
    pub(super) fn traced(&self) -> &OnTheWay {
        &self.traced
    }

    /// Keeps a record that could not be sent.
    pub(super) fn keep(&self, record: Undelivered) {
        self.metrics.failed(Cause::Delivery);
        self.metrics.retries.inc();
        self.undelivered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(record);
    }

    /// Hands over the records kept so far.
    pub(super) fn take_undelivered(&self) -> Vec<Undelivered> {
        std::mem::take(
            &mut *self
                .undelivered
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Note;

    fn delivery(&self, result: &DeliveryResult<'_>, Note { kind, ticket }: Note) {
        if let Some(span) = self.traced.take(ticket) {
            match result {
                Ok(record) => {
                    let partition = display(record.partition());
                    span.record("messaging.destination.partition.id", partition);
                    span.record("messaging.kafka.offset", record.offset());
                }
                Err((error, _)) => traced::failed(&span, error),
            }
        }
        match result {
            Ok(record) => {
                self.metrics.sent(kind).inc();
                self.metrics
                    .bytes
                    .inc_by((record.key_len() + record.payload_len()) as u64);
            }
            Err((error, record)) => {
                self.keep(Undelivered {
                    kind,
                    key: record.key().map(<[u8]>::to_vec),
                    value: record.payload().unwrap_or_default().to_vec(),
                    error: error.clone(),
                });
            }
        }
    }
}
