//! The open sessions of one group.

use crate::{
    accumulate::{Accumulator, Aggregate},
    image::{ImageError, Reader, Writer},
    key::Key,
    reading::Reading,
};

/// A session that still takes readings. Times are in microseconds since 1970.
#[derive(Debug)]
pub(super) struct Session {
    /// The time of its first reading.
    pub(super) start: i64,
    /// The time of its last reading.
    pub(super) last: i64,
    pub(super) accumulators: Box<[Accumulator]>,
    /// Starts that it, or a session merged into it, had since its row was last taken.
    pub(super) replaced: Vec<i64>,
    /// Whether it changed since its row was last taken.
    pub(super) dirty: bool,
}

/// A group with at least one open session.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) hash: u64,
    pub(super) key: Box<[u8]>,
    /// By their starts, with a pause of more than the gap from each to the next.
    pub(super) sessions: Vec<Session>,
    /// When the timer that looks after the group is due.
    pub(super) timer: i64,
    /// What the group took when it was last asked for its growth, in bytes.
    counted: usize,
}

/// What a reading did to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Joined {
    /// How many open sessions there are more.
    pub(super) opened: isize,
    /// How many changed sessions there are more.
    pub(super) dirtied: isize,
}

impl Group {
    /// No sessions.
    pub(super) fn new(key: Key<'_>) -> Self {
        Self {
            hash: key.hash,
            key: key.bytes.into(),
            // Most groups never have a second one open.
            sessions: Vec::with_capacity(1),
            timer: i64::MAX,
            counted: 0,
        }
    }

    pub(super) fn key(&self) -> Key<'_> {
        Key {
            bytes: &self.key,
            hash: self.hash,
        }
    }

    /// Puts a reading into the sessions that it is no further than the gap from, making one of them, or
    /// into one of its own.
    pub(super) fn join(
        &mut self,
        gap: i64,
        aggregates: &[Aggregate],
        reading: &Reading<'_>,
    ) -> Joined {
        let (place, mut joined) =
            self.session_around(gap, (reading.time, reading.time), aggregates);
        let session = &mut self.sessions[place];
        joined.dirtied += isize::from(!session.dirty);
        session.extend_to((reading.time, reading.time));
        for (accumulator, aggregate) in session.accumulators.iter_mut().zip(aggregates) {
            accumulator.add(aggregate, reading);
        }
        joined
    }

    /// The same with what readings from one time to another came to elsewhere.
    pub(super) fn join_part(
        &mut self,
        gap: i64,
        aggregates: &[Aggregate],
        span: (i64, i64),
        part: &[Accumulator],
    ) -> Joined {
        let (place, mut joined) = self.session_around(gap, span, aggregates);
        let session = &mut self.sessions[place];
        joined.dirtied += isize::from(!session.dirty);
        session.extend_to(span);
        for ((own, other), aggregate) in session.accumulators.iter_mut().zip(part).zip(aggregates) {
            own.merge(aggregate, other);
        }
        joined
    }

    /// Makes the sessions that are no further than the gap from a span one, or a new one if there is none,
    /// and says where it is.
    fn session_around(
        &mut self,
        gap: i64,
        (start, last): (i64, i64),
        aggregates: &[Aggregate],
    ) -> (usize, Joined) {
        let first = self
            .sessions
            .partition_point(|session| session.last.saturating_add(gap) < start);
        let near = self.sessions[first..]
            .iter()
            .take_while(|session| session.start.saturating_sub(gap) <= last)
            .count();
        let mut joined = Joined {
            opened: 0,
            dirtied: 0,
        };
        if near == 0 {
            joined.opened = 1;
            self.sessions.insert(
                first,
                Session {
                    start,
                    last,
                    accumulators: aggregates.iter().map(Accumulator::new).collect(),
                    replaced: Vec::new(),
                    dirty: false,
                },
            );
        }
        if near > 1 {
            joined.opened = 1 - near as isize;
            let absorbed: Vec<Session> = self.sessions.drain(first + 1..first + near).collect();
            for other in absorbed {
                joined.dirtied -= isize::from(other.dirty);
                self.sessions[first].absorb(aggregates, other);
            }
        }
        (first, joined)
    }

    /// The last reading of the session that ends first.
    pub(super) fn least_last(&self) -> Option<i64> {
        self.sessions.first().map(|session| session.last)
    }

    /// How many bytes it takes more than when this was last asked.
    pub(super) fn growth(&mut self) -> isize {
        let takes = self.key.len()
            + self.sessions.capacity() * size_of::<Session>()
            + self.sessions.iter().map(Session::heap).sum::<usize>();
        takes as isize - std::mem::replace(&mut self.counted, takes) as isize
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.bytes(&self.key);
        for session in &self.sessions {
            writer.bool(true);
            session.write(writer);
        }
        writer.bool(false);
    }

    /// Reads the sessions of a group.
    pub(super) fn read(
        key: Key<'_>,
        aggregates: &[Aggregate],
        reader: &mut Reader<'_>,
    ) -> Result<Self, ImageError> {
        let mut group = Self::new(key);
        while reader.bool()? {
            let session = Session::read(aggregates, reader)?;
            let in_order = group
                .sessions
                .last()
                .is_none_or(|before| before.last < session.start);
            if !in_order || session.start > session.last {
                return Err(ImageError::Damaged("sessions out of order"));
            }
            group.sessions.push(session);
        }
        if group.sessions.is_empty() {
            return Err(ImageError::Damaged("a group without sessions"));
        }
        Ok(group)
    }
}

