//! What became of each record: acknowledged ones are counted, the others kept to be sent again.
//! A record is one or the other, so the counters are exact.

use std::sync::{Mutex, PoisonError};

use rdkafka::{
    ClientContext, Message,
    error::KafkaError,
    producer::{DeliveryResult, ProducerContext},
};

use super::{kind::Kind, metrics::Metrics};

/// A record that is to be sent again.
#[derive(Debug)]
pub(super) struct Undelivered {
    pub(super) kind: Kind,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Vec<u8>,
    pub(super) error: KafkaError,
}

/// Receives librdkafka's delivery reports.
pub(super) struct Deliveries {
    metrics: Metrics,
    undelivered: Mutex<Vec<Undelivered>>,
}

impl Deliveries {
    pub(super) fn new(metrics: Metrics) -> Self {
        Self {
            metrics,
            undelivered: Mutex::default(),
        }
    }

    /// Keeps a record that could not be sent.
    pub(super) fn keep(&self, record: Undelivered) {
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
    /// The number of the record's [`Kind`].
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, kind: usize) {
        let kind = Kind::ALL[kind];
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
