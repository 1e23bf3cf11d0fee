//! What becomes of each record of a shard: a row, a change in windows, records for the output
//! topics, or a dead letter with its reason. A function of the log and the plan, so that a new
//! owner comes to the same.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Instant,
};

use jiff::Timestamp;
use sensorstream_broker::partition_queue::Record;
use sensorstream_crds::Reason;
use sensorstream_engine::{Engine, Plan, Range, RuleCounts, Verdict, WindowChanges, WindowCounts};
use sensorstream_lake::ClosedFile;
use sensorstream_ledger::shard::{
    dead_letters::PendingDeadLetter,
    links::{Links, RangeEnd},
};

use super::{
    alert::{AlertWriter, Occasion},
    batch::{Batch, Content, Copied, Letter},
    computation::{Computation, State, Unusable},
    decode::{Decoder, Problem, Scratch},
    enriched,
    lake::{Filler, LakeChange},
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
    /// Whether what they come to in windows over several partitions is sent to the second stage.
    pub linked: bool,
}

impl Products {
    /// Whether there are output topics besides that of the dead letters.
    pub fn are_sent(&self) -> bool {
        self.enriched || self.alerts.is_some() || self.linked
    }
}

/// The first stage: decides the records of one shard.
pub struct Decider {
    partition: i32,
    decoder: Arc<Decoder>,
    plan: Arc<Plan>,
    products: Arc<Products>,
    engine: Engine,
    scratch: Scratch,
    /// The time of processing, as enriched readings carry it.
    processing_time: String,
    ranges: Option<Ranges>,
    lake: Option<Filler>,
    /// Readings below are of no use to the engine any more.
    engine_from: i64,
}

/// The ranges of the log whose parts go to the second stage.
#[derive(Debug)]
struct Ranges {
    series: i64,
    /// Where the last range ended; none before where the first begins that may be sent again.
    from: Option<i64>,
    /// Where ranges end that earlier owners decided.
    decided: VecDeque<RangeEnd>,
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
            ranges: None,
            lake: None,
            engine_from: i64::MIN,
        }
    }

    /// The same, which sends ranges to the second stage; those of `links` may have to be sent again.
    #[must_use]
    pub fn sending(mut self, links: &Links) -> Self {
        self.ranges = Some(Ranges {
            series: links.series,
            from: None,
            decided: links.ranges.iter().copied().collect(),
        });
        self
    }

    /// The same, which fills files of the lake too. That may need readings from further back than the
    /// engine, which takes them from `engine_from` on.
    #[must_use]
    pub fn filling(mut self, lake: Filler, engine_from: i64) -> Self {
        self.lake = Some(lake);
        self.engine_from = engine_from;
        self
    }

    /// Ends the decided ranges that the log has been read through, now that it has been up to `to`.
    fn end_decided(&mut self, to: i64, outgoing: &mut Outgoing) {
        let Some(ranges) = &mut self.ranges else {
            return;
        };
        while let Some(end) = ranges.decided.pop_front_if(|end| end.to <= to) {
            let from = ranges.from.unwrap_or(end.to);
            let range = Range {
                series: ranges.series,
                from,
                to: end.to,
            };
            let messages = self.engine.end_range(range);
            // What is below the first one's end has been sent.
            if ranges.from.is_some() {
                push_range(end.to, messages, outgoing);
            }
            self.engine.raise_link_watermark(end.link_watermark_us);
            ranges.from = Some(end.to);
        }
    }
}

/// The messages of a range go with what its last reading comes to.
fn push_range(to: i64, messages: Vec<Vec<u8>>, outgoing: &mut Outgoing) {
    for (partition, message) in messages.into_iter().enumerate() {
        let destination = Destination::Link(partition as u16);
        outgoing.push(to - 1, destination, None, |out| {
            out.extend_from_slice(&message);
        });
    }
}

impl State for Decider {
    fn image(&self, bucket: u16) -> Vec<u8> {
        self.engine.image(bucket)
    }

    fn watermark(&self) -> Option<i64> {
        self.engine.watermark()
    }

    fn sources(&self) -> Option<Vec<u8>> {
        None
    }
}

impl Computation for Decider {
    fn at(&mut self, processing_time: Timestamp) {
        if self.products.enriched {
            self.processing_time = format!("{processing_time:.6}");
        }
    }