impl Session {
    fn extend_to(&mut self, (start, last): (i64, i64)) {
        if start < self.start {
            self.replaced.push(self.start);
            self.start = start;
        }
        self.last = self.last.max(last);
        self.dirty = true;
    }

    /// Becomes one with a later session.
    fn absorb(&mut self, aggregates: &[Aggregate], other: Self) {
        self.replaced.extend(other.replaced);
        self.replaced.push(other.start);
        self.last = self.last.max(other.last);
        for ((accumulator, aggregate), other) in self
            .accumulators
            .iter_mut()
            .zip(aggregates)
            .zip(&other.accumulators)
        {
            accumulator.merge(aggregate, other);
        }
    }

    fn heap(&self) -> usize {
        self.accumulators.len() * size_of::<Accumulator>()
            + self
                .accumulators
                .iter()
                .map(Accumulator::heap)
                .sum::<usize>()
            + self.replaced.capacity() * size_of::<i64>()
    }

    fn write(&self, writer: &mut Writer) {
        writer.i64(self.start);
        writer.i64(self.last);
        writer.bool(self.dirty);
        writer.count(self.replaced.len() as u64);
        self.replaced.iter().for_each(|start| writer.i64(*start));
        for accumulator in &self.accumulators {
            accumulator.write(writer);
        }
    }

    fn read(aggregates: &[Aggregate], reader: &mut Reader<'_>) -> Result<Self, ImageError> {
        Ok(Self {
            start: reader.i64()?,
            last: reader.i64()?,
            dirty: reader.bool()?,
            replaced: (0..reader.count()?)
                .map(|_| reader.i64())
                .collect::<Result<_, _>>()?,
            accumulators: aggregates
                .iter()
                .map(|aggregate| Accumulator::read(aggregate, reader))
                .collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(group: &mut Group, time: i64) -> Joined {
        let reading = Reading {
            offset: 0,
            time,
            values: &[],
        };
        group.join(5, &[], &reading)
    }

    fn spans(group: &Group) -> Vec<(i64, i64)> {
        let sessions = group.sessions.iter();
        sessions
            .map(|session| (session.start, session.last))
            .collect()
    }

    #[test]
    fn a_pause_of_exactly_the_gap_stays_in_the_session() {
        let mut group = Group::new(Key::new(b"d1"));
        for time in [100, 105, 111, 95] {
            join(&mut group, time);
        }
        assert_eq!(spans(&group), [(95, 105), (111, 111)]);
    }

    #[test]
    fn sessions_that_become_one_leave_all_their_starts_to_be_deleted() {
        let mut group = Group::new(Key::new(b"d1"));
        join(&mut group, 100);
        join(&mut group, 98);
        join(&mut group, 90);
        assert_eq!(spans(&group), [(90, 90), (98, 100)]);
        let joined = join(&mut group, 94);
        assert_eq!(spans(&group), [(90, 100)]);
        assert_eq!((joined.opened, joined.dirtied), (-1, -1));
        let mut replaced = group.sessions[0].replaced.clone();
        replaced.sort_unstable();
        assert_eq!(replaced, [98, 100]);
    }
}
