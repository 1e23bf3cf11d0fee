//! One client's stream of events: what is new since its position, again and again.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::response::sse::{Event, KeepAlive, KeepAliveStream, Sse};
use futures::{Stream, stream};
use serde::Serialize;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_util::sync::CancellationToken;

use super::{
    hub::{Batch, Hub, Listener, Look},
    position::Position,
};
use crate::serve::{
    column::ColumnType,
    given::Given,
    health::Health,
    metrics::Streaming,
    problem::Problem,
    tail::shelf::{Offsets, Shelf},
};

/// How often a stream on which nothing happens says that it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long clients are asked to wait before they come back.
const COME_BACK: Duration = Duration::from_secs(2);
/// Of how many looks one is told about.
const HEALTH_EVERY: u32 = 2;

/// A stream's place among those there may be, and among those there are.
pub type Counted = (OwnedSemaphorePermit, Streaming);

/// What a client wants to hear of.
#[derive(Clone, Debug, Default)]
pub struct Interest {
    /// One key alone, if any, and the type of its field.
    pub key: Option<(Given, ColumnType)>,
    /// Where it was, if it comes back.
    pub position: Option<Position>,
}

/// A stream under way.
struct Client {
    hub: Arc<Hub>,
    listener: Listener,
    tail: watch::Receiver<()>,
    key: Option<(Given, ColumnType)>,
    position: Position,
    waiting: VecDeque<Event>,
    looks: u32,
    shutdown: CancellationToken,
    /// Streams are counted.
    _counted: Counted,
}

/// Begins a stream. It ends when the server stops, and when the database can't be asked any more, so that the
/// client learns why when it comes back.
pub async fn begin(
    hub: &Arc<Hub>,
    interest: Interest,
    counted: Counted,
    shutdown: CancellationToken,
) -> Result<Sse<KeepAliveStream<impl Stream<Item = Result<Event, Infallible>> + use<>>>, Problem> {
    let listener = hub.listen().await?;
    let tail = hub.tail.changes();
    let now = Arc::clone(&listener.looks.borrow());
    let position = interest.position.clone().unwrap_or_else(|| {
        let known = hub.tail.known();
        Position {
            readings: now.committed.clone(),
            alerts: known.alerts.seen().clone(),
            dead_letters: known.dead_letters.seen().clone(),
        }
    });
    let mut client = Client {
        hub: Arc::clone(hub),
        listener,
        tail,
        key: interest.key,
        position,
        waiting: VecDeque::from([Event::default().retry(COME_BACK)]),
        looks: 0,
        shutdown,
        _counted: counted,
    };
    if let Some(health) = &now.health {
        client.tell_health(health);
    }
    client.take_look(&now).await?;
    client.take_tail();
    let events = stream::unfold(client, |mut client| async {
        let event = client.next().await?;
        Some((Ok(event), client))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

impl Client {
    /// The next event; none when the stream is to end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            tokio::select! {
                () = self.shutdown.cancelled() => return None,
                looked = self.listener.looks.changed() => {
                    looked.ok()?;
                    let look = Arc::clone(&self.listener.looks.borrow_and_update());
                    if look.problem.is_some() {
                        return None;
                    }
                    if self.looks.is_multiple_of(HEALTH_EVERY) && let Some(health) = &look.health {
                        self.tell_health(health);
                    }
                    self.looks = self.looks.wrapping_add(1);
                    self.take_look(&look).await.ok()?;
                }
                came = self.tail.changed() => {
                    came.ok()?;
                    self.take_tail();
                }
            }
        }
    }

    /// Goes on to what is committed by now.
    async fn take_look(&mut self, look: &Look) -> Result<(), Problem> {
        let shared = look
            .batch
            .as_ref()
            .filter(|batch| self.key.is_none() && batch.from == self.position.readings);
        let batch = match shared {
            Some(batch) => Some(Arc::clone(batch)),
            None => self.own_batch(look).await?,
        };
        self.position.readings = look.committed.clone();
        if let Some(batch) = batch.filter(|batch| !batch.readings.is_empty()) {
            self.tell(
                "readings",
                &json!({ "readings": batch.readings, "skipped": batch.skipped }),
            );
        }
        Ok(())
    }

    /// What is new for this client alone: it wants one key, or was away.
    async fn own_batch(&self, look: &Look) -> Result<Option<Arc<Batch>>, Problem> {
        let key = self.key.as_ref().map(|(key, _)| key);
        let between = self
            .hub
            .readings_between(&self.position.readings, &look.committed, key);
        match between.await {
            Ok(batch) => Ok(batch.map(Arc::new)),
            Err(error) => Err(Problem::of_failed(&error)),
        }
    }

    /// Goes on to the alerts and dead letters that there are by now.
    fn take_tail(&mut self) {
        let hub = Arc::clone(&self.hub);
        let known = hub.tail.known();
        if !known.loaded {
            return;
        }
        let (mut alerts, whole) = new_on(&known.alerts, &mut self.position.alerts);
        if let Some((key, type_)) = &self.key {
            alerts.retain(|alert| Given::of_member(*type_, alert.key()).as_ref() == Some(key));
        }
        self.tell_records("alerts", &alerts, whole);
        let (letters, whole) = new_on(&known.dead_letters, &mut self.position.dead_letters);
        self.tell_records("dead-letters", &letters, whole);
    }

    fn tell_health(&mut self, health: &Health) {
        self.tell("health", health);
    }

    fn tell_records<T: Serialize>(&mut self, name: &str, records: &[T], whole: bool) {
        if !whole {
            self.tell("gap", &json!({ "of": name }));
        }
        if !records.is_empty() {
            self.tell(name, &records);
        }
    }

    fn tell(&mut self, name: &str, data: &impl Serialize) {
        let event = Event::default()
            .event(name)
            .id(self.position.to_string())
            .json_data(data);
        self.waiting.extend(event.ok());
    }
}

/// The records from a position on, which moves to their end, and whether they are all.
fn new_on<T: Clone>(shelf: &Shelf<T>, position: &mut Offsets) -> (Vec<T>, bool) {
    if shelf.seen() == position {
        return (Vec::new(), true);
    }
    let (records, whole) = shelf.since(position);
    *position = shelf.seen().clone();
    (records, whole)
}
