//! Alerts and dead letters, from a real Kafka.

use std::time::Duration;

use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, FutureRecord},
};
use sensorstream_crds::reason::header;
use sensorstream_processor::serve::{self, Tail};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::fixture::{
    Served, assert_problem, column, config, database_url, serve_from, with_tables,
};

/// How long something may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

fn bootstrap() -> String {
    std::env::var("KAFKA_BOOTSTRAP").expect(
        "KAFKA_BOOTSTRAP is not set: this test needs a Kafka; `make cluster` starts one and `make env` names it",
    )
}

struct Topics {
    alerts: String,
    letters: String,
    input: String,
    producer: FutureProducer,
    admin: AdminClient<DefaultClientContext>,
}

impl Topics {
    async fn make(schema: &str) -> Self {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", bootstrap());
        let topics = Self {
            alerts: format!("{schema}.alerts"),
            letters: format!("{schema}.letters"),
            input: format!("{schema}.input"),
            producer: client.create().unwrap(),
            admin: client.create().unwrap(),
        };
        let new = topics
            .names()
            .map(|name| NewTopic::new(name, 2, TopicReplication::Fixed(1)));
        let options = AdminOptions::new();
        topics.admin.create_topics(&new, &options).await.unwrap();
        topics
    }

    fn names(&self) -> [&str; 3] {
        [&self.alerts, &self.letters, &self.input]
    }

    async fn alert(&self, key: i32, partition: i32, at: i64) {
        let alert = json!({
            "rule": "hot", "severity": "critical", "event_time": "2025-08-17T12:00:00Z", "key": key,
            "reading": { "sensor_id": key, "temperature": 99.5 },
            "source": { "topic": self.input, "partition": 0, "offset": 7 },
        });
        let payload = alert.to_string();
        let record = FutureRecord::<(), _>::to(&self.alerts)
            .partition(partition)
            .timestamp(at)
            .payload(&payload);
        self.producer.send(record, PATIENCE).await.unwrap();
    }

    async fn letter(&self, payload: &[u8]) {
        let headers = [
            (header::REASON, "theirs"),
            (header::REASON, "not_json"),
            (header::DETAIL, "expected value at column 1"),
            (header::SOURCE_TOPIC, self.input.as_str()),
            (header::SOURCE_PARTITION, "0"),
            (header::SOURCE_OFFSET, "7"),
        ];
        let headers = headers
            .into_iter()
            .fold(OwnedHeaders::new(), |all, (key, value)| {
                all.insert(Header {
                    key,
                    value: Some(value),
                })
            });
        let record = FutureRecord::to(&self.letters)
            .key("sensor-001")
            .payload(payload)
            .headers(headers);
        self.producer.send(record, PATIENCE).await.unwrap();
    }
}

/// What a list holds, once it holds that many.
async fn until(api: &Served, path: &str, rows: usize) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = api.get(path).await;
        if answer
            .body
            .as_array()
            .is_some_and(|found| found.len() >= rows)
        {
            return answer.body;
        }
        assert!(Instant::now() < deadline, "{path}: {}", answer.body);
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn alerts_and_dead_letters_are_shown_as_they_come() {
    with_tables(|fixture| async move {
        let topics = Topics::make(&fixture.schema).await;
        topics.alert(1, 0, 1000).await;
        topics.alert(2, 1, 3000).await;
        topics.letter(b"no json").await;
        let mut config = config(
            &fixture.schema,
            &json!({
                "kafka": { "bootstrapServers": bootstrap(), "tls": false },
                "outputs": {
                    "table": { "name": "sensor_data" },
                    "deadLetter": { "topic": { "name": topics.letters } },
                    "alerts": { "topic": { "name": topics.alerts } },
                },
            }),
        );
        config.input.topic.name.clone_from(&topics.input);
        let stop = CancellationToken::new();
        let tail = Tail::start(&config, stop.clone());
        let pool = serve::pool(&database_url(), "default").unwrap();
        let api = serve_from(&config, pool, tail, None);
        let alerts = until(&api, "/alerts", 2).await;
        topics.alert(3, 0, 2000).await;
        topics.letter(b"\xff\xfe").await;
        let all = until(&api, "/alerts", 3).await;
        let keys: Vec<_> = column(&all, "alert")
            .iter()
            .map(|alert| alert["key"].clone())
            .collect();
        // By when they were sent, whichever partition they are in.
        assert_eq!(keys, [2, 3, 1]);
        assert_eq!(alerts[0]["at"], "1970-01-01T00:00:03.000000Z");
        assert_eq!(alerts[0]["alert"]["reading"]["temperature"], 99.5);
        let pages = api.pages("/alerts?limit=2").await;
        assert_eq!(
            (pages.len(), column(&pages[1], "id")),
            (2, vec![json!("0-0")])
        );
        let letters = until(&api, "/dead-letters", 2).await;
        let text = letters
            .as_array()
            .unwrap()
            .iter()
            .find(|letter| letter["encoding"] == "text")
            .unwrap();
        assert_eq!(text["reason"], "not_json");
        assert_eq!(text["payload"], "no json");
        assert_eq!(text["key"], "sensor-001");
        assert_eq!(
            text["source"],
            json!({ "topic": topics.input, "partition": 0, "offset": 7 })
        );
        let other = letters
            .as_array()
            .unwrap()
            .iter()
            .find(|letter| letter["encoding"] == "hex")
            .unwrap();
        assert_eq!(other["payload"], "fffe");
        // Where the input ends is known once somebody asks.
        let deadline = Instant::now() + PATIENCE;
        while api.get("/health").await.body["lag"] != 0 {
            assert!(Instant::now() < deadline, "the lag is not known");
            sleep(Duration::from_millis(200)).await;
        }
        stop.cancel();
        let options = AdminOptions::new();
        topics
            .admin
            .delete_topics(&topics.names(), &options)
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test]
async fn without_kafka_alerts_are_not_shown_as_none() {
    with_tables(|fixture| async move {
        let api = fixture.serve();
        assert_problem(&api.get("/alerts").await, 503, "Kafka");
        assert_problem(&api.get("/dead-letters").await, 503, "Kafka");
    })
    .await;
}
