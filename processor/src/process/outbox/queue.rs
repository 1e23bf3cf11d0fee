//! What waits to be sent: so much memory of it, and no more. While a transaction is under way the shard
//! commits on; what it has decided meanwhile goes with the next transaction, all of it.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::{CourierGone, Job};
use crate::process::batch::MAX_BYTES;

/// Bytes that may wait. One job that is larger may wait by itself.
const ROOM: u32 = MAX_BYTES as u32;

/// A queue, and both its ends.
pub(super) fn queue() -> (Sender, Receiver) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let room = Arc::new(Semaphore::new(ROOM as usize));
    (Sender { sender, room }, Receiver(receiver))
}

/// Where jobs go in.
#[derive(Debug)]
pub(super) struct Sender {
    sender: mpsc::UnboundedSender<Waiting>,
    room: Arc<Semaphore>,
}

/// Where jobs come out.
#[derive(Debug)]
pub(super) struct Receiver(mpsc::UnboundedReceiver<Waiting>);

/// A job, and the room that it takes.
#[derive(Debug)]
struct Waiting {
    job: Job,
    _room: OwnedSemaphorePermit,
}

impl Sender {
    /// Adds a job as soon as there is room for it.
    pub(super) async fn send(&self, job: Job) -> Result<(), CourierGone> {
        let takes = u32::try_from(job.size()).unwrap_or(ROOM).clamp(1, ROOM);
        let room = Arc::clone(&self.room).acquire_many_owned(takes);
        let room = room.await.map_err(|_| CourierGone)?;
        let waiting = Waiting { job, _room: room };
        self.sender.send(waiting).map_err(|_| CourierGone)
    }
}

impl Receiver {
    /// Waits for a job, and takes with it those that can be sent in the same transaction. None when no more
    /// come.
    pub(super) fn blocking_recv(&mut self) -> Option<Job> {
        let mut all = self.0.blocking_recv()?.job;
        // Where the shard stands is told after everything before, and before everything that follows.
        while all.standing.is_empty()
            && let Ok(next) = self.0.try_recv()
        {
            all.append(next.job);
        }
        Some(all)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::process::outbox::Destination;

    fn job(to: i64, bytes: usize) -> Job {
        let mut job = Job {
            to,
            ..Job::default()
        };
        job.outgoing
            .push(to - 1, Destination::Alerts, None, |value| {
                value.resize(bytes, b'.');
            });
        job
    }

    fn values(job: &Job) -> Vec<(usize, bool)> {
        let records = job.outgoing.of(i64::MIN..i64::MAX);
        records
            .map(|record| (record.value.len(), record.key.is_some()))
            .collect()
    }

    #[tokio::test]
    async fn what_waits_is_taken_as_one() {
        let (sender, mut receiver) = queue();
        for (to, bytes) in [(10, 3), (20, 5), (30, 7)] {
            sender.send(job(to, bytes)).await.unwrap();
        }
        let all = tokio::task::spawn_blocking(move || receiver.blocking_recv().unwrap());
        let all = all.await.unwrap();
        assert_eq!(all.to, 30);
        assert_eq!(values(&all), [(3, false), (5, false), (7, false)]);
        assert_eq!(all.outgoing.of(10..20).len(), 1);
    }

    #[tokio::test]
    async fn nothing_is_put_before_where_the_shard_stood() {
        let (sender, mut receiver) = queue();
        let standing = Job {
            standing: vec![vec![1]],
            to: 20,
            ..Job::default()
        };
        for job in [job(10, 3), standing, job(30, 7)] {
            sender.send(job).await.unwrap();
        }
        let taken = tokio::task::spawn_blocking(move || {
            [(); 2].map(|()| receiver.blocking_recv().unwrap())
        });
        let [first, second] = taken.await.unwrap();
        assert_eq!((first.to, first.standing.len()), (20, 1));
        assert_eq!((second.to, values(&second)), (30, vec![(7, false)]));
    }

    #[tokio::test]
    async fn who_adds_more_than_there_is_room_for_waits_until_some_is_taken() {
        let (sender, mut receiver) = queue();
        // Larger than the room, it takes all of it.
        sender.send(job(10, 2 * MAX_BYTES)).await.unwrap();
        let mut second = Box::pin(sender.send(job(20, 1)));
        let waited = tokio::time::timeout(Duration::from_millis(20), &mut second).await;
        assert!(waited.is_err());
        let taken = tokio::task::spawn_blocking(move || {
            receiver.blocking_recv().unwrap();
            receiver
        });
        second.await.unwrap();
        drop(taken.await.unwrap());
        assert_eq!(sender.send(job(30, 1)).await, Err(CourierGone));
    }
}
