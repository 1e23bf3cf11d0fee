//! Rate limits of alerts.

use std::collections::BTreeMap;

use crate::{
    groups::Groups,
    image::{ImageError, Reader, Writer},
    images::Images,
    key::{self, Key, KeyPlan},
    plan::Limit,
    reading::Reading,
};

/// How many alerts each sender caused, for one rule.
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    /// By their numbers. Only those that a reading can still fall into.
    spans: BTreeMap<i64, Span>,
    /// What they take, in bytes.
    memory: usize,
    images: Images,
}

/// How many alerts each sender caused in a span of event time.
#[derive(Debug, Default)]
struct Span {
    senders: Groups,
    alerts: Vec<u32>,
    /// What it takes, in bytes.
    counted: usize,
}

impl Limiter {
    /// Whether a reading that satisfies the rule is an alert, and not one too many; none if the state has
    /// the reading already. A reading from before the watermark counts as of it: its own span may
    /// be forgotten.
    pub(crate) fn allows(
        &mut self,
        limit: &Limit,
        sender: Key<'_>,
        reading: &Reading<'_>,
        watermark: Option<i64>,
    ) -> Option<bool> {
        if self.images.hold(sender.bucket(), reading.offset) {
            return None;
        }
        let moment = watermark.map_or(reading.time, |watermark| reading.time.max(watermark));
        let span = self.spans.entry(moment.div_euclid(limit.per)).or_default();
        let (sender, new) = span.senders.insert(sender);
        if new {
            span.alerts.push(0);
            self.memory += span.growth();
        }
        let alerts = &mut span.alerts[sender as usize];
        let allowed = *alerts < limit.alerts;
        *alerts += u32::from(allowed);
        Some(allowed)
    }

    /// Forgets the spans that ended before the watermark, or with it.
    pub(crate) fn forget(&mut self, limit: &Limit, watermark: i64) {
        let current = watermark.div_euclid(limit.per);
        while let Some(span) = self.spans.first_entry()
            && *span.key() < current
        {
            self.memory -= span.remove().counted;
        }
    }

    /// What it takes, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.memory
    }

    /// Takes note that readings below an offset are in a bucket, and nothing came of them.
    pub(crate) fn restore_empty(&mut self, bucket: usize, offset: i64) {
        self.images.set_empty(bucket, offset);
    }

    /// Writes the senders of a bucket into an image.
    pub(crate) fn write(&self, bucket: usize, watermark: Option<i64>, writer: &mut Writer) {
        self.images.write(bucket, watermark, writer);
        for (number, span) in &self.spans {
            let mut senders = span.senders.of_bucket(bucket).peekable();
            if senders.peek().is_none() {
                continue;
            }
            writer.bool(true);
            writer.i64(*number);
            for sender in senders {
                writer.bool(true);
                writer.bytes(span.senders.key(sender).bytes);
                writer.count(span.alerts[sender as usize].into());
            }
            writer.bool(false);
        }
        writer.bool(false);
    }

    /// Reads the senders of a bucket out of an image that was taken at an offset.
    pub(crate) fn read(
        &mut self,
        keys: &KeyPlan,
        bucket: usize,
        offset: i64,
        reader: &mut Reader<'_>,
    ) -> Result<(), ImageError> {
        self.images.read(bucket, offset, reader)?;
        while reader.bool()? {
            let span = self.spans.entry(reader.i64()?).or_default();
            while reader.bool()? {
                let (_, new) = span.senders.insert(key::read(keys, bucket, reader)?);
                if !new {
                    return Err(ImageError::Damaged("a sender twice"));
                }
                let alerts = u32::try_from(reader.count()?)
                    .map_err(|_| ImageError::Damaged("more alerts than a limit allows"))?;
                span.alerts.push(alerts);
            }
            self.memory += span.growth();
        }
        Ok(())
    }
}

impl Span {
    /// How many bytes it takes more than when this was last asked.
    fn growth(&mut self) -> usize {
        let takes =
            size_of::<Self>() + self.senders.heap() + self.alerts.capacity() * size_of::<u32>();
        takes - std::mem::replace(&mut self.counted, takes)
    }
}
