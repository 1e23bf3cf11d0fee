//! Doing again what an earlier owner of the shard decided, before anything new is decided.

use jiff::Timestamp;
use sensorstream_broker::partition_queue::Polled;

use super::{Abandoned, Beginning, CHUNK, IDLE, Work, Worker, tell};
use crate::process::{batch::Batch, computation::Computation};

impl<C: Computation> Worker<C> {
    /// Does again what is decided already. Answers the batch that comes next, which may have its first
    /// records.
    pub(super) fn recover(&mut self) -> Result<Batch, Abandoned> {
        let mut position = self.at.read_from;
        let mut first = Batch::starting_at(self.at.next_offset);
        let mut caught_up = false;
        while position < self.at.next_offset && !self.at.stop.is_cancelled() {
            self.computation.at(Timestamp::now());
            let Self {
                at: beginning,
                computation,
                ..
            } = self;
            let Beginning {
                queue,
                again,
                notices,
                key,
                next_offset,
                ..
            } = beginning;
            let mut repeated = 0;
            let mut trouble = Ok(());
            let taken = queue.consume(IDLE, CHUNK, |polled| match polled {
                Polled::Record(_) if trouble.is_err() => {}
                Polled::Record(record) if record.offset() < position => {}
                Polled::Record(record) if record.offset() < *next_offset => {
                    position = record.offset() + 1;
                    trouble = computation.repeat(&record, again);
                    repeated += 1;
                }
                // The first of those that nobody has decided came along.
                Polled::Record(record) => {
                    position = record.offset();
                    if !std::mem::replace(&mut caught_up, true) {
                        computation.caught_up(again);
                    }
                    trouble = computation.decide(&record, &mut first);
                }
                other => tell(notices, key.partition, &other),
            });
            self.check(trouble)?;
            if taken == 0 {
                position = position.max(self.at.queue.position().unwrap_or(position));
            }
            self.at.role.metrics.records_repeated.inc_by(repeated);
            self.write_recovered(position)?;
            if self.at.again.is_full() {
                self.resend(position.min(self.at.next_offset))?;
            }
        }
        if self.at.stop.is_cancelled() {
            return Err(Abandoned);
        }
        if !caught_up {
            self.computation.caught_up(&mut self.at.again);
        }
        self.resend(self.at.next_offset)?;
        Ok(first)
    }

    fn write_recovered(&mut self, to: i64) -> Result<(), Abandoned> {
        let files = self.computation.recovered_files(to);
        if files.is_empty() {
            return Ok(());
        }
        let sent = self.at.work.blocking_send(Work::Write(files));
        sent.map_err(|_| Abandoned)
    }

    fn resend(&mut self, to: i64) -> Result<(), Abandoned> {
        let job = self.at.again.take(to);
        let sent = self.at.work.blocking_send(Work::Resend(job));
        sent.map_err(|_| Abandoned)
    }
}
