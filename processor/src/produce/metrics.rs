//! The role's counters. What they say was sent is what the broker acknowledged, so that they can
//! be compared with what came out at the other end.

use std::collections::BTreeMap;

use prometheus::{IntCounter, IntGauge};
use sensorstream_telemetry::metrics::Catalog;

use super::kind::Kind;

/// What an error kept from being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Finding the topic.
    Topic,
    /// Delivering a record.
    Delivery,
    /// A transaction, or reading how far the ones before it went.
    Transaction,
}

impl Cause {
    /// Every cause, in the order of their numbers.
    const ALL: [Self; 3] = [Self::Topic, Self::Delivery, Self::Transaction];

    fn as_str(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Delivery => "delivery",
            Self::Transaction => "transaction",
        }
    }
}

/// The role's counters. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    sent: [IntCounter; Kind::ALL.len()],
    pub(super) bytes: IntCounter,
    errors: [IntCounter; Cause::ALL.len()],
    pub(super) retries: IntCounter,
    pub(super) buffered: IntGauge,
    pub(super) finished: IntGauge,
}

impl Metrics {
    /// Defines the counters, each kind at zero.
    pub fn new(catalog: &Catalog) -> Self {
        let define = catalog.group("sensorstream_producer");
        let sent = define.counters(
            "records_sent_total",
            "Records that the broker acknowledged, by what they are.",
            &["kind"],
        );
        let errors = define.counters(
            "errors_total",
            "Errors by cause: topic (it can't be found or described), delivery (of a record) or transaction. What they keep from being sent is sent again.",
            &["cause"],
        );
        Self {
            sent: Kind::ALL.map(|kind| sent.with_label_values(&[kind.as_str()])),
            bytes: define.counter(
                "sent_bytes_total",
                "Bytes of keys and values that the broker acknowledged.",
            ),
            errors: Cause::ALL.map(|cause| errors.with_label_values(&[cause.as_str()])),
            retries: define.counter(
                "retries_total",
                "Records that could not be delivered and were sent again.",
            ),
            buffered: define.gauge(
                "buffered_records",
                "Records that were made and are not acknowledged yet.",
            ),
            finished: define.gauge(
                "finished",
                "1 when everything that the simulator has to send is acknowledged, else 0.",
            ),
        }
    }

    /// Counts an error.
    pub(super) fn failed(&self, cause: Cause) {
        self.errors[cause as usize].inc();
    }

    /// The acknowledged records of a kind.
    pub(super) fn sent(&self, kind: Kind) -> &IntCounter {
        &self.sent[kind as usize]
    }

    /// Raises the counters by what has been sent since `shown`.
    pub(super) fn show(&self, shown: &BTreeMap<Kind, u64>, sent: &BTreeMap<Kind, u64>) {
        for (kind, sent) in sent {
            let shown = shown.get(kind).copied().unwrap_or(0);
            self.sent(*kind).inc_by(sent.saturating_sub(shown));
        }
    }

    /// Logs what was sent, when no more follows.
    pub(super) fn log_summary(&self, readings: u64, unacknowledged: usize) {
        let sent = |kind| self.sent(kind).get();
        tracing::info!(
            readings,
            good = sent(Kind::Good),
            late = sent(Kind::Late),
            duplicate = sent(Kind::Duplicate),
            future = sent(Kind::Future),
            not_json = sent(Kind::NotJson),
            missing_field = sent(Kind::MissingField),
            wrong_type = sent(Kind::WrongType),
            out_of_range = sent(Kind::OutOfRange),
            too_long = sent(Kind::TooLong),
            bad_timestamp = sent(Kind::BadTimestamp),
            finalizer = sent(Kind::Finalizer),
            unacknowledged,
            bytes = self.bytes.get(),
            "stopped sending"
        );
    }
}
