//! Streams of events: what is committed comes, a client that comes back misses nothing, and gets
//! nothing twice.

use std::time::Duration;

use axum::{
    body::{Body, BodyDataStream},
    http::{Request, StatusCode},
};
use futures::StreamExt;
use serde_json::Value;
use tokio::time::timeout;
use tower::ServiceExt;

use crate::fixture::{Served, assert_problem, column, with_tables};

/// How long something may take to come.
const PATIENCE: Duration = Duration::from_secs(20);

struct Event {
    name: String,
    id: String,
    data: Value,
}

struct Events {
    body: BodyDataStream,
    text: String,
}

async fn listen(api: &Served, query: &str, last: Option<&str>) -> Events {
    let mut request = Request::get(format!("/events{query}"));
    if let Some(last) = last {
        request = request.header("Last-Event-ID", last);
    }
    let request = request.body(Body::empty()).unwrap();
    let response = api.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    Events {
        body: response.into_body().into_data_stream(),
        text: String::new(),
    }
}

impl Events {
    /// The next event of a name.
    async fn next(&mut self, name: &str) -> Event {
        let found = async {
            loop {
                while let Some(end) = self.text.find("\n\n") {
                    let event: String = self.text.drain(..end + 2).collect();
                    let event = parsed(&event);
                    if event.name == name {
                        return event;
                    }
                }
                let chunk = self.body.next().await.expect("the stream goes on").unwrap();
                self.text.push_str(std::str::from_utf8(&chunk).unwrap());
            }
        };
        timeout(PATIENCE, found).await.expect("an event comes")
    }
}

fn parsed(text: &str) -> Event {
    let member = |name: &str| {
        let mut lines = text.lines();
        let found = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        found.unwrap_or_default().to_owned()
    };
    Event {
        name: member("event"),
        id: member("id"),
        data: serde_json::from_str(&member("data")).unwrap_or(Value::Null),
    }
}

#[tokio::test]
async fn readings_come_as_they_are_committed_and_once_each() {
    with_tables(|fixture| async move {
        let api = fixture.serve();
        fixture.commit(0, 10, "2025-08-17T11:59:00Z").await;
        fixture.commit(1, 3, "2025-08-17T11:59:00Z").await;
        let mut events = listen(&api, "", None).await;
        assert_eq!(events.next("health").await.data["records"]["read"], 13);
        fixture.insert_readings().await;
        // Of partition 1 nothing is committed yet.
        fixture.commit(0, 13, "2025-08-17T12:00:03Z").await;
        let first = events.next("readings").await;
        assert_eq!(column(&first.data["readings"], "temperature"), [20.5, 21.25, 23.0]);
        assert_eq!(first.data["skipped"], false);
        fixture.commit(1, 5, "2025-08-17T12:00:03Z").await;
        let second = events.next("readings").await;
        assert_eq!(column(&second.data["readings"], "temperature"), [24.0, 22.0]);
        // Whoever was at a pod that is ahead of this one gets nothing twice.
        let ahead = first.id.replacen("_13-", "_14-", 1);
        assert_ne!(ahead, first.id);
        let mut waits = listen(&api, "", Some(&ahead)).await;
        let other = waits.next("readings").await;
        assert_eq!(other.data, second.data);
        // Whoever comes back gets what came after the last event they have, and no more.
        drop(events);
        let mut again = listen(&api, "", Some(&first.id)).await;
        let missed = again.next("readings").await;
        assert_eq!(missed.data, second.data);
        let mut of_key = listen(&api, "?key=1", Some(&second.id)).await;
        fixture
            .insert("(2, '2025-08-17T12:00:04Z', 30, 6, true, 'OK', 0, 13), (1, '2025-08-17T12:00:04Z', 31, 6, true, 'OK', 0, 14)")
            .await;
        fixture.commit(0, 15, "2025-08-17T12:00:04Z").await;
        let news = again.next("readings").await;
        assert_eq!(column(&news.data["readings"], "temperature"), [30.0, 31.0]);
        let news = of_key.next("readings").await;
        assert_eq!(column(&news.data["readings"], "temperature"), [31.0]);
    })
    .await;
}

#[tokio::test]
async fn more_readings_than_fit_are_skipped_and_said_to_be() {
    with_tables(|fixture| async move {
        let api = fixture.serve();
        fixture.commit(0, 0, "2025-08-17T12:00:00Z").await;
        let mut events = listen(&api, "", None).await;
        events.next("health").await;
        fixture
            .run(
                "INSERT INTO $.sensor_data
                 SELECT 1, '2025-08-17T12:00:00Z'::timestamptz + n * interval '1 ms', n, n, true, NULL, 0, n
                   FROM generate_series(0, 2999) n",
            )
            .await;
        fixture.commit(0, 3000, "2025-08-17T12:00:03Z").await;
        let news = events.next("readings").await;
        let temperatures = column(&news.data["readings"], "temperature");
        assert_eq!((temperatures.len(), &temperatures[0], &temperatures[999]), (1000, &2000.0.into(), &2999.0.into()));
        assert_eq!(news.data["skipped"], true);
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_can_not_go_on_ends_and_the_next_says_why() {
    with_tables(|fixture| async move {
        let api = fixture.serve();
        fixture.commit(0, 0, "2025-08-17T12:00:00Z").await;
        let mut events = listen(&api, "", None).await;
        events.next("health").await;
        fixture.run("DROP TABLE $.sensor_data").await;
        fixture.commit(0, 5, "2025-08-17T12:00:01Z").await;
        let ended = async { while events.body.next().await.is_some() {} };
        timeout(PATIENCE, ended).await.expect("the stream ends");
        assert_problem(&api.get("/latest").await, 503, "not there yet");
    })
    .await;
}

#[tokio::test]
async fn an_id_of_no_event_is_refused() {
    with_tables(|fixture| async move {
        let api = fixture.serve();
        let request = Request::get("/events").header("Last-Event-ID", "7");
        let answer = api.send(request.body(Body::empty()).unwrap()).await;
        assert_problem(&answer, 400, "Last-Event-ID");
    })
    .await;
}
