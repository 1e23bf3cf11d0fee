//! One client's stream of events: what is new since its position, again and again.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::response::sse::{Event, KeepAlive, KeepAliveStream, Sse};
use futures::{Stream, stream};
use serde::Serialize;
use serde_json::{Value, json};
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
/// After how many looks in a row that failed a stream ends, so that the client learns why when it comes back.
const PATIENCE: u32 = 3;

/// A stream's place among those there may be, and among those there are.
pub type Counted = (OwnedSemaphorePermit, Streaming);

/// What a client wants to hear of.
#[derive(Clone, Debug, Default)]
pub struct Interest {
    /// One key alone, if any.
    pub key: Option<KeyOf>,
    /// Where it was, if it comes back.
    pub position: Option<Position>,
}

/// A value of the field that tells senders apart.
#[derive(Clone, Debug)]
pub struct KeyOf {
    /// The field.
    pub field: String,
    /// Its type.
    pub type_: ColumnType,
    /// The value.
    pub value: Given,
}

impl KeyOf {
    fn is(&self, value: &Value) -> bool {
        Given::of_member(self.type_, value).as_ref() == Some(&self.value)
    }
}

/// A stream under way.
struct Client {
    hub: Arc<Hub>,
    listener: Listener,
    tail: watch::Receiver<()>,
    key: Option<KeyOf>,
    position: Position,
    waiting: VecDeque<Event>,
    looks: u32,
    failures: u32,
    shutdown: CancellationToken,
    /// Streams are counted.
    _counted: Counted,
}

/// Begins a stream. It ends when the server stops, and when the database can't be asked any more.
pub async fn begin(
    hub: &Arc<Hub>,
    interest: Interest,
    counted: Counted,
    shutdown: CancellationToken,
) -> Result<Sse<KeepAliveStream<impl Stream<Item = Result<Event, Infallible>> + use<>>>, Problem> {
    let listener = hub.listen().await?;
    let tail = hub.tail.changes();
    let now = Arc::clone(&listener.looks.borrow());
    let position = interest.position.unwrap_or_else(|| Position {
        readings: now.committed.clone(),
        ..Position::default()
    });
    let mut client = Client {
        hub: Arc::clone(hub),
        listener,
        tail,
        key: interest.key,
        position,
        waiting: VecDeque::from([Event::default().retry(COME_BACK)]),
        looks: 0,
        failures: 0,
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
                    if self.looks.is_multiple_of(HEALTH_EVERY) && let Some(health) = &look.health {
                        self.tell_health(health);
                    }
                    self.looks = self.looks.wrapping_add(1);
                    let failed = look.problem.is_some() || self.take_look(&look).await.is_err();
                    self.failures = if failed { self.failures + 1 } else { 0 };
                    if self.failures == PATIENCE {
                        return None;
                    }
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
        let shared = look.batch.as_ref().and_then(|batch| self.of_shared(batch));
        let batch = match shared {
            Some(batch) => Some(batch),
            None => self.own_batch(look).await?,
        };
        self.position.readings.advance_to(&look.committed);
        if let Some(batch) = batch.filter(|batch| !batch.readings.is_empty()) {
            self.tell(
                "readings",
                &json!({ "readings": batch.readings, "skipped": batch.skipped }),
            );
        }
        Ok(())
    }

    /// What of a batch that was read for all is for this client; none if it does not begin where the client is, or
    /// if what was skipped may be what it wants.
    fn of_shared(&self, batch: &Arc<Batch>) -> Option<Arc<Batch>> {
        if batch.from != self.position.readings {
            return None;
        }
        let Some(key) = &self.key else {
            return Some(Arc::clone(batch));
        };
        (!batch.skipped).then(|| {
            let readings = batch.readings.iter();
            let readings = readings.filter(|reading| key.is(&reading[&key.field]));
            Arc::new(Batch {
                from: batch.from.clone(),
                readings: readings.cloned().collect(),
                skipped: false,
            })
        })
    }

    /// What is new for this client alone: it was away, or one key is among too many.
    async fn own_batch(&self, look: &Look) -> Result<Option<Arc<Batch>>, Problem> {
        let key = self.key.as_ref().map(|key| &key.value);
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
        let (mut alerts, whole) = new_on(&known.alerts, &self.position.alerts);
        self.tell_gap("alerts", whole);
        advance(&mut self.position.alerts, known.alerts.seen());
        if let Some(key) = &self.key {
            alerts.retain(|alert| key.is(alert.key()));
        }
        self.tell_records("alerts", &alerts);
        let (letters, whole) = new_on(&known.dead_letters, &self.position.dead_letters);
        self.tell_gap("dead-letters", whole);
        advance(&mut self.position.dead_letters, known.dead_letters.seen());
        self.tell_records("dead-letters", &letters);
    }

    fn tell_health(&mut self, health: &Health) {
        self.tell("health", health);
    }

    /// Says that not everything can be sent. The id is still that from before: if the stream breaks here, what
    /// there is comes again.
    fn tell_gap(&mut self, name: &str, whole: bool) {
        if !whole {
            self.tell("gap", &json!({ "of": name }));
        }
    }

    fn tell_records<T: Serialize>(&mut self, name: &str, records: &[T]) {
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

/// The records from a position on, and whether they are all. Without a position there is nothing to go on from: what
/// was there before is not news.
fn new_on<T: Clone>(shelf: &Shelf<T>, position: &Offsets) -> (Vec<T>, bool) {
    if position.is_empty() || shelf.seen() == position {
        return (Vec::new(), true);
    }
    shelf.since(position)
}

/// Moves a position on to what has been seen; never back, for another pod may have been ahead of this one.
fn advance(position: &mut Offsets, seen: &Offsets) {
    for (partition, offset) in seen {
        let next = position.entry(*partition).or_insert(*offset);
        *next = (*next).max(*offset);
    }
}