    fn decide(&mut self, record: &Record<'_>, batch: &mut Batch) -> Result<(), Unusable> {
        let Self {
            partition,
            decoder,
            plan,
            products,
            engine,
            scratch,
            processing_time,
            lake,
            ..
        } = self;
        let (offset, payload) = (record.offset(), record.payload());
        let outcome = decoder.decode(payload, record.timestamp_ms(), scratch, |values, time| {
            if products.table {
                let (rows, offsets) = batch.rows_mut();
                rows.push(values, *partition, offset);
                offsets.push(offset);
            }
            if let Some(lake) = lake {
                lake.push(offset, time, values);
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
            let late = (!verdict.late.is_empty()).then(|| late(plan, verdict, time));
            (time, late)
        });
        match outcome {
            Ok((time, problem)) => {
                batch.accept(time);
                if let Some(problem) = problem {
                    batch.add_letter(record, problem);
                }
            }
            Err(problem) => batch.add_letter(record, problem),
        }
        batch.count(record);
        Ok(())
    }

    fn repeat(&mut self, record: &Record<'_>, again: &mut Again) -> Result<(), Unusable> {
        self.end_decided(record.offset(), &mut again.job.outgoing);
        let Self {
            partition,
            decoder,
            products,
            engine,
            scratch,
            processing_time,
            lake,
            engine_from,
            ..
        } = self;
        let (offset, payload) = (record.offset(), record.payload());
        let unsent = offset >= again.from;
        // What was wrong with it, the earlier owner has written down.
        let _ = decoder.decode(payload, record.timestamp_ms(), scratch, |values, time| {
            if let Some(lake) = lake {
                lake.push(offset, time, values);
            }
            if offset < *engine_from {
                return;
            }
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
        Ok(())
    }

    fn caught_up(&mut self, again: &mut Again) {
        self.end_decided(i64::MAX, &mut again.job.outgoing);
        again.job.standing = self.standing();
    }

    fn open_windows(&self) -> usize {
        self.engine.open_windows()
    }

    fn closed_rows(&self) -> usize {
        self.engine.closed_rows()
    }

    fn open_rows(&self) -> usize {
        self.engine.open_rows()
    }

    fn take_changes(&mut self, open_rows: usize) -> Vec<WindowChanges> {
        self.engine.take_changes(open_rows)
    }

    fn counts(&self) -> (&[WindowCounts], &[RuleCounts]) {
        let counts = self.engine.counts();
        (&counts.windows, &counts.rules)
    }

    fn memory(&self) -> usize {
        self.engine.memory()
    }

    fn batch_memory(&self) -> usize {
        self.engine.range_memory()
    }

    fn recovered_files(&mut self, to: i64) -> Vec<ClosedFile> {
        let lake = self.lake.as_mut();
        lake.map_or_else(Vec::new, |lake| lake.recovered(to))
    }

    fn lake_is_due(&self, now: Instant) -> bool {
        self.lake.as_ref().is_some_and(|lake| lake.is_due(now))
    }

    fn lake_has_news(&self, to: i64) -> bool {
        self.lake.as_ref().is_some_and(|lake| lake.has_news(to))
    }

    fn has_open_files(&self) -> bool {
        self.lake.as_ref().is_some_and(Filler::has_open_files)
    }

    fn close_files(&mut self, to: i64, now: Instant, all: bool) -> Option<LakeChange> {
        let lake = self.lake.as_mut()?;
        Some(lake.close(to, now, all))
    }

    fn end_batch(&mut self, batch: &mut Batch) -> Option<RangeEnd> {
        let ranges = self.ranges.as_mut()?;
        let to = batch.to();
        let from = ranges.from.replace(to).unwrap_or(to);
        if from < to {
            let range = Range {
                series: ranges.series,
                from,
                to,
            };
            push_range(to, self.engine.end_range(range), batch.outgoing_mut());
        }
        Some(RangeEnd {
            to,
            watermark_us: self.engine.watermark(),
            link_watermark_us: self.engine.link_watermark(),
        })
    }

    fn standing(&mut self) -> Vec<Vec<u8>> {
        let Some(Ranges {
            series,
            from: Some(at),
            ..
        }) = self.ranges
        else {
            return Vec::new();
        };
        self.engine.end_range(Range {
            series,
            from: at,
            to: at,
        })
    }

    fn raise_link_watermark(&mut self, to: Option<i64>) {
        self.engine.raise_link_watermark(to);
    }

    fn link_watermark(&self) -> Option<i64> {
        self.engine.link_watermark()
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
        let letter = Letter {
            offset: pending.offset,
            problem: problem_of(pending),
            content,
        };
        self.letter_bytes += letter.size();
        self.job.letters.push(letter);
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
fn late(plan: &Plan, verdict: Verdict<'_>, event_time_us: i64) -> Problem {
    let names: Vec<&str> = verdict
        .late
        .iter()
        .map(|window| plan.windows()[*window].name.as_str())
        .collect();
    let time = Timestamp::from_microsecond(event_time_us).unwrap_or_default();
    let detail = format!("too late for {}: its time is {time}", names.join(", "));
    let reason = if verdict.idle {
        Reason::Idle
    } else {
        Reason::Late
    };
    Problem::new(reason, detail)
}
