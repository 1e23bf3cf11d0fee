//! What becomes of each record of a shard: a row, a change in windows, records for the output
//! topics, or a dead letter with its reason. A function of the log and the plan, so that a new
//! owner comes to the same.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use sensorstream_broker::partition_queue::Record;
use sensorstream_crds::Reason;
use sensorstream_engine::{Engine, Plan};
use sensorstream_ledger::shard::dead_letters::PendingDeadLetter;

use super::{
    alert::{AlertWriter, Occasion},
    batch::{Batch, Content, Copied, Letter},
    decode::{Decoder, Problem, Scratch},
    enriched,
    outbox::{Destination, Job, Outgoing, problem_of},
};

/// What the readings of a pipeline come to besides windows.
#[derive(Debug)]
pub struct Products {
    /// Whether there is a table for them.
    pub table: bool,
    /// Whether they are sent on.
    pub enriched: bool,
    /// Writes the alerts, if there are any.
    pub alerts: Option<AlertWriter>,
}

impl Products {
    /// Whether there are output topics besides that of the dead letters.
    pub fn are_sent(&self) -> bool {
        self.enriched || self.alerts.is_some()
    }
}

/// Decides the records of one shard.
pub struct Decider {
    partition: i32,
    decoder: Arc<Decoder>,
    plan: Arc<Plan>,
    products: Arc<Products>,
    engine: Engine,
    scratch: Scratch,
    /// The time of processing, as enriched readings carry it.
    processing_time: String,
}

impl Decider {
    /// A decider of a partition, from where the engine stands.
    pub fn new(
        partition: i32,
        decoder: Arc<Decoder>,
        plan: Arc<Plan>,
        products: Arc<Products>,
        engine: Engine,
    ) -> Self {
        Self {
            partition,
            decoder,
            plan,
            products,
            engine,
            scratch: Scratch::default(),
            processing_time: String::new(),
        }
    }

    /// The state of windows and rules.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The state of windows and rules, to take changes out of.
    pub fn engine_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// Sets the time that enriched readings carry from here on.
    pub fn at(&mut self, processing_time: Timestamp) {
        if self.products.enriched {
            self.processing_time = format!("{processing_time:.6}");
        }
    }

    /// Decides a record for the first time.
    pub fn decide(&mut self, record: &Record<'_>, batch: &mut Batch) {
        let Self {
            partition,
            decoder,
            plan,
            products,
            engine,
            scratch,
            processing_time,
        } = self;
        let (offset, payload) = (record.offset(), record.payload());
        let outcome = decoder.decode(payload, record.timestamp_ms(), scratch, |values, time| {
            if products.table {
                let (rows, offsets) = batch.rows_mut();
                rows.push(values, *partition, offset);
                offsets.push(offset);
            }
            let verdict = engine.process(offset, time, values);
            let about = Occasion::of(record, *partition, values, time);
            let outgoing = batch.outgoing_mut();
            send(
                products,
                record,
                verdict.alerts,
                about,
                processing_time,
                outgoing,
            );
            (!verdict.late.is_empty()).then(|| late(plan, verdict.late, time))
        });
        match outcome {
            Ok(problem) => {
                batch.accept();
                if let Some(problem) = problem {
                    batch.add_letter(record, problem);
                }
            }
            Err(problem) => batch.add_letter(record, problem),
        }
        batch.count(record);
    }

    /// Decides a record again that an earlier owner decided, and adds to `again` what may not have
    /// been sent.
    pub fn repeat(&mut self, record: &Record<'_>, again: &mut Again) {
        let Self {
            partition,
            decoder,
            products,
            engine,
            scratch,
            processing_time,
            ..
        } = self;
        let (offset, payload) = (record.offset(), record.payload());
        let unsent = offset >= again.from;
        // What was wrong with it, the earlier owner has written down.
        let _ = decoder.decode(payload, record.timestamp_ms(), scratch, |values, time| {
            let verdict = engine.process(offset, time, values);
            if unsent {
                let about = Occasion::of(record, *partition, values, time);
                let outgoing = &mut again.job.outgoing;
                send(
                    products,
                    record,
                    verdict.alerts,
                    about,
                    processing_time,
                    outgoing,
                );
            }
        });
        if let Some(pending) = again.letters.remove(&offset) {
            let content = Content::Kept(Copied::of(record));
            again.add(&pending, content);
        }
    }
}

/// What an earlier owner decided to send and may not have sent.
#[derive(Debug)]
pub struct Again {
    /// Everything below has been sent.
    from: i64,
    letters: BTreeMap<i64, PendingDeadLetter>,
    letter_bytes: usize,
    job: Job,
}

impl Again {
    /// What may be unsent from an offset on. `letters` are the dead letters of it.
    pub fn new(from: i64, letters: Vec<PendingDeadLetter>) -> Self {
        Self {
            from,
            letters: letters
                .into_iter()
                .map(|letter| (letter.offset, letter))
                .collect(),
            letter_bytes: 0,
            job: Job::default(),
        }
    }

    fn add(&mut self, pending: &PendingDeadLetter, content: Content) {
        if let Content::Kept(copied) = &content {
            self.letter_bytes += copied.size();
        }
        self.job.letters.push(Letter {
            offset: pending.offset,
            problem: problem_of(pending),
            content,
        });
    }

    /// Whether there is enough to send it on.
    pub fn is_full(&self) -> bool {
        self.letter_bytes + self.job.outgoing.size() >= super::batch::MAX_BYTES
    }

    /// Takes out what there is to send, now that the log has been read up to `to`. Dead letters whose
    /// records have gone meanwhile go without them.
    pub fn take(&mut self, to: i64) -> Job {
        let later = self.letters.split_off(&to);
        for pending in std::mem::replace(&mut self.letters, later).into_values() {
            self.add(&pending, Content::Lost);
        }
        self.letter_bytes = 0;
        let mut job = std::mem::take(&mut self.job);
        job.letters.sort_unstable_by_key(|letter| letter.offset);
        job.to = to;
        job
    }
}

fn send(
    products: &Products,
    record: &Record<'_>,
    alerts: &[usize],
    about: Occasion<'_>,
    processing_time: &str,
    outgoing: &mut Outgoing,
) {
    if products.enriched
        && let Some(payload) = record.payload()
    {
        outgoing.push(about.offset, Destination::Enriched, record.key(), |out| {
            enriched::write(payload, processing_time, out);
        });
    }
    if let Some(writer) = &products.alerts {
        for rule in alerts {
            let key = writer.key(about.values);
            outgoing.push(
                about.offset,
                Destination::Alerts,
                Some(key.as_bytes()),
                |out| {
                    writer.write(*rule, about, out);
                },
            );
        }
    }
}

/// The dead letter's reason of a reading that came too late for some windows.
fn late(plan: &Plan, windows: &[usize], event_time_us: i64) -> Problem {
    let names: Vec<&str> = windows
        .iter()
        .map(|window| plan.windows()[*window].name.as_str())
        .collect();
    let time = Timestamp::from_microsecond(event_time_us).unwrap_or_default();
    let detail = format!("too late for {}: its time is {time}", names.join(", "));
    Problem::new(Reason::Late, detail)
}
